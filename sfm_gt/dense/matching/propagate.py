"""Rounds of PatchMatch on slanted planes: pixelwise view selection, red-black propagation, geometric consistency in the cost.

The source views of a pixel are selected by the costs of the first planes, averaged over the surroundings (a simple form of
the pixelwise view selection of Schönberger et al. 2016); all candidates are then matched to the same source views, so that
no plane wins by choosing other views.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from numba import njit

from sfm_gt.dense.matching.patch import (
    INNER,
    KERNEL,
    Neighbours,
    Patch,
    Plane,
    ReferenceImage,
    load_reference,
    make_scratch,
    patch_cost,
    project_patch,
)

_ZERO = np.float32(0.0)
_HALF = np.float32(0.5)
_ONE = np.float32(1.0)
# Candidates come from these pixels: near ones carry the surface on, far ones jump over small errors. All lie on the
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


class PlaneField(NamedTuple):
    """The planes of all pixels, which the kernels change in place.

    Attributes:
        planes: (h, w, 3) float32, w, wx and wy.
        cost: (h, w) float32, of the planes; :data:`UNMATCHED` where they have not met the images yet.
        source_views: (h, w, V) int8, the neighbours a pixel is matched with, -1 beyond the last; only read.
    """

    planes: np.ndarray
    cost: np.ndarray
    source_views: np.ndarray


class Search(NamedTuple):
    """What planes are looked for.

    Attributes:
        limits: (2,) float32, least and largest inverse depth.
        lens: (4,) float32, fx, fy, cx, cy for integer-centred coordinates.
        step: inverse depth that moves a pixel by about one pixel in the neighbours.
        geometric_weight: weight of the neighbours' own depth maps against 1 - NCC; 0 = the images alone.
    """

    limits: np.ndarray
    lens: np.ndarray
    step: np.float32
    geometric_weight: np.float32


class Candidates(NamedTuple):
    """Which planes compete with a pixel's own.

    Attributes:
        n_offsets: how many of :data:`OFFSETS` give one.
        min_gain: a candidate has to be better by this: in flat costs the plane that came first stays.
        min_variance: patches of less are left alone.
    """

    n_offsets: int
    min_gain: np.float32
    min_variance: np.float32


@njit(**INNER)
def view_cost(reference, neighbours, j, plane, patch, scratch):
    """Patch cost in neighbour ``j``, 1 where it does not see the patch, and the footprint there."""
    value = _ONE
    inside, footprint = project_patch(neighbours, j, reference.x, reference.y, plane, patch.reach)
    if inside and neighbours.matchable[j, np.int32(footprint.y + _HALF), np.int32(footprint.x + _HALF)] != 0:
        value = min(patch_cost(reference, neighbours, j, footprint, patch.offsets, scratch), _ONE)
    return value, footprint


@njit(**INNER)
def _disagreement(neighbours, j, w, footprint):
    """How far the point at inverse depth ``w`` lies from neighbour ``j``'s own depth map, 0 to 1; 1 where it has none."""
    v = neighbours.inverse_depths[j, np.int32(footprint.y + _HALF), np.int32(footprint.x + _HALF)]
    return min(abs(w / footprint.z - v) * neighbours.shift_px[j] / AGREEMENT_CAP_PX, _ONE) if v > _ZERO else _ONE


@njit(**INNER)
def plane_cost(reference, neighbours, source_views, plane, patch, scratch, geometric_weight, bound):
    """Cost of a plane in the source views of the pixel; stops early, with 2, when it cannot fall below ``bound``."""
    total = _ZERO
    worst = _ZERO
    n_views = 0
    while n_views < N_SELECTED and source_views[reference.y, reference.x, n_views] >= 0:
        n_views += 1
    n_kept = n_views - 1 if n_views == N_SELECTED else n_views
    limit = bound * np.float32(n_kept)
    for k in range(n_views):
        j = np.int32(source_views[reference.y, reference.x, k])
        value, footprint = view_cost(reference, neighbours, j, plane, patch, scratch)
        if geometric_weight > _ZERO:
            if value < _ONE:
                value += geometric_weight * _disagreement(neighbours, j, plane.w, footprint)
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


