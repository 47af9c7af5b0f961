"""Yield: what a run produced. Only a run that produced nothing at all is an error."""

from __future__ import annotations

from collections import Counter

from sfm_gt.errors import InputError, one_line
from sfm_gt.formats.dataset_layout import DATASET_JSON
from sfm_gt.formats.manifest import read_json, read_manifest
from sfm_gt.formats.workspace import Workspace

STAGE = "yields"
VERSION: int = 1


def run(workspace: Workspace) -> str:
    """A few lines for the console: every refusal by name, then the counts.

    Raises:
        InputError: no frame of ground truth came out; the message holds the same lines.
    """
    listed = read_json(workspace.clip_list)
    refused = [f"{video['path']}: {video['message']} [{video['reason']}]"
               for video in listed["videos"] if video["status"] != "ok"]  # fmt: skip
    refused += [f"{shot['clip_id']}: {shot['message']} [{shot['reason']}]" for shot in listed["rejected"]]
    for clip in listed["clips"]:
        manifest = read_manifest(workspace.clip_stage(clip["clip_id"], "dataset"))
        if not manifest.ok:
            refused.append(f"{clip['clip_id']}: {manifest.message} [{manifest.reason}]")
    produced = read_json(workspace.dataset / DATASET_JSON)
    reasons = Counter(line.rsplit("[", 1)[1].rstrip("]") for line in refused)
    counts = (f"{len(listed['videos'])} videos, {len(listed['clips'])} clips, {len(produced['clips'])} with ground truth, "
              f"{produced['frames']} frames" + "".join(f", {n} {reason}" for reason, n in sorted(reasons.items())))  # fmt: skip
    lines = "\n".join([*(f"refused: {one_line(line)}" for line in refused), counts])
    if produced["frames"] == 0:
        raise InputError(f"nothing came out of this run\n{lines}")
    return lines
