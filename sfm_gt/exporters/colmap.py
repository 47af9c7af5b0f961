"""COLMAP: a dense workspace a clip (images, binary and text model, depth maps in COLMAP's own format).

The sparse points of SfM are no part of the published data set; the points written here are sampled from the depth maps and
carry as tracks the frames whose own depth agrees. Normals, which COLMAP's fusion also asks for, are not written.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from sfm_gt.exporters.shared.clip import ExportedClip, copy_image, name_of, static_depth
from sfm_gt.exporters.shared.tracks import TrackedPoint, track_points
from sfm_gt.geometry.conventions import zero_from_nan


class ColmapExporter:
    """``<clip>/images``, ``<clip>/sparse/*.bin`` and ``*.txt``, ``<clip>/stereo/depth_maps``; image names NNNNNN.jpg."""

    VERSION = 1
    LENGTHS = "any"

    def write(self, clips: Sequence[ExportedClip], folder: Path) -> dict[str, Any]:
        """Writes the workspaces into ``folder``."""
        for clip in clips:
            depths = [static_depth(frame) for frame in clip.frames]
            for frame, depth in zip(clip.frames, depths, strict=True):
                copy_image(frame, folder / clip.clip_id / "images" / f"{name_of(frame)}.jpg")
                path = folder / clip.clip_id / "stereo" / "depth_maps" / f"{name_of(frame)}.jpg.geometric.bin"
                _write_depth(path, depth)
            _write_model(folder / clip.clip_id / "sparse", clip, track_points(clip.frames, depths))
        return {}


def _write_depth(path: Path, depth: Float[np.ndarray, "h w"]) -> None:
    import pycolmap

    path.parent.mkdir(parents=True, exist_ok=True)
    # The bounds belong to COLMAP's matching and are not written.
    pycolmap.DepthMap.from_array(zero_from_nan(depth), 0.0, float(np.nanmax(depth, initial=0.0))).write(path)


def _write_model(folder: Path, clip: ExportedClip, points: Sequence[TrackedPoint]) -> None:
    import pycolmap

    camera = clip.frames[0].camera
    model = pycolmap.Reconstruction()
    params = [camera.fx, camera.fy, camera.cx, camera.cy]
    model.add_camera_with_trivial_rig(pycolmap.Camera(
        model="PINHOLE", width=camera.width, height=camera.height, params=params, camera_id=1))  # fmt: skip
    pixels: list[list[np.ndarray]] = [[] for _ in clip.frames]
    tracks = []
    for point in points:
        track = pycolmap.Track()
        for row, xy in zip(point.rows, point.pixels, strict=True):
            track.add_element(row + 1, len(pixels[row]))
            pixels[row].append(xy)
        tracks.append(track)
    for row, frame in enumerate(clip.frames):
        image = pycolmap.Image(name=f"{name_of(frame)}.jpg", keypoints=np.array(pixels[row]).reshape(-1, 2), camera_id=1,
                               image_id=row + 1)  # fmt: skip
        model.add_image_with_trivial_frame(image, pycolmap.Rigid3d(frame.cam_from_world[:3]))
    for point, track in zip(points, tracks, strict=True):
        model.add_point3D(point.world, track, point.rgb)
    folder.mkdir(parents=True)
    model.write_binary(folder)
    model.write_text(folder)


PLUGIN = ColmapExporter
