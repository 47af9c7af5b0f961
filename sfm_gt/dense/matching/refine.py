"""Gauss-Newton refinement of planes on grey values, and the sigma of inverse depth that its normal equations give.

For each judging view the neighbour's patch is brought to the reference by a gain and an offset (which is what NCC
allows); the residuals that stay are linear in the three parameters of the plane for small steps. The inverse of the
normal matrix times the residual variance is the covariance of the plane: curvature, baseline and noise in one figure.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from numba import njit

from sfm_gt.dense.matching.patch import (
    INNER,
    KERNEL,
    NOISE_VARIANCE,
    Neighbours,
    Patch,
    Plane,
    ReferenceImage,
    load_patch,
    load_reference,
    make_scratch,
    project_patch,
    rounded_product,
)
from sfm_gt.dense.matching.propagate import N_SELECTED, UNMATCHED, PlaneField, Search, is_admissible, plane_cost

_ZERO = np.float32(0.0)
_HALF = np.float32(0.5)
_ONE = np.float32(1.0)
_MASK = np.int32(255)
# Source views that match worse than this are left out: they see something else. Weak texture costs much but still counts.
MAX_VIEW_COST = np.float32(0.85)
# Levenberg damping of the diagonal, and the longest step in pixels of displacement.
DAMPING = np.float32(0.02)
MAX_STEP_PX = np.float32(1.0)
# Shorter steps, in the same unit, are taken without looking at the cost again, which would double the time.
SHORT_STEP_PX = np.float32(0.2)


class Moments(NamedTuple):
    """Weighted second moments of a neighbour's patch, which derivatives 0, 1, 2 by w, wx, wy belong to.

    Attributes:
        variance: of the neighbour's grey values.
        covariance: of these with the reference.
        p0, p1, p2: covariances of the neighbour's grey values with the derivatives.
        q0, q1, q2: covariances of the reference with the derivatives.
        h00, h01, h02, h11, h12, h22: covariances of the derivatives.
    """

    variance: np.float32
    covariance: np.float32
    p0: np.float32
    p1: np.float32
    p2: np.float32
    q0: np.float32
    q1: np.float32
    q2: np.float32
    h00: np.float32
    h01: np.float32
    h02: np.float32
    h11: np.float32
    h12: np.float32
    h22: np.float32


# The normal equations of a pixel, (11,) float32, summed over its views: the upper triangle of the matrix of w, wx, wy, the
# gradient, the variance that gain and offset leave in squared grey levels, and how many views went in.
H00, H01, H02, H11, H12, H22, G0, G1, G2, RESIDUAL, N_VIEWS = range(11)
# Their solution, (4,) float32: what is added to the plane, and the first entry of the inverse, which times the variance of the
# residuals is the variance of w.
W, WX, WY, VARIANCE_FACTOR = range(4)


@njit(**INNER)
def _sample_patch(neighbours, j, footprint, offsets, scratch):
    """Fill ``scratch`` with the grey values of neighbour ``j``'s patch and their derivative by inverse depth.

    The third coordinate of the centre is taken for the whole patch, like the affine map.
    """
    b = neighbours.b
    move_x = (b[j, 0] - footprint.x * b[j, 2]) / footprint.z
    move_y = (b[j, 1] - footprint.y * b[j, 2]) / footprint.z
    load_patch(neighbours, j, footprint, offsets, scratch)
    words, right_of, below = scratch.words, scratch.right_of, scratch.below
    sampled, slopes = scratch.sampled, scratch.slopes
    for k in range(sampled.shape[0]):
        word = words[k]
        top = np.float32(word & _MASK)
        low = np.float32((word >> np.int32(16)) & _MASK)
        across_top = np.float32((word >> np.int32(8)) & _MASK) - top
        across_low = np.float32((word >> np.int32(24)) & _MASK) - low
        upper = top + right_of[k] * across_top
        lower = low + right_of[k] * across_low
        sampled[k] = upper + below[k] * (lower - upper)
        slopes[k] = (across_top + below[k] * (across_low - across_top)) * move_x + (lower - upper) * move_y


@njit(**KERNEL)
def _means(weights, scratch, offsets):
    """Weighted means of a neighbour's patch and of its derivatives by the three parameters of the plane."""
    sampled, slopes = scratch.sampled, scratch.slopes
    mean, m0, m1, m2 = _ZERO, _ZERO, _ZERO, _ZERO
    for k in range(sampled.shape[0]):
        s = weights[k] * slopes[k]
        mean += weights[k] * sampled[k]
        m0 += s
        m1 += s * offsets[0, k]
        m2 += s * offsets[1, k]
    return mean, m0, m1, m2


