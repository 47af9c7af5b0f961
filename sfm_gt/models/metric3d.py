"""Metric3D v1 and v2 (Yin et al. 2023, Hu et al. 2024) from a clone of their repository; ``path`` is a description YAML.

    name: metric3d-vit-small
    file: metric_depth_vit_small_800k.pth
    hub: {repository: Metric3D, entry: metric3d_vit_small}    # relative to the YAML

The network answers for a canonical camera of 1000 px focal length; with the frame's own focal length that becomes metres, so
each frame needs its camera. The repository needs mmengine, timm and torchvision; its licence is BSD-2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from jaxtyping import UInt8

from sfm_gt.errors import InputError
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.metrics.resizing import resized
from sfm_gt.models.shared.description import FileDescription, HubDescription, description_path, read_description
from sfm_gt.models.shared.hub import load_from_hub
from sfm_gt.models.shared.network import NetworkModel
from sfm_gt.models.shared.prediction import Prediction, agreed_kind, file_sha256
from sfm_gt.models.shared.settings import ModelConfig
from sfm_gt.models.shared.torch_runtime import facts_of, inference

if TYPE_CHECKING:
    import torch

CANONICAL_FOCAL_PX = 1000.0
MAX_DEPTH_M = 300.0
VIT_SIZE, CONVNEXT_SIZE = (616, 1064), (544, 1216)  # rows and columns of the two families' inputs
MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)


class Metric3dDescription(FileDescription):
    """Source code and weights."""

    hub: HubDescription


@dataclass(frozen=True)
class _Input:
    pixels: torch.Tensor
    rows: slice
    columns: slice
    focal_px: float
    """Of the resized image."""


class Metric3dModel(NetworkModel):
    """One network. Raises InputError where repository, entry or weights cannot be used."""

    def __init__(self, config: ModelConfig):
        description, weights = read_description(config, Metric3dDescription)
        self.kind = agreed_kind(config, "metric_depth")
        self._size = CONVNEXT_SIZE if "convnext" in description.hub.entry else VIT_SIZE
        self._network: Any = load_from_hub(description.hub, description_path(config).parent, weights)
        self.facts = facts_of(self._network)
        self.source_sha256 = file_sha256(weights)

    def prepare(self, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None) -> _Input:
        """The image as large as fits, padded with the mean colour, normalised. Raises InputError without a camera."""
        import torch

        if camera is None:
            raise InputError("metric3d: the frame has no camera, and without a focal length there are no metres")
        rows, columns = image.shape[:2]
        scale = min(self._size[0] / rows, self._size[1] / columns)
        height, width = int(rows * scale), int(columns * scale)
        top, left = (self._size[0] - height) // 2, (self._size[1] - width) // 2
        pixels = np.zeros((*self._size, 3), np.float32)  # the mean colour, once normalised
        resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)
        pixels[top : top + height, left : left + width] = (resized - MEAN) / STD
        tensor = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]))
        return _Input(tensor, slice(top, top + height), slice(left, left + width), camera.fx * scale)

    def forward(self, prepared: _Input) -> tuple[torch.Tensor, _Input]:
        """One pass; depth for the canonical camera, (1, 1, H, W)."""
        with inference():
            depth, _, _ = self._network.inference({"input": prepared.pixels})
        return depth, prepared

    def finish(
        self, output: tuple[torch.Tensor, _Input], image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None
    ) -> Prediction:
        """Without padding, in metres."""
        depth, given = output
        inside = resized(np.squeeze(depth.float().numpy()), self._size[0], self._size[1], "bilinear")[
            given.rows, given.columns
        ]
        metres = np.clip(inside * np.float32(given.focal_px / CANONICAL_FOCAL_PX), 0, MAX_DEPTH_M)
        return Prediction(metres, self.kind)


PLUGIN = Metric3dModel
