"""What all stages of a clip share: they pass on an earlier verdict, write whole or not at all, and end in a manifest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sfm_gt.errors import Rejected
from sfm_gt.formats.atomic import replacing_directory
from sfm_gt.formats.manifest import Manifest, read_manifest, write_manifest
from sfm_gt.formats.workspace import Workspace


def run_clip_stage(
    workspace: Workspace,
    clip_id: str,
    stage: str,
    version: int,
    after: str | None,
    body: Callable[[Path], dict[str, Any]],
) -> Manifest:
    """Runs ``body`` on an empty folder that becomes the stage's folder when it returns.

    Args:
        after: the stage whose manifest decides whether there is anything to do; None for the first.
        body: writes the stage's files into the folder it is given and returns the measures for the manifest. When it
            raises Rejected, its files are dropped and the verdict is all that the stage leaves.
    """
    folder = workspace.clip_stage(clip_id, stage)
    earlier = read_manifest(workspace.clip_stage(clip_id, after)) if after else None
    if earlier is not None and not earlier.ok:
        manifest = earlier.skipped_in(stage, version)
    else:
        try:
            with replacing_directory(folder) as partial:
                manifest = Manifest(stage, version, measures=body(partial))
                write_manifest(partial, manifest)
            return manifest
        except Rejected as verdict:
            manifest = Manifest.rejected(stage, version, verdict)
    with replacing_directory(folder) as partial:
        write_manifest(partial, manifest)
    return manifest
