"""Pi3 (Wang et al. 2025), run by the authors' package; ``path`` is a folder with ``config.json`` and ``model.safetensors``.

All frames of a window are seen at once; none is the reference. Depth is z of the local point maps, the focal length that which
fits their rays best, since the network states none. Images have about 255,000 pixels (the package's own limit).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from sfm_gt.models.shared.prediction import Prediction, agreed_kind, file_sha256, required_path
from sfm_gt.models.shared.settings import ModelConfig
from sfm_gt.models.shared.torch_runtime import facts_of, inference, offline
from sfm_gt.models.shared.video import PackageClipModel
from sfm_gt.models.shared.views import (
    OVERLAP,
    VIEWS,
    in_image_pixels,
    intrinsics_of_points,
    network_input,
    package,
    weights_file,
)

PIXELS, PATCH_PX = 255_000, 14


class Pi3Model(PackageClipModel):
    """One network. Raises ConfigError without the package, InputError where the folder cannot be used."""

    overlap = OVERLAP

    def __init__(self, config: ModelConfig):
        folder = Path(required_path(config, "a folder with config.json and model.safetensors"))
        weights = weights_file(folder, ("model.safetensors",))
        models = package(config, "pi3.models.pi3")
        self.kind = agreed_kind(config, "scale_invariant_depth")
        with offline(folder):
            self._network: Any = models.Pi3.from_pretrained(str(folder), local_files_only=True).eval()
        self.facts = facts_of(self._network, VIEWS)
        self.source_sha256 = file_sha256(weights)

    def infer(self, images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> list[Prediction]:
        """One pass. The package's confidence is a logit."""
        height, width = images[0].shape[:2]
        views = network_input(images, int(max(height, width) * math.sqrt(PIXELS / (height * width))), PATCH_PX)
        with inference():
            found = self._network(views[None])
        points, confidence = found["local_points"][0].float().numpy(), found["conf"][0, ..., 0].float().numpy()
        poses = np.linalg.inv(found["camera_poses"][0].double().numpy())
        size = views.shape[-2:]
        return [
            Prediction(
                points[n, ..., 2], self.kind, in_image_pixels(intrinsics_of_points(points[n]), size, (height, width)),
                poses[n], confidence[n],
            )
            for n in range(len(images))
        ]  # fmt: skip


PLUGIN = Pi3Model
