"""One frame as tensors: what every loader yields, whichever files it reads.

An item holds ``image`` (3, H, W) float32 RGB in 0..1; ``z_depth_m`` and ``sigma_m`` (1, H, W) float32 in metres, 0 where
invalid; ``valid``, ``moving``, ``overlay`` and ``person`` (1, H, W) bool; ``person_known``, False where nobody looked for
people and ``person`` means nothing; ``intrinsics`` (3, 3) and ``cam_from_world`` (4, 4) float64, in pixels with centres at +0.5
and metres; ``sigma_log_scale`` of the clip's metres, which ``sigma_m`` does not hold; ``timestamp_s``, ``frame_index``,
``clip_id``, ``video_id`` and ``license`` ("" where none is stated).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import torch

from sfm_gt.errors import InputError

Item = dict[str, Any]
MASKS = ("moving", "overlay", "person")
FLAGS = {"image": cv2.IMREAD_COLOR_RGB, "depth": cv2.IMREAD_UNCHANGED, "sigma": cv2.IMREAD_UNCHANGED,
         **dict.fromkeys(MASKS, cv2.IMREAD_GRAYSCALE)}  # fmt: skip


def item_from_pixels(pixels: Mapping[str, np.ndarray], facts: Mapping[str, Any], where: str) -> Item:
    """Tensors of one frame.

    Args:
        pixels: layers as their files hold them: ``image`` (H, W, 3) uint8 RGB, ``depth`` and ``sigma`` (H, W) uint16 in
            steps of the units in ``facts``, masks (H, W) uint8; ``person`` may be missing.
        facts: a row of the index and ``license``.

    Raises:
        InputError: a layer of another size or depth than needed.
    """
    height, width = facts["height"], facts["width"]
    for layer, array in pixels.items():
        if array.shape[:2] != (height, width):
            raise InputError(f"{where}: layer {layer!r} has {array.shape[1]} x {array.shape[0]} pixels, needed {width} x "
                             f"{height}; rebuild the clip with `sfm-gt dataset`")  # fmt: skip
    nobody_looked = np.zeros((height, width), np.uint8)
    # NumPy compares bytes several times faster than torch.
    masks = {"valid": pixels["depth"] != 0, **{name: pixels.get(name, nobody_looked) != 0 for name in MASKS}}
    return {
        "image": torch.from_numpy(pixels["image"]).permute(2, 0, 1).to(torch.float32).div_(255.0),
        "z_depth_m": _scaled(pixels["depth"], facts["depth_unit"]),
        "sigma_m": _scaled(pixels["sigma"], facts["sigma_unit"]),
        **{name: torch.from_numpy(mask)[None] for name, mask in masks.items()},
        "person_known": "person" in pixels,
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


def _scaled(steps: np.ndarray, unit: float) -> torch.Tensor:
    """(1, H, W) float32: steps times unit; 0 stays 0."""
    return torch.from_numpy(np.multiply(steps, np.float32(unit), dtype=np.float32))[None]


def _intrinsics(facts: Mapping[str, Any]) -> torch.Tensor:
    rows = [[facts["fx"], 0.0, facts["cx"]], [0.0, facts["fy"], facts["cy"]], [0.0, 0.0, 1.0]]
    return torch.tensor(rows, dtype=torch.float64)
