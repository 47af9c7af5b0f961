"""ARKit recordings as the Stray Scanner app leaves them: ``rgb.mp4``, ``odometry.csv``, ``camera_matrix.csv``.

A line of ``odometry.csv`` belongs to a frame of ``rgb.mp4``, in order: ``x y z qx qy qz qw``, camera to world in metres,
camera axes already +x right, +y down, +z forward; newer versions of the app put ``timestamp, frame`` before that and a
header above. Source: OdometryEncoder.swift and DatasetEncoder.swift of strayrobots/scanner.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sfm_gt.errors import InputError
from sfm_gt.formats.camera_track import CameraTrack, Lens
from sfm_gt.formats.path_check import inside
from sfm_gt.formats.tum_trajectory import poses_from_rows
from sfm_gt.importers.shared.video_facts import VideoFacts

# ARKit turns the phone's sensor image; a matrix for a picture of another shape would be read for the wrong axes.
MAX_CENTRE_SHARE = 0.15


class ArkitImporter:
    """The folder of one recording."""

    def read(self, path: Path, video: VideoFacts) -> CameraTrack:
        """Poses by frame, in metres. Raises InputError when files are missing, malformed or of another picture size."""
        odometry = inside(path, "odometry.csv", path)
        rows = _table(odometry, skip_header=True)
        if rows.shape[1] not in (7, 9, 13):
            raise InputError(f"{odometry}: {rows.shape[1]} columns; needed x, y, z, qx, qy, qz, qw, with or without "
                             "timestamp, frame before them")  # fmt: skip
        poses = poses_from_rows(odometry, rows[:, :7] if rows.shape[1] == 7 else rows[:, 2:9])
        lens = _lens(inside(path, "camera_matrix.csv", path), video)
        return CameraTrack(poses, lens, frame_indices=np.arange(len(poses)))


def _lens(path: Path, video: VideoFacts) -> Lens:
    matrix = _table(path, skip_header=False)
    if matrix.shape != (3, 3) or matrix[0, 0] <= 0:
        raise InputError(f"{path}: found {matrix.shape[0]} x {matrix.shape[1]} numbers; needed a 3 x 3 camera matrix")
    lens = Lens(matrix[0, 0] / video.width, matrix[1, 1] / video.height,
                matrix[0, 2] / video.width, matrix[1, 2] / video.height)  # fmt: skip
    if max(abs(lens.cx - 0.5), abs(lens.cy - 0.5)) > MAX_CENTRE_SHARE:
        raise InputError(
            f"{path}: the principal point lies at {100 * lens.cx:.0f} %, {100 * lens.cy:.0f} % of a video of {video.width} "
            f"x {video.height}; needed the matrix of this very video, not resized or turned"
        )
    return lens


def _table(path: Path, skip_header: bool) -> np.ndarray:
    try:
        lines = path.read_text(encoding="utf-8").strip().splitlines()
        header = 1 if skip_header and lines and lines[0].lstrip()[:1].isalpha() else 0
        return np.loadtxt(lines[header:], delimiter=",", ndmin=2)
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a table of numbers ({error}); the recording may be cut short") from None


PLUGIN = ArkitImporter
