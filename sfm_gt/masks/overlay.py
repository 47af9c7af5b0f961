"""Overlay: captions, logos and letterbox bars, found because they stand still in the image while the scene moves."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from sfm_gt.masks.regions import dilate, disc, drop_small
from sfm_gt.masks.segmentation import Frame

SAMPLED_FRAMES = 32
STRONG_GRADIENT = 6.0  # mean over time, grey levels a pixel
STILL_COHERENCE = (
    0.92  # |mean gradient| / mean |gradient|: 1 on print, 0.3 on a scene that passes by (95th percentile 0.6)
)
MAX_SCENE_COHERENCE = 0.6  # median over strong gradients; above, the scene itself hardly moves and nothing can be told
WINDOW_PX = 15  # print has edges of several directions within it; the edge of a table under a pan has one
MIN_CROSS_SHARE = 0.08  # of the gradient energy in a window: how much lies across its main direction
CLOSE_PX = 5
MIN_PRINT_PX = 40
DILATE_PX = 4
BAR_MAX_SPREAD = 6.0  # grey levels within a row of a bar, and of a row over time
MAX_BAR = 0.3  # of the image on one side


def find_overlay(frames: Sequence[Frame]) -> Bool[np.ndarray, "h w"]:
    """True on caption, logo and bars of a clip: one mask for all of its frames.

    Empty when the camera hardly moves, since then overlay and scene look alike.

    Args:
        frames: frames of one clip, grey or RGB.
    """
    chosen = np.unique(np.round(np.linspace(0, len(frames) - 1, SAMPLED_FRAMES)).astype(int))
    greys = [_grey(frames[i]) for i in chosen]
    mean_x, mean_y, strength = _mean_gradients(greys)
    strong = strength > STRONG_GRADIENT
    coherence = np.hypot(mean_x, mean_y) / np.maximum(strength, 1e-6)
    if len(chosen) < 2 or not strong.any() or np.median(coherence[strong]) > MAX_SCENE_COHERENCE:
        return np.zeros(greys[0].shape, dtype=bool)
    still = strong & (coherence > STILL_COHERENCE)
    printed = still & _has_crossing_edges(mean_x * still, mean_y * still)
    closed = cv2.morphologyEx(printed.astype(np.uint8), cv2.MORPH_CLOSE, disc(CLOSE_PX)).astype(bool)
    return dilate(drop_small(closed, MIN_PRINT_PX) | find_bars(greys), DILATE_PX)


def find_bars(greys: Sequence[UInt8[np.ndarray, "h w"]]) -> Bool[np.ndarray, "h w"]:
    """Letterbox and pillarbox bars: rows or columns at the border that keep one even tone over all ``greys``."""
    lowest, highest = np.min(greys, axis=0).astype(np.float32), np.max(greys, axis=0).astype(np.float32)
    bars = np.zeros(lowest.shape, dtype=bool)
    for axis in (0, 1):
        low, high = np.percentile(lowest, 1, axis=1 - axis), np.percentile(highest, 99, axis=1 - axis)
        even = high - low <= BAR_MAX_SPREAD
        for lines, view in ((even, bars), (even[::-1], np.flip(bars, axis))):
            depth = len(lines) if lines.all() else int(np.argmin(lines))
            if 0 < depth <= MAX_BAR * len(lines):
                np.moveaxis(view, axis, 0)[:depth] = True
    return bars


def _grey(frame: Frame) -> UInt8[np.ndarray, "h w"]:
    return cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if frame.ndim == 3 else frame


def _mean_gradients(
    greys: Sequence[UInt8[np.ndarray, "h w"]],
) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "h w"], Float[np.ndarray, "h w"]]:
    """Means over time of the gradient's x and y and of its length, in grey levels a pixel."""
    total_x, total_y, total = (np.zeros(greys[0].shape, np.float32) for _ in range(3))
    for grey in greys:
        # The 3x3 Sobel kernel sums to 8 times the slope.
        x, y = (cv2.Sobel(grey, cv2.CV_32F, dx, 1 - dx, scale=1 / 8) for dx in (1, 0))
        total_x += x
        total_y += y
        total += np.hypot(x, y)
    return total_x / len(greys), total_y / len(greys), total / len(greys)


def _has_crossing_edges(x: Float[np.ndarray, "h w"], y: Float[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    xx, yy, xy = (cv2.blur(product, (WINDOW_PX, WINDOW_PX)) for product in (x * x, y * y, x * y))
    smaller = (xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    return smaller > MIN_CROSS_SHARE * (xx + yy)
