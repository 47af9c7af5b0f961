"""What a dense method answers for one view."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, UInt8

# A relative error beyond this is no matter of precision: the pixel was matched to another surface.
GROSS_REL = 0.1


@dataclass(frozen=True)
class DepthEstimate:
    """Depth of one view in SfM units; all maps are (H, W) on the view's pixels.

    Attributes:
        z_depth_sfm: float32, accepted pixels only, NaN = invalid.
        sigma_sfm: float32, one standard deviation of ``z_depth_sfm``, NaN where invalid.
        normal_cam: (H, W, 3) float32, unit surface normal in the camera frame, towards the camera, NaN where invalid.
        hypothesis_sfm: float32, depth before neighbours had to agree, NaN where nothing could be matched. It comes from
            the images alone like ``z_depth_sfm``, but may be wrong: for motion masks, never for ground truth.
        n_consistent: uint8, how many neighbours agree.
        outlier: float32, probability that ``z_depth_sfm`` is off by more than :data:`GROSS_REL`, so that ``sigma_sfm`` does not
            apply; NaN where invalid.
        inferred_sfm: float32, depth of planes that no image contradicts and none confirms, where there is no ``z_depth_sfm``;
            NaN elsewhere. Never ground truth.
    """

    z_depth_sfm: Float[np.ndarray, "h w"]
    sigma_sfm: Float[np.ndarray, "h w"]
    normal_cam: Float[np.ndarray, "h w 3"]
    hypothesis_sfm: Float[np.ndarray, "h w"]
    n_consistent: UInt8[np.ndarray, "h w"]
    outlier: Float[np.ndarray, "h w"]
    inferred_sfm: Float[np.ndarray, "h w"]

    def with_shared_error(self, sigma_rel: float) -> DepthEstimate:
        """The estimate with an error that all pixels share, relative to depth, in its sigma."""
        return replace(self, sigma_sfm=np.hypot(self.sigma_sfm, np.float32(sigma_rel) * self.z_depth_sfm))


def empty_estimate(height: int, width: int) -> DepthEstimate:
    """No depth anywhere."""
    nothing = np.full((height, width), np.nan, dtype=np.float32)
    return DepthEstimate(
        z_depth_sfm=nothing,
        sigma_sfm=nothing.copy(),
        normal_cam=np.full((height, width, 3), np.nan, dtype=np.float32),
        hypothesis_sfm=nothing.copy(),
        n_consistent=np.zeros((height, width), dtype=np.uint8),
        outlier=nothing.copy(),
        inferred_sfm=nothing.copy(),
    )
