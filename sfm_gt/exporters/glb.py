"""A coloured mesh a clip as GLB: the surfaces of some frames; glTF has +y up, so the world is turned about x."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sfm_gt.datasets.frames import Frame
from sfm_gt.exporters.shared.clip import ExportedClip, name_of, static_depth
from sfm_gt.exporters.shared.surfaces import evenly, triangles, vertex_normals, world_grid
from sfm_gt.formats.glb import ColouredMesh, write_glb

MAX_FRAMES = 8
STEP_PX = 3
GLTF_FROM_WORLD = np.diag([1.0, -1.0, -1.0])


class GlbExporter:
    """``<clip>.glb``: one mesh a frame, named NNNNNN, of up to 8 frames."""

    VERSION = 2
    LENGTHS = "any"

    def write(self, clips: Sequence[ExportedClip], folder: Path) -> dict[str, Any]:
        """Writes the meshes into ``folder``."""
        count = 0
        for clip in clips:
            meshes = [_mesh(frame) for frame in evenly(clip.frames, MAX_FRAMES)]
            write_glb(folder / f"{clip.clip_id}.glb", [mesh for mesh in meshes if len(mesh.faces)])
            count += sum(len(mesh.faces) for mesh in meshes)
        return {"triangles": count}


def _mesh(frame: Frame) -> ColouredMesh:
    depth = static_depth(frame)
    points, colours = world_grid(frame, depth, STEP_PX)
    used, faces = np.unique(triangles(depth[::STEP_PX, ::STEP_PX]), return_inverse=True)
    positions, faces = points.reshape(-1, 3)[used] @ GLTF_FROM_WORLD.T, faces.reshape(-1, 3)
    normals = vertex_normals(positions, faces)
    return ColouredMesh(name_of(frame), positions, normals, colours.reshape(-1, 3)[used], faces)


PLUGIN = GlbExporter
