"""A coloured point cloud a clip as PLY, in the world frame of the data set (+y down)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sfm_gt.exporters.shared.clip import ExportedClip, static_depth
from sfm_gt.exporters.shared.surfaces import evenly, world_grid

MAX_FRAMES = 40
STEP_PX = 4


class PlyExporter:
    """``<clip>.ply``: every fourth pixel each way of up to 40 frames."""

    VERSION = 1
    LENGTHS = "any"

    def write(self, clips: Sequence[ExportedClip], folder: Path) -> dict[str, Any]:
        """Writes the clouds into ``folder``."""
        import trimesh

        count = 0
        for clip in clips:
            grids = [world_grid(frame, static_depth(frame), STEP_PX) for frame in evenly(clip.frames, MAX_FRAMES)]
            points = np.concatenate([points.reshape(-1, 3) for points, _ in grids])
            colours = np.concatenate([colours.reshape(-1, 3) for _, colours in grids])
            valid = np.isfinite(points).all(axis=1)
            trimesh.PointCloud(points[valid], colours[valid]).export(folder / f"{clip.clip_id}.ply")
            count += int(valid.sum())
        return {"points": count}


PLUGIN = PlyExporter
