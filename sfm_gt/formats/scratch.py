"""Temporary folders, and a full disk below them, of which the libraries that write there say little or nothing."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sfm_gt.errors import SfmGtError, one_line

# Databases and streams give up before the last byte is taken, by as much as they would write next.
FULL_BYTES = 1 << 20
FIX = "free some space, or set TMPDIR to a folder on another disk, then run again"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """An empty temporary folder, gone afterwards.

    Raises:
        SfmGtError: none can be made, or what was done there failed while its disk was full.
    """
    try:
        made = tempfile.TemporaryDirectory()
    except OSError as error:
        raise SfmGtError(f"no temporary folder can be written ({error.strerror}); {FIX}") from None
    with made as name, saying_if_full(Path(name)):
        yield Path(name)


@contextmanager
def saying_if_full(folder: Path) -> Iterator[None]:
    """Raises SfmGtError in place of any other exception while the disk of ``folder`` is full: one line that names it."""
    try:
        yield
    except Exception as error:
        if shutil.disk_usage(folder).free >= FULL_BYTES:
            raise
        found = one_line(str(error))[:200] or type(error).__name__
        raise SfmGtError(f"{folder.parent}: the disk of temporary files is full ({found}); {FIX}") from error
