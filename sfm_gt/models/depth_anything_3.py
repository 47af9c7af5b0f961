"""Depth Anything 3 (Lin et al. 2025), run by the authors' package; ``path`` is a folder on this machine.

The folder holds ``config.json`` and ``model.safetensors``, as the model's repository does. All frames of a window are seen at
once. Any-view models give scale_invariant_depth with cameras, the nested ones metric_depth; DA3Mono and DA3Metric see each
image alone and give scale_invariant_depth: DA3Metric's metres would take the camera's focal length (f / 300).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from sfm_gt.errors import InputError
from sfm_gt.models.shared.prediction import Prediction, agreed_kind, required_path
from sfm_gt.models.shared.settings import ModelConfig
from sfm_gt.models.shared.torch_runtime import facts_of, folder_sha256, inference, offline, one_line
from sfm_gt.models.shared.video import PackageClipModel
from sfm_gt.models.shared.views import OVERLAP, VIEWS, four_by_four, in_image_pixels, package, weights_file

METRIC = "nested"


class DepthAnything3Model(PackageClipModel):
    """One network. Raises ConfigError without the package, InputError where the folder cannot be used."""

    overlap = OVERLAP

    def __init__(self, config: ModelConfig):
        folder = Path(required_path(config, "a folder with config.json and model.safetensors"))
        weights, name = weights_file(folder, ("model.safetensors",)), _name(folder)
        api = package(config, "depth_anything_3.api")
        self.kind = agreed_kind(config, "metric_depth" if METRIC in name else "scale_invariant_depth")
        with offline(folder):
            self._network: Any = api.DepthAnything3.from_pretrained(str(folder), local_files_only=True).eval()
        self.facts = facts_of(self._network, VIEWS)
        self.source_sha256 = folder_sha256([weights, folder / "config.json"])

    def infer(self, images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> list[Prediction]:
        """The package's own inference, with its resizing and its choice of the reference view."""
        with inference():
            found = self._network.inference(list(images))
        size, image = found.depth.shape[1:], images[0].shape[:2]
        return [
            Prediction(
                found.depth[n].astype(np.float32),
                self.kind,
                None if found.intrinsics is None else in_image_pixels(found.intrinsics[n], size, image),
                None if found.extrinsics is None else four_by_four(found.extrinsics[n]),
                None if found.conf is None else found.conf[n].astype(np.float32),
            )
            for n in range(len(images))
        ]


def _name(folder: Path) -> str:
    try:
        return str(json.loads((folder / "config.json").read_text())["model_name"])
    except (OSError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder / 'config.json'}: no configuration of Depth Anything 3 ({one_line(error)}); download all files"
        ) from None


PLUGIN = DepthAnything3Model
