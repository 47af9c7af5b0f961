"""The data set as a map-style torch dataset, for a DataLoader."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from sfm_gt.datasets.frames import open_dataset
from sfm_gt.errors import InputError
from sfm_gt.geometry.conventions import zero_from_nan

Split = Literal["train", "val", "test", "all"]
# Upper ends of the splits on [0, 1): 80, 10 and 10 per cent of videos.
SPLIT_ENDS = {"train": 0.8, "val": 0.9, "test": 1.0}


def split_of(video_id: str) -> str:
    """The split a video belongs to, by a hash of its id: no video is ever in two, and new videos move none."""
    position = int.from_bytes(hashlib.sha256(video_id.encode()).digest()[:8], "big") / 2**64
    return next(split for split, end in SPLIT_ENDS.items() if position < end)


class TorchDataset(torch.utils.data.Dataset[dict[str, Any]]):
    """Frames with metric depth, as tensors.

    Each item holds ``image`` (3, H, W) float32 in 0..1, ``z_depth_m`` and ``sigma_m`` (1, H, W) float32 with 0 where
    invalid, ``valid``, ``moving`` and ``overlay`` (1, H, W) bool, ``intrinsics`` (3, 3) and ``cam_from_world`` (4, 4)
    float64 (metres), ``sigma_log_scale`` of the clip's metres (not in ``sigma_m``), ``timestamp_s``,
    ``frame_index``, ``clip_id`` and ``video_id``.

    Clips without a metric scale are left out, with a warning that counts them; ``open_dataset`` reads those.

    Raises:
        InputError: unknown split, or no data set at ``path``.
    """

    def __init__(self, path: str | Path, split: Split = "train"):
        if split not in (*SPLIT_ENDS, "all"):
            raise InputError(f"split {split!r}: needed one of train, val, test, all")
        self._dataset = open_dataset(path)
        chosen = [n for n, frame in enumerate(self._dataset) if split in ("all", split_of(frame.video_id))]
        self._numbers = [n for n in chosen if self._dataset[n].metric]
        if len(self._numbers) < len(chosen):
            warnings.warn(f"{path}: {len(chosen) - len(self._numbers)} of {len(chosen)} frames of split {split!r} have no "
                          "metric scale and are left out", stacklevel=2)  # fmt: skip

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, number: int) -> dict[str, Any]:
        frame = self._dataset[self._numbers[number]]
        # Workers collate by key, so every item has the same keys, and validity travels beside the zeros.
        return {
            "image": torch.from_numpy(frame.image.transpose(2, 0, 1).astype(np.float32) / 255.0),
            "z_depth_m": torch.from_numpy(zero_from_nan(frame.z_depth_m)[None]),
            "sigma_m": torch.from_numpy(zero_from_nan(frame.sigma_m)[None]),
            "valid": torch.from_numpy(frame.valid[None]),
            "moving": torch.from_numpy(frame.moving[None]),
            "overlay": torch.from_numpy(frame.overlay[None]),
            "intrinsics": torch.from_numpy(frame.camera.matrix),
            "cam_from_world": torch.from_numpy(frame.cam_from_world),
            "sigma_log_scale": frame.sigma_log_scale,
            "timestamp_s": frame.timestamp_s,
            "frame_index": frame.frame_index,
            "clip_id": frame.clip_id,
            "video_id": frame.video_id,
        }
