"""Yield: what a run produced. Only a run that produced nothing at all is an error."""

from __future__ import annotations

from collections import Counter

from sfm_gt.errors import InputError, one_line
from sfm_gt.formats.dataset_layout import DATASET_JSON
from sfm_gt.formats.manifest import read_json
from sfm_gt.formats.verdict import FAILED, read_manifests
from sfm_gt.formats.workspace import Workspace
from sfm_gt.report.funnel import BESIDE, SHOT_REASONS, frames_beside, frames_left_out, n_frames
from sfm_gt.workflow.outcome import count
from sfm_gt.workflow.versions import VERSIONS

STAGE = "summary"
VERSION = VERSIONS[STAGE]


def run(workspace: Workspace) -> str:
    """A few lines for the console: every refusal by name, then the counts.

    Raises:
        InputError: no frame of ground truth came out, a video failed, or collect found something that is not of the present
            inputs and settings; the message holds the same lines.
    """
    listed = read_json(workspace.clip_list)
    refused = [f"{video['path']}: {video['message']} [{video['reason']}]"
               for video in listed["videos"] if video["status"] != "ok"]  # fmt: skip
    shots = [stretch for stretch in listed["rejected"] if stretch["reason"] in SHOT_REASONS]
    between = [stretch for stretch in listed["rejected"] if stretch["reason"] not in SHOT_REASONS]
    refused += [f"{shot['clip_id']}: {shot['message']} [{shot['reason']}]" for shot in shots]
    left_out = [f"{stretch['message']} [{stretch['reason']}]" for stretch in between]
    n_metric = 0
    for clip in listed["clips"]:
        manifests = read_manifests(workspace, clip["clip_id"])
        manifest = manifests["dataset"]
        if not manifest.ok:
            refused.append(f"{clip['clip_id']}: {manifest.message} [{manifest.reason}]")
        else:
            n_metric += bool(manifest.measures.get("metric"))
            left_out += [f"{clip['clip_id']}: {n} of {n_frames([clip])} frames {BESIDE[reason].meaning} [{reason}]"
                         for reason, n in frames_beside({clip["clip_id"]: manifests}).items()]  # fmt: skip
    produced = read_json(workspace.dataset / DATASET_JSON)
    reasons = Counter(line.rsplit("[", 1)[1].rstrip("]") for line in refused)
    refusals = "".join(f", {n} {reason}" for reason, n in sorted(reasons.items()))
    counts = (f"{count(len(listed['videos']), 'video')}, {count(len(listed['clips']), 'clip')}, "
              f"{len(produced['clips'])} with ground truth ({n_metric} of them metric), "
              f"{count(produced['frames'], 'frame')}{refusals}")  # fmt: skip
    frames = ", ".join(
        [f"{n_frames(listed['clips'])} in clips", *(f"{n} {r}" for r, n in frames_left_out(listed).items())]
    )
    lines = "\n".join([
        *(f"refused: {one_line(line)}" for line in refused),
        *(f"left out: {one_line(line)}" for line in left_out),
        counts, f"{n_frames([*listed['clips'], *listed['rejected']])} frames of these videos: {frames}",
    ])  # fmt: skip
    failed = sum(video["status"] == FAILED for video in listed["videos"])
    if failed:
        raise InputError(
            f"{failed} of {count(len(listed['videos']), 'video')} failed; the next run tries them again\n{lines}"
        )
    stale = read_json(workspace.collected)["stale"] if workspace.collected.is_file() else []
    if stale:
        names = ", ".join(stale)
        raise InputError(f"not of the present inputs and settings: {names}; run again\n{lines}")
    if produced["frames"] == 0:
        raise InputError(f"this run produced nothing\n{lines}")
    return lines
