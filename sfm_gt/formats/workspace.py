"""Where things lie below the output folder. The only place that spells these paths.

OUT/config.yaml                          effective configuration
OUT/work/videos/<video>/ingest.json      one a video: probe, provenance or the reason it was refused
OUT/work/videos/<video>/clips.json       its clips (shots)
OUT/work/clips.json                      all clips of the corpus: the workflow's one checkpoint
OUT/work/clips/<clip>/<stage>/           one folder a stage, manifest.json written last
OUT/work/thumbnails/<clip>.jpg           one frame of every clip, and of every shot that was refused
OUT/work/mask_sheets/<clip>/NNNNNN.jpg   some frames with their masks before SfM, which stay when the clip is refused
OUT/dataset/                             the published tree, see dataset_layout.py
OUT/predictions/<model>/<clip>/          NNNNNN.npy a frame, also in flipped/; latency.json of a network
OUT/evaluation/                          long-format Parquet and tables
OUT/report/                              index.html and its pictures
OUT/logs/                                one log a job
OUT/.exports.json                       folders that exports of this run were written to
OUT/.forget.json                         what an unfinished `sfm-gt forget` has yet to remove
OUT/.locks/                              empty files that running stages lock
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CLIP_STAGES = ("frames", "sfm", "dense", "moving", "clean", "scale", "dataset")

JOURNAL = ".forget.json"
EXPORTS = ".exports.json"


@dataclass(frozen=True)
class Workspace:
    """Paths of one run, all below ``root``."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "config.yaml"

    @property
    def clip_list(self) -> Path:
        return self.root / "work" / "clips.json"

    @property
    def dataset(self) -> Path:
        return self.root / "dataset"

    @property
    def evaluation(self) -> Path:
        return self.root / "evaluation"

    @property
    def report(self) -> Path:
        return self.root / "report"

    @property
    def forget_journal(self) -> Path:
        return self.root / JOURNAL

    @property
    def exports(self) -> Path:
        return self.root / EXPORTS

    def ingest(self, video_id: str) -> Path:
        """The probe of one video (JSON file)."""
        return self.root / "work" / "videos" / video_id / "ingest.json"

    def clips(self, video_id: str) -> Path:
        """The clips of one video (JSON file)."""
        return self.root / "work" / "videos" / video_id / "clips.json"

    def thumbnail(self, clip_id: str) -> Path:
        """A small picture of one clip or refused shot, for the report (JPEG file)."""
        return self.root / "work" / "thumbnails" / f"{clip_id}.jpg"

    def mask_sheet(self, clip_id: str) -> Path:
        """Folder of some frames of one clip with their masks before SfM, for the report."""
        return self.root / "work" / "mask_sheets" / clip_id

    def clip_stage(self, clip_id: str, stage: str) -> Path:
        """Folder of one stage of one clip; ``dataset`` lies in the published tree."""
        if stage == "dataset":
            return self.dataset / "clips" / clip_id
        return self.root / "work" / "clips" / clip_id / stage

    def lock(self, *names: str) -> Path:
        """File that a stage locks while it writes; ``names`` say which output."""
        return self.root / ".locks" / "-".join(names)

    def predictions(self, model: str, clip_id: str) -> Path:
        """Folder of one model's predictions on one clip."""
        return self.root / "predictions" / model / clip_id
