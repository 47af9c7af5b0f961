"""Clip list: the clips of all videos in one file, and what became of every video."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sfm_gt.formats.manifest import write_json
from sfm_gt.formats.verdict import Verdict
from sfm_gt.formats.workspace import Workspace
from sfm_gt.workflow.versions import VERSIONS

STAGE = "clip_list"
VERSION = VERSIONS[STAGE]


def run(workspace: Workspace, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Writes and returns ``clips.json``: all clips, what lies in none, and the videos, sorted by name."""
    content: dict[str, Any] = {"clips": [], "rejected": [], "videos": []}
    for verdict in sorted(verdicts, key=lambda v: str(v.facts["video_id"])):
        kept = ("video_id", "path", "status", "reason", "message")
        content["videos"].append({key: verdict.facts[key] for key in kept})
        content["clips"] += verdict.clips
        content["rejected"] += verdict.rejected
    write_json(workspace.clip_list, content)
    return content
