"""The focal length as a curve over time: zoom, focus breathing, or noise.

The curve is a sum of cosines, whose amplitudes join the linearised bundle adjustment as unknowns: poses and points are free
to follow, so that a dolly is no zoom, and the covariance says what remains.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sfm_gt.sfm.bundle import Bundle
from sfm_gt.sfm.linearised import Linearised, by_lens_px, lens_directions

# Shortest period of the curve. A focus motor takes a good part of a second to hunt to and fro; faster is shake.
PERIOD_S = 0.9
MIN_TERMS, MAX_TERMS = 3, 12


@dataclass(frozen=True)
class FocalCurve:
    """Relative change of the focal length over time.

    Attributes:
        log_ratio: (V,) log of the focal length of each view over the clip's.
        sigma: (V,) its standard deviation, inflated as that of the focal length.
        first_to_last: net change from the first to the last view.
    """

    log_ratio: Float[np.ndarray, " v"]
    sigma: Float[np.ndarray, " v"]

    @property
    def swing(self) -> float:
        """How far the focal length goes from its shortest to its longest."""
        return float(np.ptp(self.log_ratio))

    @property
    def significant_swing(self) -> float:
        """The swing less what noise alone makes of it: 2 sigma at both ends; 0 where nothing is left."""
        high, low = int(np.argmax(self.log_ratio)), int(np.argmin(self.log_ratio))
        return max(self.swing - 2.0 * float(np.hypot(self.sigma[high], self.sigma[low])), 0.0)

    @property
    def first_to_last(self) -> float:
        """Net change over the clip as a share of the swing: near 1 for a zoom, less for breathing."""
        return abs(float(self.log_ratio[-1] - self.log_ratio[0])) / max(self.swing, 1e-12)


def focal_curve(bundle: Bundle, times_s: Float[np.ndarray, " v"], inflation: float) -> FocalCurve:
    """The curve of the focal length of an adjusted bundle.

    Args:
        times_s: of the views.
        inflation: true standard deviations over those that scatter states.
    """
    span = float(times_s[-1] - times_s[0])
    n_terms = int(np.clip(np.ceil(2 * span / PERIOD_S), MIN_TERMS, min(MAX_TERMS, max(len(times_s) // 2, 1))))
    if span <= 0 or len(times_s) < 2 * MIN_TERMS:
        return FocalCurve(np.zeros(len(times_s)), np.zeros(len(times_s)))
    terms = np.cos(np.pi * np.arange(1, n_terms + 1) * ((times_s - times_s[0]) / span)[:, None])
    moves = lens_directions(bundle.camera)
    by_focal = by_lens_px(bundle, moves[:, :1])
    estimate = Linearised(bundle, moves, by_focal * terms[bundle.views][:, None, :]).estimate
    amplitudes, covariance = estimate.step[-n_terms:], inflation**2 * estimate.clustered[-n_terms:, -n_terms:]
    curve = terms @ amplitudes
    return FocalCurve(curve - curve.mean(), np.sqrt(np.einsum("vi,ij,vj->v", terms, covariance, terms)))
