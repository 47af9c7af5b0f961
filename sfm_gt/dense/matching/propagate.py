"""Rounds of PatchMatch on slanted planes: view selection a pixel, red-black propagation, geometric consistency in the cost.

Which source views a pixel is matched with is decided from the costs of the first planes, averaged over the surroundings (a
simple form of the pixelwise view selection of Schönberger et al. 2016); candidates then meet the same source views, so that no
plane wins by choosing other views.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sfm_gt.dense.matching.patch import load_reference, patch_cost, project_patch

_ZERO = np.float32(0.0)
_HALF = np.float32(0.5)
_ONE = np.float32(1.0)
# Candidates come from these pixels: near ones carry the surface on, far ones jump over small faults. All lie on the
# other colour of the checkerboard, so the order within a colour does not matter.
OFFSETS = np.array([[-1, 0], [1, 0], [0, -1], [0, 1], [-5, 0], [5, 0], [0, -5], [0, 5]], dtype=np.int32)
# Source views of a pixel; with at least this many the worst of them is left out (it may be occluded).
N_SELECTED = 4
# A candidate closer than this to the current plane, in pixels of displacement, is left to the refinement.
DISTINCT_PX = np.float32(0.25)
# Disagreement with a neighbour's own depth map: charged in proportion up to this many pixels.
AGREEMENT_CAP_PX = np.float32(3.0)
# A bound that no cost reaches, and the cost of a pixel that cannot be matched.
ANY_COST = np.float32(9.0)
UNMATCHED = np.float32(2.0)
# Planes seen at less than this cosine between normal and ray are refused: their patches have no common scale.
MIN_COS_INCIDENCE = np.float32(0.15)


# The next three are inlined into the kernels and take bare arrays: taking an array out of a tuple or slicing it inside
# a loop counts references, which costs more than half a patch.
@njit(cache=True, nogil=True, fastmath=True, error_model="numpy", inline="always")
def view_cost(packed, matchable, a, b, j, x, y, w, wx, wy, offsets, reach, values, weights, variance,
              places, right_of, below, words):  # fmt: skip
    """Patch cost in neighbour ``j``, 1 where it does not see the patch, and the patch's place and third coordinate there.

    Arrays as in ``Neighbours`` and ``Patch``; the last four are scratch of :func:`sfm_gt.dense.matching.patch.patch_cost`.
    """
    height, width = matchable.shape[1], matchable.shape[2]
    value = _ONE
    inside, px, py, px_du, py_du, px_dv, py_dv, z = project_patch(a, b, j, x, y, w, wx, wy, reach, width, height)
    if inside and matchable[j, np.int32(py + _HALF), np.int32(px + _HALF)] != 0:
        first = np.int32(j * height * width)
        value = min(patch_cost(packed, first, np.int32(width), px, py, px_du, py_du, px_dv, py_dv, offsets, values,
                               weights, variance, places, right_of, below, words), _ONE)  # fmt: skip
    return value, px, py, z


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy", inline="always")
def _disagreement(inverse_depths, shift_px, j, w, px, py, z):
    """How far the point at inverse depth ``w`` lies from neighbour ``j``'s own depth map, 0 to 1; 1 where it has none.

    ``px``, ``py``, ``z``: the point's place and third coordinate in the neighbour.
    """
    v = inverse_depths[j, np.int32(py + _HALF), np.int32(px + _HALF)]
    return min(abs(w / z - v) * shift_px[j] / AGREEMENT_CAP_PX, _ONE) if v > _ZERO else _ONE


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy", inline="always")
def plane_cost(packed, matchable, a, b, shift_px, inverse_depths, source_views, x, y, w, wx, wy, offsets, reach,
               values, weights, variance, places, right_of, below, words, geometric_weight, bound):  # fmt: skip
    """Cost of a plane in the source views of (x, y); stops early, with 2, when it cannot fall below ``bound``."""
    total = _ZERO
    worst = _ZERO
    n_views = 0
    while n_views < N_SELECTED and source_views[y, x, n_views] >= 0:
        n_views += 1
    n_kept = n_views - 1 if n_views == N_SELECTED else n_views
    limit = bound * np.float32(n_kept)
    for k in range(n_views):
        j = np.int32(source_views[y, x, k])
        value, px, py, z = view_cost(packed, matchable, a, b, j, x, y, w, wx, wy, offsets, reach, values, weights,
                                     variance, places, right_of, below, words)  # fmt: skip
        if geometric_weight > _ZERO:
            if value < _ONE:
                value += geometric_weight * _disagreement(inverse_depths, shift_px, j, w, px, py, z)
            else:
                value += geometric_weight
        total += value
        worst = max(worst, value)
        if total - (worst if n_kept < n_views else _ZERO) > limit:
            break
    if n_kept < n_views:
        total -= worst
    mean = total / np.float32(n_kept) if n_kept > 0 else _ONE
    return mean if total <= limit else _ONE + _ONE


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def is_admissible(x, y, w, wx, wy, limits, lens):
    """Whether a plane lies within the depth limits and is not seen at a grazing angle; ``lens``: fx, fy, cx, cy."""
    if not (w >= limits[0] and w <= limits[1]):
        return False
    xc, yc = np.float32(x) - lens[2], np.float32(y) - lens[3]
    nx, ny, nz = wx * lens[0], wy * lens[1], w - wx * xc - wy * yc
    rx, ry = xc / lens[0], yc / lens[1]
    return w * w > MIN_COS_INCIDENCE * MIN_COS_INCIDENCE * (nx * nx + ny * ny + nz * nz) * (rx * rx + ry * ry + _ONE)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def all_view_costs(grey, usable, neighbours, patch, planes):
    """(h, w, J) float32: the patch cost of the current plane in every neighbour."""
    packed, matchable, a, b, _, _ = neighbours
    _, offsets, _, reach = patch
    height, width = grey.shape
    n_views = matchable.shape[0]
    out = np.ones((height, width, n_views), dtype=np.float32)
    values = np.empty(patch.steps.shape[0], dtype=np.float32)
    weights = np.empty(patch.steps.shape[0], dtype=np.float32)
    places, words = np.empty(patch.steps.shape[0], dtype=np.int32), np.empty(patch.steps.shape[0], dtype=np.int32)
    right_of, below = np.empty(patch.steps.shape[0], dtype=np.float32), np.empty(patch.steps.shape[0], dtype=np.float32)
    for y in range(height):
        for x in range(width):
            if usable[y, x] == 0:
                continue
            variance = load_reference(grey, usable, x, y, patch, values, weights)
            if variance < _ZERO:
                continue
            w, wx, wy = planes[y, x, 0], planes[y, x, 1], planes[y, x, 2]
            for j in range(n_views):
                out[y, x, j], _, _, _ = view_cost(packed, matchable, a, b, j, x, y, w, wx, wy, offsets, reach, values,
                                                  weights, variance, places, right_of, below, words)  # fmt: skip
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def select_views(smoothed):
    """The neighbours of least ``smoothed`` cost (h, w, J), best first: (h, w, N_SELECTED) int8, -1 beyond the last."""
    height, width, n_views = smoothed.shape
    source_views = np.full((height, width, N_SELECTED), -1, dtype=np.int8)
    for y in range(height):
        for x in range(width):
            for j in range(n_views):
                value = smoothed[y, x, j]
                k = min(j, N_SELECTED)
                while k > 0 and smoothed[y, x, source_views[y, x, k - 1]] > value:
                    if k < N_SELECTED:
                        source_views[y, x, k] = source_views[y, x, k - 1]
                    k -= 1
                if k < N_SELECTED:
                    source_views[y, x, k] = j
    return source_views


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def propagate(grey, usable, active, neighbours, source_views, patch, planes, cost, limits, lens, step, geometric_weight,
              n_offsets, min_gain, min_variance):  # fmt: skip
    """One red-black round over the ``active`` pixels, in place on ``planes`` (h, w, 3) and ``cost`` (h, w).

    Args: ``limits`` least and largest inverse depth; ``lens`` fx, fy, cx, cy; ``step`` inverse depth that moves a pixel
    by about one pixel in the neighbours; ``geometric_weight`` that of the neighbours' own depth maps; ``n_offsets`` how many
    of :data:`OFFSETS` give candidates. A candidate has to be better by ``min_gain``: in flat costs the plane that came
    first stays. Patches of less than ``min_variance`` are left alone.

    A pixel that comes with a cost below :data:`UNMATCHED` keeps plane and cost unless a candidate wins. One that comes
    unmatched gets its plane's cost, but only where candidates had to be compared with it (or none were asked for): the
    refinement that follows looks at the others anyway. Returns (h, w) uint8: 1 where the plane is new or came unmatched.
    """
    packed, matchable, a, b, shift_px, inverse_depths = neighbours
    _, offsets, _, reach = patch
    height, width = grey.shape
    values = np.empty(patch.steps.shape[0], dtype=np.float32)
    weights = np.empty(patch.steps.shape[0], dtype=np.float32)
    places, words = np.empty(patch.steps.shape[0], dtype=np.int32), np.empty(patch.steps.shape[0], dtype=np.int32)
    right_of, below = np.empty(patch.steps.shape[0], dtype=np.float32), np.empty(patch.steps.shape[0], dtype=np.float32)
    changed = np.zeros(grey.shape, dtype=np.uint8)
    for colour in range(2):
        for y in range(height):
            for x in range((y + colour) % 2, width, 2):
                if active[y, x] == 0 or usable[y, x] == 0:
                    continue
                variance = load_reference(grey, usable, x, y, patch, values, weights)
                if variance < min_variance:
                    continue
                w, wx, wy = planes[y, x, 0], planes[y, x, 1], planes[y, x, 2]
                best = cost[y, x]
                new = best >= UNMATCHED
                compared = n_offsets == 0
                if compared:
                    best = plane_cost(packed, matchable, a, b, shift_px, inverse_depths, source_views, x, y, w, wx, wy, offsets,
                                      reach, values, weights, variance, places, right_of, below, words,
                                      geometric_weight, ANY_COST)  # fmt: skip
                for k in range(n_offsets):
                    xx, yy = x + OFFSETS[k, 0], y + OFFSETS[k, 1]
                    if not (0 <= xx < width and 0 <= yy < height):
                        continue
                    ux, uy = planes[yy, xx, 1], planes[yy, xx, 2]
                    u = planes[yy, xx, 0] - ux * np.float32(OFFSETS[k, 0]) - uy * np.float32(OFFSETS[k, 1])
                    if abs(u - w) < DISTINCT_PX * step or not is_admissible(x, y, u, ux, uy, limits, lens):
                        continue
                    if not compared:
                        best = plane_cost(packed, matchable, a, b, shift_px, inverse_depths, source_views, x, y, w, wx, wy,
                                          offsets, reach, values, weights, variance, places, right_of, below, words,
                                          geometric_weight, ANY_COST)  # fmt: skip
                        compared = True
                    c = plane_cost(packed, matchable, a, b, shift_px, inverse_depths, source_views, x, y, u, ux, uy, offsets,
                                   reach, values, weights, variance, places, right_of, below, words,
                                   geometric_weight, best - min_gain)  # fmt: skip
                    if c < best - min_gain:
                        best, w, wx, wy = c, u, ux, uy
                        new = True
                if new:
                    planes[y, x, 0], planes[y, x, 1], planes[y, x, 2] = w, wx, wy
                    cost[y, x] = best
                    changed[y, x] = 1
    return changed
