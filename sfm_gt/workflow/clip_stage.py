"""What all stages of a clip share: they pass on an earlier verdict, write whole or not at all, and end in a manifest."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sfm_gt.errors import Rejected
from sfm_gt.formats.atomic import replacing_directory
from sfm_gt.formats.manifest import Manifest, check_files, files_of, read_manifest, write_manifest
from sfm_gt.formats.workspace import Workspace

log = logging.getLogger("sfm_gt")


def run_clip_stage(
    workspace: Workspace,
    clip_id: str,
    stage: str,
    version: int,
    reads: Sequence[str],
    body: Callable[[Path], dict[str, Any]],
) -> Manifest:
    """Runs ``body`` on an empty folder that becomes the stage's folder when it returns.

    Args:
        reads: the stages whose files ``body`` reads, which have to be as their manifests say; the last one's manifest decides
            whether there is anything to do.
        body: writes the stage's files into the folder it is given and returns the measures for the manifest. When it
            raises Rejected, its files are dropped and the verdict is all that the stage leaves.

    Raises:
        InputError: a file that is read is missing, or is not the one that its stage wrote.
    """
    folder = workspace.clip_stage(clip_id, stage)
    earlier = read_manifest(workspace.clip_stage(clip_id, reads[-1])) if reads else None
    if earlier is not None and not earlier.ok:
        manifest = earlier.skipped_in(stage, version)
    else:
        for read in reads:
            check_files(workspace.clip_stage(clip_id, read))
        try:
            with replacing_directory(folder) as partial:
                measures = body(partial)
                manifest = Manifest(stage, version, measures=measures, files=files_of(partial))
                write_manifest(partial, manifest)
            return manifest
        except Rejected as verdict:
            manifest = Manifest.rejected(stage, version, verdict)
    with replacing_directory(folder) as partial:
        write_manifest(partial, manifest)
    return manifest


def begins(stage: str) -> None:
    """One line that :func:`~sfm_gt.workflow.outcome.stage_of_log` finds."""
    log.info("%s: begins", stage)


def say(manifest: Manifest) -> None:
    """One line about the outcome of a clip's stage."""
    if manifest.ok:
        log.info("%s: ok", manifest.stage)
        log.debug("%s: %s", manifest.stage, manifest.measures)
    else:
        log.warning("%s: %s (%s): %s", manifest.stage, manifest.status, manifest.reason, manifest.message)
