"""Presentation times that do not grow, put right from the order of the frames and the nominal rate.

Containers get times wrong in a few ways: transport streams joined end to end start their clock again, AVI and what was
copied out of it hold B-frames in coding order, muxers repeat a time or write one that is off by hours. The order in which
the decoder hands out frames is right in all of them.
"""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from jaxtyping import Bool, Float

# Frames over which the clock is looked at: H.264 and HEVC reorder no frame by more than 16.
WINDOW = 16
# A camera reads out no two frames within this share of a frame time, not even in a burst of 960 in 30 frames a second.
MIN_STEP_SHARE = 0.02
# So short a step between usual ones is a muxer's repair of two equal times, by one tick of its clock.
GLITCH_SHARE, USUAL_SHARE = 0.1, 0.5
# No frame is shown for longer than the larger of a minute and so many usual steps (time lapse): the clock has jumped.
MAX_STEP_S, MAX_STEP_SHARE = 60.0, 100.0
# Of the pairs of frames on the two sides of an invalid step, so many must be in order for the clock to run on behind it,
# and in order means further apart than this share of what their indices say.
RUNS_ON, MIN_PACE = 0.5, 0.25
RATES_FPS = (0.1, 500.0)  # believed when stated; FFmpeg answers the tick of a clock (1000, 90000) where it knows none
SAME_RATE = 1.5  # ratio between a stated and a measured rate that still agree


