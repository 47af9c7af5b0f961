"""A model's own uncertainty held against its errors: standard deviations, or a confidence of any unit that only orders pixels.

    ause            area between the sparsification curves of AbsRel by the model's uncertainty and by the error itself, in 50
                    steps of 2 % of the pixels; 0 is best (Ilg et al. 2018; steps and error of Poggi et al. 2020)
    sigma_coverage  share of pixels within one standard deviation; 0.683 where errors are normal and sigma is right
    sigma_nll       mean of e^2 / 2 + ln(sigma / t) + ln(2 pi) / 2 with e = (q - t) / sigma: negative log likelihood of normal
                    errors relative to the target, so that it has no unit; less is better

Sigma is in the unit of the prediction. It is compared where the alignment is fitted: q = s p + t0 against t = g, or against
1 / g under an alignment of disparity, with s sigma. Pixels without a finite positive sigma take no part; a prediction without
either map has no figures.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from sfm_gt.metrics.grading import DEPTH_KINDS, FrameGrader, FramePrediction, Graded
from sfm_gt.metrics.resizing import resized

UNCERTAINTY = ("ause", "sigma_coverage", "sigma_nll")
STEPS = 50

Vector = Float[np.ndarray, " n"]


def ause(error: Vector, uncertainty: Vector) -> float:
    """Area between the two sparsification curves, in the unit of ``error``; NaN without a pixel.

    Pixels of equal uncertainty could be taken out in any order, so each counts with their mean error.
    """
    if not error.size:
        return math.nan
    _, group = np.unique(uncertainty, return_inverse=True)
    tied = (np.bincount(group, error) / np.bincount(group))[group]
    return _area(tied[np.argsort(uncertainty)]) - _area(np.sort(error))


def _area(surest_first: Vector) -> float:
    """Under the mean error of what is left when the least sure 0, 2, … 98 % are taken out; at 100 % it is 0."""
    left = np.ceil(surest_first.size * (1 - np.arange(STEPS) / STEPS)).astype(np.int64)
    curve = np.append(np.cumsum(surest_first)[left - 1] / left, 0.0)
    return float(np.trapezoid(curve, dx=1 / STEPS))


def sigma_coverage(error: Vector, sigma: Vector) -> float:
    """Share of errors of at most one standard deviation, both in one unit; NaN without a pixel."""
    return float(np.mean(np.abs(error) <= sigma)) if error.size else math.nan


def sigma_nll(error: Vector, sigma: Vector) -> float:
    """Mean negative log likelihood of normal errors; NaN without a pixel."""
    if not error.size:
        return math.nan
    return float(np.mean(0.5 * (error / sigma) ** 2 + np.log(sigma)) + 0.5 * math.log(2 * math.pi))


def uncertainty_figures(grader: FrameGrader, graded: Graded, prediction: FramePrediction) -> tuple[float, float, float]:
    """UNCERTAINTY of one frame under its alignment; NaN where the prediction holds no such map."""
    affine, given = graded.affine, prediction.confidence if prediction.sigma is None else prediction.sigma
    if given is None or not affine.known:
        return math.nan, math.nan, math.nan
    matched = grader.usable(graded.protocol, prediction, graded.alignment)
    p, g = matched.p.astype(np.float64), matched.pixels.gt.astype(np.float64)
    height, width = matched.image.shape
    whole = resized(given, height, width, graded.protocol.resize)
    own = whole.take(matched.pixels.order).astype(np.float64)
    error = np.abs(affine.depth(p, grader.depth_range(graded.protocol)) - g) / g
    if prediction.sigma is None:
        known = np.isfinite(own)
        return ause(error[known], -own[known]), math.nan, math.nan
    target = 1 / g if affine.inverse else g
    # Of depth that was inverted, to first order: d(1/z) = dz / z^2.
    sigma = abs(affine.scale) * (own * p**2 if affine.inverse and prediction.kind in DEPTH_KINDS else own) / target
    known = np.isfinite(sigma) & (sigma > 0)
    relative = ((affine.scale * p + affine.shift) / target - 1)[known]
    return (
        ause(error[known], sigma[known]),
        sigma_coverage(relative, sigma[known]),
        sigma_nll(relative, sigma[known]),
    )
