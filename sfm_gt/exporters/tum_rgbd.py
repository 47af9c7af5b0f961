"""TUM RGB-D: ``rgb.txt``, ``depth.txt``, ``groundtruth.txt``; depth in 1/5000 m, 16 bit, so up to 13.1 m.

Source: the file format page of the TUM RGB-D benchmark.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sfm_gt.exporters.shared.clip import ExportedClip, copy_image, name_of, static_depth, stepped, write_png
from sfm_gt.formats.tum_trajectory import write_trajectory

DEPTH_STEP_M = 1 / 5000


class TumRgbdExporter:
    """One sequence a clip; ``intrinsics.txt`` holds fx fy cx cy (the benchmark's own lie in its documentation)."""

    VERSION = 1
    LENGTHS = "metres"

    def write(self, clips: Sequence[ExportedClip], folder: Path) -> dict[str, Any]:
        """Writes the sequences into ``folder`` and counts pixels beyond the range of the format."""
        lost = 0
        for clip in clips:
            root = folder / clip.clip_id
            for frame in clip.frames:
                steps, beyond = stepped(static_depth(frame), DEPTH_STEP_M)
                lost += beyond
                copy_image(frame, root / "rgb" / f"{name_of(frame)}.jpg")
                write_png(root / "depth" / f"{name_of(frame)}.png", steps)
            for layer, suffix in (("rgb", "jpg"), ("depth", "png")):
                lines = [f"{frame.timestamp_s:.6f} {layer}/{name_of(frame)}.{suffix}\n" for frame in clip.frames]
                (root / f"{layer}.txt").write_text(f"# {clip.clip_id}\n# timestamp filename\n" + "".join(lines))
            times = np.array([frame.timestamp_s for frame in clip.frames])
            write_trajectory(root / "groundtruth.txt", times, clip.poses())
            camera = clip.frames[0].camera
            # Integer-centred, as all readers of the benchmark take it.
            values = (camera.fx, camera.fy, camera.cx - 0.5, camera.cy - 0.5)
            (root / "intrinsics.txt").write_text(" ".join(f"{value:.9g}" for value in values) + "\n")
        return {"pixels_out_of_range": lost}


PLUGIN = TumRgbdExporter
