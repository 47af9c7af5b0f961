"""MapAnything (Keetha et al. 2025), run by the authors' package; ``path`` is a folder with ``config.json`` and weights.

All frames of a window are seen at once, images alone, resized so that the longer side is 518 px and normalised as DINOv2
expects. Depth is metric; pixels that the network masks have no answer, its masking of edges is off.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from sfm_gt.models.shared.prediction import Prediction, agreed_kind, file_sha256, required_path
from sfm_gt.models.shared.settings import ModelConfig
from sfm_gt.models.shared.torch_runtime import facts_of, inference, offline
from sfm_gt.models.shared.video import PackageClipModel
from sfm_gt.models.shared.views import OVERLAP, VIEWS, in_image_pixels, network_input, package, weights_file

LONG_SIDE_PX, PATCH_PX = 518, 14
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class MapAnythingModel(PackageClipModel):
    """One network. Raises ConfigError without the package, InputError where the folder cannot be used."""

    overlap = OVERLAP

    def __init__(self, config: ModelConfig):
        folder = Path(required_path(config, "a folder with config.json and model.safetensors"))
        weights = weights_file(folder, ("model.safetensors", "pytorch_model.bin"))
        models = package(config, "mapanything.models")
        self.kind = agreed_kind(config, "metric_depth")
        with offline(folder):
            self._network: Any = models.MapAnything.from_pretrained(str(folder), local_files_only=True).eval()
        self.facts = facts_of(self._network, VIEWS)
        self.source_sha256 = file_sha256(weights)

    def infer(self, images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> list[Prediction]:
        """The package's own inference of one window; the first frame is the reference."""
        import torch

        mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
        views = (network_input(images, LONG_SIDE_PX, PATCH_PX) - mean) / std
        with inference():
            given = [{"img": view[None], "data_norm_type": ["dinov2"]} for view in views]
            found = self._network.infer(given, use_amp=False, apply_mask=True, mask_edges=False)
        size, image = views.shape[-2:], images[0].shape[:2]
        predictions = []
        for each in found:
            depth, mask = each["depth_z"][0, ..., 0].float().numpy(), each["mask"][0, ..., 0].numpy()
            predictions.append(
                Prediction(
                    np.where(mask > 0, depth, np.nan).astype(np.float32), self.kind,
                    in_image_pixels(each["intrinsics"][0].numpy(), size, image),
                    np.linalg.inv(each["camera_poses"][0].double().numpy()), each["conf"][0].float().numpy(),
                )
            )  # fmt: skip
        return predictions


PLUGIN = MapAnythingModel
