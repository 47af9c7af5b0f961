"""What the exporters of MannequinChallenge and RealEstate10K share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sfm_gt.exporters.shared.clip import ExportedClip
from sfm_gt.formats.pose_text import PoseText, write_pose_text


def write_pose_texts(clips: Sequence[ExportedClip], folder: Path, split_names: Mapping[str, str]) -> dict[str, Any]:
    """One file a clip. Columns 6 and 7, always 0 in the published files, hold the lens's distortion where it has one.

    The format knows no rolling shutter: a pose holds at the middle of its frame's readout. Clips with one are returned with the
    readout in seconds, as ``rolling_shutter_s``.
    """
    for clip in clips:
        start = clip.info["source"].get("first_timestamp_s", 0.0)
        times = np.array([frame.timestamp_s - start for frame in clip.frames])
        content = PoseText(
            clip.source.replace("\n", " "), np.rint(times * 1e6).astype(np.int64), clip.lens, clip.poses()
        )
        write_pose_text(folder / split_names[clip.split] / f"{clip.clip_id}.txt", content)
    return {"rolling_shutter_s": {clip.clip_id: clip.readout_s for clip in clips if clip.readout_s}}
