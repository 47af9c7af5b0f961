"""ARKit recordings as the Stray Scanner app leaves them: ``rgb.mp4``, ``odometry.csv``, ``camera_matrix.csv``.

A line of ``odometry.csv`` belongs to a frame of ``rgb.mp4``, in order: ``x y z qx qy qz qw``, camera to world in metres,
camera axes already +x right, +y down, +z forward; newer versions of the app put ``timestamp, frame`` before that and a
header above. Source: OdometryEncoder.swift and DatasetEncoder.swift of strayrobots/scanner.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sfm_gt.errors import InputError
from sfm_gt.formats.camera_track import CameraTrack, Lens, checked
from sfm_gt.formats.number_table import numbers, read_rows, within
from sfm_gt.formats.path_check import inside
from sfm_gt.formats.tum_trajectory import POSE, poses_from_rows
from sfm_gt.importers.shared.video_facts import VideoFacts

# ARKit turns the phone's sensor image; a matrix for a picture of another shape would be read for the wrong axes.
MAX_CENTRE_SHARE = 0.15
MAX_PIXELS = 1e5


class ArkitImporter:
    """The folder of one recording."""

    def read(self, path: Path, video: VideoFacts) -> CameraTrack:
        """Poses by frame, in metres. Raises InputError when files are missing, malformed or of another picture size."""
        odometry = inside(path, "odometry.csv", path)
        rows = read_rows(odometry, ",")
        if rows and rows[0][1][0][:1].isalpha():
            rows = rows[1:]
        n_columns = len(rows[0][1]) if rows else 0
        if n_columns not in (7, 9, 13):
            raise InputError(f"{odometry}: {n_columns} columns; needed x, y, z, qx, qy, qz, qw, with or without "
                             "timestamp, frame before them")  # fmt: skip
        first = 0 if n_columns == 7 else 2
        values = numbers(odometry, [(line, entries[first : first + 7]) for line, entries in rows], POSE)
        poses = poses_from_rows(odometry, [line for line, _ in rows], values)
        lens = _lens(inside(path, "camera_matrix.csv", path), video)
        return checked(odometry, CameraTrack(poses, lens, frame_indices=np.arange(len(poses))))


def _lens(path: Path, video: VideoFacts) -> Lens:
    rows = read_rows(path, ",")
    if len(rows) != 3:
        raise InputError(f"{path}: {len(rows)} rows; needed a 3 x 3 camera matrix; the recording may be cut short")
    matrix = numbers(path, rows, [within(f"column {column}", MAX_PIXELS) for column in (1, 2, 3)])
    lens = Lens(matrix[0, 0] / video.width, matrix[1, 1] / video.height,
                matrix[0, 2] / video.width, matrix[1, 2] / video.height)  # fmt: skip
    if max(abs(lens.cx - 0.5), abs(lens.cy - 0.5)) > MAX_CENTRE_SHARE:
        raise InputError(
            f"{path}: the principal point lies at {100 * lens.cx:.0f} %, {100 * lens.cy:.0f} % of a video of {video.width} "
            f"x {video.height}; needed the matrix of this very video, not resized or turned"
        )
    return lens


PLUGIN = ArkitImporter
