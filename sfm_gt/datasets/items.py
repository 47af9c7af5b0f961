"""One frame as tensors: what every loader yields, whichever files it reads.

An item holds ``image`` (3, H, W) float32 RGB in 0..1; ``z_depth_m`` and ``sigma_m`` (1, H, W) float32 in metres, 0 where
invalid; ``outlier`` (1, H, W) float32, the probability that depth is off by more than 10 %, so that ``sigma_m`` does not
apply, 0 where invalid; ``valid``, ``moving``, ``overlay`` and ``person`` (1, H, W) bool; ``person_known``, False where there
is no person mask and ``person`` means nothing; ``intrinsics`` (3, 3) and ``cam_from_world`` (4, 4) float64, in pixels with
centres at +0.5 and metres; ``sigma_log_scale`` of the clip's metres, which ``sigma_m`` does not hold; ``timestamp_s``,
``frame_index``, ``clip_id``, ``video_id`` and ``license`` ("" where none is stated).

How a DataLoader's workers hand items over: ``shared_memory_collate.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import torch

from sfm_gt.errors import InputError
from sfm_gt.formats.dataset_layout import PROBABILITY_STEPS

Item = dict[str, Any]
MASKS = ("moving", "overlay", "person")
FLAGS = {"image": cv2.IMREAD_COLOR_RGB, "depth": cv2.IMREAD_UNCHANGED, "sigma": cv2.IMREAD_UNCHANGED,
         "outlier": cv2.IMREAD_UNCHANGED,          **dict.fromkeys(MASKS, cv2.IMREAD_GRAYSCALE)}  # fmt: skip
# Channels and type of an item's layers; the wide types first, so that one block holds them all aligned.
TENSOR_LAYERS: dict[str, tuple[int, type]] = {
    "image": (3, np.float32), "z_depth_m": (1, np.float32), "sigma_m": (1, np.float32),
    "outlier": (1, np.float32), "valid": (1, np.bool_), **dict.fromkeys(MASKS, (1, np.bool_)),
}  # fmt: skip


def layers_as_tensors(pixels: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> Item:
    """The pixel layers of an item."""
    height, width = pixels["depth"].shape
    layers: dict[str, np.ndarray] = {
        name: np.empty((channels, height, width), dtype) for name, (channels, dtype) in TENSOR_LAYERS.items()
    }
    write_layers(pixels, facts, layers)
    return {name: torch.from_numpy(layer) for name, layer in layers.items()}


def write_layers(pixels: Mapping[str, np.ndarray], facts: Mapping[str, Any], to: Mapping[str, np.ndarray]) -> None:
    """Fills arrays of the shapes and types of TENSOR_LAYERS with the pixel layers of an item."""
    np.divide(pixels["image"].transpose(2, 0, 1), np.float32(255), out=to["image"], dtype=np.float32)
    np.multiply(pixels["depth"], np.float32(facts["depth_unit"]), out=to["z_depth_m"][0], dtype=np.float32)
    np.multiply(pixels["sigma"], np.float32(facts["sigma_unit"]), out=to["sigma_m"][0], dtype=np.float32)
    np.divide(pixels["outlier"], np.float32(PROBABILITY_STEPS), out=to["outlier"][0], dtype=np.float32)
    np.not_equal(pixels["depth"], 0, out=to["valid"][0])
    for name in MASKS:
        np.not_equal(pixels[name], 0, out=to[name][0])


def facts_as_tensors(facts: Mapping[str, Any]) -> Item:
    """The other keys of an item."""
    return {
        "person_known": facts["person_known"],
        "intrinsics": _intrinsics(facts),
        "cam_from_world": torch.tensor(facts["cam_from_world"], dtype=torch.float64).reshape(4, 4),
        "sigma_log_scale": facts["sigma_log_scale"],
        "timestamp_s": facts["timestamp_s"],
        "frame_index": facts["frame_index"],
        "clip_id": facts["clip_id"],
        "video_id": facts["video_id"],
        "license": facts["license"] or "",
    }


def decoded(content: bytes, layer: str, where: str) -> np.ndarray:
    """One layer's file in memory as pixels. Raises InputError when it is damaged."""
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), FLAGS[layer]) if content else None
    if pixels is None:
        raise InputError(f"{where}: layer {layer!r} cannot be decoded; copy or export it again")
    return pixels


def _intrinsics(facts: Mapping[str, Any]) -> torch.Tensor:
    rows = [[facts["fx"], 0.0, facts["cx"]], [0.0, facts["fy"], facts["cy"]], [0.0, 0.0, 1.0]]
    return torch.tensor(rows, dtype=torch.float64)
