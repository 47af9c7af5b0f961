"""Pose files of MannequinChallenge: see formats/pose_text.py."""

from __future__ import annotations

from pathlib import Path

from sfm_gt.formats.camera_track import CameraTrack, checked
from sfm_gt.formats.pose_text import read_pose_text
from sfm_gt.importers.shared.video_facts import VideoFacts


class MannequinChallengeImporter:
    """One text file of the data set, for the user's own copy of the video that its first line names."""

    def read(self, path: Path, video: VideoFacts) -> CameraTrack:
        """Poses by time, lengths without unit. Raises InputError when the file is not in the format."""
        content = read_pose_text(path)
        times = content.microseconds / 1e6 + video.first_timestamp_s
        return checked(path, CameraTrack(content.cam_from_world, content.lens, timestamps_s=times))


PLUGIN = MannequinChallengeImporter
