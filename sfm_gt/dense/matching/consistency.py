"""Agreement between depth maps: what several views say independently is kept and averaged.

After the consistency check of Schönberger et al. (2016): a point is warped into a neighbour, meets the neighbour's own
depth there, and that depth is warped back.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numba import njit

from sfm_gt.dense.matching.patch import INNER, KERNEL, Geometry, Plane

_ZERO = np.float32(0.0)
_HALF = np.float32(0.5)
_ONE = np.float32(1.0)
# Distance in the reference image at which a point must come back, in pixels.
MAX_RETURN_PX = np.float32(2.0)
# A neighbour whose own depth lies this much farther, relatively, sees through the point and speaks against it. One that
# sees something nearer does not: there the point may be hidden.
SEES_THROUGH_REL = np.float32(0.04)
# What the inner function answers where a neighbour is silent and where it speaks against the point; no difference of
# inverse depths comes near them.
_SILENT = np.float32(1e30)
_AGAINST = np.float32(2e30)


class Agreement(NamedTuple):
    """What neighbours say about a view's planes, (h, w) maps.

    Attributes:
        fused: float32, inverse depth, 0 where nobody agrees.
        n_consistent: uint8, how many neighbours agree.
        n_violations: uint8, how many see through it.
        spread: float32, standard deviation of what the view and those that agree say about its inverse depth.
    """

    fused: np.ndarray
    n_consistent: np.ndarray
    n_violations: np.ndarray
    spread: np.ndarray


def check_consistency(
    planes: Float[np.ndarray, "h w 3"],
    cost: Float[np.ndarray, "h w"],
    there: Geometry,
    back: Geometry,
    inverse_depths: Float[np.ndarray, "j h w"],
    max_rel_difference: np.float32,
    max_cost: np.float32,
) -> Agreement:
    """Joins a view's planes with the inverse depth maps of its neighbours, 0 = unknown.

    ``there`` and ``back``: from the view to its neighbours and back.
    """
    maps = Agreement(*(np.zeros(cost.shape, dtype=kind) for kind in (np.float32, np.uint8, np.uint8, np.float32)))
    _check_consistency(planes, cost < max_cost, there, back, inverse_depths, max_rel_difference, maps)
    return maps


@njit(**KERNEL)
def _check_consistency(planes, matched, there, back, inverse_depths, max_rel_difference, maps):
    fused, n_consistent, n_violations, spread = maps
    height, width = matched.shape
    for y in range(height):
        for x in range(width):
            w = planes[y, x, 0]
            if not (matched[y, x] and w > _ZERO):
                continue
            n = 0
            total = _ZERO
            square = _ZERO
            for j in range(inverse_depths.shape[0]):
                plane = Plane(w, planes[y, x, 1], planes[y, x, 2])
                difference = _difference(plane, x, y, j, there, back, inverse_depths, max_rel_difference)
                if difference == _AGAINST:
                    n_violations[y, x] += 1
                elif difference < _SILENT:
                    n += 1
                    total += difference
                    square += difference * difference
            n_consistent[y, x] = n
            if n > 0:
                # The view's own value is one voice among n + 1.
                mean = total / np.float32(n + 1)
                fused[y, x] = w + mean
                spread[y, x] = np.sqrt(max(square / np.float32(n + 1) - mean * mean, _ZERO))


@njit(**INNER)
def _difference(plane, x, y, j, there, back, inverse_depths, max_rel_difference):
    """What neighbour ``j`` says about the inverse depth at (x, y), minus the plane's, where the two agree."""
    w, wx, wy = plane
    a, b = there
    back_a, back_b = back
    height, width = inverse_depths.shape[1], inverse_depths.shape[2]
    fx, fy = np.float32(x), np.float32(y)
    answer = _SILENT
    z = a[j, 2, 0] * fx + a[j, 2, 1] * fy + a[j, 2, 2] + b[j, 2] * w
    if z > _ZERO:
        px = (a[j, 0, 0] * fx + a[j, 0, 1] * fy + a[j, 0, 2] + b[j, 0] * w) / z + _HALF
        py = (a[j, 1, 0] * fx + a[j, 1, 1] * fy + a[j, 1, 2] + b[j, 1] * w) / z + _HALF
        if px >= _ZERO and py >= _ZERO and px < np.float32(width) and py < np.float32(height):
            v = inverse_depths[j, np.int32(py), np.int32(px)]
            qx, qy = np.float32(np.int32(px)), np.float32(np.int32(py))
            back_z = back_a[j, 2, 0] * qx + back_a[j, 2, 1] * qy + back_a[j, 2, 2] + back_b[j, 2] * v
            if v > _ZERO and back_z > _ZERO:
                dx = (back_a[j, 0, 0] * qx + back_a[j, 0, 1] * qy + back_a[j, 0, 2] + back_b[j, 0] * v) / back_z - fx
                dy = (back_a[j, 1, 0] * qx + back_a[j, 1, 1] * qy + back_a[j, 1, 2] + back_b[j, 1] * v) / back_z - fy
                # The neighbour's pixel comes back beside (x, y); the plane's own slope bridges the way, so that slanted
                # surfaces are not charged for the neighbour's pixel grid.
                difference = v / back_z - (w + wx * dx + wy * dy)
                near = dx * dx + dy * dy <= MAX_RETURN_PX * MAX_RETURN_PX
                if v > _ZERO and v * z < w * (_ONE - SEES_THROUGH_REL):
                    answer = _AGAINST
                elif near and abs(difference) <= max_rel_difference * w:
                    answer = difference
    return answer
