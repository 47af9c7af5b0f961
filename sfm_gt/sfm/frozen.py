"""The interval of a clip in which its scene is frozen, from the share of the picture that moves in each frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from jaxtyping import Bool

from sfm_gt.errors import Rejected

# Share of the picture that moves in a frame at rest. What stands still comes out below 0.015 on the scenes of examples/masks
# and on real static takes, a man who waves at 3 m above 0.03; who walks along
# the epipolar lines can stay below.
MAX_REST = 0.02
# Share of the points that have left their place in a frame at rest (see sfm.vacated). Static takes, rendered and hand-held,
# come out at 0 but for single frames up to 0.005; a man who walks off through 6 % of the picture at 0.015 after three frames.
MAX_VACATED = 0.01
# Share that moves in a frame in which nothing does, but for slips.
MAX_CALM = 0.005
# Of the picture must be known for a frame to be judged.
MIN_KNOWN = 0.3
# Longest run of frames that may fall out on either side of a bound without ending an interval: masks flicker.
MAX_FLICKER_FRAMES = 2
# A stretch at rest is one only from this length on; shorter ones are pauses of what moves.
MIN_REST_FRAMES = 5
# What moves must have gone some way before a partner shows it.
SEEN_LATE_FRAMES = 2


@dataclass(frozen=True)
class FrameMotion:
    """What moves in one frame: shares of the known pixels, see :class:`sfm_gt.sfm.rigidity.Motion`.

    Attributes:
        known: share of the picture that could be judged.
        reach_past, reach_future: frames to the farthest that it was compared with, before and after.
        vacated_past, vacated_future: shares of the points that have left their place, see :mod:`sfm_gt.sfm.vacated`.
        distinct: the frame is no copy of the one before.
    """

    share: float
    share_past: float
    share_future: float
    known: float
    reach_past: int
    reach_future: int
    vacated_past: float = 0.0
    vacated_future: float = 0.0
    distinct: bool = True


def frozen_interval(
    frames: Sequence[FrameMotion], max_moving: float, min_frames: int, returned: Callable[[int, int], bool]
) -> tuple[int, int]:
    """First and last position of the stretch that ground truth may come from.

    It is the longest run of frames in which at most ``max_moving`` of the picture moves, so that it can be masked. Where
    the scene is at rest for some time within it, what comes before the first and after the last rest is cut off: a figure that
    moves in between and returns is masked, one that has unfrozen for good ends the interval.

    Args:
        frames: all registered frames of the clip, in order.
        min_frames: that must be known and distinct in the stretch.
        returned: whether what moves between two positions at rest is back in its place at the second.

    Raises:
        Rejected: ``scene_not_frozen``; the longest such stretch is shorter.
    """
    known = np.array([frame.known >= MIN_KNOWN for frame in frames])
    counted = known & np.array([frame.distinct for frame in frames])
    run = _longest(_runs(_without_flicker(_at_most(frames, known, max_moving))), counted)
    if run is not None:
        run = _grown(frames, *run, max_moving)
        rest = _without_flicker(_at_most(frames, known, MAX_REST))
        settled = _all_settled(frames)
        # For a moment after somebody has left a place frames may be at rest among themselves, but not with those before.
        parts = sorted([*_runs(rest & settled), *_runs(rest & ~settled)])
        at_rest = [(a, b) for a, b in parts if b >= run[0] and a <= run[1] and b + 1 - a >= MIN_REST_FRAMES]
        # Beside a rest that gives ground truth by itself a shorter one, with motion on both sides, is a pause: who waves passes
        # his old place.
        if any(b + 1 - a >= min_frames for a, b in at_rest):
            at_rest = [(a, b) for a, b in at_rest if b + 1 - a >= min_frames or a == 0 or b == len(frames) - 1]
        # What keeps to its epipolar line hardly shows: of several rests, that in which least of it does.
        calm = _longest(_joined(at_rest, returned), counted & settled & _at_most(frames, known, MAX_CALM))
        if calm is not None:
            first, last = _grown(frames, *calm, MAX_REST)
            run = max(run[0], first), min(run[1], last)
    n_frozen = int(counted[run[0] : run[1] + 1].sum()) if run else 0
    if n_frozen < min_frames:
        shares = [frame.share for frame, judged in zip(frames, known, strict=True) if judged]
        typical = float(np.median(shares)) if shares else 0.0
        why = (
            f"{100 * typical:.0f} % of the picture moves in half of the frames; people have to hold still"
            if typical >= 0.005
            else f"of {len(frames)} frames with a pose {int(counted.sum())} could be judged; the scene needs texture and light"
        )
        raise Rejected("scene_not_frozen", f"at most {n_frozen} frames in a row are known to be at rest but for "
                       f"{100 * max_moving:g} % of the picture (sfm.max_moving), needed {min_frames} "
                       f"(sfm.min_frozen_frames); {why}", n_frozen, min_frames)  # fmt: skip
    assert run is not None
    return run


def _joined(at_rest: Sequence[tuple[int, int]], returned: Callable[[int, int], bool]) -> list[tuple[int, int]]:
    """Runs at rest, each joined with the one before where what moved between them came back."""
    joined: list[tuple[int, int]] = []
    for first, last in at_rest:
        if joined and returned(joined[-1][1], first):
            joined[-1] = joined[-1][0], last
        else:
            joined.append((first, last))
    return joined


def _at_most(frames: Sequence[FrameMotion], known: Bool[np.ndarray, " n"], limit: float) -> Bool[np.ndarray, " n"]:
    """Frames in which not more moves; what is unknown ends no run, and counts for none."""
    return np.array([frame.share <= limit for frame in frames]) | ~known


def _all_settled(frames: Sequence[FrameMotion]) -> Bool[np.ndarray, " n"]:
    """Frames in which hardly a point has left its place. A place that was left stays empty for some time: less is a point that
    was never there, as a wrong match makes them."""
    settled = np.array([max(frame.vacated_past, frame.vacated_future) <= MAX_VACATED for frame in frames])
    for first, last in _runs(~settled):
        settled[first : last + 1] = last + 1 - first < MIN_REST_FRAMES
    return settled


def _grown(frames: Sequence[FrameMotion], first: int, last: int, limit: float) -> tuple[int, int]:
    """The run with the frames that are at rest against its own side: a partner beyond its end shows motion ahead of time."""
    end = last + 1
    latest = last + max(0, frames[end].reach_future - SEEN_LATE_FRAMES) if end < len(frames) else last
    while (
        last < latest
        and last + 1 < len(frames)
        and _rests(frames[last + 1].share_past, frames[last + 1].vacated_past, limit)
    ):
        last += 1
    start = first - 1
    earliest = first - max(0, frames[start].reach_past - SEEN_LATE_FRAMES) if start >= 0 else first
    while (
        first > earliest
        and first > 0
        and _rests(frames[first - 1].share_future, frames[first - 1].vacated_future, limit)
    ):
        first -= 1
    return first, last


def _rests(share: float, vacated: float, limit: float) -> bool:
    return bool(share <= limit and vacated <= MAX_VACATED)


def _runs(flags: Bool[np.ndarray, " n"]) -> list[tuple[int, int]]:
    """First and last position of each run that is True."""
    runs, position = [], 0
    for value, group in groupby(flags.tolist()):
        length = len(list(group))
        if value:
            runs.append((position, position + length - 1))
        position += length
    return runs


def _longest(runs: Sequence[tuple[int, int]], counted: Bool[np.ndarray, " n"]) -> tuple[int, int] | None:
    """The run with most frames that count, the first of equals."""
    return max(runs, key=lambda run: (int(counted[run[0] : run[1] + 1].sum()), -run[0]), default=None)


def _without_flicker(flags: Bool[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Inner runs of up to MAX_FLICKER_FRAMES take the value of their surroundings."""
    settled = flags.copy()
    # The shortest first: two good frames beside a bad one are a run of good ones with a flicker, not two flickers.
    for longest in range(1, MAX_FLICKER_FRAMES + 1):
        position = 0
        for value, group in groupby(settled.tolist()):
            length = len(list(group))
            if length <= longest and position > 0 and position + length < len(settled):
                settled[position : position + length] = not value
            position += length
    return settled