def usual_step_s(raw_s: Float[np.ndarray, " n"], stated_fps: float | None) -> float | None:
    """Seconds from one frame to the next, None if nothing tells.

    Measured where most times advance; the stated rate takes its place when it agrees or nothing advances.

    Args:
        raw_s: presentation times in frame order, NaN where there is none.
        stated_fps: the container's rate.
    """
    span = int(np.clip((len(raw_s) - 1) // 4, 1, WINDOW))
    # Over many frames, where equal times alternate with long steps; over one, where the clock starts again often.
    paces = [pace for apart in (span, 1) if (pace := _median_pace_s(raw_s, apart)) is not None]
    believable = stated_fps is not None and RATES_FPS[0] <= stated_fps <= RATES_FPS[1]
    if stated_fps and believable and (not paces or any(_same_rate(stated_fps, pace) for pace in paces)):
        return 1.0 / stated_fps
    return paces[0] if paces else None


def _median_pace_s(raw_s: Float[np.ndarray, " n"], apart: int) -> float | None:
    paces = (raw_s[apart:] - raw_s[:-apart]) / apart
    advancing = paces[paces > 0]
    return float(np.median(advancing)) if len(advancing) > len(paces) / 2 else None


def _same_rate(fps: float, step_s: float) -> bool:
    return 1 / SAME_RATE <= fps * step_s <= SAME_RATE


def invalid_steps(times_s: Float[np.ndarray, " n"], usual_s: float) -> Bool[np.ndarray, " n_minus_1"]:
    """Which steps from one frame to the next do not grow, are a muxer's glitch, or jump."""
    steps = np.diff(times_s)
    beside = np.concatenate([[np.inf], steps, [np.inf]])
    between_usual = np.minimum(beside[:-2], beside[2:]) >= USUAL_SHARE * usual_s
    too_short = (steps <= MIN_STEP_SHARE * usual_s) | ((steps < GLITCH_SHARE * usual_s) & between_usual)
    invalid: Bool[np.ndarray, " n_minus_1"] = ~(steps <= max(MAX_STEP_S, MAX_STEP_SHARE * usual_s)) | too_short
    return invalid


def trustworthy(pts_s: Float[np.ndarray, " n"], stated_fps: float | None, reorders: bool) -> bool:
    """Whether packets' presentation times prove that those of the frames grow.

    Args:
        pts_s: in coding order, NaN where a packet has none.
        reorders: whether the codec may hand out frames in another order than they are coded in.
    """
    usual_s = usual_step_s(np.sort(pts_s), stated_fps)
    if len(pts_s) < 2 or np.isnan(pts_s).any() or usual_s is None or invalid_steps(np.sort(pts_s), usual_s).any():
        return False
    if reorders and (np.diff(pts_s) > 0).all():
        return False  # coding order taken for presentation order, or no B-frame in the whole video
    behind = np.searchsorted(np.sort(pts_s), pts_s) - np.arange(len(pts_s))
    return bool(np.abs(behind).max() <= WINDOW)


def mended_times(raw_s: Float[np.ndarray, " n"], usual_s: float) -> Float[np.ndarray, " n"]:
    """Growing times of all frames: the container's where they can be kept, on the clock that holds most frames.

    Args:
        raw_s: presentation times in frame order, NaN where there is none.
        usual_s: as :func:`usual_step_s` found it.
    """
    invalid = invalid_steps(raw_s, usual_s)
    if not invalid.any():
        return raw_s.copy()
    breaks = [step + 1 for step in np.flatnonzero(invalid).tolist() if not _runs_on(raw_s, step, usual_s)]
    runs = [_mended_run(run, usual_s) for run in np.split(raw_s, breaks)]
    starts = np.concatenate([[0.0], np.cumsum([run[-1] - run[0] + usual_s for run in runs])[:-1]])
    longest = int(np.argmax([len(run) for run in runs]))
    zero_s = runs[longest][0] - starts[longest]
    return np.concatenate([run - run[0] + start + zero_s for run, start in zip(runs, starts, strict=True)])


def n_mended(raw_s: Float[np.ndarray, " n"], times_s: Float[np.ndarray, " n"]) -> int:
    """Steps from one frame to the next that are not the container's."""
    return int((~(np.abs(np.diff(raw_s) - np.diff(times_s)) <= 1e-6)).sum())


def repairable(n_invalid: int, raw_s: Float[np.ndarray, " n"], usual_s: float, stated_fps: float | None) -> bool:
    """Whether repaired times can be believed: where most had to be made up, the container has to state the same rate."""
    if 2 * n_invalid <= len(raw_s):
        return True
    return stated_fps is not None and _same_rate(stated_fps, usual_s)


def _runs_on(raw_s: Float[np.ndarray, " n"], step: int, usual_s: float) -> bool:
    """Whether the clock before an invalid step is the one behind it: frames around it, not those next to it, decide."""
    before = np.arange(max(0, step + 1 - WINDOW), step + 1)
    behind = np.arange(step + 1, min(len(raw_s), step + 1 + WINDOW))
    apart = behind[None] - before[:, None]
    passed = raw_s[behind][None] - raw_s[before][:, None]
    longest = np.maximum(MAX_STEP_S, MAX_STEP_SHARE * usual_s)
    known = np.isfinite(passed)
    in_order = (passed >= MIN_PACE * usual_s * apart) & (passed <= longest)
    return bool(known.any()) and float(in_order[known].mean()) >= RUNS_ON


def _mended_run(raw_s: Float[np.ndarray, " n"], usual_s: float) -> Float[np.ndarray, " n"]:
    """Times of frames on one clock."""
    ordered = np.sort(raw_s)
    moved = np.abs(np.argsort(raw_s, kind="stable") - np.arange(len(raw_s)))
    if not invalid_steps(ordered, usual_s).any() and np.isfinite(raw_s).all() and moved.max() <= WINDOW:
        return ordered  # all times are there, at the wrong frames
    index = np.arange(len(raw_s), dtype=float)
    # Of frames with the same time, the first has it: the others were due later.
    repeats = np.flatnonzero((np.diff(raw_s) >= 0) & (np.diff(raw_s) < GLITCH_SHARE * usual_s)) + 1
    anchors = raw_s.copy()
    anchors[repeats] = np.nan
    kept = _longest_growing(anchors)
    if not kept:
        return index * usual_s
    times = np.interp(index, kept, raw_s[kept])
    times[: kept[0]] = raw_s[kept[0]] + (index[: kept[0]] - kept[0]) * usual_s
    times[kept[-1] :] = raw_s[kept[-1]] + (index[kept[-1] :] - kept[-1]) * usual_s
    return times


def _longest_growing(raw_s: Float[np.ndarray, " n"]) -> list[int]:
    """Frames of the longest subsequence whose times grow (Schensted 1961); NaN never belongs to it."""
    ends: list[int] = []  # the frame with the smallest time that ends a growing subsequence of each length
    previous = [-1] * len(raw_s)
    for frame in np.flatnonzero(np.isfinite(raw_s)).tolist():
        place = bisect_left(ends, raw_s[frame], key=lambda end: raw_s[end])
        previous[frame] = ends[place - 1] if place else -1
        ends[place : place + 1] = [frame]
    chosen: list[int] = []
    frame = ends[-1] if ends else -1
    while frame >= 0:
        chosen.append(frame)
        frame = previous[frame]
    return chosen[::-1]
