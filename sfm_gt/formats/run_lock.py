"""Locks that die with their process: one run at a time on an output folder, one process at a time on a stage's output."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from sfm_gt.errors import OutputError


def try_hold(path: Path) -> IO[str] | None:
    """Locks the file ``path`` for the life of the answer; None when another process holds it.

    Raises:
        OutputError: its folder cannot be written.
    """
    file = _open(path)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def wait_for(path: Path) -> IO[str]:
    """Locks the file ``path`` for the life of the answer, after its present holder if there is one.

    Raises:
        OutputError: its folder cannot be written.
    """
    file = _open(path)
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _open(path: Path) -> IO[str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("w")
    except OSError as error:
        raise OutputError(f"{path.parent}: cannot be written ({error.strerror}); choose another out folder") from None
