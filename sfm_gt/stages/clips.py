"""Clips: the shots of each video that are long enough, and the list of all clips of the corpus."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from sfm_gt.config import ClipsConfig
from sfm_gt.formats.manifest import read_json, write_json
from sfm_gt.formats.workspace import Workspace
from sfm_gt.video.decode import iterate_frames
from sfm_gt.video.shots import Stretch, find_stretches
from sfm_gt.workflow.versions import VERSIONS

STAGE = "clips"
VERSION = VERSIONS[STAGE]


def run(workspace: Workspace, video_id: str, video_path: Path, config: ClipsConfig) -> dict[str, Any]:
    """Writes and returns ``clips.json`` of one video; without clips when ingest refused it.

    Every frame lies in one entry of ``clips`` or ``rejected``. Shots are numbered in order, whether kept or not, so that a
    clip's name does not hang on ``min_frames``; what lies between them has a name of its own.
    """
    content: dict[str, Any] = {"video_id": video_id, "version": VERSION, "clips": [], "rejected": []}
    facts = read_json(workspace.ingest(video_id))
    if facts["status"] == "ok":
        numbers: Counter[str] = Counter()
        for stretch in find_stretches(iterate_frames(video_path), config.cut_threshold, config.max_frames):
            number = numbers[stretch.kind]
            numbers[stretch.kind] += 1
            entry = _entry(video_id, number, stretch)
            if stretch.kind == "shot" and stretch.n_frames >= config.min_frames:
                content["clips"].append(entry)
            else:
                content["rejected"].append(entry | _verdict(facts["path"], stretch, config.min_frames))
    write_json(workspace.clips(video_id), content)
    return content


def _entry(video_id: str, number: int, stretch: Stretch) -> dict[str, Any]:
    name = f"{number:03d}" if stretch.kind == "shot" else f"{stretch.kind}-{number:03d}"
    times = {"first_timestamp_s": stretch.first_timestamp_s, "last_timestamp_s": stretch.last_timestamp_s}
    frames = {"first_frame": stretch.first_frame, "last_frame": stretch.last_frame}
    return {"clip_id": f"{video_id}-{name}", "video_id": video_id, **frames, **times}


def _verdict(name: str, stretch: Stretch, min_frames: int) -> dict[str, Any]:
    span = f"{name}: frames {stretch.first_frame} to {stretch.last_frame}"
    if stretch.kind == "shot":
        length = f"a shot of {stretch.n_frames} frames" if stretch.n_frames > 1 else "a single frame between two cuts"
        message = f"{span} are {length}; needs {min_frames} (clips.min_frames)"
        return {"reason": "too_short", "message": message, "measured": stretch.n_frames, "threshold": min_frames}
    if stretch.kind == "blank":
        return {"reason": "blank", "message": f"{span} show one even tone; cut them off, nothing is lost"}
    found = stretch.transition
    if found is None:
        return {"reason": "transition", "message": f"{span} fade from or to one even tone; nothing to do"}
    what = {
        "dissolve": f"show two scenes at once, each with {100 * found.measured:.0f} % of the picture's detail of its own",
        "wipe": f"show a second take that arrives part by part, score {found.measured:.1f}",
        "push": f"show one picture that pushes another out, their border seen on {100 * found.measured:.0f} % of its length",
        "network": f"are a transition by TransNet V2, score {found.measured:.2f}",
    }[found.by]
    message = f"{span} {what}; the takes before and after are used by themselves"
    return {"reason": "transition", "message": message, "measured": found.measured, "threshold": found.threshold}
