"""What the exporters of MannequinChallenge, RealEstate10K and its kin share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from sfm_gt.exporters.shared.clip import ExportedClip
from sfm_gt.formats.camera_track import Lens
from sfm_gt.formats.pose_text import PoseText, write_pose_text


def write_pose_texts(clips: Sequence[ExportedClip], folder: Path, split_names: Mapping[str, str]) -> dict[str, Any]:
    """One file a clip, for the video as filmed. Columns 6 and 7, always 0 in the published files, hold its distortion.

    The format knows no rolling shutter: a pose holds at the middle of its frame's readout. Clips with one are returned with the
    readout in seconds, as ``rolling_shutter_s``.
    """
    for clip in clips:
        write_pose_text(folder / split_names[clip.split] / f"{clip.clip_id}.txt", pose_text(clip, clip.lens))
    return {"rolling_shutter_s": {clip.clip_id: clip.readout_s for clip in clips if clip.readout_s}}


def pose_text(clip: ExportedClip, lens: Lens) -> PoseText:
    """A clip's cameras behind ``lens``."""
    return PoseText(clip.source.replace("\n", " "), microseconds(clip), lens, clip.poses())


def microseconds(clip: ExportedClip) -> Int[np.ndarray, " n"]:
    """Times of a clip's frames since the start of its video."""
    start = clip.info["source"].get("first_timestamp_s", 0.0)
    times = np.array([frame.timestamp_s - start for frame in clip.frames])
    return np.rint(times * 1e6).astype(np.int64)


def pinhole_lens(clip: ExportedClip) -> Lens:
    """The lens of the published, undistorted frames."""
    camera = clip.frames[0].camera
    width, height = camera.width, camera.height
    return Lens(camera.fx / width, camera.fy / height, camera.cx / width, camera.cy / height)
