"""Straight lines that keep their place: what burned-in frames have and scenes seen by a moving camera have not.

All is measured for horizontal lines; vertical ones are those of the transposed images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

Grey = UInt8[np.ndarray, "h w"]

SEGMENTS = 16  # a line is judged in so many parts of its length, so that one bright thing is no line
# Rows on either side of a line with whose contrast its own is compared: beyond the blur of scaling and coding (2 rows),
# nearer than the next thing in the picture.
CONTEXT_ROWS = (4, 5, 6)
CONTRAST_FLOOR = 2.0  # grey levels: coding noise beside a line without any texture
LINE_CONTRAST = 2.0  # line against context; scenes under a moving camera average out to 0.7-1.5
# Grey levels by which a row averaged over 7 columns differs from one sampled frame to the next: noise and coding stay
# below, a textured scene under a moving camera does not.
QUIET_LEVELS = 4
QUIET_WINDOW_PX = 7
DETAIL_LEVELS = 2  # |pixel - mean of 5 next to it in its row|: blurred fills stay below, pictures do not everywhere
DETAIL_WINDOW_PX = 5
# Text: fine detail that stays, with its outline, from one sampled frame to the next in so many of these steps; a caption that
# changes every second stays for some. Detail of a picture that passes by stays in hardly any.
PRINTED = 0.3
MIN_FREE = 0.15  # of a segment (or of a line's columns) beside text, without which nothing is said of it


@dataclass(frozen=True)
class LineEvidence:
    """What ``n`` sampled frames say of the horizontal lines of an image of h rows.

    Attributes:
        step: (h, w) mean over time of |row below - row above|.
        quiet: (n - 1, h) share of the row's pixels that stay as they are from one sampled frame to the next.
        unrest: (h, w) share of these steps in time in which a pixel changes.
        soft: (n, h) share of the row's pixels without fine detail.
        detail: (h, w) share of the frames in which a pixel has fine detail.
        even: (n, h) share of the row's pixels within QUIET_LEVELS of its median.
        printed: (h, w) text, which hides what lies behind it.
    """

    step: Float[np.ndarray, "h w"]
    unrest: Float[np.ndarray, "h w"]
    detail: Float[np.ndarray, "h w"]
    quiet: Float[np.ndarray, "p h"]
    soft: Float[np.ndarray, "n h"]
    even: Float[np.ndarray, "n h"]
    printed: Bool[np.ndarray, "h w"]


def line_contrast(step: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Each row's step against the stronger of its contexts above and below; the border counts as context without step."""
    reach, height = max(CONTEXT_ROWS), len(step)
    padded = np.pad(step, ((reach, reach), (0, 0)))
    above, below = (
        sum(padded[reach + sign * k : reach + sign * k + height] for k in CONTEXT_ROWS) / len(CONTEXT_ROWS)
        for sign in (-1, 1)
    )
    return step / (np.maximum(above, below) + CONTRAST_FLOOR)


def measure_lines(greys: Sequence[Grey]) -> LineEvidence:
    """Evidence of ``greys``, at least two of one size; one pass, so that memory stays low."""
    shape = greys[0].shape
    step, unrest, detail, stays = (np.zeros(shape, np.float32) for _ in range(4))
    quiet, soft, even = [], [], []
    before = fine_before = None
    for grey in greys:
        across = np.zeros(shape, np.int16)
        cv2.subtract(grey[2:], grey[:-2], across[1:-1], dtype=cv2.CV_16S)
        cv2.accumulate(np.abs(across).astype(np.float32), step)
        fine = cv2.absdiff(grey, cv2.blur(grey, (DETAIL_WINDOW_PX, 1))) > DETAIL_LEVELS
        detail += fine
        soft.append(1 - fine.mean(axis=1))
        # Every fourth pixel knows a row's median as well.
        tone = np.median(grey[:, ::4], axis=1)
        even.append((np.abs(grey[:, ::4] - tone[:, None]) <= QUIET_LEVELS).mean(axis=1))
        smooth = cv2.blur(grey, (QUIET_WINDOW_PX, 1))
        if before is not None:
            changed = cv2.absdiff(smooth, before) > QUIET_LEVELS
            unrest += changed
            quiet.append(1 - changed.mean(axis=1))
            stays += fine & fine_before & ~changed
        before, fine_before = smooth, fine
    n = len(greys)
    quiets, softs, evens = (np.array(each, np.float32) for each in (quiet, soft, even))
    printed = cv2.dilate((stays >= PRINTED * (n - 1)).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return LineEvidence(step / n, unrest / (n - 1), detail / n, quiets, softs, evens, printed)


def by_segment(
    values: Float[np.ndarray, "h w"], left_out: Bool[np.ndarray, "h w"] | None = None
) -> Float[np.ndarray, "h s"]:
    """Means over SEGMENTS equal parts of every row.

    Args:
        left_out: pixels that do not count; where less than MIN_FREE of a part is left, it is NaN.
    """
    if left_out is None:
        return _segment_means(values)
    free = _segment_means(~left_out)
    return np.where(free >= MIN_FREE, _segment_means(values * ~left_out) / np.maximum(free, MIN_FREE), np.nan)


def _segment_means(values: np.ndarray) -> Float[np.ndarray, "h s"]:
    edges = np.linspace(0, values.shape[1], SEGMENTS + 1).round().astype(int)
    sums = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1, dtype=np.float64)], axis=1)
    return ((sums[:, edges[1:]] - sums[:, edges[:-1]]) / np.maximum(np.diff(edges), 1)).astype(np.float32)
