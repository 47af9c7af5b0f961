"""Compiled loops of ``edges.py`` and ``ordinal.py``."""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def nearest_px(edges, places, farthest):
    """Distance from each pixel, by its flat number, to the nearest True of ``edges``; inf beyond ``farthest``; float64."""
    height, width = edges.shape
    found = np.full(places.size, np.inf)
    for i in range(places.size):
        row, column = places[i] // width, places[i] % width
        square, reach = np.inf, farthest
        step = 0
        while step <= reach:
            for dy in (-step, step):
                y = row + dy
                if 0 <= y < height:
                    span = int(math.sqrt(reach * reach - step * step))
                    for x in range(max(column - span, 0), min(column + span + 1, width)):
                        if edges[y, x]:
                            square = min(square, float(step * step + (x - column) ** 2))
            reach = min(reach, math.sqrt(square))
            step += 1
        found[i] = math.sqrt(square)
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def count_pairs(p, g, equal_ratio):
    """Pairs by their label in the GT, those of them that the prediction labels otherwise, and those it turns round."""
    equal, unequal, wrong_equal, wrong_unequal, backwards = 0, 0, 0, 0, 0
    for i in range(p.shape[1]):
        one, other, gt_one, gt_other = float(p[0, i]), float(p[1, i]), float(g[0, i]), float(g[1, i])
        if not (np.isfinite(one) and np.isfinite(other)):
            continue
        truth = int(gt_one > equal_ratio * gt_other) - int(gt_other > equal_ratio * gt_one)
        wrong = truth != int(one > equal_ratio * other) - int(other > equal_ratio * one)
        if truth == 0:
            equal += 1
            wrong_equal += wrong
        else:
            unequal += 1
            wrong_unequal += wrong
            backwards += truth != int(one > other) - int(other > one)
    return equal, unequal, wrong_equal, wrong_unequal, backwards
