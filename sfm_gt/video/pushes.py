"""Pushes and slides: one picture pushes the other out, and both move as one, as in a pan by exactly one picture's length.

A camera that pans has no picture's border in the middle of what it sees. Here the border of the first picture passes through
the frame from one side to the other: laid out along their way, the frames show a straight step in one place all the time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from sfm_gt.video.cuts import evened, shows_same_view
from sfm_gt.video.line_evidence import by_segment, line_contrast

Grey = UInt8[np.ndarray, "h w"]

MIN_FRAMES, MAX_FRAMES = 4, 45  # of a push: faster ones are followed by nobody
MAX_SIDEWAYS = 0.25  # of a step's length
MAX_BESIDE = 0.6  # of the push's slowest step, that the frames before and after may move
MAX_OFF_LENGTH = (
    0.06  # of the picture's length, by which all steps together may miss it: both takes move on by themselves
)
SEAM_REACH_PX = 12  # along the way, on either side of the seam
SEAM_OFF_PX = 3  # the takes' own motion moves the border of either from the sum of the steps
# Contrast of the step at the seam against that beside it, and on which share of its length.
SEAM_CONTRAST, SEAM_SHARE = 1.4, 0.5


@dataclass(frozen=True)
class Push:
    """Frames ``first`` to ``last`` (positions) show one picture that pushes another out.

    Attributes:
        seam: share of its length on which the border between both is seen.
    """

    first: int
    last: int
    seam: float


def find_pushes(greys: Sequence[Grey]) -> list[Push]:
    """Pushes between consecutive frames, in order.

    Args:
        greys: :func:`sfm_gt.video.dissolves.working_image` of each frame.
    """
    if len(greys) < MIN_FRAMES:
        return []
    shifts = _shifts_px(greys)
    found: list[Push] = []
    for axis in (0, 1):
        turned = [np.ascontiguousarray(grey.T) for grey in greys] if axis == 0 else list(greys)
        for start, end in _runs(shifts, axis, len(turned[0])):
            seam = _seam(turned, shifts[:, axis], start, end)
            if seam >= SEAM_SHARE and not shows_same_view(greys[start], greys[end]):
                found.append(Push(start + 1, end - 1, round(seam, 2)))
    return sorted(found, key=lambda push: push.first)


def _shifts_px(greys: Sequence[Grey]) -> Float[np.ndarray, "s 2"]:
    """Way of the whole picture from each frame to the next, x and y."""
    even = [evened(grey).astype(np.float32) for grey in greys]
    window = cv2.createHanningWindow(greys[0].shape[::-1], cv2.CV_32F)
    return np.array([cv2.phaseCorrelate(before, after, window)[0] for before, after in pairwise(even)])


def _runs(shifts: Float[np.ndarray, "s 2"], axis: int, length: int) -> Iterator[tuple[int, int]]:
    """Last frame before and first one after each run of steps along one axis that sum up to the picture's length."""
    along, sideways = shifts[:, axis], np.abs(shifts[:, 1 - axis])
    steady = (np.abs(along) >= length / MAX_FRAMES) & (sideways <= MAX_SIDEWAYS * np.abs(along))
    start = 0
    while start < len(along):
        if not steady[start]:
            start += 1
            continue
        end = start
        while end < len(along) and steady[end] and along[end] * along[start] > 0:
            end += 1
        slowest = np.abs(along[start:end]).min()
        beside = [abs(along[i]) for i in (start - 1, end) if 0 <= i < len(along)]
        gone = abs(along[start:end].sum())
        if (
            end - start >= MIN_FRAMES
            and len(beside) == 2
            and max(beside) <= MAX_BESIDE * slowest
            and abs(gone - length) <= MAX_OFF_LENGTH * length
        ):
            yield start, end
        start = end


def _seam(greys: Sequence[Grey], along: Float[np.ndarray, " s"], start: int, end: int) -> float:
    """Share of the first picture's border that is a step in the frames between, laid out along their way (rows)."""
    height = len(greys[0])
    forwards = along[start:end].sum() > 0
    total, gone, count = np.zeros((2 * SEAM_REACH_PX, greys[0].shape[1]), np.float32), 0.0, 0
    for position in range(start + 1, end):
        gone += abs(along[position - 1])
        row = round(gone) if forwards else height - round(gone)
        low, high = row - SEAM_REACH_PX, row + SEAM_REACH_PX
        if low < 1 or high > height - 1:
            continue
        rows = greys[position][low - 1 : high + 1].astype(np.float32)
        total, count = total + np.abs(rows[2:] - rows[:-2]), count + 1
    if not count:
        return 0.0
    contrast = line_contrast(by_segment(total / count))
    near = contrast[SEAM_REACH_PX - SEAM_OFF_PX : SEAM_REACH_PX + SEAM_OFF_PX]
    return float((near.max(axis=0) >= SEAM_CONTRAST).mean())
