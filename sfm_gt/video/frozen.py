"""The interval of a clip in which its scene is frozen, from how many tracks move by themselves in each frame."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise

import numpy as np
from jaxtyping import Bool, Float

from sfm_gt.errors import Rejected
from sfm_gt.video.motion import MIN_TRACKS, Grey, corners, follow, off_epipolar_share

# Median motion between the two frames of a pair, as a share of the long side, and how far apart they may be.
WANTED_MOTION = 0.03
MIN_GAP, MAX_GAP = 2, 16
SPARSE = 6  # every n-th corner does for the median motion of neighbours
MAX_LAG_FRAMES = 3

# Longest run of frames that may fall out on either side of the bound without ending an interval: masks flicker.
MAX_FLICKER_FRAMES = 2


def frozen_scores(greys: Sequence[Grey], ignored: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, " n"]:
    """For each frame, the share of tracks that keep to the epipolar geometry of most: 1 where all is frozen, or unknown.

    Each frame is held against one before and one after it, and the better of the two counts: just before people start to
    move the past is still frozen, and just after they stop the future is.

    Args:
        greys: :func:`sfm_gt.video.motion.motion_image` of consecutive frames.
        ignored: where no track may start, as on print that keeps its place.
    """
    n, partners = len(greys), _partners(greys, ignored)
    onwards = np.full(n, np.nan)
    for first, last in enumerate(partners):
        if last > first:
            onwards[first] = _frozen_share(greys[first], greys[last], ignored)
    backwards = np.full(n, np.nan)
    for position in range(n):
        ended = [first for first, last in enumerate(partners) if first < last <= position]
        if ended and position - partners[ended[-1]] <= MAX_LAG_FRAMES:
            backwards[position] = onwards[ended[-1]]
    return np.nan_to_num(np.fmax(onwards, backwards), nan=1.0)


def _partners(greys: Sequence[Grey], ignored: Bool[np.ndarray, "h w"]) -> list[int]:
    """For each frame a later one, between which the picture moves by WANTED_MOTION; itself where none is left."""
    steps = []
    for before, after in pairwise(greys):
        start = np.ascontiguousarray(corners(before, ignored)[::SPARSE])
        moved, kept = follow(before, after, start)
        steps.append(float(np.median(np.linalg.norm((moved - start)[kept], axis=1))) if kept.any() else 0.0)
    path = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = path + WANTED_MOTION * max(greys[0].shape)
    ends = np.searchsorted(path, wanted)
    rows = np.arange(len(greys))
    ends = np.clip(ends, rows + MIN_GAP, rows + MAX_GAP)
    return [int(end) if end < len(greys) else int(row) for row, end in zip(rows, ends, strict=True)]


def _frozen_share(before: Grey, after: Grey, ignored: Bool[np.ndarray, "h w"]) -> float:
    start = corners(before, ignored)
    moved, kept = follow(before, after, start)
    if kept.sum() < MIN_TRACKS:
        return float("nan")
    return 1.0 - off_epipolar_share(start[kept], moved[kept], max(before.shape))


def frozen_interval(
    scores: Float[np.ndarray, " n"], repeated: Bool[np.ndarray, " n"], min_score: float, min_frames: int
) -> tuple[int, int]:
    """First and last position of the run with most distinct frames whose score reaches ``min_score``.

    A picture that stands still is frozen too, but its repeated frames show nothing new: only the others count.

    Args:
        scores: of :func:`frozen_scores`.
        repeated: frames that show the one before again.

    Raises:
        Rejected: ``scene_not_frozen``; that run has fewer than ``min_frames`` distinct frames.
    """
    frozen = _without_flicker(scores >= min_score)
    runs, position = [], 0
    for value, group in groupby(frozen.tolist()):
        length = len(list(group))
        if value:
            runs.append((int((~repeated[position : position + length]).sum()), -position, length))
        position += length
    distinct, start, length = max(runs, default=(0, 0, 0))
    if distinct < min_frames:
        raise Rejected("scene_not_frozen", f"at most {distinct} distinct frames in a row have {100 * min_score:g} % of the "
                       f"tracks at rest (frames.min_frozen), needed {min_frames} (frames.min_frozen_frames); people have to "
                       "hold still", distinct, min_frames)  # fmt: skip
    return -start, -start + length - 1


def _without_flicker(frozen: Bool[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Inner runs of up to MAX_FLICKER_FRAMES take the value of their surroundings."""
    settled = frozen.copy()
    # The shortest first: two good frames beside a bad one are a run of good ones with a flicker, not two flickers.
    for longest in range(1, MAX_FLICKER_FRAMES + 1):
        position = 0
        for value, group in groupby(settled.tolist()):
            length = len(list(group))
            if length <= longest and position > 0 and position + length < len(settled):
                settled[position : position + length] = not value
            position += length
    return settled
