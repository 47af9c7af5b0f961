"""Video Depth Anything (Chen et al. 2025), run by the authors' package; ``path`` is a checkpoint (.pth) on this machine.

The authors' code joins its windows of 32 frames by itself, so that a clip of up to CLIP frames goes through it whole. The size
of the network follows from the weights. A checkpoint whose name begins with ``metric`` gives metric_depth, others
affine_invariant_disparity, as the authors name them.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from sfm_gt.errors import InputError
from sfm_gt.models.shared.prediction import Prediction, agreed_kind, file_sha256, required_path
from sfm_gt.models.shared.settings import ModelConfig
from sfm_gt.models.shared.torch_runtime import facts_of, inference, load_weights, offline, one_line
from sfm_gt.models.shared.video import PackageClipModel
from sfm_gt.models.shared.views import package

CLIP = 1000
"""Frames that are held at once: 0.9 GB of images of 640x480."""
ENCODERS = {
    384: {"encoder": "vits", "features": 64, "out_channels": [48, 96, 192, 384]},
    768: {"encoder": "vitb", "features": 128, "out_channels": [96, 192, 384, 768]},
    1024: {"encoder": "vitl", "features": 256, "out_channels": [256, 512, 1024, 1024]},
}
"""By the width of the backbone (the authors' run.py)."""


class VideoDepthAnythingModel(PackageClipModel):
    """One network. Raises ConfigError without the package, InputError where the checkpoint cannot be used."""

    overlap = 10

    def __init__(self, config: ModelConfig):
        path = Path(required_path(config, "a checkpoint of Video Depth Anything (.pth)"))
        width = _width(path)
        models = package(config, "video_depth_anything.video_depth")
        metric = path.name.startswith("metric")
        self.kind = agreed_kind(config, "metric_depth" if metric else "affine_invariant_disparity")
        stated = inspect.signature(models.VideoDepthAnything).parameters
        with offline(path):
            self._network: Any = models.VideoDepthAnything(
                **ENCODERS[width], **({"metric": metric} if "metric" in stated else {})
            ).eval()
        load_weights(self._network, path)
        self._single = {"fp32": True} if "fp32" in inspect.signature(self._network.infer_video_depth).parameters else {}
        self.facts = facts_of(self._network, CLIP)
        self.source_sha256 = file_sha256(path)

    def infer(self, images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> list[Prediction]:
        """The package's own inference of a whole clip, with its windows and its resizing to the size of the images."""
        with inference():
            depths, _ = self._network.infer_video_depth(np.stack(images), 30, device="cpu", **self._single)
        return [Prediction(depth.astype(np.float32), self.kind) for depth in depths]


def _width(path: Path) -> int:
    import torch

    try:
        width = int(
            torch.load(path, map_location="cpu", weights_only=True, mmap=True)["pretrained.cls_token"].shape[-1]
        )
    except Exception as error:  # torch raises pickle's, zipfile's and its own errors
        raise InputError(f"{path}: no weights of Video Depth Anything ({one_line(error)}); download it again") from None
    if width not in ENCODERS:
        raise InputError(f"{path}: a backbone {width} wide, needed one of {', '.join(map(str, ENCODERS))}")
    return width


PLUGIN = VideoDepthAnythingModel
