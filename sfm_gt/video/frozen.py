"""The interval of a clip in which its scene is frozen, from how much of the picture moves in each frame."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from jaxtyping import Bool, Float

from sfm_gt.errors import Rejected

# Longest run of frames that may fall out on either side of the bound without ending an interval: masks flicker.
MAX_FLICKER_FRAMES = 2


def frozen_score(moving: Bool[np.ndarray, "h w"], overlay: Bool[np.ndarray, "h w"]) -> float:
    """Share of the picture, print left out, in which nothing moves: 1 where all is frozen."""
    seen = ~overlay
    return 1.0 - float((moving & seen).sum() / max(1, seen.sum()))


def frozen_interval(scores: Float[np.ndarray, " n"], min_score: float, min_frames: int) -> tuple[int, int]:
    """First and last position of the longest run of frames whose score reaches ``min_score``.

    Args:
        scores: :func:`frozen_score` of consecutive frames.

    Raises:
        Rejected: ``scene_not_frozen``; that run has fewer than ``min_frames``.
    """
    frozen = _without_flicker(scores >= min_score)
    runs, position = [], 0
    for value, group in groupby(frozen.tolist()):
        length = len(list(group))
        if value:
            runs.append((length, -position))
        position += length
    length, start = max(runs, default=(0, 0))
    if length < min_frames:
        raise Rejected("scene_not_frozen", f"at most {length} frames in a row have {100 * min_score:g} % of the picture at "
                       f"rest (sfm.min_frozen), needed {min_frames} (sfm.min_frozen_frames); people have to hold still",
                       length, min_frames)  # fmt: skip
    return -start, -start + length - 1


def _without_flicker(frozen: Bool[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Inner runs of up to MAX_FLICKER_FRAMES take the value of their surroundings."""
    settled, position = frozen.copy(), 0
    for value, group in groupby(frozen.tolist()):
        length = len(list(group))
        if length <= MAX_FLICKER_FRAMES and position > 0 and position + length < len(frozen):
            settled[position : position + length] = not value
        position += length
    return settled
