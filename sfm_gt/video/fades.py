"""Fades, which no single frame change betrays: cross-fades between two scenes, and fades from and to one even tone."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8

Tiny = Float[np.ndarray, "rows columns"]

TINY_SIZE = (48, 27)
BLUR_PX = 2.0  # what a camera moves during a fade drowns in this
HALF_LENGTHS = (4, 8, 16)  # frames from the middle of a cross-fade to its ends
# The middle of a cross-fade is a sum of its ends: what a fit of that sum leaves over, as a share of the variance, and the
# share that each end must have in it.
MAX_UNEXPLAINED = 0.08
MIN_SHARE = 0.25
MAX_LIKENESS = 0.6  # correlation of the ends: above, they show one scene
MIN_CONTRAST = 4.0  # standard deviation in grey levels
FADED_CONTRAST = 0.5  # of the shot's median contrast: frames at its ends below are still fading


def tiny(rgb: UInt8[np.ndarray, "h w 3"]) -> Tiny:
    """The small, blurred grey image that fades are looked for in."""
    small = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), TINY_SIZE, interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(small.astype(np.float32), (0, 0), BLUR_PX)


class CrossFades:
    """Watches a stream of frames; memory stays at a second of tiny images."""

    def __init__(self) -> None:
        self._recent: deque[tuple[int, Tiny]] = deque(maxlen=2 * HALF_LENGTHS[-1] + 1)
        self.found: list[tuple[int, int]] = []

    def add(self, frame_index: int, image: Tiny) -> None:
        """The next frame; afterwards ``found`` holds (first, last) frame of the cross-fades so far."""
        self._recent.append((frame_index, image))
        for half in HALF_LENGTHS:
            if len(self._recent) > 2 * half:
                first, middle, last = (self._recent[i] for i in (-1 - 2 * half, -1 - half, -1))
                if is_blend(first[1], middle[1], last[1]):
                    self.found.append((first[0], last[0]))

    def holds(self, frame_index: int) -> bool:
        """Whether a frame lies in a cross-fade."""
        return any(first < frame_index < last for first, last in self.found)


def is_blend(first: Tiny, middle: Tiny, last: Tiny) -> bool:
    """Whether ``middle`` is ``first`` and ``last`` laid over one another, and these show different scenes."""
    if min(first.std(), last.std()) < MIN_CONTRAST or np.corrcoef(first.ravel(), last.ravel())[0, 1] > MAX_LIKENESS:
        return False
    ends = np.stack([first.ravel(), last.ravel(), np.ones(first.size)], axis=1)
    shares, *_ = np.linalg.lstsq(ends, middle.ravel(), rcond=None)
    unexplained = float(np.var(middle.ravel() - ends @ shares)) / max(float(np.var(middle)), 1e-6)
    return unexplained < MAX_UNEXPLAINED and bool((shares[:2] > MIN_SHARE).all())


def unfaded(contrasts: Sequence[float]) -> tuple[int, int]:
    """First and last position of a shot that are not part of a fade from or to one even tone.

    Args:
        contrasts: standard deviation of each frame of the shot.
    """
    clear = np.flatnonzero(np.asarray(contrasts) >= FADED_CONTRAST * np.median(contrasts))
    return int(clear[0]), int(clear[-1])
