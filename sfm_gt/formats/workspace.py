"""Where things lie below the output folder. The only place that spells these paths.

OUT/config.yaml                          effective configuration
OUT/catalog.json                         the videos as the start of the last run found them
OUT/videos/<video>/                      what became of one video, see verdict.py
OUT/dataset/                             the published tree, see dataset_layout.py
OUT/predictions/<model>/<video>/<clip>/  NNNNNN.npz a frame, also in flipped/; latency.json of a network
OUT/clips.json                           all clips of the corpus and what became of every video
OUT/evaluation/                          long-format Parquet and tables
OUT/report/                              index.html and its pictures
OUT/collected.json                       key of what tables and report were made of
OUT/logs/                                one log a job
OUT/work/                                what stages leave for another run; can be deleted:
OUT/work/videos/<video>/ingest.json      probe, provenance or the reason it was refused
OUT/work/videos/<video>/clips.json       its clips (shots)
OUT/work/clips/<clip>/<stage>/           one folder a stage, manifest.json written last; the files of frames, dense,
                                         moving and clean go when the clip's data set stands; maps shares its
                                         files with the published tree
OUT/work/thumbnails/<clip>.jpg           one frame of every clip
OUT/work/mask_sheets/<clip>/NNNNNN.jpg   some frames with their masks before SfM, which stay when the clip is refused
OUT/.exports.json                        folders that exports of this run were written to
OUT/.forget.json                         what an unfinished `sfm-gt forget` has yet to remove
OUT/.locks/                              files that running jobs lock
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sfm_gt.errors import InputError
from sfm_gt.formats.clip_paths import clip_folder, video_of

CLIP_STAGES = ("frames", "sfm", "dense", "moving", "clean", "scale", "dataset")

JOURNAL = ".forget.json"
EXPORTS = ".exports.json"
SUMMARY = "summary.txt"


@dataclass(frozen=True)
class Workspace:
    """Paths of one run, all below ``root``."""

    root: Path

    @classmethod
    def around(cls, dataset: Path) -> Workspace:
        """The run whose data set lies in the folder ``dataset``; of a release, a folder that holds none of its files."""
        return cls(dataset.absolute().parent)

    @property
    def config(self) -> Path:
        return self.root / "config.yaml"

    @property
    def catalog(self) -> Path:
        return self.root / "catalog.json"

    @property
    def clip_list(self) -> Path:
        return self.root / "clips.json"

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
    def collected(self) -> Path:
        return self.root / "collected.json"

    @property
    def summary(self) -> Path:
        return self.root / SUMMARY

    @property
    def forget_journal(self) -> Path:
        return self.root / JOURNAL

    def require_no_forget(self, known_as: Path | str | None = None) -> None:
        """Raises InputError where a forget was interrupted: what it has yet to remove must be neither used nor handed on.

        Args:
            known_as: what the message calls the output folder; its path when None.
        """
        if self.forget_journal.is_file():
            raise InputError(
                f"{known_as or self.root}: a forget was interrupted; complete it with `sfm-gt forget` first"
            )

    def verdict(self, video_id: str) -> Path:
        """Folder of what became of one video."""
        return self.root / "videos" / video_id

    def published(self, video_id: str) -> Path:
        """Folder of one video's clips in the published tree."""
        return self.dataset / "clips" / video_id

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
        """A small picture of one clip, for the report (JPEG file)."""
        return self.root / "work" / "thumbnails" / f"{clip_id}.jpg"

    def mask_sheet(self, clip_id: str) -> Path:
        """Folder of some frames of one clip with their masks before SfM, for the report."""
        return self.root / "work" / "mask_sheets" / clip_id

    def clip_stage(self, clip_id: str, stage: str) -> Path:
        """Folder of one stage of one clip; ``dataset`` lies in the published tree."""
        if stage == "dataset":
            return clip_folder(self.dataset, clip_id)
        return self.root / "work" / "clips" / clip_id / stage

    def lock(self, *names: str) -> Path:
        """File that a job locks while it writes; ``names`` say which output."""
        return self.root / ".locks" / "-".join(names)

    def predictions(self, model: str, clip_id: str) -> Path:
        """Folder of one model's predictions on one clip."""
        return self.predictions_of_video(model, video_of(clip_id)) / clip_id

    def predictions_of_video(self, model: str, video_id: str) -> Path:
        """Folder of one model's predictions on the clips of one video."""
        return self.root / "predictions" / model / video_id
