"""Whether pixels are square: a video that lost its pixel aspect, or was squeezed into another frame, has two focal lengths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sfm_gt.sfm.bundle import FREE, Bundle
from sfm_gt.sfm.linearised import Linearised, by_lens_px, lens_directions

# Vertical over horizontal focal length is called other than 1 beyond this share at as many sigma of the points' scatter. The
# rendered rooms, the kitchen and clips by others come to at most 3.3 sigma, one whose frames are averages of their neighbours
# to 5.4; the kitchen squeezed from 4:3 to 16:9 comes to -25 % at 16. Lost pixel aspects of broadcast are 7 % and more.
MIN_OFF, MIN_SIGMAS = 0.04, 6.0


@dataclass(frozen=True)
class PixelAspect:
    """Vertical over horizontal focal length.

    Attributes:
        ratio: 1 for square pixels; one step from a compromise between two focal lengths, so good to about a tenth.
        sigmas: its distance from 1 in standard deviations.
    """

    ratio: float
    sigmas: float

    @property
    def square(self) -> bool:
        """Whether nothing speaks against square pixels."""
        return abs(self.ratio - 1.0) <= MIN_OFF or self.sigmas <= MIN_SIGMAS


def pixel_aspect(bundle: Bundle) -> PixelAspect:
    """Asks an adjusted bundle by Rao's score test, with poses, points and the lens free to follow."""
    vertical = by_lens_px(bundle, lens_directions(bundle.camera, "f")) * np.array([0.0, 1.0])[:, None]
    estimate = Linearised(bundle, lens_directions(bundle.camera, FREE), vertical).estimate
    step, sigma = float(estimate.step[-1]), float(np.sqrt(max(estimate.clustered[-1, -1], 1e-30)))
    # A step of the linearised bundle is no distance: what no images hold together may step anywhere.
    return PixelAspect(1.0 + float(np.clip(step, -0.9, 9.0)), abs(step) / sigma)
