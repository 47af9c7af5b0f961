"""RealEstate10K's layout with frames: undistorted pictures named by their time, and text files whose cameras are theirs.

Readers of the text format leave out its two columns of distortion, so that cameras of the video as filmed
(``realestate10k``) point past its corners. Here both columns are zero and true.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sfm_gt.exporters.shared.clip import ExportedClip, copy_image
from sfm_gt.exporters.shared.pose_text import microseconds, pinhole_lens, pose_text
from sfm_gt.formats.pose_text import write_pose_text

SPLITS = {"train": "train", "val": "test", "test": "test"}


class RealEstate10KFramesExporter:
    """``<split>/<clip>.txt`` and ``<split>/<clip>/<microseconds>.jpg``; our val goes to test."""

    VERSION = 1
    LENGTHS = "any"

    def write(self, clips: Sequence[ExportedClip], folder: Path) -> dict[str, Any]:
        """Writes the files into ``folder``."""
        for clip in clips:
            root = folder / SPLITS[clip.split]
            for frame, time in zip(clip.frames, microseconds(clip).tolist(), strict=True):
                copy_image(frame, root / clip.clip_id / f"{time}.jpg")
            write_pose_text(root / f"{clip.clip_id}.txt", pose_text(clip, pinhole_lens(clip)))
        return {}


PLUGIN = RealEstate10KFramesExporter
