"""nerfstudio: ``transforms.json`` with depth in steps of 1/1000, masks of what may be used, points to start splats from.

Camera axes there are OpenGL's (+x right, +y up, -z forward), ``transform_matrix`` is camera to world, pixel centres at
+0.5. A clip that is not metric has no unit of its own: poses, depth and points are scaled together so that its depth fits into
16 bits. The file does not say so by ``applied_scale``, by which the reader would multiply depth once more. Source: nerfstudio's
data conventions page and its nerfstudio_dataparser (``depth_unit_scale_factor`` = 1e-3, ``ply_file_path``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from sfm_gt.exporters.shared.clip import ExportedClip, copy_image, name_of, static_depth, stepped, write_png
from sfm_gt.exporters.shared.tracks import track_points
from sfm_gt.formats.manifest import write_json
from sfm_gt.geometry.transforms import inverse_rigid

DEPTH_STEP = 1e-3
# Units at which the farthest depth of a clip without metres is put; 16 bits hold 65.5. The median is never nearer than the
# other figure, so that a few wild pixels do not cost the rest its precision: a step is 1/2000 of it.
FARTHEST, NEAREST_MEDIAN = 65.0, 2.0
OPENGL_FROM_OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])


class NerfstudioExporter:
    """``<clip>/transforms.json``, ``images``, ``depth``, ``masks`` (255 = usable) and ``points.ply``."""

    VERSION = 2
    LENGTHS = "any"

    def write(self, clips: Sequence[ExportedClip], folder: Path) -> dict[str, Any]:
        """Writes the scenes into ``folder``, counts pixels beyond 65.5 units and states the units of clips without metres."""
        lost, units = 0, {}
        for clip in clips:
            depths = [static_depth(frame) for frame in clip.frames]
            unit = 1.0 if clip.metric else _units_a_length(depths)
            if not clip.metric:
                units[clip.clip_id] = unit
            lost += _write_scene(folder / clip.clip_id, clip, depths, unit)
        return {"pixels_out_of_range": lost, "units_a_sfm_length": units}


def _units_a_length(depths: Sequence[Float[np.ndarray, "h w"]]) -> float:
    known = np.concatenate([depth[np.isfinite(depth)] for depth in depths])
    return float(max(FARTHEST / known.max(), NEAREST_MEDIAN / np.median(known))) if known.size else 1.0


def _write_scene(root: Path, clip: ExportedClip, depths: Sequence[Float[np.ndarray, "h w"]], unit: float) -> int:
    """Writes one clip with its lengths times ``unit``, and returns how many pixels lie beyond the range of the depth maps."""
    import trimesh

    lost, entries = 0, []
    for frame, depth in zip(clip.frames, depths, strict=True):
        name = name_of(frame)
        steps, beyond = stepped(depth * np.float32(unit), DEPTH_STEP)
        lost += beyond
        copy_image(frame, root / "images" / f"{name}.jpg")
        write_png(root / "depth" / f"{name}.png", steps)
        write_png(root / "masks" / f"{name}.png", np.where(frame.moving | frame.overlay, 0, 255).astype(np.uint8))
        matrix = inverse_rigid(frame.cam_from_world) @ OPENGL_FROM_OPENCV
        matrix[:3, 3] *= unit
        entries.append({"file_path": f"images/{name}.jpg", "depth_file_path": f"depth/{name}.png",
                        "mask_path": f"masks/{name}.png", "transform_matrix": matrix.tolist()})  # fmt: skip
    points = track_points(clip.frames, depths)
    world = np.array([point.world for point in points]).reshape(-1, 3) * unit
    colours = np.array([point.rgb for point in points], np.uint8).reshape(-1, 3)
    trimesh.PointCloud(world, colours).export(root / "points.ply")
    camera = clip.frames[0].camera
    write_json(root / "transforms.json", {
        "camera_model": "OPENCV", "w": camera.width, "h": camera.height, "fl_x": camera.fx, "fl_y": camera.fy,
        "cx": camera.cx, "cy": camera.cy, "ply_file_path": "points.ply", "frames": entries})  # fmt: skip
    return lost


PLUGIN = NerfstudioExporter
