"""Folders of tiny depth networks with random weights, made from the architectures' own configurations.

Layouts and preprocessing settings are those of the published folders (Depth Anything v2 small, MiDaS DPT large, ZoeDepth
NK, GLPN NYU, Depth Pro, PromptDA); only sizes are smaller.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
HALF = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
RESCALED = {"do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True}
BICUBIC, BILINEAR = 3, 2
SPREAD = 0.2


def _dinov2(transformers: Any, **more: Any) -> Any:
    return transformers.Dinov2Config(hidden_size=8, num_hidden_layers=4, num_attention_heads=2, mlp_ratio=2,
                                     patch_size=14, image_size=28, **more)  # fmt: skip


def _stages() -> dict[str, Any]:
    return {"out_features": ["stage1", "stage2", "stage3", "stage4"], "reshape_hidden_states": False}


def _depth_anything(transformers: Any, **more: Any) -> Any:
    neck = {
        "reassemble_hidden_size": 8,
        "neck_hidden_sizes": [4, 4, 8, 8],
        "fusion_hidden_size": 8,
        "head_hidden_size": 4,
    }
    return transformers.DepthAnythingConfig(backbone_config=_dinov2(transformers, **_stages()), **neck, **more)


def _prompt_depth_anything(transformers: Any) -> Any:
    neck = {
        "reassemble_hidden_size": 8,
        "neck_hidden_sizes": [4, 4, 8, 8],
        "fusion_hidden_size": 8,
        "head_hidden_size": 4,
    }
    backbone = _dinov2(transformers, **_stages())
    return transformers.PromptDepthAnythingConfig(backbone_config=backbone, depth_estimation_type="metric", **neck)


def _dpt(transformers: Any) -> Any:
    return transformers.DPTConfig(
        hidden_size=8, num_hidden_layers=4, num_attention_heads=2, intermediate_size=16, image_size=32, patch_size=16,
        backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[4, 4, 8, 8], fusion_hidden_size=8, is_hybrid=False,
    )  # fmt: skip


def _zoedepth(transformers: Any) -> Any:
    backbone = transformers.BeitConfig(
        hidden_size=8, num_hidden_layers=4, num_attention_heads=2, intermediate_size=16, image_size=32, patch_size=16,
        out_features=["stage1", "stage2", "stage3", "stage4"], reshape_hidden_states=False, use_relative_position_bias=True,
    )  # fmt: skip
    return transformers.ZoeDepthConfig(
        backbone_config=backbone, neck_hidden_sizes=[4, 4, 8, 8], fusion_hidden_size=8, bottleneck_features=8,
        num_relative_features=4, bin_embedding_dim=8, patch_transformer_hidden_size=8,
        patch_transformer_intermediate_size=16, num_attractors=[4, 2, 2, 1], patch_transformer_num_attention_heads=2,
        bin_configurations=[{"n_bins": 8, "min_depth": 0.001, "max_depth": 10.0, "name": "nyu"}],
    )  # fmt: skip


def _glpn(transformers: Any) -> Any:
    return transformers.GLPNConfig(
        depths=[1, 1, 1, 1], hidden_sizes=[4, 4, 8, 8], num_attention_heads=[1, 1, 2, 2], decoder_hidden_size=8,
        mlp_ratios=[2, 2, 2, 2],
    )  # fmt: skip


def _depth_pro(transformers: Any) -> Any:
    parts = {f"{part}_model_config": _dinov2(transformers) for part in ("image", "patch", "fov")}
    return transformers.DepthProConfig(
        **parts, patch_size=28, fusion_hidden_size=8, intermediate_hook_ids=[1, 0], intermediate_feature_dims=[4, 4],
        scaled_images_ratios=[0.5, 1.0], scaled_images_overlap_ratios=[0.0, 0.5],
        scaled_images_feature_dims=[8, 8], use_fov_model=True, num_fov_head_layers=1,
    )  # fmt: skip


_DPT_LIKE = {"image_processor_type": "DPTImageProcessor", "do_resize": True, "resample": BICUBIC, **RESCALED}
ARCHITECTURES: dict[str, tuple[Callable[[Any], Any], dict[str, Any]]] = {
    "depth_anything": (
        _depth_anything,
        {**_DPT_LIKE, **IMAGENET, "size": {"height": 56, "width": 56}, "keep_aspect_ratio": True,
         "ensure_multiple_of": 14, "do_pad": False, "size_divisor": None},
    ),
    "depth_anything_metric": (
        lambda library: _depth_anything(library, depth_estimation_type="metric", max_depth=20),
        {**_DPT_LIKE, **IMAGENET, "size": {"height": 56, "width": 56}, "keep_aspect_ratio": True,
         "ensure_multiple_of": 14},
    ),
    "prompt_depth_anything": (
        _prompt_depth_anything,
        {"image_processor_type": "PromptDepthAnythingImageProcessor", "do_resize": True, "resample": BICUBIC, **RESCALED,
         **IMAGENET, "size": {"height": 56, "width": 70}, "keep_aspect_ratio": True, "ensure_multiple_of": 1,
         "do_pad": True, "size_divisor": 14, "prompt_scale_to_meter": 0.001},
    ),
    "dpt": (_dpt, {**_DPT_LIKE, **HALF, "size": {"height": 32, "width": 32}}),
    "zoedepth": (
        _zoedepth,
        {"image_processor_type": "ZoeDepthImageProcessor", "do_resize": True, "do_pad": True, "resample": BILINEAR,
         **RESCALED, **HALF, "size": {"height": 32, "width": 32}, "keep_aspect_ratio": True, "ensure_multiple_of": 32},
    ),
    "glpn": (
        _glpn,
        {"image_processor_type": "GLPNImageProcessor", "do_resize": True, "do_rescale": True, "size_divisor": 32,
         "resample": BILINEAR},
    ),
    "depth_pro": (
        _depth_pro,
        {"image_processor_type": "DepthProImageProcessor", "do_resize": True, "resample": BILINEAR, **RESCALED, **HALF,
         "size": {"height": 56, "width": 56}},
    ),
}  # fmt: skip


def write_tiny_model(folder: Path, architecture: str) -> Path:
    """Writes config, preprocessor settings and random weights, as ``save_pretrained`` lays them out."""
    import torch
    import transformers

    make, processor = ARCHITECTURES[architecture]
    torch.manual_seed(4)  # of the first five, one at which no architecture's ReLU silences the map
    network = transformers.AutoModelForDepthEstimation.from_config(make(transformers))
    for weights in network.parameters():  # the libraries' own starts are so small that every image gives the same map
        weights.data += SPREAD * torch.randn_like(weights)
    transformers.utils.logging.disable_progress_bar()
    network.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder
