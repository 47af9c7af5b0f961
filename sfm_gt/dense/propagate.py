"""Rounds of PatchMatch on slanted planes: red-black propagation, perturbation, per-pixel view selection.

A pixel's cost is the mean over its best neighbours of the patch cost; which neighbours are its best is decided anew in every
round from the pixel's current plane (after Schönberger et al. 2016, without their chain model over rows).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sfm_gt.dense.patch import load_reference, patch_cost, project_patch

_ZERO = np.float32(0.0)
_HALF = np.float32(0.5)
_ONE = np.float32(1.0)
_TWO = np.float32(2.0)
# Candidates come from these pixels: near ones carry the surface on, far ones jump over small faults.
OFFSETS = np.array([[-1, 0], [1, 0], [0, -1], [0, 1], [-5, 0], [5, 0], [0, -5], [0, 5]], dtype=np.int32)
# Views kept at a pixel for judging candidates, and how many of them its cost is the mean of.
N_SELECTED = 4
N_BEST = 3


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _view_cost(neighbours, j, x, y, w, wx, wy, patch, values, weights, variance, affine):
    """Patch cost in neighbour ``j``; 1 where it does not see the patch."""
    height, width = neighbours.packed.shape[1], neighbours.packed.shape[2]
    if not project_patch(neighbours.a[j], neighbours.b[j], x, y, w, wx, wy, patch.reach, width, height, affine):
        return _ONE
    if neighbours.matchable[j, np.int32(affine[1] + _HALF), np.int32(affine[0] + _HALF)] == 0:
        return _ONE
    return min(patch_cost(neighbours.packed[j], affine, patch.offsets, values, weights, variance), _ONE)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _select(neighbours, x, y, plane, patch, values, weights, variance, affine, order, costs):
    """Sorts neighbours by the cost of ``plane`` into ``order``; returns the mean of the best."""
    n_views = neighbours.packed.shape[0]
    for j in range(n_views):
        value = _view_cost(neighbours, j, x, y, plane[0], plane[1], plane[2], patch, values, weights, variance, affine)
        k = j
        while k > 0 and costs[k - 1] > value:
            costs[k] = costs[k - 1]
            order[k] = order[k - 1]
            k -= 1
        costs[k] = value
        order[k] = j
    n_best = min(N_BEST, n_views)
    total = _ZERO
    for k in range(n_best):
        total += costs[k]
    return total / np.float32(n_best)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _selected_cost(neighbours, x, y, w, wx, wy, patch, values, weights, variance, affine, order, bound):
    """Mean of the best among the selected views; stops early, with a value above ``bound``, when it cannot win."""
    n_selected = min(N_SELECTED, neighbours.packed.shape[0])
    n_best = min(N_BEST, n_selected)
    total = _ZERO
    worst = _ZERO
    for k in range(n_selected):
        value = _view_cost(neighbours, order[k], x, y, w, wx, wy, patch, values, weights, variance, affine)
        total += value
        worst = max(worst, value)
        if total - worst > bound * np.float32(n_best):
            return _ONE
    if n_selected > n_best:
        total -= worst
    return total / np.float32(n_best)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _noise(state):
    """The next state of a xorshift generator and a number in [-1, 1)."""
    state ^= (state << np.uint32(13)) & np.uint32(0xFFFFFFFF)
    state ^= state >> np.uint32(17)
    state ^= (state << np.uint32(5)) & np.uint32(0xFFFFFFFF)
    return state, np.float32(np.int32(state)) * np.float32(4.6566129e-10)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def propagation_round(grey, usable, neighbours, patch, planes, cost, limits, step, seed):
    """One red-black round, in place on ``planes`` (h, w, 3) and ``cost`` (h, w).

    ``limits``: least and largest inverse depth; ``step``: inverse depth that moves the pixel by about one pixel in the
    neighbours. A pixel without texture or without a view keeps cost 1.
    """
    height, width = grey.shape
    values = np.empty(patch.steps.shape[0], dtype=np.float32)
    weights = np.empty(patch.steps.shape[0], dtype=np.float32)
    affine = np.empty(6, dtype=np.float32)
    order = np.zeros(neighbours.packed.shape[0], dtype=np.int32)
    costs = np.empty(neighbours.packed.shape[0], dtype=np.float32)
    for colour in range(2):
        for y in range(height):
            for x in range((y + colour) % 2, width, 2):
                cost[y, x] = _ONE
                if usable[y, x] == 0:
                    continue
                variance = load_reference(grey, usable, x, y, patch, values, weights)
                if variance < _ZERO:
                    continue
                w, wx, wy = planes[y, x, 0], planes[y, x, 1], planes[y, x, 2]
                best = _select(neighbours, x, y, planes[y, x], patch, values, weights, variance, affine, order, costs)
                for k in range(OFFSETS.shape[0]):
                    xx, yy = x + OFFSETS[k, 0], y + OFFSETS[k, 1]
                    if not (0 <= xx < width and 0 <= yy < height):
                        continue
                    ux, uy = planes[yy, xx, 1], planes[yy, xx, 2]
                    u = planes[yy, xx, 0] - ux * np.float32(OFFSETS[k, 0]) - uy * np.float32(OFFSETS[k, 1])
                    # Nothing is learnt from a plane that lies within a fiftieth of a pixel of the current one.
                    if not (limits[0] <= u <= limits[1]) or abs(u - w) < np.float32(0.02) * step:
                        continue
                    c = _selected_cost(neighbours, x, y, u, ux, uy, patch, values, weights, variance, affine, order, best)
                    if c < best:
                        best, w, wx, wy = c, u, ux, uy
                state = np.uint32((y * width + x) * 2654435761 + seed * 40503 + 1)
                amplitude = step
                for _ in range(3):
                    state, r0 = _noise(state)
                    state, r1 = _noise(state)
                    state, r2 = _noise(state)
                    u = w + r0 * amplitude
                    ux = wx + r1 * amplitude * np.float32(0.1)
                    uy = wy + r2 * amplitude * np.float32(0.1)
                    amplitude *= np.float32(0.4)
                    if not (limits[0] <= u <= limits[1]):
                        continue
                    c = _selected_cost(neighbours, x, y, u, ux, uy, patch, values, weights, variance, affine, order, best)
                    if c < best:
                        best, w, wx, wy = c, u, ux, uy
                planes[y, x, 0], planes[y, x, 1], planes[y, x, 2] = w, wx, wy
                cost[y, x] = best
    return


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def refine_depth(grey, usable, neighbours, patch, planes, cost, step):
    """Sub-pixel refinement of the inverse depth by a parabola through three costs; returns (h, w) cost curvature.

    The curvature is that of the mean cost over inverse depth, per squared ``step``; 0 where there is no minimum.
    """
    height, width = grey.shape
    curvature = np.zeros((height, width), dtype=np.float32)
    values = np.empty(patch.steps.shape[0], dtype=np.float32)
    weights = np.empty(patch.steps.shape[0], dtype=np.float32)
    affine = np.empty(6, dtype=np.float32)
    order = np.zeros(neighbours.packed.shape[0], dtype=np.int32)
    costs = np.empty(neighbours.packed.shape[0], dtype=np.float32)
    delta = _HALF * step
    for y in range(height):
        for x in range(width):
            if usable[y, x] == 0 or cost[y, x] >= _ONE:
                continue
            variance = load_reference(grey, usable, x, y, patch, values, weights)
            w, wx, wy = planes[y, x, 0], planes[y, x, 1], planes[y, x, 2]
            _select(neighbours, x, y, planes[y, x], patch, values, weights, variance, affine, order, costs)
            low = _ZERO
            mid = _ZERO
            high = _ZERO
            # The same views at all three places: a change of the selection would look like curvature.
            for k in range(min(N_BEST, neighbours.packed.shape[0])):
                j = order[k]
                mid += costs[k]
                low += _view_cost(neighbours, j, x, y, w - delta, wx, wy, patch, values, weights, variance, affine)
                high += _view_cost(neighbours, j, x, y, w + delta, wx, wy, patch, values, weights, variance, affine)
            bend = low - _TWO * mid + high
            if bend > np.float32(1e-4):
                shift = _HALF * (low - high) / bend
                planes[y, x, 0] = w + delta * max(-_ONE, min(_ONE, shift))
                curvature[y, x] = bend / np.float32(min(N_BEST, neighbours.packed.shape[0]))
    return curvature
