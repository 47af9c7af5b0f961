"""Where a clip lies in a published tree. Apart from the layout itself, since the workflow asks without reading a data set."""

from __future__ import annotations

import re
from pathlib import Path

from sfm_gt.errors import InputError

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


def require_id(found: object, where: Path | str) -> str:
    """``found`` as the id of a clip or video that some file states.

    Files are named by ids, here and in every export: one like ``../notes`` would write over what lies beside them.

    Args:
        where: the file that states it, the beginning of the message.

    Raises:
        InputError: no text, an empty one, or one with other characters than those of every id that a run gives.
    """
    if not isinstance(found, str) or not _ID.fullmatch(found):
        raise InputError(f"{where}: {found!r} is no id of a clip or video; needed ASCII letters, digits, _ and - alone, since "
                         "files are named by it; copy the data set again, or run the workflow again")  # fmt: skip
    return found


def video_of(clip_id: str) -> str:
    """Video id of a clip id, which is its video's and a number."""
    return clip_id.rsplit("-", 1)[0]


def clip_folder(dataset: Path, clip_id: str) -> Path:
    """Folder of one clip; what is made of one video lies together. Raises InputError for what is no id."""
    return dataset / "clips" / video_of(require_id(clip_id, dataset)) / clip_id
