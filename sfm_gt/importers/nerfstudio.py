"""``transforms.json`` as nerfstudio, instant-ngp, Blender's NeRF scenes and Polycam's converter write it.

``transform_matrix`` is camera to world with OpenGL's camera axes (+x right, +y up, -z forward). Intrinsics stand at the top
or in every frame, the same to 1 %: ``fl_x``, ``fl_y``, ``cx``, ``cy``, ``w``, ``h`` in pixels (centres at +0.5) with ``k1`` and
``k2``, or ``camera_angle_x`` in radians. ``camera_model`` (nerfstudio) and flags (instant-ngp) say of which kind the lens is; a
pinhole without them. Source: nerfstudio's data conventions page and its CAMERA_MODEL_TO_TYPE; instant-ngp's nerf_loader.cu.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sfm_gt.errors import InputError, one_line
from sfm_gt.formats.camera_track import CameraTrack, checked
from sfm_gt.importers.shared.frame_numbers import frame_indices
from sfm_gt.importers.shared.one_lens import one_lens
from sfm_gt.importers.shared.text_files import brief, read_json_text
from sfm_gt.importers.shared.video_facts import VideoFacts
from sfm_gt.importers.shared.world_from_cam import cam_from_world_of

MAX_BYTES = 64 << 20
OPENGL_FROM_OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])
# Terms of distortion that radial ones cannot stand for.
NOT_RADIAL = ("k3", "k4", "p1", "p2")
# Models that are a pinhole with k1 and k2 where the other terms are 0; the same k1 of a fisheye bends otherwise.
RADIAL_MODELS = ("SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV")
OTHER_LENSES = ("is_fisheye", "equirectangular", "latlong", "orthographic")
INTRINSICS = ("fl_x", "fl_y", "cx", "cy", "w", "h", "camera_angle_x", "k1", "k2", *NOT_RADIAL)


class NerfstudioImporter:
    """One file; the numbers in ``file_path`` say which frame of the video each is."""

    def read(self, path: Path, video: VideoFacts) -> CameraTrack:
        """Poses by frame, lengths without unit.

        Raises:
            InputError: another kind of file, a lens that changes, is no pinhole or not radial, poses that are none, or names
                that do not number frames.
        """
        try:
            content: Any = read_json_text(path, MAX_BYTES)
            frames = content["frames"]
            matrices = np.array([frame["transform_matrix"] for frame in frames], dtype=np.float64)
            names = [str(frame["file_path"]) for frame in frames]
            models = {_other_lens(content | frame) for frame in frames} - {None}
            stated = [_stated(content | frame) for frame in frames]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: no transforms.json ({type(error).__name__}: {brief(error)}); needed frames with "
                             "file_path and transform_matrix") from None  # fmt: skip
        if models:
            raise InputError(f"{path}: a lens {min(map(str, models))}; needed camera_model {', '.join(RADIAL_MODELS)}, or "
                             "undistorted images")  # fmt: skip
        if matrices.shape[1:] not in ((4, 4), (3, 4)):
            raise InputError(f"{path}: {len(names)} poses of shape {matrices.shape[1:]}; needed 4 x 4 matrices")
        lenses = np.array([_lens(path, one, video) for one in stated])
        lens, remarks = one_lens(path, lenses, "undistort the images to one camera")
        world_from_cam = np.tile(np.eye(4), (len(matrices), 1, 1))
        world_from_cam[:, :3] = matrices[:, :3]
        poses = cam_from_world_of(path, world_from_cam @ OPENGL_FROM_OPENCV)
        indices = frame_indices(path, names, video.first_number)
        order = np.argsort(indices)
        return checked(path, CameraTrack(poses[order], lens, frame_indices=indices[order], remarks=remarks))


def _stated(frame: Mapping[str, Any]) -> dict[str, float]:
    """What a frame says of its lens."""
    return {key: float(frame[key]) for key in INTRINSICS if key in frame}


def _other_lens(frame: Mapping[str, Any]) -> str | None:
    """What a frame names as its lens, where that is no pinhole."""
    model = frame.get("camera_model", "PINHOLE")
    if model not in RADIAL_MODELS:
        return one_line(f"camera_model {str(model)[:40]}")
    flags = [key for key in OTHER_LENSES if frame.get(key)] + [key for key in frame if key.startswith("ftheta_")]
    return flags[0] if flags else None


def _lens(path: Path, stated: dict[str, float], video: VideoFacts) -> tuple[float, ...]:
    """fx, fy, cx, cy, k1 and k2, in shares of the picture's width and height."""
    bent = [key for key in NOT_RADIAL if stated.get(key)]
    if bent:
        raise InputError(
            f"{path}: {', '.join(bent)} of the lens; needed radial distortion alone (k1, k2), or undistorted images"
        )
    width, height = stated.get("w", float(video.width)), stated.get("h", float(video.height))
    video.require_shape(path, width, height)
    if "fl_x" not in stated and "camera_angle_x" not in stated:
        raise InputError(f"{path}: states no focal length; needed fl_x or camera_angle_x")
    angle = stated.get("camera_angle_x", 1.0)
    if not 0 < angle < math.pi:
        raise InputError(f"{path}: camera_angle_x is {angle:g}; needed a finite angle between 0 and pi, in radians")
    focal = stated["fl_x"] if "fl_x" in stated else width / 2 / math.tan(angle / 2)
    centre = stated.get("cx", width / 2) / width, stated.get("cy", height / 2) / height
    distortion = stated.get("k1", 0.0), stated.get("k2", 0.0)
    return focal / width, stated.get("fl_y", focal) / height, *centre, *distortion


PLUGIN = NerfstudioImporter
