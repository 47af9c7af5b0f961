"""Record3D recordings: ``metadata.json`` of an export as EXR and JPEG, or ``metadata`` of an unpacked ``.r3d`` file.

``poses`` holds ``qx qy qz qw x y z`` a frame, camera to world in metres, camera axes of OpenGL (+x right, +y up, -z forward);
``K`` is the camera matrix by columns for pictures of ``w`` x ``h``, ``perFrameIntrinsicCoeffs`` (newer versions) are ``fx fy cx
cy`` a frame. Source: the app's author in issues 27, 33 and 36 of marek-simonik/record3d.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError
from sfm_gt.formats.camera_track import CameraTrack, checked
from sfm_gt.formats.tum_trajectory import poses_from_rows
from sfm_gt.importers.shared.one_lens import one_lens
from sfm_gt.importers.shared.text_files import brief, read_json_text
from sfm_gt.importers.shared.video_facts import VideoFacts

MAX_BYTES = 64 << 20
OPENCV_FROM_OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])


class Record3dImporter:
    """One file; a pose belongs to a frame of the recording, in order."""

    def read(self, path: Path, video: VideoFacts) -> CameraTrack:
        """Poses by frame, in metres. Raises InputError for another kind of file, or a lens that changes."""
        try:
            content: Any = read_json_text(path, MAX_BYTES)
            rows = np.array(content["poses"], dtype=np.float64).reshape(-1, 7)
            width, height = float(content["w"]), float(content["h"])
            intrinsics = _intrinsics(content)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: no metadata of Record3D ({type(error).__name__}: {brief(error)}); needed poses of seven "
                             "numbers, K, w and h") from None  # fmt: skip
        video.require_shape(path, width, height)
        radial = np.hstack([intrinsics / [width, height, width, height], np.zeros((len(intrinsics), 2))])
        lens, remarks = one_lens(path, radial, "record with fixed focus")
        if not np.isfinite(rows).all():
            raise InputError(f"{path}: a pose holds a number that is not finite; the file may be damaged")
        numbered = list(range(1, len(rows) + 1))
        cam_from_world = OPENCV_FROM_OPENGL @ poses_from_rows(path, numbered, rows[:, [4, 5, 6, 0, 1, 2, 3]])
        track = CameraTrack(cam_from_world, lens, frame_indices=np.arange(len(rows)), remarks=remarks)
        return checked(path, track)


def _intrinsics(content: dict[str, Any]) -> Float[np.ndarray, "n 4"]:
    """fx, fy, cx and cy in pixels, of each frame or of all."""
    if content.get("perFrameIntrinsicCoeffs"):
        return np.array(content["perFrameIntrinsicCoeffs"], dtype=np.float64).reshape(-1, 4)
    matrix = np.array(content["K"], dtype=np.float64).reshape(3, 3).T
    return np.array([[matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]]])


PLUGIN = Record3dImporter
