"""Bringing the values of one prediction to depth in the unit of the GT, by the freedom that its kind leaves open.

| name | fit | what it grants |
|---|---|---|
| none | p | nothing |
| median | p * med(g) / med(p) | one scale (UniDepth, DUSt3R lineage; not med(g / p)) |
| ls_scale | argmin_s sum (s p - g)^2 | one scale |
| ls_affine_depth | argmin_{s,t} sum (s p + t - g)^2 | scale and shift of depth (Marigold) |
| ls_affine_disparity | argmin_{s,t} sum (s p + t - 1/g)^2, then 1 / . | the same of 1 / depth (MiDaS, Depth Anything) |

Fits are of one image, in float64, on the pixels that are scored afterwards.

Clipping, the same for all: depth is clamped into ``DepthRange`` after the fit (ZoeDepth, Depth Anything, Marigold). An
aligned disparity is floored at 1 / highest before it is inverted, so that values at or below zero become the farthest
depth. For highest <= 1000 m that is Video-Depth-Anything's rule (disparity >= 1e-3 per metre, then the depth cap), and
unlike that it holds in any unit of length. Other rules move the figures by up to 3x (MoGe: 1 / max g).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from sfm_gt.errors import SfmGtError

CONSTANT_SPREAD = 1e-12
"""Relative spread below which float64 cannot tell a prediction from a constant one."""


class AlignmentError(SfmGtError):
    """No alignment exists for this prediction, for example a median that is not positive. The frame is not scored."""


@dataclass(frozen=True)
class DepthRange:
    """Bounds of depth after alignment, in the unit of the GT."""

    lowest: float
    highest: float

    def clamp(self, depth: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
        """Depth inside the range; NaN stays NaN."""
        clamped: Float[np.ndarray, "*n"] = np.clip(depth, self.lowest, self.highest)
        return clamped


@dataclass(frozen=True)
class Affine:
    """values -> scale * values + shift."""

    scale: float
    shift: float

    def apply(self, values: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
        """Mapped values in float64."""
        return self.scale * values.astype(np.float64) + self.shift


def fit_median(
    prediction: Float[np.ndarray, "*n"], gt: Float[np.ndarray, "*n"], valid: Bool[np.ndarray, "*n"]
) -> Affine:
    """med(g) / med(p). Raises AlignmentError when no pixel is valid or med(p) is not positive."""
    p, g = _fitted(prediction, gt, valid)
    centre = float(np.median(p))
    if not centre > 0:
        raise AlignmentError(f"median of the prediction is {centre:g}; a depth up to scale must be positive")
    return Affine(float(np.median(g)) / centre, 0.0)


def fit_ls_scale(
    prediction: Float[np.ndarray, "*n"], gt: Float[np.ndarray, "*n"], valid: Bool[np.ndarray, "*n"]
) -> Affine:
    """sum(p g) / sum(p p). Raises AlignmentError when no pixel is valid or all predictions are zero."""
    p, g = _fitted(prediction, gt, valid)
    power = float(p @ p)
    if power == 0:
        raise AlignmentError("the prediction is zero everywhere; it has no scale")
    return Affine(float(p @ g) / power, 0.0)


def fit_ls_affine(
    prediction: Float[np.ndarray, "*n"], target: Float[np.ndarray, "*n"], valid: Bool[np.ndarray, "*n"]
) -> Affine:
    """Least-squares scale and shift onto ``target``. A constant prediction gets scale 0 and the mean of the target.

    Raises:
        AlignmentError: no pixel is valid.
    """
    p, t = _fitted(prediction, target, valid)
    p_mean, t_mean = float(p.mean()), float(t.mean())
    centred = p - p_mean
    power = float(centred @ centred)
    if power <= p.size * (CONSTANT_SPREAD * float(np.abs(p).max())) ** 2:
        return Affine(0.0, t_mean)
    scale = float(centred @ (t - t_mean)) / power
    return Affine(scale, t_mean - scale * p_mean)


def fit(
    alignment: str, prediction: Float[np.ndarray, "*n"], gt: Float[np.ndarray, "*n"], valid: Bool[np.ndarray, "*n"]
) -> Affine:
    """What the alignment does to the prediction's values: onto depth, or for ls_affine_disparity onto 1 / depth.

    Args:
        alignment: a name of the table above.
        valid: the pixels to fit on; prediction and GT must be finite there.

    Raises:
        AlignmentError: the fit does not exist.
        KeyError: no such alignment.
    """
    if alignment == "ls_affine_disparity":
        return fit_ls_affine(prediction, 1.0 / np.where(valid, gt, 1.0).astype(np.float64), valid)
    return DEPTH_FITS[alignment](prediction, gt, valid)


def depth_from(
    alignment: str, fitted: Affine, prediction: Float[np.ndarray, "*n"], depth_range: DepthRange
) -> Float[np.ndarray, "*n"]:
    """The prediction as depth in the unit of the GT, float64, inside ``depth_range``; NaN where it is not finite."""
    mapped = fitted.apply(np.where(np.isfinite(prediction), prediction, np.nan))
    if alignment == "ls_affine_disparity":
        mapped = 1.0 / np.maximum(mapped, 1.0 / depth_range.highest)
    return depth_range.clamp(mapped)


def _fit_none(
    prediction: Float[np.ndarray, "*n"], gt: Float[np.ndarray, "*n"], valid: Bool[np.ndarray, "*n"]
) -> Affine:
    return Affine(1.0, 0.0)


DEPTH_FITS = {"none": _fit_none, "median": fit_median, "ls_scale": fit_ls_scale, "ls_affine_depth": fit_ls_affine}
ALIGNMENTS = (*DEPTH_FITS, "ls_affine_disparity")


def _fitted(
    prediction: Float[np.ndarray, "*n"], target: Float[np.ndarray, "*n"], valid: Bool[np.ndarray, "*n"]
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    p, t = prediction[valid].astype(np.float64), target[valid].astype(np.float64)
    if p.size == 0:
        raise AlignmentError("no pixel to fit on")
    return p, t
