"""A table of videos in place of a folder: a row a video, as CSV or Parquet. Light: the workflow imports it at parse time.

Columns:
    video: path of the file, relative to the table's folder or absolute; in an object storage below the table's folder, or the
        URL of an object there.
    id: optional; the video's id, else made of its path. Made safe for paths where it is not.
    sidecar: optional; YAML or JSON text, as a file of that name beside the video would hold it. The files that it names lie in
        the table's folder or below. Without text in it, a sidecar beside the video is read.
Other columns are not read.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sfm_gt.errors import InputError, one_line

SUFFIXES = (".csv", ".parquet")
COLUMNS = ("video", "id", "sidecar")
MAX_NAME_BYTES = 255  # of Linux's file systems


@dataclass(frozen=True)
class VideoRow:
    """One row.

    Attributes:
        number: the first one is 1.
        id: None where the path says it; so with ``sidecar``.
    """

    number: int
    video: str
    id: str | None
    sidecar: str | None


def is_table(videos: Path) -> bool:
    """Whether videos are listed in a table; a folder may have any name."""
    return videos.suffix.lower() in SUFFIXES and not videos.is_dir()


def read_table(path: Path) -> list[VideoRow]:
    """The rows of a table, in its order.

    Raises:
        InputError: missing, unreadable, not of its format, without the column ``video``, without rows, or with a row that names
            no video.
    """
    names, rows = _content(path)
    twice = next((name for name in COLUMNS if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: has two columns {twice}; remove one of them")
    if "video" not in names:
        raise InputError(
            f"{path}: found the columns {_listing(names)}; needed a column video, with the path of each file"
        )
    if not rows:
        raise InputError(f"{path}: holds no row; list a video in each")
    return [_row(path, number, row) for number, row in enumerate(rows, 1)]


def unread_columns(path: Path) -> tuple[str, ...]:
    """A line on the columns that are passed over, if there are any."""
    names, _ = _content(path)
    others = [name for name in names if name not in COLUMNS]
    return (
        (f"{path.name}: columns that are not read: {_listing(others)}; those read are {', '.join(COLUMNS)}",)
        if others
        else ()
    )


def _content(path: Path) -> tuple[Sequence[str], Sequence[Mapping[str, Any]]]:
    try:
        return _csv(path) if path.suffix.lower() == ".csv" else _parquet(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such table; correct the path in videos") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); make the table readable") from None


def _csv(path: Path) -> tuple[Sequence[str], Sequence[Mapping[str, Any]]]:
    try:
        # Spreadsheets begin UTF-8 with a mark.
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            names, rows = reader.fieldnames or (), list(reader)
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: no CSV table ({error}); save it as UTF-8 text with commas between columns") from None
    for number, row in enumerate(rows, 1):
        if None in row:
            raise InputError(
                f"{path}: row {number} has more cells than there are columns; quote cells that hold commas"
            )
    return names, rows


def _parquet(path: Path) -> tuple[Sequence[str], Sequence[Mapping[str, Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file:
            table = pq.ParquetFile(file)
            names = table.schema_arrow.names
            return names, table.read([name for name in COLUMNS if name in names]).to_pylist()
    except pa.ArrowException as error:
        raise InputError(f"{path}: no Parquet table ({one_line(str(error))}); write it again") from None


def _row(path: Path, number: int, row: Mapping[str, Any]) -> VideoRow:
    cells = {name: row.get(name) for name in COLUMNS}
    for name, cell in cells.items():
        if cell is not None and not isinstance(cell, str):
            raise InputError(f"{path}: row {number}: {name} is a {type(cell).__name__}; needed text")
    video, identity, sidecar = (cell.strip() if cell else None for cell in cells.values())
    if not video or "\0" in video:
        raise InputError(f"{path}: row {number}: video is empty; needed the path of a file")
    if any(len(os.fsencode(part)) > MAX_NAME_BYTES for part in Path(video).parts):
        raise InputError(f"{path}: row {number}: {video[:40]}… is longer than the name of a file may be")
    return VideoRow(number, video, identity or None, cells["sidecar"] if sidecar else None)


def _listing(names: Sequence[str]) -> str:
    return ", ".join(one_line(str(name)) for name in names) or "(none)"
