"""Semi-global matching (Hirschmüller 2008) on a plane-sweep cost volume: four paths, sub-plane minimum."""

from __future__ import annotations

import numpy as np
from numba import njit

_ZERO = np.float32(0.0)
_HALF = np.float32(0.5)
_ONE = np.float32(1.0)
_FAR = np.float32(1e9)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _step(costs, before, after, penalty_small, penalty_large, total):
    """One step along a path: ``before`` and ``after`` are (D + 2,) path costs, padded at both ends with a huge value.

    Path costs are kept with their minimum subtracted, so that the jump penalty applies to 0 and nothing grows.
    """
    n = costs.shape[0]
    lowest = _FAR
    for d in range(n):
        stay = before[d + 1]
        near = min(before[d], before[d + 2]) + penalty_small
        value = costs[d] + min(min(stay, near), penalty_large)
        after[d + 1] = value
        total[d] += value
        lowest = min(lowest, value)
    for d in range(n):
        after[d + 1] -= lowest


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _large_penalty(grey, y, x, y_before, x_before, penalty_large, penalty_small):
    """Jumps are cheap across an image edge (half the penalty at 16 grey levels)."""
    difference = abs(np.float32(grey[y, x]) - np.float32(grey[y_before, x_before]))
    return max(penalty_large / (_ONE + difference / np.float32(16.0)), np.float32(1.5) * penalty_small)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def aggregate(costs, grey, penalty_small, penalty_large):
    """Sum of four path costs, (h, w, D) float32, from ``costs`` (h, w, D) float32 and the level's ``grey``."""
    height, width, n = costs.shape
    total = np.zeros((height, width, n), dtype=np.float32)
    paths = np.full((2, max(width, height), n + 2), _FAR, dtype=np.float32)
    for direction in (1, -1):
        for y in range(height):
            paths[0, 0, 1 : n + 1] = _ZERO
            here, there = 0, 1
            for i in range(width):
                x = i if direction == 1 else width - 1 - i
                x_before = x - direction if i > 0 else x
                jump = _large_penalty(grey, y, x, y, x_before, penalty_large, penalty_small)
                _step(costs[y, x], paths[here, 0], paths[there, 0], penalty_small, jump, total[y, x])
                here, there = there, here
        paths[0, :, 1 : n + 1] = _ZERO
        here, there = 0, 1
        for i in range(height):
            y = i if direction == 1 else height - 1 - i
            y_before = y - direction if i > 0 else y
            for x in range(width):
                jump = _large_penalty(grey, y, x, y_before, x, penalty_large, penalty_small)
                _step(costs[y, x], paths[here, x], paths[there, x], penalty_small, jump, total[y, x])
            here, there = there, here
    return total


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def best_plane(total):
    """Fractional index of the lowest total, (h, w) float32, by a parabola through the lowest and its two neighbours."""
    height, width, n = total.shape
    index = np.empty((height, width), dtype=np.float32)
    for y in range(height):
        for x in range(width):
            best = 0
            for d in range(1, n):
                if total[y, x, d] < total[y, x, best]:
                    best = d
            fraction = _ZERO
            if 0 < best < n - 1:
                low, mid, high = total[y, x, best - 1], total[y, x, best], total[y, x, best + 1]
                curvature = low - _ONE * 2 * mid + high
                if curvature > _ZERO:
                    fraction = _HALF * (low - high) / curvature
            index[y, x] = np.float32(best) + fraction
    return index


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def ncc_from_moments(mean_cross, mean_neighbour, mean_square, mean_reference, variance_reference, seen, noise, out):
    """Write 1 - NCC, at most 1, into ``out`` (h, w); 1 where ``seen`` is 0. All moments are (h, w) float32."""
    height, width = out.shape
    for y in range(height):
        for x in range(width):
            mean = mean_neighbour[y, x]
            spread = max(mean_square[y, x] - mean * mean, _ZERO)
            cross = mean_cross[y, x] - mean * mean_reference[y, x]
            cost = _ONE - cross / np.sqrt((variance_reference[y, x] + noise) * (spread + noise))
            out[y, x] = min(cost, _ONE) if seen[y, x] != 0 else _ONE