@njit(**KERNEL)
def _moments(reference, scratch, offsets):
    """The :class:`Moments` of a neighbour's patch."""
    values, weights = reference.values, reference.weights
    sampled, slopes = scratch.sampled, scratch.slopes
    mean, m0, m1, m2 = _means(weights, scratch, offsets)
    spread, cross = _ZERO, _ZERO
    p0, p1, p2, q0, q1, q2 = _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO
    h00, h01, h02, h11, h12, h22 = _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO
    for k in range(sampled.shape[0]):
        v, s = sampled[k] - mean, slopes[k]
        j0, j1, j2 = s - m0, s * offsets[0, k] - m1, s * offsets[1, k] - m2
        wv, wr = weights[k] * v, weights[k] * values[k]
        spread += wv * v
        cross += wr * v
        p0 += wv * j0
        p1 += wv * j1
        p2 += wv * j2
        q0 += wr * j0
        q1 += wr * j1
        q2 += wr * j2
        w0, w1 = weights[k] * j0, weights[k] * j1
        h00 += w0 * j0
        h01 += w0 * j1
        h02 += w0 * j2
        h11 += w1 * j1
        h12 += w1 * j2
        h22 += weights[k] * j2 * j2
    return Moments(spread, cross, p0, p1, p2, q0, q1, q2, h00, h01, h02, h11, h12, h22)


@njit(**KERNEL)
def _add_view(moments, variance, system):
    """Add one view's normal equations to ``system`` (11,); returns the view's cost.

    Gain and offset are eliminated by projecting the columns onto what is orthogonal to the constant and to the
    neighbour's own patch. Views that match badly add nothing.
    """
    spread, cross = moments.variance, moments.covariance
    cost = _ONE - cross / np.sqrt((variance + NOISE_VARIANCE) * (spread + NOISE_VARIANCE))
    if not (cost < MAX_VIEW_COST and spread > _ONE):
        return min(cost, _ONE)
    # Residual r - g v with the least-squares gain g; in the reference's grey levels.
    gain = cross / spread
    g2, inverse = gain * gain, _ONE / spread
    p0, p1, p2 = moments.p0, moments.p1, moments.p2
    system[H00] += g2 * (moments.h00 - p0 * p0 * inverse)
    system[H01] += g2 * (moments.h01 - p0 * p1 * inverse)
    system[H02] += g2 * (moments.h02 - p0 * p2 * inverse)
    system[H11] += g2 * (moments.h11 - p1 * p1 * inverse)
    system[H12] += g2 * (moments.h12 - p1 * p2 * inverse)
    system[H22] += g2 * (moments.h22 - p2 * p2 * inverse)
    system[G0] += gain * (moments.q0 - gain * p0)
    system[G1] += gain * (moments.q1 - gain * p1)
    system[G2] += gain * (moments.q2 - gain * p2)
    system[RESIDUAL] += max(variance - gain * cross, _ZERO)
    system[N_VIEWS] += _ONE
    return cost


@njit(**KERNEL)
def _solve(system, damping, step):
    """Solve the damped system into ``step`` (4,); False if it is singular."""
    h00, h11, h22 = system[H00] * (_ONE + damping), system[H11] * (_ONE + damping), system[H22] * (_ONE + damping)
    h01, h02, h12 = system[H01], system[H02], system[H12]
    c00 = h11 * h22 - h12 * h12
    c01 = h02 * h12 - h01 * h22
    c02 = h01 * h12 - h02 * h11
    determinant = h00 * c00 + h01 * c01 + h02 * c02
    if not determinant > np.float32(1e-6) * h00 * h11 * h22:
        return False
    inverse = _ONE / determinant
    g0, g1, g2 = system[G0], system[G1], system[G2]
    step[W] = (c00 * g0 + c01 * g1 + c02 * g2) * inverse
    step[WX] = (c01 * g0 + (h00 * h22 - h02 * h02) * g1 + (h01 * h02 - h00 * h12) * g2) * inverse
    step[WY] = (c02 * g0 + (h01 * h02 - h00 * h12) * g1 + (h00 * h11 - h01 * h01) * g2) * inverse
    step[VARIANCE_FACTOR] = c00 * inverse
    return True


