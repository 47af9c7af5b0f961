"""Agreement between depth maps: what several views say independently is kept, averaged and given a sigma.

After the consistency check of Schönberger et al. (2016): a point is carried into a neighbour, meets the neighbour's own depth
there, and that depth is carried back.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_ZERO = np.float32(0.0)
_HALF = np.float32(0.5)
_ONE = np.float32(1.0)
# Distance in the reference image at which a point must come back, in pixels.
MAX_RETURN_PX = np.float32(2.0)


@njit(cache=True, nogil=True, error_model="numpy")
def agree(planes, cost, a, b, back_a, back_b, inverse_depths, max_rel_difference, max_cost):
    """Joins a view's planes with the inverse depth maps of its neighbours.

    Args: ``planes`` (h, w, 3), ``cost`` (h, w); ``a``, ``b`` (J, 3, 3), (J, 3): reference to neighbour, and ``back_a``,
    ``back_b`` back; ``inverse_depths`` (J, h, w), NaN = unknown.

    Returns (h, w) maps: fused inverse depth (NaN where nobody agrees), number of neighbours that agree, standard deviation
    of what they say about the inverse depth (0 for one).
    """
    height, width = cost.shape
    fused = np.full((height, width), np.nan, dtype=np.float32)
    count = np.zeros((height, width), dtype=np.uint8)
    spread = np.zeros((height, width), dtype=np.float32)
    for y in range(height):
        for x in range(width):
            w = planes[y, x, 0]
            if not (cost[y, x] < max_cost and w > _ZERO):
                continue
            n = 0
            total = _ZERO
            square = _ZERO
            for j in range(inverse_depths.shape[0]):
                difference = _difference(
                    planes[y, x], x, y, a[j], b[j], back_a[j], back_b[j], inverse_depths[j], max_rel_difference
                )
                if not np.isnan(difference):
                    n += 1
                    total += difference
                    square += difference * difference
            count[y, x] = n
            if n > 0:
                # The view's own value is one voice among n + 1.
                mean = total / np.float32(n + 1)
                fused[y, x] = w + mean
                spread[y, x] = np.sqrt(max(square / np.float32(n + 1) - mean * mean, _ZERO))
    return fused, count, spread


@njit(cache=True, nogil=True, error_model="numpy")
def _difference(plane, x, y, a, b, back_a, back_b, inverse_depth, max_rel_difference):
    """What a neighbour's depth says about the inverse depth at (x, y), minus the plane's; NaN where it disagrees."""
    height, width = inverse_depth.shape
    w = plane[0]
    fx, fy = np.float32(x), np.float32(y)
    z = a[2, 0] * fx + a[2, 1] * fy + a[2, 2] + b[2] * w
    if not z > _ZERO:
        return np.float32(np.nan)
    px = (a[0, 0] * fx + a[0, 1] * fy + a[0, 2] + b[0] * w) / z
    py = (a[1, 0] * fx + a[1, 1] * fy + a[1, 2] + b[1] * w) / z
    ix, iy = int(np.floor(px + _HALF)), int(np.floor(py + _HALF))
    if not (0 <= ix < width and 0 <= iy < height):
        return np.float32(np.nan)
    v = inverse_depth[iy, ix]
    if not v > _ZERO:
        return np.float32(np.nan)
    qx, qy = np.float32(ix), np.float32(iy)
    back_z = back_a[2, 0] * qx + back_a[2, 1] * qy + back_a[2, 2] + back_b[2] * v
    if not back_z > _ZERO:
        return np.float32(np.nan)
    dx = (back_a[0, 0] * qx + back_a[0, 1] * qy + back_a[0, 2] + back_b[0] * v) / back_z - fx
    dy = (back_a[1, 0] * qx + back_a[1, 1] * qy + back_a[1, 2] + back_b[1] * v) / back_z - fy
    if dx * dx + dy * dy > MAX_RETURN_PX * MAX_RETURN_PX:
        return np.float32(np.nan)
    # The neighbour's pixel comes back beside (x, y); the plane's own slope bridges the way, so that slanted surfaces
    # are not charged for the neighbour's pixel grid.
    said = v / back_z
    expected = w + plane[1] * dx + plane[2] * dy
    if not abs(said - expected) <= max_rel_difference * expected:
        return np.float32(np.nan)
    return said - expected
