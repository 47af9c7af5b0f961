"""Polycam's raw data: ``keyframes/corrected_cameras`` (or ``cameras``, before its adjustment), a JSON file a picture.

The video holds all pictures of ``corrected_images`` (or ``images``) in the order of their names, which are times. ``t_00`` to
``t_23`` are the rows of camera to world in metres, camera axes of OpenGL (+x right, +y up, -z forward); ``fx``, ``fy``, ``cx``,
``cy`` count in pixels of ``width`` x ``height``. Source: PolyCam/polyform (README,
core/capture_folder.py), and nerfstudio's converter for the camera's axes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sfm_gt.errors import InputError
from sfm_gt.formats.camera_track import CameraTrack, checked
from sfm_gt.importers.shared.one_lens import one_lens
from sfm_gt.importers.shared.text_files import brief, files_with, read_json_text
from sfm_gt.importers.shared.video_facts import VideoFacts
from sfm_gt.importers.shared.world_from_cam import cam_from_world_of

MAX_BYTES = 1 << 20
OPENGL_FROM_OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])


class PolycamImporter:
    """One folder; a pose belongs to a frame of the video, in the order of names."""

    def read(self, path: Path, video: VideoFacts) -> CameraTrack:
        """Poses by frame, in metres. Raises InputError for another kind of folder or file, or a lens that changes."""
        # Names are microseconds since the phone was started; they may differ in length.
        files = sorted(files_with(path, ".json"), key=lambda file: (len(file.name), file.name))
        if not files:
            raise InputError(f"{path}: no .json files; needed the folder corrected_cameras of Polycam's raw data")
        cameras = [_camera(file) for file in files]
        lenses = np.array([lens for _, lens, _ in cameras])
        sizes = {size for _, _, size in cameras}
        if len(sizes) != 1:
            raise InputError(f"{path}: pictures of {len(sizes)} sizes; needed those of one video")
        width, height = sizes.pop()
        video.require_shape(path, width, height)
        radial = np.hstack([lenses / [width, height, width, height], np.zeros((len(lenses), 2))])
        lens, remarks = one_lens(path, radial, "scan from farther away, where focus stays")
        poses = cam_from_world_of(path, np.array([pose for pose, _, _ in cameras]) @ OPENGL_FROM_OPENCV)
        return checked(path, CameraTrack(poses, lens, frame_indices=np.arange(len(poses)), remarks=remarks))


def _camera(path: Path) -> tuple[np.ndarray, list[float], tuple[float, float]]:
    """(4, 4) camera to world, fx, fy, cx and cy, and the size of the picture."""
    try:
        content: Any = read_json_text(path, MAX_BYTES)
        pose = np.eye(4)
        pose[:3] = [[float(content[f"t_{row}{column}"]) for column in range(4)] for row in range(3)]
        lens = [float(content[name]) for name in ("fx", "fy", "cx", "cy")]
        return pose, lens, (float(content["width"]), float(content["height"]))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: no camera of Polycam ({type(error).__name__}: {brief(error)}); needed t_00 to t_23, fx, "
                         "fy, cx, cy, width and height") from None  # fmt: skip


PLUGIN = PolycamImporter
