"""Tidy: removes what a run left for another one, once nothing is to be changed any more."""

from __future__ import annotations

import shutil
from pathlib import Path

from sfm_gt.errors import InputError
from sfm_gt.formats import run_lock
from sfm_gt.formats.atomic import PARTIAL, sweep, target_name
from sfm_gt.formats.workspace import Workspace


def run(out: Path) -> int:
    """Removes OUT/work and what killed writers left; the number of bytes that came free.

    Data set, predictions, tables and report stay, and the next run finds nothing to do. A changed setting then starts from
    the video.

    Raises:
        InputError: no run has written there, one is at work there, or a forget was interrupted.
    """
    workspace = Workspace(out)
    if not workspace.config.is_file():
        raise InputError(f"{out}: no output folder of a run, it holds no {workspace.config.name}")
    workspace.require_no_forget()
    lock = run_lock.try_hold(workspace.lock("run"))
    if lock is None:
        at_work = run_lock.holder(workspace.lock("run"))
        raise InputError(f"{out}: a run is at work there, {at_work}; wait for its end, then tidy")
    with lock:
        before = _size(out)
        shutil.rmtree(out / "work", ignore_errors=True)
        for partial in list(out.rglob(f"{PARTIAL}*")):
            sweep(partial.with_name(target_name(partial.name)))
        return before - _size(out)


def _size(folder: Path) -> int:
    # A file under two names comes free with the last.
    found = [path.stat(follow_symlinks=False) for path in folder.rglob("*") if not path.is_dir()]
    return sum({(one.st_dev, one.st_ino): one.st_size for one in found}.values())
