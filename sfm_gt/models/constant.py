"""The baseline that knows nothing: the same value everywhere. What it scores is what the alignment alone gives.

Up to scale by default (the median alignment then makes it the median depth of the frame). Configured with
``kind: affine_invariant_depth`` or ``affine_invariant_disparity`` it is graded with those alignments, and so is the
floor that models of these kinds must clear.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8

from sfm_gt.errors import ConfigError
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.models.shared.prediction import FrameKey, Prediction
from sfm_gt.models.shared.settings import ModelConfig


class ConstantModel:
    """Value 1 at every pixel. Raises ConfigError for kind metric_depth: no constant is known to be in metres."""

    source_sha256 = None

    def __init__(self, config: ModelConfig):
        if config.kind == "metric_depth":
            raise ConfigError(f"models: {config.name}: a constant has no metric depth; leave kind out")
        self.kind = config.kind or "scale_invariant_depth"

    def predict(self, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None, key: FrameKey) -> Prediction:
        """Ones in the size of the image."""
        return Prediction(np.ones(image.shape[:2], np.float32), self.kind)


PLUGIN = ConstantModel