@njit(**KERNEL)
def _sum_of_squares(weights, squares):
    """The sum, with ``squares`` as scratch: a pass for the squares and one for the sum, as numpy would."""
    for k in range(weights.shape[0]):
        squares[k] = weights[k] * weights[k]
    return np.sum(squares)


@njit(**INNER)
def _linearise(reference, neighbours, source_views, plane, patch, scratch, system):
    """Fill ``system`` with the normal equations of all source views that see the plane; returns the plane's cost.

    The cost is that of :func:`sfm_gt.dense.matching.propagate.plane_cost` without the neighbours' own depth maps.
    """
    system[:] = _ZERO
    total = _ZERO
    worst = _ZERO
    n_views = 0
    for k in range(source_views.shape[2]):
        j = np.int32(source_views[reference.y, reference.x, k])
        if j < 0:
            break
        n_views += 1
        value = _ONE
        inside, footprint = project_patch(neighbours, j, reference.x, reference.y, plane, patch.reach)
        if inside and neighbours.matchable[j, np.int32(footprint.y + _HALF), np.int32(footprint.x + _HALF)] != 0:
            _sample_patch(neighbours, j, footprint, patch.offsets, scratch)
            moments = _moments(reference, scratch, patch.offsets)
            value = _add_view(moments, reference.variance, system)
        total += value
        worst = max(worst, value)
    if n_views == N_SELECTED:
        total -= worst
        n_views -= 1
    return total / np.float32(n_views) if n_views > 0 else _ONE


def refine(
    image: ReferenceImage,
    neighbours: Neighbours,
    patch: Patch,
    field: PlaneField,
    active: UInt8[np.ndarray, "h w"],
    search: Search,
    sigma: Float[np.ndarray, "h w"],
) -> None:
    """One Gauss-Newton step at every ``active`` pixel, in place on ``field`` and ``sigma``.

    A long step that does not lower the cost is not taken; short ones are in the basin and need no proof. Pixels that were
    not matched yet get the cost of the plane they came with. ``sigma`` of inverse depth becomes infinite where nothing
    could be solved; it is calibrated later.
    """
    system, step = np.empty(N_VIEWS + 1, dtype=np.float32), np.empty(VARIANCE_FACTOR + 1, dtype=np.float32)
    _refine(image, neighbours, patch, field, active, search, (make_scratch(patch), system, step), sigma)


@njit(**KERNEL)
def _refine(image, neighbours, patch, field, active, search, buffers, sigma):
    scratch, system, step = buffers
    planes, cost, source_views = field
    usable = image.usable
    longest = MAX_STEP_PX * search.step
    for y in range(usable.shape[0]):
        for x in range(usable.shape[1]):
            if active[y, x] == 0:
                continue
            sigma[y, x] = np.inf
            if usable[y, x] == 0:
                continue
            reference = load_reference(image, x, y, patch, scratch)
            if reference.variance < _ZERO:
                continue
            plane = Plane(planes[y, x, 0], planes[y, x, 1], planes[y, x, 2])
            before = _linearise(reference, neighbours, source_views, plane, patch, scratch, system)
            if cost[y, x] >= UNMATCHED:
                cost[y, x] = before
            if system[N_VIEWS] < _HALF or not _solve(system, DAMPING, step):
                continue
            # Mean residual over the views times the samples lost to the weights; the matrix is summed over the views.
            residual = system[RESIDUAL] / system[N_VIEWS] + _ONE
            lost = _sum_of_squares(reference.weights, scratch.sampled)
            sigma[y, x] = np.sqrt(rounded_product(residual, lost) * step[VARIANCE_FACTOR])
            moved = Plane(plane.w + max(-longest, min(longest, step[W])), plane.wx + step[WX], plane.wy + step[WY])
            if not is_admissible(x, y, moved, search):
                continue
            if abs(step[W]) < SHORT_STEP_PX * search.step:
                planes[y, x, 0], planes[y, x, 1], planes[y, x, 2] = moved
                continue
            c = plane_cost(
                reference, neighbours, source_views, moved, patch, scratch, search.geometric_weight, cost[y, x]
            )
            if c < cost[y, x]:
                planes[y, x, 0], planes[y, x, 1], planes[y, x, 2] = moved
                cost[y, x] = c
