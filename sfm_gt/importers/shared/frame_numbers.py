"""Which frame of the video an image is, by the number in its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int

from sfm_gt.errors import InputError
from sfm_gt.formats.number_table import MAX_FRAME_INDEX

_SHOWN = 60  # characters of a name


def frame_indices(path: Path, names: Sequence[str], first_number: int) -> Int[np.ndarray, " n"]:
    """Index in the video of each image.

    Args:
        path: the file that names them, for messages.
        first_number: number of the video's first frame.

    Raises:
        InputError: a name without one number or with one that no video reaches, two images of one frame, or a frame before
            the first.
    """
    indices = np.array([_number(path, name) for name in names], dtype=np.int64) - first_number
    if len(np.unique(indices)) < len(indices) or indices.min(initial=-1 if not len(indices) else 0) < 0:
        raise InputError(
            f"{path}: image names do not number the frames of a video from {first_number} (import.first_number)"
        )
    return indices


def _number(path: Path, name: str) -> int:
    found = re.findall(r"\d+", Path(name).name.split(".")[0])
    if len(found) != 1:
        raise InputError(
            f"{path}: image {name[:_SHOWN]!r} does not say which frame it is; needed one number in the name"
        )
    # float, unlike int, takes any number of digits.
    if float(found[0]) > MAX_FRAME_INDEX:
        raise InputError(
            f"{path}: image {name[:_SHOWN]!r} is not numbered by frame; needed a number up to {MAX_FRAME_INDEX:g}"
        )
    return int(found[0])
