"""Fades, which no single frame change betrays: cross-fades between two scenes, and fades from and to one even tone."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Float, UInt8

Tiny = Float[np.ndarray, "rows columns"]
Grey = UInt8[np.ndarray, "h w"]

TINY_SIZE = (48, 27)
BLUR_PX = 2.0  # what a camera moves during a fade drowns in this
HALF_LENGTHS = (4, 8, 16)  # frames from the middle of a cross-fade to its ends
# What lies between the ends of a cross-fade is a sum of them: what a fit of that sum may leave over, as a share of the
# variance, and the share that each end must have in the middle.
MAX_UNEXPLAINED = 0.08
MIN_SHARE = 0.25
MAX_LIKENESS = 0.6  # correlation of the ends: above, they show one scene
# Points of the first image that look the same in the last one, of those that did not leave the picture.
MAX_POINTS, POINT_PATCH_PX, SAME_POINT, SAME_POINTS_SHARE = 120, 11, 0.9, 0.4
MIN_CONTRAST = 4.0  # standard deviation in grey levels
FADED_CONTRAST = 0.5  # of the shot's median contrast: frames at its ends below are still fading


def tiny(rgb: UInt8[np.ndarray, "h w 3"]) -> Tiny:
    """The small, blurred grey image that fades are looked for in."""
    small = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), TINY_SIZE, interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(small.astype(np.float32), (0, 0), BLUR_PX)


class CrossFades:
    """Watches a stream of frames; memory stays at a second of small images."""

    def __init__(self) -> None:
        self._recent: deque[tuple[int, Tiny, Grey]] = deque(maxlen=2 * HALF_LENGTHS[-1] + 1)
        self.found: list[tuple[int, int]] = []

    def add(self, frame_index: int, rgb: UInt8[np.ndarray, "h w 3"]) -> None:
        """The next frame, small; afterwards ``found`` holds (first, last) frame of the cross-fades so far."""
        self._recent.append((frame_index, tiny(rgb), cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)))
        for half in HALF_LENGTHS:
            if len(self._recent) > 2 * half:
                span = list(self._recent)[-1 - 2 * half :]
                first, *between, last = (image for _, image, _ in span[:: half // 2])
                if is_cross_fade(first, between, last) and not shows_same_points([grey for *_, grey in span]):
                    self.found.append((span[0][0], span[-1][0]))

    def holds(self, frame_index: int) -> bool:
        """Whether a frame lies in a cross-fade."""
        return any(first < frame_index < last for first, last in self.found)


def shows_same_points(greys: Sequence[Grey]) -> bool:
    """Whether points of the first image, followed from each to the next, look the same in the last one.

    Low-pass images of a camera that turns blend into one another as those of two scenes do; its points live on, but for those
    that leave the picture.
    """
    start = cv2.goodFeaturesToTrack(greys[0], MAX_POINTS, 0.01, 5)
    if start is None:
        return False
    points, alive = start, np.ones(len(start), dtype=bool)
    for before, after in pairwise(greys):
        points, followed, _ = cv2.calcOpticalFlowPyrLK(before, after, points, None)
        alive &= followed[:, 0] > 0
    height, width = greys[0].shape
    reach = POINT_PATCH_PX // 2
    inside = ((points[:, 0] > reach) & (points[:, 0] < np.array([width, height]) - 1 - reach)).all(axis=1)
    there = np.flatnonzero(inside)
    same = [i for i in there if alive[i] and _likeness(greys[0], greys[-1], start[i, 0], points[i, 0]) > SAME_POINT]
    return len(there) > 0 and len(same) >= SAME_POINTS_SHARE * len(there)


def _likeness(a: Grey, b: Grey, centre_a: np.ndarray, centre_b: np.ndarray) -> float:
    """Correlation of the patches round two points."""
    size = (POINT_PATCH_PX, POINT_PATCH_PX)
    patches = (cv2.getRectSubPix(image, size, centre) for image, centre in ((a, centre_a), (b, centre_b)))
    return float(cv2.matchTemplate(*patches, cv2.TM_CCOEFF_NORMED)[0, 0])


def is_cross_fade(first: Tiny, between: Sequence[Tiny], last: Tiny) -> bool:
    """Whether ``first`` and ``last`` show different scenes and all of ``between`` are both laid over one another, with more
    and more of ``last``. A camera that turns to another part of a room can hit such a sum once, not all along."""
    if min(first.std(), last.std()) < MIN_CONTRAST or np.corrcoef(first.ravel(), last.ravel())[0, 1] > MAX_LIKENESS:
        return False
    ends = np.stack([first.ravel(), last.ravel(), np.ones(first.size)], axis=1)
    images = np.stack([image.ravel() for image in between], axis=1)
    shares, *_ = np.linalg.lstsq(ends, images, rcond=None)
    unexplained = np.var(images - ends @ shares, axis=0) / np.maximum(np.var(images, axis=0), 1e-6)
    middle = shares[:2, len(between) // 2]
    return bool((unexplained < MAX_UNEXPLAINED).all() and (middle > MIN_SHARE).all() and (np.diff(shares[1]) > 0).all())


def unfaded(contrasts: Sequence[float]) -> tuple[int, int]:
    """First and last position of a shot that are not part of a fade from or to one even tone.

    Args:
        contrasts: standard deviation of each frame of the shot.
    """
    clear = np.flatnonzero(np.asarray(contrasts) >= FADED_CONTRAST * np.median(contrasts))
    return int(clear[0]), int(clear[-1])
