"""The error bar of a pixel: matching curvature, disagreement between views and free-space violations, joined and calibrated.

Sigma of inverse depth is ``inflation * sqrt((A * matching)^2 + (B * spread)^2 + (C * w)^2)``: ``matching`` from the normal
equations of the patch (curvature, baseline and noise), ``spread`` the scatter of what the views say, ``C`` a floor. The
inflation grows with the matching's uncertainty in pixels around the pixel, because wrong matches begin where a patch
cannot tell, and with every neighbour that sees through the point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from scipy.special import expit

from sfm_gt.dense.matching.hypothesis import Hypothesis
from sfm_gt.dense.matching.overgrowth import Overgrowth
from sfm_gt.dense.matching.weak_texture import PlainSurfaces

# Fitted once on the rendered scene "studio", then held.
MATCHING, SPREAD, FLOOR_REL = 0.0475, 0.133, 1.01e-4
INFLATION_PER_PX, INFLATION_PER_VIOLATION = 59.9, 2.67
# Logarithms of sigma and of the odds of an outlier by: the logarithm of the matching's sigma, that of the rise behind (plus
# RISE_OFFSET), the outlines about it, agreement with what looks alike, the step down beside it, one. Fitted by
# benchmarks/accuracy/fit_sigma.py on rendered rooms, which docs/figures.md names.
RISE_OFFSET = np.float32(0.1)
SIGMA = 0.432, -0.055, 0.221, -0.943, -0.104, -2.535
OUTLIER = 0.224, -0.545, 0.531, -2.654, 2.504, -0.153
# Sigma of a plane over what its shift and its scatter say together, and how often a confirmed plane is a wrong one.
PLANE_SIGMA, PLANE_OUTLIER = 2.04, 0.064
# Matched depth this near to a plane is kept: it knows details that the plane does not.
AGREE_REL = np.float32(0.03)
# Uncertainty in pixels is averaged over this window; beyond the maximum a pixel knows nothing.
WINDOW_PX, MAX_MATCHING_PX = 7, 3.0


def sigma_of_matching(
    own: Hypothesis, spread: Float[np.ndarray, "h w"], violations: UInt8[np.ndarray, "h w"]
) -> Float[np.ndarray, "h w"]:
    """What matching and agreement alone say of the error of inverse depth, (h, w) float32; infinite where nothing was matched.

    Args:
        own: the view's own answer; its ``sigma`` is what the matching alone says.
        spread: standard deviation of what the agreeing views say about the inverse depth.
        violations: how many neighbours see through the point.
    """
    matching_px = matching_sigma_px(own)
    inflation = (1.0 + INFLATION_PER_PX * matching_px) * np.power(np.float32(INFLATION_PER_VIOLATION), violations)
    variance = (MATCHING * own.sigma) ** 2 + (SPREAD * spread) ** 2 + (FLOOR_REL * own.planes[..., 0]) ** 2
    return (inflation * np.sqrt(variance)).astype(np.float32)


@dataclass(frozen=True)
class Surface:
    """Matched depth and planes in one map, on the view's pixels; all (h, w) float32.

    Attributes:
        inverse_depth: 1 / SfM units, 0 = none.
        sigma_rel: one standard deviation of it, relative, where it is no outlier.
        outlier: probability that it is off by more than :data:`~sfm_gt.dense.shared.estimate.GROSS_REL`.
    """

    inverse_depth: Float[np.ndarray, "h w"]
    sigma_rel: Float[np.ndarray, "h w"]
    outlier: Float[np.ndarray, "h w"]


def joined(
    matched: Float[np.ndarray, "h w"],
    matching: Float[np.ndarray, "h w"],
    overgrowth: Overgrowth,
    plain: PlainSurfaces,
) -> Surface:
    """Matched depth, and the confirmed planes where it is missing or differs from them.

    Args:
        matched: inverse depth by matching, 0 = none.
        matching: its :func:`sigma_of_matching`.
    """
    known = matched > 0
    relative = np.where(known, matching / np.where(known, matched, 1.0), 1.0)
    features = evidence_of(relative, overgrowth, plain)
    sigma_rel, outlier = np.exp(_weighted(SIGMA, features)), expit(_weighted(OUTLIER, features))
    agree = plain.confirmed & known & (np.abs(matched / np.maximum(plain.inverse_depth, 1e-12) - 1.0) < AGREE_REL)
    outlier[agree] = np.minimum(outlier[agree], PLANE_OUTLIER)
    taken = plain.confirmed & (plain.inverse_depth > 0) & ~agree
    by_plane = PLANE_SIGMA * np.hypot(plain.shift_sigma_rel, plain.scatter_rel)
    return Surface(
        np.where(taken, plain.inverse_depth, matched),
        np.where(taken, by_plane, sigma_rel).astype(np.float32),
        np.where(taken, np.float32(PLANE_OUTLIER), outlier).astype(np.float32),
    )


def evidence_of(
    matching_rel: Float[np.ndarray, "h w"], overgrowth: Overgrowth, plain: PlainSurfaces
) -> tuple[np.ndarray | np.float64, ...]:
    """What SIGMA and OUTLIER weigh, one (h, w) map each, and a one.

    Args:
        matching_rel: :func:`sigma_of_matching` over inverse depth.
    """
    rise = np.log(overgrowth.rise + RISE_OFFSET)
    return np.log(matching_rel), rise, plain.outline, overgrowth.alike, overgrowth.step, np.float64(1.0)


def _weighted(weights: Sequence[float], features: Sequence[np.ndarray | np.float64]) -> np.ndarray:
    """Added one after the other, so that no number of threads changes the sum."""
    total = np.zeros(features[0].shape)
    for weight, feature in zip(weights, features, strict=True):
        total += weight * feature
    return total


def matching_sigma_px(own: Hypothesis) -> Float[np.ndarray, "h w"]:
    """Root mean square over the window of the matching's sigma, in pixels of displacement, unmatched pixels at the maximum."""
    px = np.where(own.inverse_depth > 0, np.minimum(own.sigma / own.step, MAX_MATCHING_PX), MAX_MATCHING_PX)
    return np.sqrt(cv2.blur((px * px).astype(np.float32), (WINDOW_PX, WINDOW_PX)))
