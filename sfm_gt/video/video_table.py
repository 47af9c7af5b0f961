"""A table of videos in place of a folder: a row a video, as CSV or Parquet. Light: the workflow imports it at parse time.

Columns:
    video: path of the file, relative to the table's folder or absolute; in an object storage below the table's folder, or the
        URL of an object there.
    id: optional; the video's id, else made of its path. Made safe for paths where it is not.
    sidecar: optional; YAML or JSON text, as a file of that name beside the video would hold it. The files that it names lie in
        the table's folder or below. Without text in it, a sidecar beside the video is read.
Other columns are not read, and neither are rows without anything in these. Names of columns may have capitals, and spaces
around them.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sfm_gt.errors import InputError, one_line
from sfm_gt.formats.yaml_text import MAX_BYTES

SUFFIXES = (".csv", ".parquet")
COLUMNS = ("video", "id", "sidecar")
NEEDED = {"video": "needed the path of a file", "id": "needed text", "sidecar": "write it as JSON or YAML text"}
MAX_NAME_BYTES = 255  # of Linux's file systems


@dataclass(frozen=True)
class VideoRow:
    """One row.

    Attributes:
        number: the first one below the names of columns is 1.
        id: None where the path says it; so with ``sidecar``.
        problem: why the row cannot be used, if it cannot.
    """

    number: int
    video: str
    id: str | None
    sidecar: str | None
    problem: str | None = None


def is_table(videos: Path) -> bool:
    """Whether videos are listed in a table; a folder may have any name."""
    return videos.suffix.lower() in SUFFIXES and not videos.is_dir()


def read_table(path: Path) -> list[VideoRow]:
    """The rows of a table, in its order.

    Raises:
        InputError: missing, unreadable, not of its format, without the column ``video``, or without rows.
    """
    names, rows = _content(path)
    twice = next((name for name in COLUMNS if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: has two columns {twice}; remove one of them")
    if "video" not in names:
        separated = " and commas between columns" if len(names) == 1 and re.search(r"[;|\t]", names[0]) else ""
        raise InputError(f"{path}: found the columns {_listing(names)}; needed a column video, with the path of each file"
                         f"{separated}")  # fmt: skip
    found = [_row(number, row) for number, row in enumerate(rows, 1) if not _is_empty(row)]
    if not found:
        raise InputError(f"{path}: holds no row; list a video in each")
    return found


def unread_columns(path: Path) -> tuple[str, ...]:
    """A line on the columns that are passed over, if there are any."""
    names, _ = _content(path)
    others = [name for name in names if name not in COLUMNS]
    if not others:
        return ()
    return (f"{path.name}: columns that are not read: {_listing(others)}; those read are {', '.join(COLUMNS)}",)


def _content(path: Path) -> tuple[Sequence[str], Sequence[Mapping[str, Any]]]:
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: no regular file; put a table there")
    try:
        return _csv(path) if path.suffix.lower() == ".csv" else _parquet(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such table; correct the path in videos") from None
    except OSError as error:
        why = one_line(str(error.strerror or error))
        raise InputError(f"{path}: cannot be read ({why}); make the table readable, or write it again") from None


def _csv(path: Path) -> tuple[Sequence[str], Sequence[Mapping[str, Any]]]:
    try:
        # Spreadsheets begin UTF-8 with a mark.
        with path.open(newline="", encoding="utf-8-sig") as file:
            csv.field_size_limit(MAX_BYTES)  # of a sidecar
            lines = csv.reader(file, strict=True)
            names = [_plain(name) for name in next(lines, [])]
            found = [line for line in lines if line]
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: no CSV table ({error}); save it as UTF-8 text with commas between columns") from None
    for number, line in enumerate(found, 1):
        if len(line) > len(names):
            raise InputError(
                f"{path}: row {number} has more cells than there are columns; quote cells that hold commas"
            )
    return names, [dict(zip(names, line, strict=False)) for line in found]


def _parquet(path: Path) -> tuple[Sequence[str], Sequence[Mapping[str, Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file:
            table = pq.ParquetFile(file)
            names = table.schema_arrow.names
            read = table.read([name for name in names if _plain(name) in COLUMNS])
            rows = read.rename_columns([_plain(name) for name in read.column_names]).to_pylist()
            return [_plain(name) for name in names], rows
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError(f"{path}: no Parquet table ({one_line(str(error))}); write it again") from None


def _is_empty(row: Mapping[str, Any]) -> bool:
    return all(row.get(name) is None or not str(row[name]).strip() for name in COLUMNS)


def _row(number: int, row: Mapping[str, Any]) -> VideoRow:
    cells = {name: _text(row.get(name)) for name in COLUMNS}
    video = (cells["video"] or "").strip()
    odd = next((name for name in COLUMNS if cells[name] is None and row.get(name) is not None), None)
    problem = None
    if odd is not None:
        problem = f"{odd} is a {type(row[odd]).__name__}; {NEEDED[odd]}"
    elif not video:
        problem = "video is empty; needed the path of a file"
    elif "\0" in video or any(len(os.fsencode(part)) > MAX_NAME_BYTES for part in Path(video).parts):
        problem, video = f"{one_line(video[:40])!r} is no name that a file can have; correct it", ""
    identity, sidecar = (cells[name] if (cells[name] or "").strip() else None for name in ("id", "sidecar"))
    return VideoRow(number, video or f"row {number}", identity.strip() if identity else None, sidecar, problem)


def _text(cell: Any) -> str | None:
    """A cell as text, None for what is none. Whole numbers are what other programs make of ids."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    if isinstance(cell, int) and not isinstance(cell, bool):
        return str(cell)
    return cell if isinstance(cell, str) else None


def _plain(name: str) -> str:
    return name.strip().lower()


def _listing(names: Sequence[str]) -> str:
    return ", ".join(one_line(name) or "(unnamed)" for name in names) or "(none)"
