"""Compiled loops of ``edges.py``."""

from __future__ import annotations

import math

import numpy as np
from numba import njit


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
