"""nerfstudio: ``transforms.json`` with depth in millimetres and masks of what may be used.

Camera axes there are OpenGL's (+x right, +y up, -z forward), ``transform_matrix`` is camera to world, pixel centres at
+0.5. Source: nerfstudio's data conventions page and its nerfstudio_dataparser (``depth_unit_scale_factor`` = 1e-3).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sfm_gt.exporters.shared.clip import ExportedClip, copy_image, name_of, static_depth, stepped, write_png
from sfm_gt.formats.manifest import write_json
from sfm_gt.geometry.transforms import inverse_rigid

DEPTH_STEP = 1e-3
OPENGL_FROM_OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])


class NerfstudioExporter:
    """``<clip>/transforms.json``, ``images``, ``depth`` and ``masks`` (255 = usable)."""

    VERSION = 1
    LENGTHS = "any"

    def write(self, clips: Sequence[ExportedClip], folder: Path) -> dict[str, Any]:
        """Writes the scenes into ``folder`` and counts pixels beyond 65.5 units."""
        lost = 0
        for clip in clips:
            entries = []
            for frame in clip.frames:
                name, root = name_of(frame), folder / clip.clip_id
                steps, beyond = stepped(static_depth(frame), DEPTH_STEP)
                lost += beyond
                copy_image(frame, root / "images" / f"{name}.jpg")
                write_png(root / "depth" / f"{name}.png", steps)
                write_png(
                    root / "masks" / f"{name}.png", np.where(frame.moving | frame.overlay, 0, 255).astype(np.uint8)
                )
                matrix = inverse_rigid(frame.cam_from_world) @ OPENGL_FROM_OPENCV
                entries.append({"file_path": f"images/{name}.jpg", "depth_file_path": f"depth/{name}.png",
                                "mask_path": f"masks/{name}.png", "transform_matrix": matrix.tolist()})  # fmt: skip
            camera = clip.frames[0].camera
            write_json(root / "transforms.json", {
                "camera_model": "OPENCV", "w": camera.width, "h": camera.height, "fl_x": camera.fx, "fl_y": camera.fy,
                "cx": camera.cx, "cy": camera.cy, "frames": entries})  # fmt: skip
        return {"pixels_out_of_range": lost}


PLUGIN = NerfstudioExporter
