"""Tables of numbers that users give: each is finite and within the bounds of its field, or refused by line and field."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError, one_line

MAX_BYTES = 64 << 20  # a million rows: hours of a sensor
_SHOWN = 40  # characters of a bad entry
Row = tuple[int, list[str]]
"""Number of the line and its entries."""


@dataclass(frozen=True)
class Field:
    """One column.

    Attributes:
        lowest, highest: beyond them a number is a mistake, whatever the scene; both are allowed.
    """

    name: str
    lowest: float
    highest: float


def within(name: str, largest: float) -> Field:
    """A field of numbers of either sign, of at most this magnitude."""
    return Field(name, -largest, largest)


# No video lasts longer, and seconds since 1970 are allowed; no survey's coordinates (UTM) or models' units are larger.
TIME = within("timestamp_s", 1e10)
MAX_COORDINATE = 1e8
MAX_FRAME_INDEX = 1e8  # a month at 30 frames a second
MAX_DIGITS = 40  # of a whole number: no count, time or coordinate has more


def read_lines(path: Path) -> list[str]:
    """Lines of a text file. Raises InputError when it cannot be read, is too large or is no UTF-8."""
    try:
        if not path.is_file():
            raise InputError(f"{path}: not a file; needed a table of numbers")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(f"{path}: {size} bytes; needed at most {MAX_BYTES}, one line a frame; thin it out")
        return path.read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the file and its permissions") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: cannot be read ({error}); needed a text file in UTF-8") from None


def read_rows(path: Path, separator: str | None) -> list[Row]:
    """All rows with content, without comments (``#``).

    Args:
        separator: "," for CSV (with quotes), None for spaces.
    """
    lines = [(number, line.partition("#")[0].strip()) for number, line in enumerate(read_lines(path), start=1)]
    lines = [(number, line) for number, line in lines if line]
    if separator is None:
        return [(number, line.split()) for number, line in lines]
    try:
        rows = list(csv.reader([line for _, line in lines], delimiter=separator, skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise InputError(f"{path}: not a CSV table ({error}); needed values separated by commas") from None
    if len(rows) != len(lines):
        raise InputError(f"{path}: not a CSV table (a quoted entry goes over several lines); write one row a line")
    return [(number, [entry.strip() for entry in row]) for (number, _), row in zip(lines, rows, strict=True)]


def with_header(path: Path, rows: Sequence[Row]) -> tuple[dict[str, int], Sequence[Row]]:
    """The place of each column that the first row names, and the rows below it.

    Raises:
        InputError: empty, a column named twice, or a row of another length.
    """
    if not rows:
        raise InputError(f"{path}: empty; needed a header and one row a line")
    names = rows[0][1]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(
            f"{path}: line {rows[0][0]}: the column {one_line(twice)[:_SHOWN]!r} stands there twice; remove one"
        )
    for line, entries in rows[1:]:
        if len(entries) != len(names):
            raise InputError(f"{path}: line {line}: {len(entries)} entries, needed {len(names)} as in the header")
    return {name: place for place, name in enumerate(names)}, rows[1:]


def numbers(path: Path, rows: Sequence[Row], fields: Sequence[Field]) -> Float[np.ndarray, "n k"]:
    """Rows with exactly the entries ``fields``.

    Raises:
        InputError: a row with more or fewer entries, an entry that is no number, not finite or out of bounds: the file, the
            line and the field.
    """
    for line, entries in rows:
        if len(entries) != len(fields):
            names = " ".join(field.name for field in fields)
            raise InputError(f"{path}: line {line}: {len(entries)} entries; needed {len(fields)} ({names}); the file may be "
                             "cut short")  # fmt: skip
    try:
        values = np.array([entries for _, entries in rows], dtype=np.float64).reshape(-1, len(fields))
    except ValueError:
        values = np.array([[_number_or_nan(entry) for entry in entries] for _, entries in rows])
    lowest, highest = (np.array([getattr(field, end) for field in fields]) for end in ("lowest", "highest"))
    bad = ~((values >= lowest) & (values <= highest))  # NaN fails every comparison
    if bad.any():
        row, column = np.argwhere(bad)[0].tolist()
        line, entries = rows[row]
        field = fields[column]
        raise InputError(f"{path}: line {line}: {field.name} is {one_line(entries[column])[:_SHOWN]!r}; needed a number from "
                         f"{field.lowest:g} to {field.highest:g}; correct or remove that line")  # fmt: skip
    return values


def _number_or_nan(entry: str) -> float:
    try:
        return float(entry)
    except ValueError:
        return np.nan
