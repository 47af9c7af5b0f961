"""How far a lens parameter may be off, told by what it changes to when a part of the clip is left out.

Bundle adjustment's covariance takes every observation for an independent measurement. It is not: what lens, shutter and scene
hold beyond the model moves whole views and whole parts of the image, and a track drifts as a whole. So the lens is estimated
again without each of twelve parts of the image, and without each of eight parts of the clip's time (the delete-a-group
jackknife: Kott 2001, "The delete-a-group jackknife", Journal of Official Statistics 17).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from sfm_gt.sfm.bundle import FREE, Bundle
from sfm_gt.sfm.linearised import Linearised, lens_directions

# Parts of the image (across, down) and of time: large, since what a lens model lacks is alike over a good part of the image.
IMAGE_PARTS, TIME_PARTS = (4, 3), 8
UNKNOWN_REL = 10.0  # a sigma that says that nothing is known


@dataclass(frozen=True)
class LensNoise:
    """How a clip errs.

    Attributes:
        spread: ratio of the lens's standard deviation, by leaving parts out, to that of independent observations; root mean
            square over its parameters, at least 1.
        noise_px2: variance of one coordinate of an observation, as the Cauchy loss weighs it: 0.78 of the variance where errors
            are Gaussian.
    """

    spread: float
    noise_px2: float

    @property
    def error_px2(self) -> float:
        """Rise of a bundle's cost that makes one standard deviation."""
        return self.spread**2 * self.noise_px2


@dataclass(frozen=True)
class CameraSigma:
    """Relative standard deviations: of the focal length, and of depths, apart from their scale, due to all of the cameras."""

    focal_rel: float
    depth_rel: float


def lens_noise(bundle: Bundle) -> LensNoise:
    """Measures the noise of an adjusted bundle whose views are in the order of time."""
    data = replace(bundle, prior=None)
    estimate = Linearised(data, lens_directions(data.camera, FREE)).estimate
    columns, rows = np.clip(data.xy / data.size * IMAGE_PARTS, 0, np.array(IMAGE_PARTS) - 1).astype(int).T
    in_image = _variance_without(data, columns * IMAGE_PARTS[1] + rows)
    in_time = _variance_without(data, data.views * TIME_PARTS // len(data.cam_from_world))
    # Independent errors are in both.
    excess = (in_image + in_time) / np.maximum(np.diag(estimate.white), 1e-30) - 1.0
    return LensNoise(float(np.sqrt(max(excess.mean(), 1.0))), estimate.noise_px2)


def _variance_without(bundle: Bundle, part: Int[np.ndarray, " m"]) -> Float[np.ndarray, " k"]:
    """Variance of the lens parameters by the jackknife over groups of observations."""
    steps = np.array([_lens_step(bundle, part != left_out) for left_out in np.unique(part)])
    return (len(steps) - 1) / len(steps) * ((steps - steps.mean(axis=0)) ** 2).sum(axis=0)


def _lens_step(bundle: Bundle, kept: Bool[np.ndarray, " m"]) -> Float[np.ndarray, " k"]:
    """What the observations that are kept make of the lens."""
    # A point seen once fits whatever happens.
    kept = kept & (np.bincount(bundle.points[kept], minlength=len(bundle.xyz))[bundle.points] >= 2)
    views, view = np.unique(bundle.views[kept], return_inverse=True)
    points, point = np.unique(bundle.points[kept], return_inverse=True)
    smaller = replace(
        bundle, cam_from_world=bundle.cam_from_world[views], view_rows=bundle.view_rows[views], xyz=bundle.xyz[points],
        views=view, points=point, xy=bundle.xy[kept],
    )  # fmt: skip
    return Linearised(smaller, lens_directions(smaller.camera, FREE)).lens_step


def camera_sigma(bundle: Bundle, noise: LensNoise) -> CameraSigma:
    """How uncertain the cameras of a solved bundle are under its prior."""
    linearised = Linearised(bundle, lens_directions(bundle.camera, FREE))
    estimate = linearised.estimate
    variance = noise.error_px2 * float(estimate.white[0, 0]) / estimate.noise_px2
    if variance <= 0:
        # Where hardly a point holds the poses, rounding leaves no positive number.
        return CameraSigma(UNKNOWN_REL, UNKNOWN_REL)
    return CameraSigma(float(np.sqrt(variance)), float(np.sqrt(noise.error_px2 * max(linearised.depth_variance, 0.0))))
