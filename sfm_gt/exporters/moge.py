"""MoGe: a folder a frame with ``image.jpg``, ``depth.png`` (formats/log_depth_png.py) and ``meta.json``, and ``.index.txt``.

``meta.json`` holds intrinsics in shares of width and height. Source: moge/test/dataloader.py of microsoft/MoGe.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sfm_gt.exporters.shared.clip import ExportedClip, all_frames, copy_image, name_of, static_depth
from sfm_gt.formats.log_depth_png import write_log_depth
from sfm_gt.formats.manifest import write_json


class MogeExporter:
    """``<clip>/NNNNNN/{image.jpg,depth.png,meta.json}``; the index lists the folders."""

    VERSION = 1
    LENGTHS = "metres"

    def write(self, clips: Sequence[ExportedClip], folder: Path) -> dict[str, Any]:
        """Writes the instances into ``folder``."""
        listed = []
        for clip, frame in all_frames(clips):
            name = f"{clip.clip_id}/{name_of(frame)}"
            copy_image(frame, folder / name / "image.jpg")
            write_log_depth(folder / name / "depth.png", static_depth(frame))
            camera = frame.camera
            intrinsics = [[camera.fx / camera.width, 0.0, camera.cx / camera.width],
                          [0.0, camera.fy / camera.height, camera.cy / camera.height], [0.0, 0.0, 1.0]]  # fmt: skip
            write_json(folder / name / "meta.json", {"intrinsics": intrinsics})
            listed.append(name)
        (folder / ".index.txt").write_text("\n".join(listed) + "\n")
        return {}


PLUGIN = MogeExporter
