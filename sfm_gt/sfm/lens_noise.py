"""How far a lens parameter may be off: the noise of a clip's tracks, with what its own scatter does not show.

Bundle adjustment's covariance takes every observation for an independent measurement. It is not: all views of a point are
matched against one of them, and what lens, shutter and scene hold beyond the model moves whole views and whole parts of the
image. Two corrections are measured on the clip itself, the third is a constant.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from sfm_gt.sfm.bundle import FREE, Bundle
from sfm_gt.sfm.focal_curve import focal_curve_terms
from sfm_gt.sfm.linearised import Linearised, by_lens_px, lens_directions

# Ratio of true error to stated sigma that is left after both corrections: root mean square of the focal length's on fifteen
# windows of 26 to 60 frames of the kitchen, whole and cropped, whose focal length is known (1.5, rounded up).
INFLATION = 1.6
UNKNOWN_REL = 10.0  # a sigma that says that nothing is known
# Parameters that are known to be zero tell how far this clip's errors exceed their stated sigma; more has another cause.
MAX_MISFIT = 3.0
N_NULL_CURVE_TERMS = 3


@dataclass(frozen=True)
class LensNoise:
    """How a clip errs.

    Attributes:
        clustering: variance of the log focal length with shared errors over that of independent observations.
        misfit: ratio of error to stated sigma of parameters that are known to be zero, at least 1.
        noise_px2: variance of one coordinate of an observation, as the Cauchy loss weighs it: 0.78 of the variance where errors
            are Gaussian.
    """

    clustering: float
    misfit: float
    noise_px2: float

    @property
    def error_px2(self) -> float:
        """Rise of a bundle's cost that makes one standard deviation."""
        return (INFLATION * self.misfit) ** 2 * self.clustering * self.noise_px2


@dataclass(frozen=True)
class CameraSigma:
    """Relative standard deviations: of the focal length, and of depths, apart from their scale, due to all of the cameras."""

    focal_rel: float
    depth_rel: float


def lens_noise(bundle: Bundle, times_s: Float[np.ndarray, " v"]) -> LensNoise:
    """Measures the noise of an adjusted bundle.

    Args:
        times_s: of the views.
    """
    data = replace(bundle, prior=None)
    moves = lens_directions(data.camera, FREE)
    estimate = Linearised(data, moves).estimate
    clustering = max(float(estimate.clustered[0, 0] / estimate.white[0, 0]), 1.0)
    terms = focal_curve_terms(times_s, N_NULL_CURVE_TERMS)
    effects = by_lens_px(data, moves[:, :1]) * terms[data.views][:, None, :]
    null = Linearised(data, moves, effects).estimate
    n_null = terms.shape[1]
    ratio = null.step[-n_null:] / np.sqrt(np.maximum(np.diag(null.clustered)[-n_null:], 1e-30))
    misfit = float(np.clip(np.sqrt(np.mean(ratio**2)), 1.0, MAX_MISFIT)) if n_null else 1.0
    return LensNoise(clustering, misfit, estimate.noise_px2)


def camera_sigma(bundle: Bundle, noise: LensNoise) -> CameraSigma:
    """How uncertain the cameras of a solved bundle are under its prior."""
    linearised = Linearised(bundle, lens_directions(bundle.camera, FREE))
    estimate = linearised.estimate
    variance = noise.error_px2 * float(estimate.white[0, 0]) / estimate.noise_px2
    if variance <= 0:
        # Where hardly a point holds the poses, rounding leaves no positive number.
        return CameraSigma(UNKNOWN_REL, UNKNOWN_REL)
    return CameraSigma(float(np.sqrt(variance)), float(np.sqrt(noise.error_px2 * max(linearised.depth_variance, 0.0))))
