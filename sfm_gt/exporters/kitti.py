"""KITTI-style PNG: depth in 1/256 m, 16 bit, 0 = invalid, so up to 256 m; intrinsics a frame as KITTI's depth devkit has it.

Source: the readme of KITTI's depth development kit. Pixel centres there are integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sfm_gt.exporters.shared.clip import ExportedClip, all_frames, copy_image, name_of, static_depth, stepped, write_png
from sfm_gt.geometry.conventions import PIXEL_CENTRE

DEPTH_STEP_M = 1 / 256


class KittiExporter:
    """``image``, ``groundtruth_depth`` and ``intrinsics``, files of a clip in a folder of its name."""

    VERSION = 1
    LENGTHS = "metres"

    def write(self, clips: Sequence[ExportedClip], folder: Path) -> dict[str, Any]:
        """Writes the files into ``folder`` and counts pixels beyond the range of the format."""
        lost = 0
        for clip, frame in all_frames(clips):
            steps, beyond = stepped(static_depth(frame), DEPTH_STEP_M)
            lost += beyond
            name, camera = f"{clip.clip_id}/{name_of(frame)}", frame.camera
            copy_image(frame, folder / "image" / f"{name}.jpg")
            write_png(folder / "groundtruth_depth" / f"{name}.png", steps)
            values = (camera.fx, 0, camera.cx - PIXEL_CENTRE, 0, camera.fy, camera.cy - PIXEL_CENTRE, 0, 0, 1)
            path = folder / "intrinsics" / f"{name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(" ".join(f"{value:.9g}" for value in values) + "\n")
        return {"pixels_out_of_range": lost}


PLUGIN = KittiExporter
