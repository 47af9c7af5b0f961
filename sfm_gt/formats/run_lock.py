"""Locks that die with their process: one run at a time on an output folder, one process at a time on a stage's output."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
import sys
from pathlib import Path
from typing import IO

from sfm_gt.errors import OutputError, one_line

log = logging.getLogger("sfm_gt")
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
"""What file systems without flock answer."""


def try_hold(path: Path) -> IO[str] | None:
    """Locks the file ``path`` for the life of the answer; None when another process holds it.

    Raises:
        OutputError: its folder cannot be written.
    """
    file = _open(path)
    try:
        _lock(file, path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return _signed(file)


def wait_for(path: Path) -> IO[str]:
    """Locks the file ``path`` for the life of the answer, after its present holder if there is one; says who that is.

    Raises:
        OutputError: its folder cannot be written.
    """
    held = try_hold(path)
    if held is not None:
        return held
    log.warning("warning: %s: in use, waiting for %s to end", path, holder(path))
    file = _open(path)
    _lock(file, path, fcntl.LOCK_EX)
    return _signed(file)


def holder(path: Path) -> str:
    """Who holds the lock, or held it last, in words."""
    try:
        return one_line(path.read_text().strip()) or "another process"
    except OSError:
        return "another process"


def _open(path: Path) -> IO[str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+")  # what the holder wrote stays
    except OSError as error:
        raise OutputError(f"{path.parent}: cannot be written ({error.strerror}); choose another out folder") from None


def _lock(file: IO[str], path: Path, how: int) -> None:
    try:
        fcntl.flock(file, how)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        # Outputs appear whole all the same; two runs would do each other's work.
        log.warning(
            "warning: %s: this file system has no locks (%s); let one run at a time write there", path, error.strerror
        )


def _signed(file: IO[str]) -> IO[str]:
    file.truncate(0)
    # Not the whole command: what it works on may be forgotten one day.
    file.write(f"process {os.getpid()} on {socket.gethostname()} ({Path(sys.argv[0]).name})\n")
    file.flush()
    return file
