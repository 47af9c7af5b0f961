"""Compiled loops of ``edges.py``."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from sfm_gt.metrics.pixel_sums import take_logs


def log_or_zero(depth: np.ndarray) -> np.ndarray:
    """(H, W) float32: natural logarithm, 0 where depth is not positive."""
    log = np.empty(depth.shape, np.float32)
    _logs(np.ascontiguousarray(depth).reshape(-1), log.reshape(-1))
    return log


@njit(cache=True, nogil=True, error_model="numpy")
def _logs(depth, log):
    block = np.empty(1024)
    for start in range(0, depth.size, block.size):
        stop = min(start + block.size, depth.size)
        for i in range(start, stop):
            block[i - start] = depth[i] if depth[i] > 0 else 1.0
        take_logs(block[: stop - start])
        for i in range(start, stop):
            log[i] = block[i - start]


@njit(cache=True, nogil=True, error_model="numpy")
def quotient_in_steps(values, weight, steps):
    """values / weight in whole ``steps`` a unit, int16; beyond its range the nearest end."""
    found = np.empty(values.shape, np.int16)
    flat, flat_values, flat_weight = found.reshape(-1), values.reshape(-1), weight.reshape(-1)
    for i in range(flat.size):
        flat[i] = int(min(max(np.rint(steps * (flat_values[i] / flat_weight[i])), -32768.0), 32767.0))
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def nearest_px(edges, rows, columns, farthest):
    """Distance from each given pixel to the nearest True of ``edges``, ``farthest`` where none is nearer; float64."""
    height, width = edges.shape
    found = np.empty(rows.size)
    reach = int(farthest)
    for i in range(rows.size):
        best = farthest * farthest
        for step in range(reach + 1):
            if step * step >= best:
                break
            for dy in (-step, step):
                y = rows[i] + dy
                if 0 <= y < height:
                    span = int(math.sqrt(best - step * step))
                    for x in range(max(columns[i] - span, 0), min(columns[i] + span + 1, width)):
                        if edges[y, x]:
                            best = min(best, float(step * step + (x - columns[i]) ** 2))
        found[i] = math.sqrt(best)
    return found
