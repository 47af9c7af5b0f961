"""MoGe 1 and 2 (Wang et al. 2025), run by the authors' package; ``path`` is a checkpoint (.pt) on this machine.

A checkpoint with a scale head gives metric_depth, one without scale_invariant_depth (the package recovers the shift). Pixels
that the network's mask leaves out have no answer. The field of view is the network's own guess, which is kept: the frame's
camera is not given to it. Not on PyPI: install the package from its repository (MIT). The refiner of MoGe 3 runs on CUDA alone,
and networks run on the processor here: grade maps that were made elsewhere (``on_disk``).
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from sfm_gt.errors import ConfigError, InputError
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.models.shared.network import NetworkModel
from sfm_gt.models.shared.prediction import Prediction, agreed_kind, file_sha256, required_path
from sfm_gt.models.shared.settings import ModelConfig
from sfm_gt.models.shared.torch_runtime import check_complete, facts_of, inference, offline, one_line
from sfm_gt.models.shared.views import in_image_pixels

if TYPE_CHECKING:
    import torch


class MogeModel(NetworkModel):
    """One network. Raises ConfigError without the package, InputError where the checkpoint cannot be used."""

    def __init__(self, config: ModelConfig):
        path = Path(required_path(config, "a MoGe checkpoint (.pt)"))
        if not path.is_file():
            raise InputError(f"{path}: no such file; download the checkpoint first, nothing is fetched")
        checkpoint = _checkpoint(path)
        settings = checkpoint["model_config"]
        if settings.get("refiner") is not None:
            raise InputError(f"{path}: a checkpoint of MoGe 3, whose refiner runs on CUDA alone; make its maps elsewhere and "
                             "grade them with method on_disk")  # fmt: skip
        # Version 1 names its encoder, version 2 describes it.
        version = "v2" if isinstance(settings.get("encoder"), dict) else "v1"
        try:
            package = importlib.import_module(f"moge.model.{version}")
        except ImportError as error:
            raise ConfigError(
                f"models: {config.name}: method moge needs the package moge ({error}); install it from its repository"
            ) from None
        self.kind = agreed_kind(config, "metric_depth" if settings.get("scale_head") else "scale_invariant_depth")
        with offline(path):
            self._network: Any = package.MoGeModel.from_pretrained(path).eval()
        check_complete(self._network, checkpoint["model"], path)
        self.facts = facts_of(self._network)
        self.source_sha256 = file_sha256(path)

    def prepare(self, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None) -> torch.Tensor:
        """(3, H, W) in 0..1; the package resizes by itself."""
        import torch

        return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float() / 255

    def forward(self, prepared: torch.Tensor) -> dict[str, torch.Tensor]:
        """The package's own inference, with its resizing; depth (H, W), infinite outside of its mask, and intrinsics."""
        with inference():
            return self._network.infer(prepared, use_fp16=False)

    def finish(
        self, output: dict[str, torch.Tensor], image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None
    ) -> Prediction:
        """The map, NaN where the network has no answer, and the camera, which the package gives for a picture of size 1."""
        values = output["depth"].float().numpy()
        intrinsics = in_image_pixels(output["intrinsics"].float().numpy(), (1, 1), image.shape[:2])
        return Prediction(np.where(np.isfinite(values), values, np.nan).astype(np.float32), self.kind, intrinsics)


def _checkpoint(path: Path) -> dict[str, Any]:
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        return {"model_config": dict(content["model_config"]), "model": set(content["model"])}
    except Exception as error:  # torch raises pickle's, zipfile's and its own errors
        raise InputError(f"{path}: no MoGe checkpoint ({one_line(error)}); download it again") from None


PLUGIN = MogeModel
