"""Clips: the shots of each video that are long enough, and the list of all clips of the corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfm_gt.config import ClipsConfig
from sfm_gt.formats.manifest import read_json, write_json
from sfm_gt.formats.workspace import Workspace

if TYPE_CHECKING:
    from sfm_gt.video.catalog import VideoFile

STAGE = "clips"
VERSION: int = 2


def run(workspace: Workspace, video_id: str, video_path: Path, config: ClipsConfig) -> dict[str, Any]:
    """Writes and returns ``clips.json`` of one video; without clips when ingest refused it.

    Shots are numbered in order, whether kept or not, so that a clip's name does not hang on ``min_frames``.
    """
    from sfm_gt.video.decode import iterate_frames
    from sfm_gt.video.shots import find_shots

    content: dict[str, Any] = {"video_id": video_id, "version": VERSION, "clips": [], "rejected": []}
    if read_json(workspace.ingest(video_id))["status"] == "ok":
        for number, shot in enumerate(find_shots(iterate_frames(video_path), config.cut_threshold, config.max_frames)):
            clip: dict[str, Any] = {"clip_id": f"{video_id}-{number:03d}", "video_id": video_id, **asdict(shot)}
            if shot.n_frames >= config.min_frames:
                content["clips"].append(clip)
            else:
                content["rejected"].append(clip | _too_short(video_path, shot.n_frames, config.min_frames))
        if not content["clips"] and not content["rejected"]:
            content["rejected"].append(_blank(video_id, video_path))
    write_json(workspace.clips(video_id), content)
    return content


def merge(workspace: Workspace, videos: Sequence[VideoFile]) -> dict[str, Any]:
    """Writes and returns ``work/clips.json``: all clips, refused shots and videos of the corpus, sorted by name.

    A video with the same bytes as an earlier one is refused: counted twice it would lie in two splits.
    """
    content: dict[str, Any] = {"clips": [], "rejected": [], "videos": []}
    first_with: dict[str, str] = {}
    for video in sorted(videos, key=lambda v: v.video_id):
        facts = read_json(workspace.ingest(video.video_id))
        shots = read_json(workspace.clips(video.video_id))
        twin = first_with.setdefault(facts.get("source_sha256") or video.video_id, facts["path"])
        if twin != facts["path"]:
            message = f"{facts['path']}: the same file as {twin}; remove one of them"
            facts |= {"status": "rejected", "reason": "duplicate_source", "message": message}
            shots = {"clips": [], "rejected": []}
        content["videos"].append({key: facts[key] for key in ("video_id", "path", "status", "reason", "message")})
        content["clips"] += shots["clips"]
        content["rejected"] += shots["rejected"]
    write_json(workspace.clip_list, content)
    return content


def _too_short(path: Path, measured: int, threshold: int) -> dict[str, Any]:
    message = f"{path.name}: a shot of {measured} frames; needs {threshold} (clips.min_frames)"
    return {"reason": "too_short", "message": message, "measured": measured, "threshold": threshold}


def _blank(video_id: str, path: Path) -> dict[str, Any]:
    message = f"{path.name}: every frame shows one even tone; remove it from the folder"
    return {"video_id": video_id, "clip_id": f"{video_id}-000", "reason": "blank", "message": message}
