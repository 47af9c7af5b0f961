"""Depth metrics over the valid pixels of one map.

All take ``(prediction, gt, valid)``: two maps of z-depth of one shape and in one unit, and where to score. Sums run in
float64. Every metric is NaN when no pixel is valid, and when the prediction of a valid pixel is NaN: a missing value is
never an error of zero, and the caller says what it counts as (see ``protocol.py``).

Definitions follow Eigen et al. 2014 (AbsRel, SqRel, RMSE, RMSElog, delta), the KITTI depth benchmark (SILog, iRMSE) and
Make3D (log10).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

DELTA_BASE = 1.25


def abs_rel(prediction: Float[np.ndarray, "*n"], gt: Float[np.ndarray, "*n"], valid: Bool[np.ndarray, "*n"]) -> float:
    """mean |p - g| / g; no unit."""
    p, g = _scored(prediction, gt, valid)
    return _mean(np.abs(p - g) / g)


def sq_rel_eigen(
    prediction: Float[np.ndarray, "*n"], gt: Float[np.ndarray, "*n"], valid: Bool[np.ndarray, "*n"]
) -> float:
    """mean (p - g)^2 / g; in the unit of depth. What tables call SqRel, although it is not relative."""
    p, g = _scored(prediction, gt, valid)
    return _mean((p - g) ** 2 / g)


def sq_rel(prediction: Float[np.ndarray, "*n"], gt: Float[np.ndarray, "*n"], valid: Bool[np.ndarray, "*n"]) -> float:
    """mean (p - g)^2 / g^2; no unit. The true squared relative error."""
    p, g = _scored(prediction, gt, valid)
    return _mean(((p - g) / g) ** 2)


def mae(prediction: Float[np.ndarray, "*n"], gt: Float[np.ndarray, "*n"], valid: Bool[np.ndarray, "*n"]) -> float:
    """mean |p - g|; in the unit of depth."""
    p, g = _scored(prediction, gt, valid)
    return _mean(np.abs(p - g))


def rmse(prediction: Float[np.ndarray, "*n"], gt: Float[np.ndarray, "*n"], valid: Bool[np.ndarray, "*n"]) -> float:
    """sqrt mean (p - g)^2; in the unit of depth."""
    p, g = _scored(prediction, gt, valid)
    return float(np.sqrt(_mean((p - g) ** 2)))


def rmse_log(prediction: Float[np.ndarray, "*n"], gt: Float[np.ndarray, "*n"], valid: Bool[np.ndarray, "*n"]) -> float:
    """sqrt mean (ln p - ln g)^2; no unit. NaN when a prediction is not positive."""
    return float(np.sqrt(_mean(_log_error(prediction, gt, valid) ** 2)))


def log10(prediction: Float[np.ndarray, "*n"], gt: Float[np.ndarray, "*n"], valid: Bool[np.ndarray, "*n"]) -> float:
    """mean |log10 p - log10 g|; no unit. NaN when a prediction is not positive."""
    return _mean(np.abs(_log_error(prediction, gt, valid))) / float(np.log(10.0))


def silog(prediction: Float[np.ndarray, "*n"], gt: Float[np.ndarray, "*n"], valid: Bool[np.ndarray, "*n"]) -> float:
    """100 sqrt(mean e^2 - (mean e)^2), e = ln p - ln g; no unit. NaN when a prediction is not positive.

    The KITTI benchmark's definition, also of Marigold, ZoeDepth and UniDepth; not the training loss of the same name.
    """
    # The variance around the mean is the same number, and does not go below zero by rounding.
    error = _log_error(prediction, gt, valid)
    return 100.0 * float(np.sqrt(_mean((error - _mean(error)) ** 2)))


def irmse(prediction: Float[np.ndarray, "*n"], gt: Float[np.ndarray, "*n"], valid: Bool[np.ndarray, "*n"]) -> float:
    """sqrt mean (1/p - 1/g)^2; in the inverse of the unit of depth. Infinite when a prediction is zero."""
    p, g = _scored(prediction, gt, valid)
    with np.errstate(divide="ignore"):
        return float(np.sqrt(_mean((1.0 / p - 1.0 / g) ** 2)))


def delta1(prediction: Float[np.ndarray, "*n"], gt: Float[np.ndarray, "*n"], valid: Bool[np.ndarray, "*n"]) -> float:
    """Share of pixels with max(p/g, g/p) < 1.25, strictly; a fraction. A prediction <= 0 is never inside."""
    return _delta(prediction, gt, valid, DELTA_BASE)


def delta2(prediction: Float[np.ndarray, "*n"], gt: Float[np.ndarray, "*n"], valid: Bool[np.ndarray, "*n"]) -> float:
    """As ``delta1`` with 1.25^2."""
    return _delta(prediction, gt, valid, DELTA_BASE**2)


def delta3(prediction: Float[np.ndarray, "*n"], gt: Float[np.ndarray, "*n"], valid: Bool[np.ndarray, "*n"]) -> float:
    """As ``delta1`` with 1.25^3."""
    return _delta(prediction, gt, valid, DELTA_BASE**3)


UNITLESS = {
    "abs_rel": abs_rel, "delta1": delta1, "delta2": delta2, "delta3": delta3, "sq_rel": sq_rel,
    "rmse_log": rmse_log, "log10": log10, "silog": silog,
}  # fmt: skip
"""Metrics that do not change when prediction and GT are scaled together: they hold in SfM units too."""

IN_METRES = {"rmse": rmse, "mae": mae, "sq_rel_eigen": sq_rel_eigen, "irmse": irmse}
"""Metrics that carry the unit of depth (iRMSE its inverse): only clips with a metric scale have them."""


def _scored(
    prediction: Float[np.ndarray, "*n"], gt: Float[np.ndarray, "*n"], valid: Bool[np.ndarray, "*n"]
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    # Grading gathers once for all metrics and passes whole vectors, for which another copy would cost most of the time.
    if valid.all():
        prediction, gt = prediction.reshape(-1), gt.reshape(-1)
    else:
        prediction, gt = prediction[valid], gt[valid]
    return prediction.astype(np.float64, copy=False), gt.astype(np.float64, copy=False)


def _mean(values: Float[np.ndarray, " k"]) -> float:
    return float(values.mean()) if values.size else float("nan")


def _log_error(
    prediction: Float[np.ndarray, "*n"], gt: Float[np.ndarray, "*n"], valid: Bool[np.ndarray, "*n"]
) -> Float[np.ndarray, " k"]:
    p, g = _scored(prediction, gt, valid)
    error: Float[np.ndarray, " k"] = np.log(np.where(p > 0, p, np.nan)) - np.log(g)
    return error


def _delta(
    prediction: Float[np.ndarray, "*n"], gt: Float[np.ndarray, "*n"], valid: Bool[np.ndarray, "*n"], bound: float
) -> float:
    p, g = _scored(prediction, gt, valid)
    if not np.isfinite(p).all():
        return float("nan")
    # Written as products: exact at the bound for representable numbers, and a prediction <= 0 fails the second one.
    return _mean(((p < bound * g) & (g < bound * p)).astype(np.float64))
