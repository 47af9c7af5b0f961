"""Keyframes: frames far enough apart for parallax, each the sharpest of its neighbourhood."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from sfm_gt.imaging.resizing import fitted_width
from sfm_gt.imaging.tracking import Tracker

TRACK_WIDTH_PX = 320  # motion is measured in frames of this width
MAX_CORNERS = 300
MIN_TRACKS = 20  # below, the view has changed so much that a keyframe is due whatever the tracks say
EARLY, LATE = 0.7, 1.3  # the sharpest frame may lie this far before or behind the wanted motion, as a share of it
# Grey levels in tracking images between a frame and its re-encoded copy. The noise of a sensor alone, and any motion that
# could be measured, differs by more.
MAX_REPEAT_MEAN, MAX_REPEAT_PEAK = 0.25, 6
USUAL_FRAMES = (
    900  # half a minute at 30 frames a second; a longer clip shows more, and needs as many keyframes a second
)
# Half a pixel and some noise: median motion is asked for, which single slips do not move.
_TRACKER = Tracker(window_px=15, levels=3, max_step_px=0.03, max_round_trip_px=0.7)


def tracking_image(rgb: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h2 w2"]:
    """The small grey image that motion is measured in."""
    return fitted_width(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), TRACK_WIDTH_PX)


def sharpness(rgb: UInt8[np.ndarray, "h w 3"]) -> float:
    """Variance of the Laplacian, in squared grey levels (Pech-Pacheco et al. 2000). Compare within one clip only."""
    return float(cv2.Laplacian(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.CV_32F).var())


def repeats(greys: Sequence[UInt8[np.ndarray, "h w"]]) -> Bool[np.ndarray, " n"]:
    """Frames that show the one before once more, as a frame-rate conversion or a freeze makes them, coding noise aside."""
    return np.array([i > 0 and _repeats(greys[i - 1], grey) for i, grey in enumerate(greys)], dtype=bool)


def _repeats(before: UInt8[np.ndarray, "h w"], after: UInt8[np.ndarray, "h w"]) -> bool:
    difference = cv2.absdiff(before, after)
    return float(difference.mean()) < MAX_REPEAT_MEAN and int(difference.max()) <= MAX_REPEAT_PEAK


def keyframe_bound(max_keyframes: int, n_frames: int) -> int:
    """Most keyframes of a clip of ``n_frames``: ``max_keyframes``, and in proportion beyond USUAL_FRAMES."""
    return max(max_keyframes, round(max_keyframes * n_frames / USUAL_FRAMES))


def choose_keyframes(
    greys: Sequence[UInt8[np.ndarray, "h w"]],
    sharpnesses: Float[np.ndarray, " n"],
    eligible: Bool[np.ndarray, " n"],
    motion: float,
    min_keyframes: int,
    max_keyframes: int,
) -> tuple[int, ...]:
    """Positions of the keyframes, ascending; the first and last eligible frame are among them.

    Args:
        greys: tracking images.
        eligible: False for blank and repeated frames.
        motion: wanted median track motion from one keyframe to the next, as a share of the image width.
        min_keyframes: fewer are filled up evenly: tracks barely move when the camera circles what it looks at.
        max_keyframes: more are thinned out evenly.
    """
    candidates = np.flatnonzero(eligible)
    if len(candidates) < 2:
        return tuple(int(c) for c in candidates)
    chosen = [int(candidates[0])]
    while chosen[-1] != candidates[-1]:
        chosen.append(_next_keyframe(greys, sharpnesses, candidates[candidates > chosen[-1]], chosen[-1], motion))
    if len(chosen) < min(min_keyframes, len(candidates)):
        chosen = sorted({*chosen, *_evenly(candidates, min_keyframes)})
    return tuple(int(c) for c in _evenly(np.array(chosen), max_keyframes))


def _next_keyframe(
    greys: Sequence[UInt8[np.ndarray, "h w"]],
    sharpnesses: Float[np.ndarray, " n"],
    following: np.ndarray,
    start: int,
    motion: float,
) -> int:
    wanted_px = motion * greys[start].shape[1]
    origin = _corners(greys[start])
    points, previous = origin, start
    window: list[int] = []
    for position in following:
        points, kept = _TRACKER.follow(greys[previous], greys[position], points)
        points, origin, previous = points[kept], origin[kept], position
        if len(points) < MIN_TRACKS:
            return max(window or [int(position)], key=lambda p: sharpnesses[p])
        moved_px = float(np.median(np.linalg.norm(points - origin, axis=-1)))
        if moved_px > LATE * wanted_px and window:
            break
        if moved_px >= EARLY * wanted_px:
            window.append(int(position))
    # The clip ends before the camera has moved far enough: its last frame closes the list.
    return max(window, key=lambda p: sharpnesses[p]) if window else int(following[-1])


def _corners(grey: UInt8[np.ndarray, "h w"]) -> Float[np.ndarray, "n 2"]:
    found = cv2.goodFeaturesToTrack(grey, MAX_CORNERS, 0.01, 6)
    return np.zeros((0, 2), np.float32) if found is None else found.reshape(-1, 2)


def _evenly(positions: np.ndarray, count: int) -> np.ndarray:
    if len(positions) <= count:
        return positions
    return positions[np.round(np.linspace(0, len(positions) - 1, count)).astype(int)]
