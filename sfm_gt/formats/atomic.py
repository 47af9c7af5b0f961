"""Outputs appear whole or not at all: written next to their place, then renamed onto it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial-"
"""Names of what is being written begin so."""


def partial_of(path: Path) -> Path:
    """Where ``path`` is written before it takes its place; what a killed process leaves."""
    return path.with_name(f"{PARTIAL}{path.name}")


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yields a path next to ``path``; on success it is renamed to ``path``, on any error it is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays last, since image writers choose their format by it.
    partial = partial_of(path)
    try:
        yield partial
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def replacing_directory(path: Path) -> Iterator[Path]:
    """Yields an empty directory next to ``path``; on success it takes the place of ``path``, on any error it is removed.

    What an earlier, killed run left next to it is cleared first, so that no half-written file survives a rerun.
    """
    partial = partial_of(path)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        if path.exists():
            shutil.rmtree(path)
        os.replace(partial, path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
