"""Depth Anything: ``train.txt``, ``val.txt``, ``test.txt`` with ``image depth`` a line, and KITTI-style depth PNGs.

The lists are those of metric_depth/dataset/splits in DepthAnything/Depth-Anything-V2, whose KITTI loader divides the PNG
by 256. Splits are by video, the same as everywhere in this package.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sfm_gt.exporters.shared.clip import ExportedClip, all_frames, copy_image, name_of, static_depth, stepped, write_png

DEPTH_STEP_M = 1 / 256
SPLITS = ("train", "val", "test")


class DepthAnythingExporter:
    """``image/<clip>/NNNNNN.jpg``, ``depth/<clip>/NNNNNN.png`` and the three lists, paths relative to the folder."""

    VERSION = 1
    LENGTHS = "metres"

    def write(self, clips: Sequence[ExportedClip], folder: Path) -> dict[str, Any]:
        """Writes the files into ``folder`` and counts pixels beyond 256 m."""
        lists: dict[str, list[str]] = defaultdict(list)
        lost = 0
        for clip, frame in all_frames(clips):
            name = f"{clip.clip_id}/{name_of(frame)}"
            steps, beyond = stepped(static_depth(frame), DEPTH_STEP_M)
            lost += beyond
            copy_image(frame, folder / "image" / f"{name}.jpg")
            write_png(folder / "depth" / f"{name}.png", steps)
            lists[clip.split].append(f"image/{name}.jpg depth/{name}.png\n")
        for split in SPLITS:
            (folder / f"{split}.txt").write_text("".join(lists[split]))
        return {"pixels_out_of_range": lost}


PLUGIN = DepthAnythingExporter
