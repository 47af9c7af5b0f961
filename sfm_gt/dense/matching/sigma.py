"""The error bar of a pixel: matching curvature, disagreement between views and free-space violations, joined and calibrated.

Sigma of inverse depth is ``inflation * sqrt((A * matching)^2 + (B * spread)^2 + (C * w)^2)``: ``matching`` from the normal
equations of the patch (curvature, baseline and noise), ``spread`` the scatter of what the views say, ``C`` a floor. The
inflation grows with the matching's uncertainty in pixels around the pixel, because wrong matches begin where a patch
cannot tell, and with every neighbour that sees through the point.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from scipy.special import expit, logit

from sfm_gt.dense.matching.hypothesis import Hypothesis
from sfm_gt.dense.matching.likeness import AGREE_REL
from sfm_gt.dense.matching.overgrowth import Overgrowth
from sfm_gt.dense.matching.surface import Surface
from sfm_gt.dense.matching.weak_texture import PlainSurfaces

# Fitted once on the rendered scene "studio", then held.
MATCHING, SPREAD, FLOOR_REL = 0.0475, 0.133, 1.01e-4
INFLATION_PER_PX, INFLATION_PER_VIOLATION = 59.9, 2.67
# Logarithms of sigma and of the odds of an outlier by: the logarithm of the matching's sigma, that of the rise behind (plus
# RISE_OFFSET), the outlines about it, agreement with what looks alike, the step down beside it, one. Fitted by
# benchmarks/accuracy/fit_sigma.py on rendered rooms, which docs/figures.md names.
RISE_OFFSET = np.float32(0.1)
SIGMA = 0.427, -0.03, 0.245, -0.953, -0.154, -2.606
OUTLIER = 0.236, -0.465, 0.593, -2.629, 2.082, -0.124
# The logarithm of the odds grows by this, times the logarithm of the distance to the region's backdrop (weak_texture.py), plus
# an offset, over BACKDROP_REL; relative to inverse depth. Fitted with OUTLIER.
BACKDROP, BACKDROP_OFFSET, BACKDROP_REL = 0.831, np.float32(0.01), np.float32(0.1)
# Sigma of a plane over what its shift and its scatter say together. Logarithm of the odds that a confirmed plane is a wrong
# one by: the logarithm of the rise behind (plus RISE_OFFSET), what lies farther around it, the logarithm of its extent, what
# looks alike and lies in it, one. Fitted likewise.
PLANE_SIGMA = 1.6
PLANE_OUTLIER = -0.808, 2.533, -0.607, -4.146, -3.091
# A plane is believed up to this probability of being a wrong one: unlike matched depth it is wrong over whole regions.
MAX_PLANE_OUTLIER = 0.1
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


def judged(
    matched: Float[np.ndarray, "h w"],
    matching: Float[np.ndarray, "h w"],
    overgrowth: Overgrowth,
    outline: Float[np.ndarray, "h w"],
) -> Surface:
    """Matched depth with its sigma and its odds.

    Args:
        matched: inverse depth by matching, 0 = none.
        matching: its :func:`sigma_of_matching`.
        outline: see :class:`~sfm_gt.dense.matching.weak_texture.WeakTexture`.
    """
    known = matched > 0
    relative = np.where(known, matching / np.where(known, matched, 1.0), 1.0)
    features = evidence_of(relative, overgrowth, outline)
    sigma_rel, outlier = np.exp(_weighted(SIGMA, features)), expit(_weighted(OUTLIER, features))
    return Surface(matched, sigma_rel.astype(np.float32), outlier.astype(np.float32))


def joined(matched: Surface, plain: PlainSurfaces) -> Surface:
    """Matched depth, and the planes to believe where it is missing, or differs from them and is more doubtful."""
    known = matched.inverse_depth > 0
    off_backdrop = distance_to_backdrop(matched.inverse_depth, plain.backdrop)
    raised = expit(logit(matched.outlier) + BACKDROP * off_backdrop)
    matched_outlier = np.where(off_backdrop == 0.0, matched.outlier, raised).astype(np.float32)
    plane_outlier = expit(_weighted(PLANE_OUTLIER, evidence_of_planes(plain))).astype(np.float32)
    believed = plain.confirmed & (plain.inverse_depth > 0) & (plane_outlier < MAX_PLANE_OUTLIER)
    off = np.abs(matched.inverse_depth / np.maximum(plain.inverse_depth, 1e-12) - 1.0)
    # Matched depth this near to a plane is kept: it knows details that the plane does not.
    agree = believed & known & (off < AGREE_REL)
    outlier = np.where(agree, np.minimum(matched_outlier, plane_outlier), matched_outlier)
    taken = believed & ~agree & (~known | (plane_outlier < outlier))
    by_plane = PLANE_SIGMA * np.hypot(plain.shift_sigma_rel, plain.scatter_rel)
    return Surface(
        np.where(taken, plain.inverse_depth, matched.inverse_depth),
        np.where(taken, by_plane, matched.sigma_rel).astype(np.float32),
        np.where(taken, plane_outlier, outlier).astype(np.float32),
    )


def evidence_of(
    matching_rel: Float[np.ndarray, "h w"], overgrowth: Overgrowth, outline: Float[np.ndarray, "h w"]
) -> tuple[np.ndarray | np.float64, ...]:
    """What SIGMA and OUTLIER weigh, one (h, w) map each, and a one.

    Args:
        matching_rel: :func:`sigma_of_matching` over inverse depth.
    """
    rise = np.log(overgrowth.rise + RISE_OFFSET)
    return np.log(matching_rel), rise, outline, overgrowth.alike, overgrowth.step, np.float64(1.0)


def distance_to_backdrop(
    matched: Float[np.ndarray, "h w"], backdrop: Float[np.ndarray, "h w"]
) -> Float[np.ndarray, "h w"]:
    """What BACKDROP weighs, (h, w) float32: negative near the region's backdrop, positive far from it, 0 where there is none.

    A wall's halo around a person of its colour has the person's depth and looks like it; the wall behind speaks against it.

    Args:
        matched, backdrop: inverse depth, 0 = none.
    """
    both = (matched > 0) & (backdrop > 0)
    off = np.abs(np.log(np.where(both, matched, 1.0) / np.where(both, backdrop, 1.0)))
    return np.where(both, np.log((off + BACKDROP_OFFSET) / BACKDROP_REL), np.float32(0.0))


def evidence_of_planes(plain: PlainSurfaces) -> tuple[np.ndarray | np.float64, ...]:
    """What PLANE_OUTLIER weighs, one (h, w) map each, and a one; it means nothing where there is no plane."""
    extent = np.log(np.maximum(plain.extent, 1e-6))
    return np.log(plain.rise + RISE_OFFSET), plain.farther, extent, plain.alike, np.float64(1.0)


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
