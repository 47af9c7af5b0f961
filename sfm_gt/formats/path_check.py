"""Files that a user's file names: they lie in its folder or below, links followed, or they are refused by name."""

from __future__ import annotations

from pathlib import Path

from sfm_gt.errors import InputError


def inside(folder: Path, name: str, named_in: Path | str) -> Path:
    """``folder / name``, resolved.

    Args:
        named_in: the file that names it, the beginning of the message.

    Raises:
        InputError: there is no such file or folder, or it lies outside ``folder``, be it by ``..`` or by a link.
    """
    root = folder.resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root):
        raise InputError(f"{named_in}: {name!r} leads out of {folder}, where it would have to lie; put the file there "
                         "itself, no link to elsewhere")  # fmt: skip
    if not path.exists():
        raise InputError(f"{named_in}: {name!r} not found in {folder}; put it there or correct the name")
    if not path.is_file() and not path.is_dir():
        raise InputError(
            f"{named_in}: {name!r} is neither a file nor a folder but a pipe, socket or device; name a file"
        )
    return path
