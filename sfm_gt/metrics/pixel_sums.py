"""Sums over pixels that all depth metrics follow from: computed once a frame, added over regions, frames and videos.

One pass aligns, clamps and sums, in blocks that stay in the processor's cache and loops that it runs in vectors. That is what
makes every metric under every alignment in every region cheaper than ten metrics in plain NumPy. ``depth.py`` says what
each sum is for.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float, Int
from numba import njit

from sfm_gt.metrics.alignment import Affine, DepthRange
from sfm_gt.metrics.moments import REASSOCIATE

BOUNDS = {
    "delta_1_03": 1.03, "delta_1_05": 1.05, "delta_quarter": 1.25**0.25, "delta_1_10": 1.10, "delta_half": 1.25**0.5,
    "delta1": 1.25, "delta2": 1.25**2, "delta3": 1.25**3,
}  # fmt: skip
"""What max(p/g, g/p) must stay below."""
SUMS = (
    "n", "relative", "square_over_depth", "relative_square", "absolute", "square", "inverse_square", "log", "log_square",
    "log_absolute", "auc", "not_positive", "negative", *BOUNDS,
)  # fmt: skip
"""Columns. ``not_positive`` counts predictions without a logarithm, which are left out of the sums of logarithms; ``negative``
those of them below zero."""
COLUMN = {name: number for number, name in enumerate(SUMS)}
AUC_END = 5 * math.log(1.25)
"""Where the accuracy curve of UniDepth ends: max(p/g, g/p) = 1.25^5."""

_BOUNDS = tuple(BOUNDS.values())
# Columns as the compiled loops know them.
(
    _N, _RELATIVE, _SQUARE_OVER_DEPTH, _RELATIVE_SQUARE, _ABSOLUTE, _SQUARE, _INVERSE_SQUARE, _LOG,
    _LOG_SQUARE, _LOG_ABSOLUTE, _AUC, _NOT_POSITIVE, _NEGATIVE,
) = (COLUMN[name] for name in SUMS[: -len(BOUNDS)])  # fmt: skip
_FIRST_BOUND = COLUMN["delta_1_03"]
_BLOCK = 1024
_ROOT_HALF_BITS = 0x3FE6A09E667F3BCD
_LN_2 = math.log(2.0)


def pixel_sums(
    p: Float[np.ndarray, " n"],
    g: Float[np.ndarray, " n"],
    offsets: Int[np.ndarray, " k1"],
    affine: Affine,
    depth_range: DepthRange,
) -> Float[np.ndarray, "k sums"]:
    """The sums of every cell, a cell being a run of pixels: number c holds pixels offsets[c] to offsets[c + 1].

    Args:
        p: finite values of the prediction before ``affine``.
        g: GT depth, positive.
    """
    sums = np.zeros((offsets.size - 1, len(SUMS)))
    ends = (depth_range.lowest, depth_range.highest, depth_range.disparity_floor)
    _sum_cells(p, g, offsets, affine.scale, affine.shift, affine.inverse, ends, depth_range.log_floor, sums)
    return sums


def sums_of_nan(offsets: Int[np.ndarray, " k1"]) -> Float[np.ndarray, "k sums"]:
    """The sums of cells whose depth is NaN, as the formulas have it: errors are NaN, and no bound holds."""
    counts = np.diff(offsets)
    sums = np.where(counts[:, None] > 0, np.nan, np.zeros((counts.size, len(SUMS))))
    sums[:, _N], sums[:, _NEGATIVE], sums[:, _FIRST_BOUND:] = counts, 0.0, 0.0
    return sums


def with_negatives_inside(sums: Float[np.ndarray, "k sums"]) -> Float[np.ndarray, "k sums"]:
    """The sums where negative depth is inside every bound: max(p/g, g/p) is negative then, and so below it."""
    found = sums.copy()
    found[:, _FIRST_BOUND:] += sums[:, _NEGATIVE, None]
    return found


def aligned_depth(
    values: Float[np.ndarray, "h w"], affine: Affine, depth_range: DepthRange
) -> Float[np.ndarray, "h w"]:
    """``affine.depth`` as :func:`pixel_sums` sees it, in float32; NaN stays NaN."""
    depth = np.empty(values.shape, dtype=np.float32)
    ends = (depth_range.lowest, depth_range.highest, depth_range.disparity_floor)
    _align(values.reshape(-1), affine.scale, affine.shift, affine.inverse, ends, depth.reshape(-1))
    depth[np.isnan(values)] = np.nan
    return depth


@njit(cache=True, nogil=True, error_model="numpy")
def _sum_cells(p, g, offsets, scale, shift, inverse, ends, log_floor, sums):
    depth, ratio, smaller, larger = np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK)
    for cell in range(offsets.size - 1):
        for start in range(offsets[cell], offsets[cell + 1], _BLOCK):
            stop = min(start + _BLOCK, offsets[cell + 1])
            block = slice(0, stop - start)
            _align(p[start:stop], scale, shift, inverse, ends, depth[block])
            _sum_errors(depth[block], g[start:stop], smaller[block], larger[block], sums[cell])
            _sum_bounds(smaller[block], larger[block], sums[cell])
            _sum_logs(depth[block], g[start:stop], log_floor, ratio[block], sums[cell])


@njit(cache=True, nogil=True, fastmath=REASSOCIATE, error_model="numpy")
def _align(p, scale, shift, inverse, ends, depth):
    lowest, highest, floor = ends
    if inverse:
        for i in range(p.size):
            depth[i] = min(max(1.0 / max(scale * p[i] + shift, floor), lowest), highest)
    else:
        for i in range(p.size):
            depth[i] = min(max(scale * p[i] + shift, lowest), highest)


@njit(cache=True, nogil=True, fastmath=REASSOCIATE, error_model="numpy")
def _sum_errors(depth, g, smaller, larger, sums):
    """Also writes the smaller and the larger of depth and GT."""
    relative, square_over_depth, relative_square, absolute, square, inverse = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(depth.size):
        gt = float(g[i])
        difference, inverse_gt = abs(depth[i] - gt), 1.0 / gt
        quotient = difference * inverse_gt
        smaller[i], larger[i] = min(depth[i], gt), max(depth[i], gt)
        relative += quotient
        square_over_depth += difference * quotient
        relative_square += quotient * quotient
        absolute += difference
        square += difference * difference
        inverse_difference = 1.0 / depth[i] - inverse_gt
        inverse += inverse_difference * inverse_difference
    sums[_N] += depth.size
    sums[_RELATIVE] += relative
    sums[_SQUARE_OVER_DEPTH] += square_over_depth
    sums[_RELATIVE_SQUARE] += relative_square
    sums[_ABSOLUTE] += absolute
    sums[_SQUARE] += square
    sums[_INVERSE_SQUARE] += inverse


@njit(cache=True, nogil=True, fastmath=REASSOCIATE, error_model="numpy")
def _sum_bounds(smaller, larger, sums):
    """Written as products: exact at the bound for representable numbers, and a prediction <= 0 is never inside."""
    for number in range(len(_BOUNDS)):
        bound, inside = _BOUNDS[number], 0
        for i in range(smaller.size):
            inside += larger[i] < bound * smaller[i]
        sums[_FIRST_BOUND + number] += inside


@njit(cache=True, nogil=True, fastmath=REASSOCIATE, error_model="numpy")
def _sum_logs(depth, g, log_floor, ratio, sums):
    not_positive, negative = 0, 0
    for i in range(depth.size):
        raised = max(depth[i], log_floor)
        positive = raised > 0
        not_positive += not positive
        negative += depth[i] < 0
        # A ratio of one adds nothing to the sums; the pixel is counted instead.
        ratio[i] = raised / float(g[i]) if positive else 1.0
    take_logs(ratio)
    log, log_square, log_absolute, auc = 0.0, 0.0, 0.0, 0.0
    for i in range(ratio.size):
        error = ratio[i]
        log += error
        log_square += error * error
        log_absolute += abs(error)
        auc += max(0.0, 1.0 - abs(error) / AUC_END)
    sums[_LOG] += log
    sums[_LOG_SQUARE] += log_square
    sums[_LOG_ABSOLUTE] += log_absolute
    sums[_AUC] += auc - not_positive
    sums[_NOT_POSITIVE] += not_positive
    sums[_NEGATIVE] += negative


@njit(cache=True, nogil=True, fastmath=REASSOCIATE, error_model="numpy")
def take_logs(values):
    """Natural logarithm of positive numbers in place, to 1e-15 of itself.

    A call of the library's logarithm for each pixel would keep the loop from running in vectors and take four times as
    long. x = 2^k m with m in [sqrt(1/2), sqrt(2)); ln m = 2 artanh((m - 1) / (m + 1)) by its series.
    """
    bits = values.view(np.int64)
    for i in range(values.size):
        exponent = (bits[i] - _ROOT_HALF_BITS) >> 52
        bits[i] -= exponent << 52
        s = (values[i] - 1.0) / (values[i] + 1.0)
        w = s * s
        series = 1 / 11 + w * (1 / 13 + w * (1 / 15 + w * (1 / 17 + w / 19)))
        series = 1 / 3 + w * (1 / 5 + w * (1 / 7 + w * (1 / 9 + w * series)))
        values[i] = _LN_2 * exponent + 2.0 * s * (1.0 + w * series)
