"""pixelSplat, MVSplat, DepthSplat: RealEstate10K as chunks of ``torch.save``, with the undistorted pictures inside.

A chunk is a list of sequences ``{url, key, timestamps, cameras, images}``: ``cameras`` (N, 18) holds focal lengths and
principal point in shares of width and height, two zeros, and the 3x4 ``cam_from_world`` by rows; ``images`` are JPEG files as
uint8 tensors. ``index.json`` says which chunk holds a key. A chunk holds one clip, so that taking a clip out means deleting a
file. Source: src/dataset/dataset_re10k.py of dcharatan/pixelsplat.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sfm_gt.exporters.shared.clip import ExportedClip
from sfm_gt.exporters.shared.pose_text import microseconds, pinhole_lens
from sfm_gt.exporters.shared.sample import layer_bytes
from sfm_gt.formats.manifest import write_json
from sfm_gt.formats.pose_text import camera_columns

STAGES = {"train": "train", "val": "test", "test": "test"}


class PixelSplatExporter:
    """``<train|test>/<clip>.torch`` and ``index.json``; our val goes to test."""

    VERSION = 1
    LENGTHS = "any"

    def write(self, clips: Sequence[ExportedClip], folder: Path) -> dict[str, Any]:
        """Writes the chunks into ``folder``."""
        import torch

        indices: dict[str, dict[str, str]] = defaultdict(dict)
        for clip in clips:
            root, name = folder / STAGES[clip.split], f"{clip.clip_id}.torch"
            root.mkdir(exist_ok=True)
            torch.save([_sequence(clip)], root / name)
            indices[STAGES[clip.split]][clip.clip_id] = name
        for stage, index in indices.items():
            write_json(folder / stage / "index.json", index)
        return {}


def _sequence(clip: ExportedClip) -> dict[str, Any]:
    import torch

    cameras = camera_columns(pinhole_lens(clip), clip.poses()).astype(np.float32)
    images = [layer_bytes(frame)["image"] for frame in clip.frames]
    return {
        "url": clip.source, "key": clip.clip_id, "timestamps": torch.from_numpy(microseconds(clip)),
        "cameras": torch.from_numpy(cameras), "images": [torch.from_numpy(np.frombuffer(i, np.uint8).copy()) for i in images],
    }  # fmt: skip


PLUGIN = PixelSplatExporter
