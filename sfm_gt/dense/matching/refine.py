"""Gauss-Newton refinement of planes on grey values, and the sigma of inverse depth that its normal equations give.

For each judging view the neighbour's patch is brought to the reference by a gain and an offset (which is what NCC
allows); the residuals that stay are linear in the three parameters of the plane for small steps. The inverse of the
normal matrix times the residual variance is the covariance of the plane: curvature, baseline and noise in one figure.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sfm_gt.dense.matching.patch import NOISE_VARIANCE, load_patch, load_reference, project_patch
from sfm_gt.dense.matching.propagate import N_SELECTED, UNMATCHED, is_admissible, plane_cost

_ZERO = np.float32(0.0)
_HALF = np.float32(0.5)
_ONE = np.float32(1.0)
_MASK = np.int32(255)
# Judges that match worse than this do not take part: they see something else. Weak texture costs much but still counts.
MAX_VIEW_COST = np.float32(0.85)
# Levenberg damping of the diagonal, and the longest step in pixels of displacement.
DAMPING = np.float32(0.02)
MAX_STEP_PX = np.float32(1.0)
# Shorter steps, in the same unit, are taken without looking at the cost again, which would double the time.
SHORT_STEP_PX = np.float32(0.2)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy", inline="always")
def _sample_patch(packed, first, stride, b, j, px, py, px_du, py_du, px_dv, py_dv, z, offsets,
                  places, right_of, below, words, sampled, slopes):  # fmt: skip
    """Grey values of a neighbour's patch and their derivative by inverse depth, into ``sampled`` and ``slopes`` (K,).

    ``z``: homogeneous third coordinate at the patch centre, taken as constant across the patch like the affine map.
    """
    move_x = (b[j, 0] - px * b[j, 2]) / z
    move_y = (b[j, 1] - py * b[j, 2]) / z
    load_patch(packed, first, stride, px, py, px_du, py_du, px_dv, py_dv, offsets, places, right_of, below, words)
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


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _means(weights, sampled, slopes, offsets):
    """Weighted means of a neighbour's patch and of its derivatives by the three parameters of the plane."""
    mean, m0, m1, m2 = _ZERO, _ZERO, _ZERO, _ZERO
    for k in range(sampled.shape[0]):
        s = weights[k] * slopes[k]
        mean += weights[k] * sampled[k]
        m0 += s
        m1 += s * offsets[0, k]
        m2 += s * offsets[1, k]
    return mean, m0, m1, m2


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _moments(values, weights, sampled, slopes, offsets, out):
    """Fill ``out`` (14,): variance of the neighbour's patch, its covariance with the reference, the covariance of both with
    the three derivatives, and the six covariances of these."""
    mean, m0, m1, m2 = _means(weights, sampled, slopes, offsets)
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
    out[0], out[1], out[2], out[3], out[4], out[5], out[6], out[7] = spread, cross, p0, p1, p2, q0, q1, q2
    out[8], out[9], out[10], out[11], out[12], out[13] = h00, h01, h02, h11, h12, h22


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _add_view(moments, variance, system):
    """Add one view's normal equations to ``system`` (11,): six of the matrix, three of the gradient, residual, views.
    Returns the view's cost.

    Gain and offset are eliminated by projecting the columns onto what is orthogonal to the constant and to the
    neighbour's own patch. Views that match badly add nothing.
    """
    spread, cross = moments[0], moments[1]
    cost = _ONE - cross / np.sqrt((variance + NOISE_VARIANCE) * (spread + NOISE_VARIANCE))
    if not (cost < MAX_VIEW_COST and spread > _ONE):
        return min(cost, _ONE)
    # Residual r - g v with the least-squares gain g; in the reference's grey levels.
    gain = cross / spread
    g2, inverse = gain * gain, _ONE / spread
    p0, p1, p2 = moments[2], moments[3], moments[4]
    system[0] += g2 * (moments[8] - p0 * p0 * inverse)
    system[1] += g2 * (moments[9] - p0 * p1 * inverse)
    system[2] += g2 * (moments[10] - p0 * p2 * inverse)
    system[3] += g2 * (moments[11] - p1 * p1 * inverse)
    system[4] += g2 * (moments[12] - p1 * p2 * inverse)
    system[5] += g2 * (moments[13] - p2 * p2 * inverse)
    system[6] += gain * (moments[5] - gain * p0)
    system[7] += gain * (moments[6] - gain * p1)
    system[8] += gain * (moments[7] - gain * p2)
    system[9] += max(variance - gain * cross, _ZERO)
    system[10] += _ONE
    return cost


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _solve(system, damping, out):
    """Solve the damped system into ``out`` (4,): the step and the first entry of the inverse; False if singular."""
    h00, h11, h22 = system[0] * (_ONE + damping), system[3] * (_ONE + damping), system[5] * (_ONE + damping)
    h01, h02, h12 = system[1], system[2], system[4]
    c00 = h11 * h22 - h12 * h12
    c01 = h02 * h12 - h01 * h22
    c02 = h01 * h12 - h02 * h11
    determinant = h00 * c00 + h01 * c01 + h02 * c02
    if not determinant > np.float32(1e-6) * h00 * h11 * h22:
        return False
    inverse = _ONE / determinant
    g0, g1, g2 = system[6], system[7], system[8]
    out[0] = (c00 * g0 + c01 * g1 + c02 * g2) * inverse
    out[1] = (c01 * g0 + (h00 * h22 - h02 * h02) * g1 + (h01 * h02 - h00 * h12) * g2) * inverse
    out[2] = (c02 * g0 + (h01 * h02 - h00 * h12) * g1 + (h00 * h11 - h01 * h01) * g2) * inverse
    out[3] = c00 * inverse
    return True


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy", inline="always")
def _linearise(packed, matchable, a, b, source_views, x, y, w, wx, wy, offsets, reach, values, weights, variance,
               places, right_of, below, words, sampled, slopes, moments, system):  # fmt: skip
    """Fill ``system`` with the normal equations of all source views of (x, y) that see the plane; returns the plane's cost.

    The cost is that of :func:`sfm_gt.dense.matching.propagate.plane_cost` without the neighbours' own depth maps.
    """
    height, width = matchable.shape[1], matchable.shape[2]
    system[:] = _ZERO
    total = _ZERO
    worst = _ZERO
    n_views = 0
    for k in range(source_views.shape[2]):
        j = np.int32(source_views[y, x, k])
        if j < 0:
            break
        n_views += 1
        value = _ONE
        inside, px, py, px_du, py_du, px_dv, py_dv, z = project_patch(a, b, j, x, y, w, wx, wy, reach, width, height)
        if inside and matchable[j, np.int32(py + _HALF), np.int32(px + _HALF)] != 0:
            _sample_patch(packed, np.int32(j * height * width), np.int32(width), b, j, px, py, px_du, py_du, px_dv, py_dv,
                          z, offsets, places, right_of, below, words, sampled, slopes)  # fmt: skip
            _moments(values, weights, sampled, slopes, offsets, moments)
            value = _add_view(moments, variance, system)
        total += value
        worst = max(worst, value)
    if n_views == N_SELECTED:
        total -= worst
        n_views -= 1
    return total / np.float32(n_views) if n_views > 0 else _ONE


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def refine(
    grey, usable, active, neighbours, source_views, patch, planes, cost, limits, lens, step, geometric_weight, sigma
):
    """One Gauss-Newton step at every ``active`` pixel, in place on ``planes``, ``cost`` and ``sigma`` (h, w).

    A long step that does not lower the cost is not taken; short ones are in the basin and need no proof. Pixels that were
    not matched yet get the cost of the plane they came with. Arguments as in :func:`sfm_gt.dense.matching.propagate.propagate`.
    ``sigma`` of inverse depth becomes infinite where nothing could be solved; it is calibrated later.
    """
    packed, matchable, a, b, shift_px, inverse_depths = neighbours
    _, offsets, _, reach = patch
    n_samples = offsets.shape[1]
    values, weights = np.empty(n_samples, dtype=np.float32), np.empty(n_samples, dtype=np.float32)
    sampled, slopes = np.empty(n_samples, dtype=np.float32), np.empty(n_samples, dtype=np.float32)
    places, words = np.empty(n_samples, dtype=np.int32), np.empty(n_samples, dtype=np.int32)
    right_of, below = np.empty(n_samples, dtype=np.float32), np.empty(n_samples, dtype=np.float32)
    moments = np.empty(14, dtype=np.float32)
    system, answer = np.empty(11, dtype=np.float32), np.empty(4, dtype=np.float32)
    longest = MAX_STEP_PX * step
    for y in range(grey.shape[0]):
        for x in range(grey.shape[1]):
            if active[y, x] == 0:
                continue
            sigma[y, x] = np.inf
            if usable[y, x] == 0:
                continue
            variance = load_reference(grey, usable, x, y, patch, values, weights)
            if variance < _ZERO:
                continue
            w, wx, wy = planes[y, x, 0], planes[y, x, 1], planes[y, x, 2]
            before = _linearise(packed, matchable, a, b, source_views, x, y, w, wx, wy, offsets, reach, values, weights,
                       variance, places, right_of, below, words, sampled, slopes, moments, system)  # fmt: skip
            if cost[y, x] >= UNMATCHED:
                cost[y, x] = before
            if system[10] < _HALF or not _solve(system, DAMPING, answer):
                continue
            # Mean residual over the views times the samples lost to the weights; the matrix is summed over the views.
            sigma[y, x] = np.sqrt((system[9] / system[10] + _ONE) * np.sum(weights * weights) * answer[3])
            u, ux, uy = w + max(-longest, min(longest, answer[0])), wx + answer[1], wy + answer[2]
            if not is_admissible(x, y, u, ux, uy, limits, lens):
                continue
            if abs(answer[0]) < SHORT_STEP_PX * step:
                planes[y, x, 0], planes[y, x, 1], planes[y, x, 2] = u, ux, uy
                continue
            c = plane_cost(packed, matchable, a, b, shift_px, inverse_depths, source_views, x, y, u, ux, uy, offsets, reach,
                           values, weights, variance, places, right_of, below, words, geometric_weight, cost[y, x])  # fmt: skip
            if c < cost[y, x]:
                planes[y, x, 0], planes[y, x, 1], planes[y, x, 2] = u, ux, uy
                cost[y, x] = c
