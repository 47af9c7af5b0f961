"""A trajectory in TUM format, on the clock of the video; the focal length comes from the sidecar's ``camera``."""

from __future__ import annotations

from pathlib import Path

from sfm_gt.formats.camera_track import CameraTrack, checked
from sfm_gt.formats.tum_trajectory import read_trajectory
from sfm_gt.importers.shared.video_facts import VideoFacts


class TumImporter:
    """``timestamp_s tx ty tz qx qy qz qw``, camera to world."""

    def read(self, path: Path, video: VideoFacts) -> CameraTrack:
        """Poses by time. Raises InputError when the file is not in the format or the sidecar states no focal length."""
        times, poses = read_trajectory(path)
        return checked(path, CameraTrack(poses, video.stated_lens(path), timestamps_s=times))


PLUGIN = TumImporter
