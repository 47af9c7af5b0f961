"""KITTI odometry's ``NN.txt``: twelve numbers a line, the 3x4 camera-to-world matrix of a frame, in order.

The focal length comes from the sidecar's ``camera``. Source: the readme of KITTI's odometry development kit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sfm_gt.errors import InputError
from sfm_gt.formats.camera_track import CameraTrack, checked
from sfm_gt.importers.shared.text_files import brief
from sfm_gt.importers.shared.video_facts import VideoFacts
from sfm_gt.importers.shared.world_from_cam import cam_from_world_of


class KittiImporter:
    """One text file; a line belongs to a frame of the video."""

    def read(self, path: Path, video: VideoFacts) -> CameraTrack:
        """Poses by frame. Raises InputError when lines are no poses or the sidecar states no focal length."""
        try:
            rows = np.loadtxt(path, ndmin=2, encoding="utf-8-sig")
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: not a table of numbers ({brief(error)}); the file may be cut short") from None
        if rows.shape[1] != 12 or not len(rows):
            raise InputError(
                f"{path}: {len(rows)} lines of {rows.shape[1]} numbers; needed twelve a line, a 3 x 4 matrix by rows"
            )
        world_from_cam = np.tile(np.eye(4), (len(rows), 1, 1))
        world_from_cam[:, :3] = rows.reshape(-1, 3, 4)
        poses = cam_from_world_of(path, world_from_cam)
        return checked(path, CameraTrack(poses, video.stated_lens(path), frame_indices=np.arange(len(poses))))


PLUGIN = KittiImporter
