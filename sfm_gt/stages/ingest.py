"""Ingest: one video's facts and provenance, or the reason why it is refused."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sfm_gt.config import FramesConfig, ProvenanceConfig
from sfm_gt.errors import InputError, Rejected, one_line
from sfm_gt.formats.manifest import write_json
from sfm_gt.formats.sidecar import Sidecar, read_sidecar
from sfm_gt.formats.sources import hashed_uploader, read_tombstones
from sfm_gt.formats.workspace import Workspace
from sfm_gt.sfm.given_cameras import read_cameras
from sfm_gt.video.catalog import VideoFile
from sfm_gt.video.child_process import in_child
from sfm_gt.video.fingerprint import probed_and_hashed
from sfm_gt.workflow.stated_use import use_refused
from sfm_gt.workflow.versions import VERSIONS

STAGE = "ingest"
VERSION = VERSIONS[STAGE]


def run(
    workspace: Workspace, video: VideoFile, config: FramesConfig, provenance: ProvenanceConfig | None = None
) -> dict[str, Any]:
    """Writes and returns ``ingest.json`` of one video: ``status`` ok, or rejected with ``reason`` and ``message``.

    A video whose licence or consent rules out the stated use is rejected before it is decoded. A forgotten one is rejected: its
    tombstone knows its bytes, its URL and its near-duplicates.
    """
    provenance = provenance or ProvenanceConfig()
    facts: dict[str, Any] = {"video_id": video.video_id, "path": one_line(video.name), "version": VERSION}
    try:
        facts |= {"status": "ok", "reason": None, "message": None, **_inspect(workspace, video, config, provenance)}
    except Rejected as verdict:
        facts |= {"status": "rejected", "reason": verdict.reason, "message": _named(video, str(verdict))}
        facts |= {"measured": verdict.measured, "threshold": verdict.threshold}
    write_json(workspace.ingest(video.video_id), facts)
    return facts


def _named(video: VideoFile, message: str) -> str:
    """A message that begins with the file's name, with the folder that it lies in: others may hold a file of that name."""
    said = message.removeprefix(f"{video.path.name}: ")
    return message if said == message else f"{video.name}: {said}"


def _inspect(
    workspace: Workspace, video: VideoFile, config: FramesConfig, provenance: ProvenanceConfig
) -> dict[str, Any]:
    if video.refusal is not None:
        raise Rejected(video.refusal, video.message or video.refusal)
    try:
        stated = read_sidecar(video.sidecar)
    except InputError as error:
        raise Rejected("sidecar_invalid", str(error)) from None
    if against := use_refused(stated, provenance):
        raise Rejected("not_permitted", f"{video.name}: not for {provenance.use} use: {against}")
    probe, hashes = in_child(video.name, probed_and_hashed, video.path, config.min_short_side_px)
    remarks: tuple[str, ...] = ()
    if stated.imported is not None:
        try:
            cameras = in_child(video.name, read_cameras, video.sidecar, asdict(probe))
            remarks = cameras.remarks if cameras is not None else ()
        except InputError as error:
            raise Rejected("import_invalid", str(error)) from None
    warnings = [_named(video, warning) for warning in (*probe.warnings, *remarks, *filter(None, [video.warning]))]
    facts = {
        **asdict(probe) | {"warnings": warnings},
        "sidecar": one_line(video.sidecar.name) if video.sidecar else None,
        "size_bytes": video.path.stat().st_size,
        "source_sha256": sha256_of(video.path),
        "perceptual_hash": list(hashes),
        "uploader_hash": _uploader_hash(video, stated.uploader, provenance.salt_file),
    }
    _refuse_forgotten(workspace, video, stated, facts)
    return facts


def _uploader_hash(video: VideoFile, uploader: str | None, salt_file: Path | None) -> str | None:
    try:
        return hashed_uploader(uploader, salt_file) if uploader else None
    except InputError as error:
        raise Rejected("salt_missing", f"{video.name}: {error}") from None


def _refuse_forgotten(workspace: Workspace, video: VideoFile, stated: Sidecar, facts: dict[str, Any]) -> None:
    known, sha256 = read_tombstones(workspace.dataset), facts["source_sha256"]
    if any(tombstone.covers(sha256, stated.source, ()) for tombstone in known):
        raise Rejected("forgotten", f"{video.name}: this video was removed by sfm-gt forget; remove it from the folder")
    hashes = tuple(facts["perceptual_hash"])
    if not stated.another_take and any(tombstone.covers(sha256, stated.source, hashes) for tombstone in known):
        raise Rejected("forgotten", f"{video.name}: it looks like a copy of a video that was removed by sfm-gt forget; "
                       "remove it from the folder, or state another_take: true in its sidecar if it is none")  # fmt: skip


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
