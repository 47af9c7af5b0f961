"""DepthCrafter (Hu et al. 2025), run by the authors' package and diffusers; ``path`` is a folder on this machine.

The folder holds ``unet`` (the authors' weights) and ``pretrained`` (those of stable-video-diffusion-img2vid-xt). Settings are
those of version 1.0.1: 5 steps, no guidance, windows of 110 frames that share 25; the pipeline joins them by itself. The seed
is fixed. Maps are normalised to 0..1 over the clip, as there.
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
from sfm_gt.models.shared.torch_runtime import facts_of, inference, offline
from sfm_gt.models.shared.video import PackageClipModel
from sfm_gt.models.shared.views import network_input, package, weights_file

CLIP = 195
"""Frames that go through the pipeline at once (the authors' process_length)."""
LONG_SIDE_PX, MULTIPLE_PX = 1024, 64
STEPS, GUIDANCE, WINDOW, SHARED, SEED = 5, 1.0, 110, 25, 42


class DepthCrafterModel(PackageClipModel):
    """One pipeline. Raises ConfigError without the package, InputError where the folder cannot be used."""

    overlap = SHARED

    def __init__(self, config: ModelConfig):
        folder = Path(required_path(config, "a folder with unet and pretrained"))
        for part in ("unet", "pretrained"):
            if not (folder / part).is_dir():
                raise InputError(f"{folder}: holds no folder {part}; download it first, nothing is fetched")
        weights = weights_file(folder / "unet", ("diffusion_pytorch_model.safetensors",))
        pipelines, unets = package(config, "depthcrafter.depth_crafter_ppl"), package(config, "depthcrafter.unet")
        self.kind = agreed_kind(config, "affine_invariant_disparity")
        with offline(folder):
            unet = unets.DiffusersUNetSpatioTemporalConditionModelDepthCrafter.from_pretrained(
                str(folder / "unet"), local_files_only=True
            )
            self._pipeline: Any = pipelines.DepthCrafterPipeline.from_pretrained(
                str(folder / "pretrained"), unet=unet, local_files_only=True
            )
        self.facts = facts_of(unet, CLIP)
        self.source_sha256 = file_sha256(weights)

    def infer(self, images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> list[Prediction]:
        """The package's own inference of a clip; images are never enlarged."""
        import torch

        long_side = min(LONG_SIDE_PX, max(images[0].shape[:2]))
        frames = network_input(images, long_side, MULTIPLE_PX).permute(0, 2, 3, 1).numpy()
        with inference():
            found = self._pipeline(
                frames, height=frames.shape[1], width=frames.shape[2], output_type="np", guidance_scale=GUIDANCE,
                num_inference_steps=STEPS, window_size=WINDOW, overlap=SHARED,
                generator=torch.Generator().manual_seed(SEED),
            ).frames[0].mean(axis=-1)  # fmt: skip
        span = max(float(found.max() - found.min()), 1e-12)
        return [Prediction(((values - found.min()) / span).astype(np.float32), self.kind) for values in found]


PLUGIN = DepthCrafterModel
