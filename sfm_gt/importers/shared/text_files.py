"""Files that other programs write, read as text or JSON: what cannot be read is one line of the importer that asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sfm_gt.errors import InputError, one_line
from sfm_gt.formats.number_table import MAX_DIGITS

_SHOWN = 100  # characters of what is wrong: an entry may be as long as the file


def read_text(path: Path, max_bytes: int) -> str:
    """Content of a UTF-8 file, with or without a byte order mark.

    Args:
        max_bytes: more than any file of the kind has.

    Raises:
        InputError: it cannot be read, is larger, or is no UTF-8.
    """
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise InputError(f"{path}: {size} bytes; needed at most {max_bytes}; it is no file of cameras")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the file and its permissions") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: cannot be read ({error}); needed a text file in UTF-8") from None


def read_json_text(path: Path, max_bytes: int) -> Any:
    """Content of a JSON file; every whole number in it fits into a float.

    Raises:
        InputError: as :func:`read_text`, or no JSON, nested without bound, or a number of more digits than any has.
    """
    try:
        return json.loads(read_text(path, max_bytes), parse_int=_whole)
    except RecursionError:
        raise InputError(f"{path}: no JSON (nested too deep); the file may be damaged") from None
    except ValueError as error:
        raise InputError(f"{path}: no JSON ({brief(error)}); it may be cut short") from None


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def brief(error: Exception) -> str:
    """What is wrong with an entry, as a part of a line: the entry itself may be of any length."""
    said = one_line(str(error))
    return said if len(said) <= _SHOWN else f"{said[:_SHOWN]} ..."


def files_with(folder: Path, suffix: str) -> list[Path]:
    """Files of a folder by the end of their names, in lower or upper case, sorted; none where there is no folder.

    Args:
        suffix: in lower case, with its dot.
    """
    return sorted(path for path in folder.iterdir() if path.suffix.lower() == suffix) if folder.is_dir() else []
