"""MannequinChallenge text files, one a clip: cameras for the video as filmed, see formats/pose_text.py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sfm_gt.exporters.shared.clip import ExportedClip
from sfm_gt.exporters.shared.pose_text import write_pose_texts


class MannequinChallengeExporter:
    """``<split>/<clip>.txt`` with the splits train, validation and test."""

    VERSION = 1
    LENGTHS = "any"

    def write(self, clips: Sequence[ExportedClip], folder: Path) -> dict[str, Any]:
        """Writes the files into ``folder``."""
        return write_pose_texts(clips, folder, {"train": "train", "val": "validation", "test": "test"})


PLUGIN = MannequinChallengeExporter
