"""Marigold (Ke et al. 2024), run by diffusers' MarigoldDepthPipeline; ``path`` is a folder with ``model_index.json``.

One image at a time and one member of an ensemble, with the steps and the size that the model's configuration states. The noise
is drawn from a fixed seed, so that the same image gives the same map. Whether values are depth or disparity, and up to what,
is stated in the folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from sfm_gt.errors import InputError
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.models.shared.network import NetworkModel
from sfm_gt.models.shared.prediction import Kind, Prediction, agreed_kind, required_path
from sfm_gt.models.shared.settings import ModelConfig
from sfm_gt.models.shared.torch_runtime import facts_of, folder_sha256, inference, offline, one_line
from sfm_gt.models.shared.views import package

if TYPE_CHECKING:
    import torch

SEED = 0


class MarigoldModel(NetworkModel):
    """One pipeline. Raises ConfigError without diffusers, InputError where the folder cannot be used."""

    def __init__(self, config: ModelConfig):
        folder = Path(required_path(config, "a folder with model_index.json"))
        weights = sorted(folder.glob("*/*.safetensors"))
        if not (folder / "model_index.json").is_file() or not weights:
            raise InputError(
                f"{folder}: holds no model_index.json with weights (.safetensors) beside; download all files"
            )
        diffusers = package(config, "diffusers")
        diffusers.utils.logging.disable_progress_bar()
        try:
            with offline(folder):
                self._pipeline: Any = diffusers.MarigoldDepthPipeline.from_pretrained(
                    str(folder), local_files_only=True, low_cpu_mem_usage=False
                )
        except (
            ValueError,
            TypeError,
            KeyError,
            OSError,
        ) as error:  # what diffusers raises of folders that it cannot read
            raise InputError(f"{folder}: no Marigold pipeline ({one_line(error)}); download all files") from None
        self._pipeline.set_progress_bar_config(disable=True)
        self.kind = agreed_kind(config, _kind(self._pipeline, folder))
        self.facts = facts_of(self._pipeline.unet)
        self.source_sha256 = folder_sha256(weights)

    def prepare(self, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None) -> torch.Tensor:
        """(3, H, W) in 0..1; the pipeline resizes by itself."""
        import torch

        return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float() / 255

    def forward(self, prepared: torch.Tensor) -> np.ndarray:
        """The pipeline with its resizing; (1, H, W, 1)."""
        import torch

        with inference():
            return self._pipeline(prepared, generator=torch.Generator().manual_seed(SEED)).prediction

    def finish(self, output: np.ndarray, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None) -> Prediction:
        """The map, which the pipeline has brought to the size of the image."""
        return Prediction(output[0, ..., 0].astype(np.float32), self.kind)


def _kind(pipeline: Any, folder: Path) -> Kind:
    stated = pipeline.config.prediction_type, bool(pipeline.shift_invariant), bool(pipeline.scale_invariant)
    kinds: dict[tuple[str, bool, bool], Kind] = {
        ("depth", True, True): "affine_invariant_depth",
        ("depth", False, True): "scale_invariant_depth",
        ("depth", False, False): "metric_depth",
        ("disparity", True, True): "affine_invariant_disparity",
    }
    if stated not in kinds:
        raise InputError(
            f"{folder / 'model_index.json'}: prediction_type {stated[0]}, shift_invariant {stated[1]}, scale_invariant "
            f"{stated[2]}: no kind of depth that is graded here"
        )
    return kinds[stated]


PLUGIN = MarigoldModel
