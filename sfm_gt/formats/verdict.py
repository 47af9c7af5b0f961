"""OUT/videos/<video>/: what became of one video, enough for tables and report once the stages' own files are gone.

verdict.json             key, facts of ingest or how the video failed, its clips and what lies in none
inputs.json              state of the files that it was made of
<clip>.json              the manifests of the clip's stages
thumbnails/<clip>.jpg, mask_sheets/<clip>/NNNNNN.jpg
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sfm_gt.errors import InputError
from sfm_gt.formats.clip_paths import video_of
from sfm_gt.formats.manifest import MANIFEST_NAME, Manifest, read_json, read_manifest, write_json
from sfm_gt.formats.workspace import CLIP_STAGES, Workspace

VERDICT_NAME = "verdict.json"
INPUTS_NAME = "inputs.json"
THUMBNAILS, MASK_SHEETS = "thumbnails", "mask_sheets"
FAILED = "failed"


@dataclass(frozen=True)
class Verdict:
    """What became of one video.

    Attributes:
        key: stands for the content of its inputs, the settings and the versions that it was made with.
        settings: the part of the key that is the same for all videos of a run.
        facts: content of ingest.json; ``status`` is ``failed`` where something broke that is no verdict on the video.
        clips, rejected: entries of clips.json.
    """

    key: str
    settings: str
    facts: dict[str, Any]
    clips: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether it has to be tried again."""
        return bool(self.facts["status"] == FAILED)


def write_verdict(folder: Path, verdict: Verdict) -> None:
    """Writes ``folder/verdict.json``."""
    write_json(folder / VERDICT_NAME, asdict(verdict))


def read_verdict(folder: Path) -> Verdict:
    """Raises InputError when it is missing or broken."""
    try:
        return Verdict(**read_json(folder / VERDICT_NAME))
    except TypeError:
        raise InputError(f"{folder / VERDICT_NAME}: of another version; delete {folder} and run again") from None


def gather(workspace: Workspace, clip_id: str, folder: Path) -> None:
    """Copies what the stages of one clip left for tables and report: manifests and pictures."""
    stages = {stage: workspace.clip_stage(clip_id, stage) for stage in CLIP_STAGES}
    # Without the hashes of files, which would make the verdicts of a large corpus slow to read.
    found = {
        stage: asdict(read_manifest(at)) | {"files": {}}
        for stage, at in stages.items()
        if (at / MANIFEST_NAME).is_file()
    }
    write_json(folder / f"{clip_id}.json", found)
    if workspace.thumbnail(clip_id).is_file():
        (folder / THUMBNAILS).mkdir(exist_ok=True)
        shutil.copyfile(workspace.thumbnail(clip_id), folder / THUMBNAILS / f"{clip_id}.jpg")
    if workspace.mask_sheet(clip_id).is_dir():
        shutil.copytree(workspace.mask_sheet(clip_id), folder / MASK_SHEETS / clip_id)


def read_manifests(workspace: Workspace, clip_id: str) -> dict[str, Manifest]:
    """The manifests of one clip's stages, in their order; none where there are none."""
    path = workspace.verdict(video_of(clip_id)) / f"{clip_id}.json"
    stated = read_json(path) if path.is_file() else {}
    return {stage: Manifest(**stated[stage]) for stage in CLIP_STAGES if stage in stated}
