"""COLMAP: a dense workspace a clip, as its stereo leaves it: images, model, depth and normal maps, lists for fusion.

The sparse points of SfM are no part of the published data set; the points written here are sampled from the depth maps and
carry as tracks the frames whose own depth agrees. Normals are those of the depth maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from sfm_gt.datasets.frames import Frame
from sfm_gt.exporters.shared.clip import ExportedClip, copy_image, name_of, static_depth
from sfm_gt.exporters.shared.normals import normals_from_depth
from sfm_gt.exporters.shared.tracks import TrackedPoint, track_points
from sfm_gt.geometry.conventions import zero_from_nan

# Source images of patch-match.cfg: as many as COLMAP itself would write.
SOURCES = "__auto__, 20"


class ColmapExporter:
    """``<clip>/images``, ``sparse/*.bin`` and ``*.txt``, ``stereo`` with maps and lists; image names NNNNNN.jpg."""

    VERSION = 2
    LENGTHS = "any"

    def write(self, clips: Sequence[ExportedClip], folder: Path) -> dict[str, Any]:
        """Writes the workspaces into ``folder``."""
        for clip in clips:
            root = folder / clip.clip_id
            depths = [static_depth(frame) for frame in clip.frames]
            for frame, depth in zip(clip.frames, depths, strict=True):
                copy_image(frame, root / "images" / f"{name_of(frame)}.jpg")
                _write_maps(root / "stereo", frame, depth)
            names = [f"{name_of(frame)}.jpg\n" for frame in clip.frames]
            (root / "stereo" / "fusion.cfg").write_text("".join(names))
            (root / "stereo" / "patch-match.cfg").write_text("".join(f"{name}{SOURCES}\n" for name in names))
            _write_model(root / "sparse", clip, track_points(clip.frames, depths))
        return {}


def _write_maps(stereo: Path, frame: Frame, depth: Float[np.ndarray, "h w"]) -> None:
    import pycolmap

    normal = normals_from_depth(depth, frame.camera).astype(np.float32)
    # Fusion looks at the normal of every pixel with depth: one that has none is no surface of its own.
    depth = np.where(np.isnan(normal[..., 0]), np.float32(np.nan), depth)
    name = f"{name_of(frame)}.jpg.geometric.bin"
    for kind in ("depth_maps", "normal_maps"):
        (stereo / kind).mkdir(parents=True, exist_ok=True)
    # The bounds belong to COLMAP's matching and are not written.
    depth_map = pycolmap.DepthMap.from_array(zero_from_nan(depth), 0.0, float(np.nanmax(depth, initial=0.0)))
    depth_map.write(stereo / "depth_maps" / name)
    pycolmap.NormalMap.from_array(np.nan_to_num(normal)).write(stereo / "normal_maps" / name)


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