@njit(**KERNEL)
def is_admissible(x, y, plane, search):
    """Whether a plane lies within the depth limits and is not seen at a grazing angle."""
    w, wx, wy = plane
    limits, lens = search.limits, search.lens
    if not (w >= limits[0] and w <= limits[1]):
        return False
    xc, yc = np.float32(x) - lens[2], np.float32(y) - lens[3]
    nx, ny, nz = wx * lens[0], wy * lens[1], w - wx * xc - wy * yc
    rx, ry = xc / lens[0], yc / lens[1]
    return w * w > MIN_COS_INCIDENCE * MIN_COS_INCIDENCE * (nx * nx + ny * ny + nz * nz) * (rx * rx + ry * ry + _ONE)


def all_view_costs(
    image: ReferenceImage, neighbours: Neighbours, patch: Patch, planes: Float[np.ndarray, "h w 3"]
) -> Float[np.ndarray, "h w j"]:
    """(h, w, J) float32: the patch cost of the current plane in every neighbour."""
    costs = np.ones((*image.grey.shape, len(neighbours.matchable)), dtype=np.float32)
    _all_view_costs(image, neighbours, patch, planes, make_scratch(patch), costs)
    return costs


@njit(**KERNEL)
def _all_view_costs(image, neighbours, patch, planes, scratch, costs):
    height, width, n_views = costs.shape
    for y in range(height):
        for x in range(width):
            if image.usable[y, x] == 0:
                continue
            reference = load_reference(image, x, y, patch, scratch)
            if reference.variance < _ZERO:
                continue
            plane = Plane(planes[y, x, 0], planes[y, x, 1], planes[y, x, 2])
            for j in range(n_views):
                costs[y, x, j], _ = view_cost(reference, neighbours, j, plane, patch, scratch)


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


def propagate(
    image: ReferenceImage,
    neighbours: Neighbours,
    patch: Patch,
    field: PlaneField,
    active: UInt8[np.ndarray, "h w"],
    search: Search,
    candidates: Candidates,
) -> UInt8[np.ndarray, "h w"]:
    """One red-black round over the ``active`` pixels, in place on ``field``.

    A pixel that comes with a cost below :data:`UNMATCHED` keeps plane and cost unless a candidate wins. One that comes
    unmatched gets its plane's cost, but only where candidates had to be compared with it (or none were asked for): the
    refinement that follows looks at the others anyway. Returns 1 where the plane is new or came unmatched.
    """
    changed = np.zeros(image.grey.shape, dtype=np.uint8)
    _propagate(image, neighbours, patch, field, active, search, candidates, make_scratch(patch), changed)
    return changed


@njit(**KERNEL)
def _propagate(image, neighbours, patch, field, active, search, candidates, scratch, changed):
    planes, cost, source_views = field
    n_offsets, min_gain, min_variance = candidates
    usable = image.usable
    height, width = usable.shape
    for colour in range(2):
        for y in range(height):
            for x in range((y + colour) % 2, width, 2):
                if active[y, x] == 0 or usable[y, x] == 0:
                    continue
                reference = load_reference(image, x, y, patch, scratch)
                if reference.variance < min_variance:
                    continue
                plane = Plane(planes[y, x, 0], planes[y, x, 1], planes[y, x, 2])
                best = cost[y, x]
                new = best >= UNMATCHED
                compared = n_offsets == 0
                if compared:
                    best = plane_cost(
                        reference, neighbours, source_views, plane, patch, scratch, search.geometric_weight, ANY_COST
                    )
                for k in range(n_offsets):
                    xx, yy = x + OFFSETS[k, 0], y + OFFSETS[k, 1]
                    if not (0 <= xx < width and 0 <= yy < height):
                        continue
                    ux, uy = planes[yy, xx, 1], planes[yy, xx, 2]
                    u = planes[yy, xx, 0] - ux * np.float32(OFFSETS[k, 0]) - uy * np.float32(OFFSETS[k, 1])
                    candidate = Plane(u, ux, uy)
                    if abs(u - plane.w) < DISTINCT_PX * search.step or not is_admissible(x, y, candidate, search):
                        continue
                    if not compared:
                        best = plane_cost(
                            reference,
                            neighbours,
                            source_views,
                            plane,
                            patch,
                            scratch,
                            search.geometric_weight,
                            ANY_COST,
                        )
                        compared = True
                    bound = best - min_gain
                    c = plane_cost(
                        reference, neighbours, source_views, candidate, patch, scratch, search.geometric_weight, bound
                    )
                    if c < bound:
                        best, plane = c, candidate
                        new = True
                if new:
                    planes[y, x, 0], planes[y, x, 1], planes[y, x, 2] = plane
                    cost[y, x] = best
                    changed[y, x] = 1
