"""A coloured mesh a clip as GLB: the surfaces of some frames; glTF has +y up, so the world is turned about x."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sfm_gt.exporters.shared.clip import ExportedClip, name_of, static_depth
from sfm_gt.exporters.shared.surfaces import evenly, triangles, world_grid

MAX_FRAMES = 8
STEP_PX = 3
GLTF_FROM_WORLD = np.diag([1.0, -1.0, -1.0])


class GlbExporter:
    """``<clip>.glb``: one mesh a frame, named NNNNNN, of up to 8 frames."""

    VERSION = 1
    LENGTHS = "any"

    def write(self, clips: Sequence[ExportedClip], folder: Path) -> dict[str, Any]:
        """Writes the meshes into ``folder``."""
        import trimesh

        count = 0
        for clip in clips:
            scene = trimesh.Scene()
            for frame in evenly(clip.frames, MAX_FRAMES):
                depth = static_depth(frame)
                points, colours = world_grid(frame, depth, STEP_PX)
                faces = triangles(depth[::STEP_PX, ::STEP_PX])
                used, faces = np.unique(faces, return_inverse=True)
                if len(used):
                    mesh = trimesh.Trimesh(points.reshape(-1, 3)[used] @ GLTF_FROM_WORLD.T, faces.reshape(-1, 3),
                                           vertex_colors=colours.reshape(-1, 3)[used], process=False)  # fmt: skip
                    scene.add_geometry(mesh, node_name=name_of(frame), geom_name=name_of(frame))
                    count += len(mesh.faces)
            (folder / f"{clip.clip_id}.glb").write_bytes(scene.export(file_type="glb"))
        return {"triangles": count}


PLUGIN = GlbExporter
