"""Depth metrics from the sums over pixels, and the same over the valid pixels of one map.

    abs_rel             mean |p - g| / g
    sq_rel_eigen        mean (p - g)^2 / g; what tables call SqRel, although it is not relative. Unit of depth
    sq_rel              mean (p - g)^2 / g^2; the true squared relative error
    mae, rmse           mean |p - g|, sqrt mean (p - g)^2. Unit of depth
    irmse               sqrt mean (1/p - 1/g)^2. 1 / unit of depth; infinite when a prediction is zero
    rmse_log            sqrt mean e^2, e = ln p - ln g
    log10               mean |log10 p - log10 g|
    silog               100 sqrt(mean e^2 - (mean e)^2); the KITTI benchmark's, also of Marigold, ZoeDepth and UniDepth
    silog_loss          sqrt(mean e^2 - 0.5 (mean e)^2); what Depth Anything v2's training prints as silog
    si_rmse             sqrt of the mean of (e_i - e_j)^2 over all pairs of pixels (MannequinChallenge, si-full)
    delta1, 2, 3        share of pixels with max(p/g, g/p) < 1.25^k, strictly; a prediction <= 0 is never inside
    delta_quarter, half the same with 1.25^0.25, 1.25^0.5
    delta_1_03 ...      the same with 1.03, 1.05, 1.10
    d_auc               mean over e in [0, 5] of the share with max(p/g, g/p) < 1.25^e (UniDepth); exact, since the integral
                        of a step is the length that remains: mean max(0, 1 - |ln p - ln g| / (5 ln 1.25))

Shares are fractions. Every metric is NaN over no pixel, and those with logarithms are NaN where a prediction is not positive:
a missing value is never an error of zero. Definitions follow Eigen et al. 2014 (AbsRel, SqRel, RMSE, RMSElog, delta), the
KITTI depth benchmark (SILog, iRMSE) and Make3D (log10).
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Bool, Float

from sfm_gt.metrics.alignment import Affine, DepthRange
from sfm_gt.metrics.pixel_sums import BOUNDS, COLUMN, pixel_sums

UNITLESS = (
    "abs_rel", "delta1", "delta2", "delta3", "sq_rel", "rmse_log", "log10", "silog", "silog_loss", "si_rmse", "d_auc",
    "delta_quarter", "delta_half", "delta_1_03", "delta_1_05", "delta_1_10",
)  # fmt: skip
"""Metrics that do not change when prediction and GT are scaled together: they hold in SfM units too."""
IN_METRES = ("rmse", "mae", "sq_rel_eigen", "irmse")
"""Metrics that carry the unit of depth (iRMSE its inverse): only clips with a metric scale have them."""
METRICS = (*UNITLESS, *IN_METRES)
HIGHER_IS_BETTER = frozenset({*BOUNDS, "d_auc"})
"""The others are errors."""

UNALIGNED = Affine(1.0, 0.0)
UNCHANGED = DepthRange(-np.inf, np.inf, 0.0)


def metrics_of(sums: Float[np.ndarray, "*k sums"]) -> Float[np.ndarray, "*k metrics"]:
    """Every metric of METRICS, in that order, from sums over pixels (columns ``pixel_sums.SUMS``)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        means = sums / sums[..., :1]
        mean = {name: means[..., column] for name, column in COLUMN.items()}
        # Sums of logarithms that miss a pixel are no mean over all of them.
        log, log_square = (np.where(mean["not_positive"] == 0, mean[name], np.nan) for name in ("log", "log_square"))
        spread = np.maximum(log_square - log**2, 0.0)
        found = {
            "abs_rel": mean["relative"], "sq_rel": mean["relative_square"], "sq_rel_eigen": mean["square_over_depth"],
            "mae": mean["absolute"], "rmse": np.sqrt(mean["square"]), "irmse": np.sqrt(mean["inverse_square"]),
            "rmse_log": np.sqrt(log_square), "silog": 100.0 * np.sqrt(spread), "si_rmse": np.sqrt(2.0 * spread),
            "log10": np.where(mean["not_positive"] == 0, mean["log_absolute"], np.nan) / math.log(10.0),
            "silog_loss": np.sqrt(np.maximum(log_square - 0.5 * log**2, 0.0)), "d_auc": mean["auc"],
            **{name: mean[name] for name in BOUNDS},
        }  # fmt: skip
    return np.stack([found[name] for name in METRICS], axis=-1)


def si_rmse_between(one: Float[np.ndarray, " sums"], other: Float[np.ndarray, " sums"]) -> float:
    """sqrt of the mean of (e_i - e_j)^2 over pairs of a pixel of ``one`` and a pixel of ``other`` (MannequinChallenge).

    NaN where a set is empty or holds a prediction that is not positive.
    """
    parts = []
    for sums in (one, other):
        if sums[COLUMN["n"]] == 0 or sums[COLUMN["not_positive"]] > 0:
            return math.nan
        parts.append((sums[COLUMN["log"]] / sums[0], sums[COLUMN["log_square"]] / sums[0]))
    (mean, square), (other_mean, other_square) = parts
    return math.sqrt(max(square + other_square - 2.0 * mean * other_mean, 0.0))


def scores(
    prediction: Float[np.ndarray, "*n"],
    gt: Float[np.ndarray, "*n"],
    valid: Bool[np.ndarray, "*n"],
    affine: Affine = UNALIGNED,
    depth_range: DepthRange = UNCHANGED,
) -> dict[str, float]:
    """Every metric over the valid pixels of one map; NaN when none is valid or the prediction of one is not finite.

    Args:
        prediction, gt: z-depth of one shape and, after ``affine``, in one unit.
        affine: by ``alignment.fit``.
    """
    p, g = (prediction.reshape(-1), gt.reshape(-1)) if valid.all() else (prediction[valid], gt[valid])
    if not np.isfinite(p).all():
        return dict.fromkeys(METRICS, math.nan)
    sums = pixel_sums(p, g, np.array([0, p.size]), affine, depth_range)
    return dict(zip(METRICS, metrics_of(sums)[0].tolist(), strict=True))


def score(
    metric: str, prediction: Float[np.ndarray, "*n"], gt: Float[np.ndarray, "*n"], valid: Bool[np.ndarray, "*n"]
) -> float:
    """One of :func:`scores`, by its name."""
    return scores(prediction, gt, valid)[metric]
