"""Clip list: the clips of all videos in one file, and what became of every video."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sfm_gt.formats.manifest import read_json, write_json
from sfm_gt.formats.workspace import Workspace
from sfm_gt.video.catalog import VideoFile
from sfm_gt.workflow.versions import VERSIONS

STAGE = "clip_list"
VERSION = VERSIONS[STAGE]


def run(workspace: Workspace, videos: Sequence[VideoFile]) -> dict[str, Any]:
    """Writes and returns ``work/clips.json``: all clips, what lies in none, and the videos, sorted by name.

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
