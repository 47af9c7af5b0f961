"""Depth Anything: lists for the classes of its metric training, with ``image depth`` a line.

``train.txt`` is for the class that trains (VKITTI2): it divides by 100 and takes for valid what is at most 80 m, zero included,
so that unknown depth is written as the largest number there is. ``val.txt`` and ``test.txt`` are for the class that validates
(KITTI): it divides by 256 and takes zero for unknown. Both open the paths as they stand, from where the training is started.
Source: metric_depth/dataset of DepthAnything/Depth-Anything-V2.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sfm_gt.exporters.shared.clip import ExportedClip, all_frames, copy_image, name_of, static_depth, stepped, write_png

# Metres a step, and the step that says "unknown", by split.
CENTIMETRES, KITTI = (1 / 100, np.iinfo(np.uint16).max), (1 / 256, 0)
STEPS = {"train": CENTIMETRES, "val": KITTI, "test": KITTI}


class DepthAnythingExporter:
    """``image/<clip>/NNNNNN.jpg``, ``depth/<clip>/NNNNNN.png`` and the three lists, paths relative to the folder."""

    VERSION = 2
    LENGTHS = "metres"

    def write(self, clips: Sequence[ExportedClip], folder: Path) -> dict[str, Any]:
        """Writes the files into ``folder`` and counts pixels beyond the range of their steps."""
        lists: dict[str, list[str]] = defaultdict(list)
        lost = 0
        for clip, frame in all_frames(clips):
            name, (step_m, unknown) = f"{clip.clip_id}/{name_of(frame)}", STEPS[clip.split]
            steps, beyond = stepped(static_depth(frame), step_m)
            lost += beyond
            copy_image(frame, folder / "image" / f"{name}.jpg")
            write_png(folder / "depth" / f"{name}.png", np.where(steps == 0, np.uint16(unknown), steps))
            lists[clip.split].append(f"image/{name}.jpg depth/{name}.png\n")
        for split in STEPS:
            (folder / f"{split}.txt").write_text("".join(lists[split]))
        return {"pixels_out_of_range": lost}


PLUGIN = DepthAnythingExporter
