"""VGGT (Wang et al. 2025), run by the authors' package; ``path`` is a checkpoint (model.pt) on this machine.

All frames of a window are seen at once, resized so that the longer side is 518 px (the package's demo crops tall images
instead). Depth is that of the depth head; cameras are kept. Each clip has a scale of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from sfm_gt.errors import InputError
from sfm_gt.models.shared.prediction import Prediction, agreed_kind, file_sha256, required_path
from sfm_gt.models.shared.settings import ModelConfig
from sfm_gt.models.shared.torch_runtime import facts_of, inference, load_weights, offline
from sfm_gt.models.shared.video import PackageClipModel
from sfm_gt.models.shared.views import OVERLAP, VIEWS, four_by_four, in_image_pixels, network_input, package

LONG_SIDE_PX, PATCH_PX = 518, 14


class VggtModel(PackageClipModel):
    """One network. Raises ConfigError without the package, InputError where the checkpoint cannot be used."""

    overlap = OVERLAP

    def __init__(self, config: ModelConfig):
        path = Path(required_path(config, "a VGGT checkpoint (model.pt)"))
        if not path.is_file():
            raise InputError(f"{path}: no such file; download the checkpoint first, nothing is fetched")
        models, self._poses = package(config, "vggt.models.vggt"), package(config, "vggt.utils.pose_enc")
        self.kind = agreed_kind(config, "scale_invariant_depth")
        with offline(path):
            self._network: Any = models.VGGT().eval()
        load_weights(self._network, path)
        self.facts = facts_of(self._network, VIEWS)
        self.source_sha256 = file_sha256(path)

    def infer(self, images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> list[Prediction]:
        """One pass; the first frame is the reference."""
        views = network_input(images, LONG_SIDE_PX, PATCH_PX)
        size, image = views.shape[-2:], images[0].shape[:2]
        with inference():
            found = self._network(views)
            extrinsics, intrinsics = self._poses.pose_encoding_to_extri_intri(found["pose_enc"], tuple(size))
        depth, confidence = found["depth"][0, ..., 0].float().numpy(), found["depth_conf"][0].float().numpy()
        return [
            Prediction(
                depth[n], self.kind, in_image_pixels(intrinsics[0, n].numpy(), size, image),
                four_by_four(extrinsics[0, n].numpy()), confidence[n],
            )
            for n in range(len(images))
        ]  # fmt: skip


PLUGIN = VggtModel
