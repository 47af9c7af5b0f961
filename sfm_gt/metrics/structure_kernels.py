"""Compiled loops of ``edges.py``, ``normals.py`` and ``ordinal.py``."""

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


@njit(cache=True, nogil=True, error_model="numpy")
def plane_normals(depth, places, reach, intrinsics):
    """(a, b, c) with 1 / z = a x + b y + c on rays (x, y, 1), by least squares over a window of ``reach`` pixels to each side.

    NaN where the window leaves the map, or holds a pixel without depth.
    """
    fx, fy, cx, cy = intrinsics
    height, width = depth.shape
    side = 2 * reach + 1
    spread = 0.0
    for step in range(-reach, reach + 1):
        spread += side * step * step
    found = np.full((places.size, 3), np.nan)
    for i in range(places.size):
        row, column = places[i] // width, places[i] % width
        if row < reach or column < reach or row + reach >= height or column + reach >= width:
            continue
        du, dv, total = 0.0, 0.0, 0.0
        for dy in range(-reach, reach + 1):
            for dx in range(-reach, reach + 1):
                inverse = 1.0 / depth[row + dy, column + dx]
                du += dx * inverse
                dv += dy * inverse
                total += inverse
        # A depth of zero is infinitely near, which no plane is.
        if np.isfinite(total):
            a, b = fx * du / spread, fy * dv / spread
            # Pixel centres lie at +0.5.
            c = total / (side * side) - a * (column + 0.5 - cx) / fx - b * (row + 0.5 - cy) / fy
            found[i, 0], found[i, 1], found[i, 2] = a, b, c
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def angles_deg(one, other):
    """Between vectors of any length, row by row."""
    found = np.empty(len(one))
    for i in range(len(one)):
        found[i] = _angle(one[i, 0], one[i, 1], one[i, 2], other[i, 0], other[i, 1], other[i, 2])
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def triangle_corners(known, one, other, from_middle, scale, leg, most):
    """Flat numbers of the corners of a triangle at ``one`` and one at ``other``, a row for each of the first ``most`` pairs of
    which both ends lie in the thinned map.

    Thinned is the map by ``scale``: of each block the known pixel that comes first in ``from_middle``; -1 where it has none.
    """
    height, width = -(-known.shape[0] // scale) - leg, -(-known.shape[1] // scale) - leg
    found = np.full((most, 6), -1, np.int64)
    n_found = 0
    for i in range(len(one)):
        if n_found == most:
            break
        if other[i, 0] < 0 or other[i, 0] >= height or other[i, 1] < 0 or other[i, 1] >= width:
            continue
        for end, (row, column) in enumerate(((one[i, 0], one[i, 1]), (other[i, 0], other[i, 1]))):
            found[n_found, 3 * end] = _first_known(known, row, column, from_middle, scale)
            found[n_found, 3 * end + 1] = _first_known(known, row + leg, column, from_middle, scale)
            found[n_found, 3 * end + 2] = _first_known(known, row, column + leg, from_middle, scale)
        n_found += 1
    return found[:n_found]


@njit(cache=True, nogil=True, error_model="numpy")
def _first_known(known, row, column, from_middle, scale):
    for step in range(len(from_middle)):
        y, x = row * scale + from_middle[step, 0], column * scale + from_middle[step, 1]
        if y < known.shape[0] and x < known.shape[1] and known[y, x]:
            return y * known.shape[1] + x
    return -1


@njit(cache=True, nogil=True, error_model="numpy")
def triangle_angles(depth, width, corners, intrinsics):
    """Degrees between the normals of corners 0 1 2 and 3 4 5 of each row; NaN where a corner has no depth."""
    found = np.empty(len(corners))
    for i in range(len(corners)):
        ax, ay, az = _normal(depth, width, corners[i, 0], corners[i, 1], corners[i, 2], intrinsics)
        bx, by, bz = _normal(depth, width, corners[i, 3], corners[i, 4], corners[i, 5], intrinsics)
        found[i] = _angle(ax, ay, az, bx, by, bz)
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def _normal(depth, width, first, second, third, intrinsics):
    ox, oy, oz = _point(depth, width, first, intrinsics)
    px, py, pz = _point(depth, width, second, intrinsics)
    qx, qy, qz = _point(depth, width, third, intrinsics)
    px, py, pz, qx, qy, qz = px - ox, py - oy, pz - oz, qx - ox, qy - oy, qz - oz
    return py * qz - pz * qy, pz * qx - px * qz, px * qy - py * qx


@njit(cache=True, nogil=True, error_model="numpy")
def _point(depth, width, place, intrinsics):
    fx, fy, cx, cy = intrinsics
    z = float(depth[place])
    return (place % width + 0.5 - cx) / fx * z, (place // width + 0.5 - cy) / fy * z, z


@njit(cache=True, nogil=True, error_model="numpy")
def _angle(ax, ay, az, bx, by, bz):
    """Degrees; exact near 0, where the arc cosine is not. NaN for a vector of no length."""
    x, y, z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    cross, dot = math.sqrt(x * x + y * y + z * z), ax * bx + ay * by + az * bz
    return math.degrees(math.atan2(cross, dot)) if cross > 0 or dot != 0 else np.nan
