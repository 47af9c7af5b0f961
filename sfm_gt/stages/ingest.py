"""Ingest: one video's facts and provenance, or the reason why it is refused."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfm_gt.config import FramesConfig
from sfm_gt.errors import InputError, Rejected
from sfm_gt.formats.manifest import write_json
from sfm_gt.formats.workspace import Workspace

if TYPE_CHECKING:
    from sfm_gt.video.catalog import VideoFile

STAGE = "ingest"
VERSION: int = 2


def run(workspace: Workspace, video: VideoFile, config: FramesConfig) -> dict[str, Any]:
    """Writes and returns ``ingest.json`` of one video: ``status`` ok, or rejected with ``reason`` and ``message``."""
    facts: dict[str, Any] = {"video_id": video.video_id, "path": video.path.name, "version": VERSION}
    try:
        facts |= {"status": "ok", "reason": None, "message": None, **_inspect(video, config)}
    except Rejected as verdict:
        facts |= {"status": "rejected", "reason": verdict.reason, "message": str(verdict)}
        facts |= {"measured": verdict.measured, "threshold": verdict.threshold}
    write_json(workspace.ingest(video.video_id), facts)
    return facts


def _inspect(video: VideoFile, config: FramesConfig) -> dict[str, Any]:
    from sfm_gt.formats.sidecar import read_sidecar
    from sfm_gt.stages.given_cameras import read_cameras
    from sfm_gt.video.probe import probe_video

    if video.refusal is not None:
        raise Rejected(video.refusal, video.message or video.refusal)
    try:
        read_sidecar(video.sidecar)
    except InputError as fault:
        raise Rejected("sidecar_invalid", str(fault)) from None
    probe = probe_video(video.path, config.min_short_side_px)
    try:
        read_cameras(video.sidecar, asdict(probe))
    except InputError as fault:
        raise Rejected("import_invalid", str(fault)) from None
    sidecar = video.sidecar.name if video.sidecar else None
    return {
        **asdict(probe),
        "sidecar": sidecar,
        "size_bytes": video.path.stat().st_size,
        "source_sha256": _sha256(video.path),
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
