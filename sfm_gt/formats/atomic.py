"""Outputs appear whole or not at all: written next to their place, then renamed onto it.

What is being written carries the name of its writer, so that two writers of one output, on one machine or on several that
share a file system, never mix their files, and so that what a killed one left can be told from what is still being written.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial-"
"""Names of what is being written begin so."""
_HOST = re.sub(r"[^A-Za-z0-9.]", "_", socket.gethostname())[:40]
_NAME = re.compile(re.escape(PARTIAL) + r"(?P<host>[^-]+)-(?P<process>\d+)-[0-9a-f]{8}-(?P<target>.+)", re.DOTALL)
_ABANDONED_S = 24 * 3600.0
"""What another machine has not touched for so long is no longer being written: whether its process lives cannot be seen."""


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yields a path next to ``path``; on success it is renamed to ``path``, on any error it is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path)
    partial = _partial_of(path)
    try:
        yield partial
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def replacing_directory(path: Path) -> Iterator[Path]:
    """Yields an empty directory next to ``path``; on success it takes the place of ``path``, on any error it is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path)
    partial = _partial_of(path)
    partial.mkdir()
    try:
        yield partial
        _take_place(partial, path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def sweep(path: Path) -> None:
    """Removes what killed writers of ``path`` left beside it."""
    for partial in partials_of(path):
        if _is_abandoned(partial):
            shutil.rmtree(partial) if partial.is_dir() else partial.unlink(missing_ok=True)


def partials_of(path: Path) -> list[Path]:
    """What is being written to become ``path``, or was when its writer was killed."""
    return [partial for partial in path.parent.glob(f"{PARTIAL}*") if target_name(partial.name) == path.name]


def target_name(name: str) -> str:
    """Name of what a partial becomes; any other name itself."""
    found = _NAME.fullmatch(name)
    return found["target"] if found else name


def _partial_of(path: Path) -> Path:
    # The suffix stays last, since image writers choose their format by it.
    return path.with_name(f"{PARTIAL}{_HOST}-{os.getpid()}-{secrets.token_hex(4)}-{path.name}")


def _take_place(partial: Path, path: Path) -> None:
    """Renames a directory onto another, which goes; of several writers the last one's stays."""
    while True:
        try:
            os.rename(partial, path)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        old = _partial_of(path)
        try:
            os.rename(path, old)
        except FileNotFoundError:
            continue  # another writer has just moved it away
        shutil.rmtree(old)


def _is_abandoned(partial: Path) -> bool:
    found = _NAME.fullmatch(partial.name)
    assert found is not None, "the caller knows its target"
    if found["host"] == _HOST:
        return not _is_alive(int(found["process"]))
    try:
        return time.time() - partial.stat().st_mtime > _ABANDONED_S
    except FileNotFoundError:
        return False


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
