"""The baseline that knows only the camera: a level view over a floor, everything above the horizon far away.

A camera at HEIGHT_M looks along the floor, so z = HEIGHT_M fy / (y - cy) below the principal point, and CAP_M where
that is more or where the ray does not fall. The height is a guess, so the depth is up to scale. With
``kind: affine_invariant_disparity`` the baseline gives 1 / z and is graded as models of that kind are.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8

from sfm_gt.errors import ConfigError, InputError
from sfm_gt.geometry.conventions import PIXEL_CENTRE
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.models.shared.prediction import FrameKey, Prediction
from sfm_gt.models.shared.settings import ModelConfig

HEIGHT_M = 1.5  # chest to eye height of a person who films
CAP_M = 10.0  # the common cap of indoor benchmarks (NYUv2, ScanNet)


class GroundPlaneModel:
    """z-depth of a floor below a level camera. Raises ConfigError for a kind that it cannot be."""

    source_sha256 = None

    def __init__(self, config: ModelConfig):
        self.kind = config.kind or "scale_invariant_depth"
        if self.kind not in ("scale_invariant_depth", "affine_invariant_disparity"):
            raise ConfigError(
                f"models: {config.name}: kind: {self.kind} does not fit ground_plane, whose height is a guess; "
                "leave kind out, or use affine_invariant_disparity"
            )

    def predict(self, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None, key: FrameKey) -> Prediction:
        """Depth of the plane for the camera of the image. Raises InputError without a camera."""
        if camera is None:
            raise InputError(f"ground_plane: clip {key.clip_id} frame {key.frame_index} has no camera; it needs one")
        height, width = image.shape[:2]
        below_horizon = (np.arange(height) + PIXEL_CENTRE - camera.cy) / camera.fy
        inverse = np.maximum(below_horizon / HEIGHT_M, 1.0 / CAP_M)
        column = inverse if self.kind == "affine_invariant_disparity" else 1.0 / inverse
        return Prediction(np.repeat(column[:, None], width, axis=1).astype(np.float32), self.kind)


PLUGIN = GroundPlaneModel
