"""The error bar of a pixel: matching curvature, disagreement between views and free-space violations, joined and calibrated.

Sigma of inverse depth is ``inflation * sqrt((A * matching)^2 + (B * spread)^2 + (C * w)^2)``: ``matching`` from the normal
equations of the patch (curvature, baseline and noise), ``spread`` the scatter of what the views say, ``C`` a floor. The
inflation grows with the matching's uncertainty in pixels around the pixel, because wrong matches begin where a patch
cannot tell, and with every neighbour that sees through the point.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from sfm_gt.dense.matching.hypothesis import Hypothesis

# Fitted once on the rendered scene "studio" by benchmarks/accuracy/fit_sigma.py, then held.
MATCHING, SPREAD, FLOOR_REL = 0.0475, 0.133, 1.01e-4
INFLATION_PER_PX, INFLATION_PER_VIOLATION = 59.9, 2.67
# Uncertainty in pixels is averaged over this window; beyond the maximum a pixel knows nothing.
WINDOW_PX, MAX_MATCHING_PX = 7, 3.0


def sigma_of_inverse_depth(
    own: Hypothesis, spread: Float[np.ndarray, "h w"], violations: UInt8[np.ndarray, "h w"]
) -> Float[np.ndarray, "h w"]:
    """One standard deviation of inverse depth, (h, w) float32, 1 / SfM units; infinite where nothing was matched.

    Args:
        own: the view's own answer; its ``sigma`` is what the matching alone says.
        spread: standard deviation of what the agreeing views say about the inverse depth.
        violations: how many neighbours see through the point.
    """
    matching_px = matching_sigma_px(own)
    inflation = (1.0 + INFLATION_PER_PX * matching_px) * np.power(np.float32(INFLATION_PER_VIOLATION), violations)
    variance = (MATCHING * own.sigma) ** 2 + (SPREAD * spread) ** 2 + (FLOOR_REL * own.planes[..., 0]) ** 2
    return (inflation * np.sqrt(variance)).astype(np.float32)


def matching_sigma_px(own: Hypothesis) -> Float[np.ndarray, "h w"]:
    """Root mean square over the window of the matching's sigma, in pixels of displacement, unmatched pixels at the maximum."""
    px = np.where(own.inverse_depth > 0, np.minimum(own.sigma / own.step, MAX_MATCHING_PX), MAX_MATCHING_PX)
    return np.sqrt(cv2.blur((px * px).astype(np.float32), (WINDOW_PX, WINDOW_PX)))
