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
# Two sigma each way; the highest and the lowest of a noisy curve are picked, which makes one more of it.
NOISE_SIGMAS = 3.0


@dataclass(frozen=True)
class FocalCurve:
    """Relative change of the focal length over time.

    Attributes:
        log_ratio: (V,) log of the focal length of each view over the clip's.
        sigma: (V,) its standard deviation, as the scatter over points, views and image cells states it.
    """

    log_ratio: Float[np.ndarray, " v"]
    sigma: Float[np.ndarray, " v"]

    @property
    def swing(self) -> float:
        """How far the focal length goes from its shortest to its longest."""
        return float(np.ptp(self.log_ratio))

    @property
    def significant_swing(self) -> float:
        """The swing less what noise alone makes of it, NOISE_SIGMAS at both ends; 0 where nothing is left."""
        high, low = int(np.argmax(self.log_ratio)), int(np.argmin(self.log_ratio))
        return max(self.swing - NOISE_SIGMAS * float(np.hypot(self.sigma[high], self.sigma[low])), 0.0)

    @property
    def first_to_last(self) -> float:
        """Net change over the clip as a share of the swing: near 1 for a zoom, less for breathing."""
        return abs(float(self.log_ratio[-1] - self.log_ratio[0])) / max(self.swing, 1e-12)


def focal_curve_terms(times_s: Float[np.ndarray, " v"], n_terms: int) -> Float[np.ndarray, "v k"]:
    """Cosines over the clip's time, of one half period and more; no terms where the clock stands still."""
    span = float(times_s[-1] - times_s[0])
    if span <= 0:
        return np.zeros((len(times_s), 0))
    return np.cos(np.pi * np.arange(1, n_terms + 1) * ((times_s - times_s[0]) / span)[:, None])


def focal_curve(bundle: Bundle, times_s: Float[np.ndarray, " v"]) -> FocalCurve:
    """The curve of the focal length of an adjusted bundle.

    Args:
        times_s: of the views.
    """
    wanted = int(np.clip(np.ceil(2 * (times_s[-1] - times_s[0]) / PERIOD_S), MIN_TERMS, MAX_TERMS))
    terms = focal_curve_terms(times_s, min(wanted, len(times_s) // 2))
    moves = lens_directions(bundle.camera)
    by_focal = by_lens_px(bundle, moves[:, :1])
    estimate = Linearised(bundle, moves, by_focal * terms[bundle.views][:, None, :]).estimate
    n_lens = moves.shape[1]
    curve = terms @ estimate.step[n_lens:]
    variance = np.einsum("vi,ij,vj->v", terms, estimate.clustered[n_lens:, n_lens:], terms)
    return FocalCurve(curve - curve.mean(), np.sqrt(np.maximum(variance, 0.0)))
