"""Frames whose even and odd lines were filmed at different times, though no flag says so.

Even and odd lines are two images of half the height, the fields. In a progressive frame they show the same moment: corners
stand at the same place in both, half a field line apart. In a combed frame they stand apart by a fixed share of what they
move until the next frame: a half in interlaced video, a whole frame where film was pulled down (3:2). Patterns of the scene
(blinds, bricks, text) look combed in a still picture, yet do not follow the motion.
"""

from __future__ import annotations

import av
import cv2
import numpy as np
from jaxtyping import Float, UInt8

# Frames looked at: runs of five steps, one period of 3:2 pull-down, that start so many frames apart; later ones farther.
RUN = 5
APART_UNTIL = ((12, 60), (30, 300), (120, None))
MAX_SIDE_PX = 640  # of the middle part that is looked at
N_CORNERS, CORNER_QUALITY, CORNER_DISTANCE_PX, CORNER_BLOCK_PX = 100, 0.02, 8, 5
WINDOW_PX, PYRAMID_LEVELS = 11, 3
# Across the lines nothing can be told: fields alias vertically, which moves corners by up to a line.
MIN_ALONG_PX = 1.0
MIN_TRACKS = 20  # with enough motion; fewer leave a frame unknown
# Fields that alias have nothing in common and give a lag to every corner; a lag is told from tracks that agree.
AGREES, MIN_AGREEING = 0.2, 0.5  # of a frame time, share of the tracks
MAX_RETURN_PX = 0.5  # of a corner followed to the next frame and back
MAX_LAG = 0.25  # of a frame time: half way from progressive (0) to interlaced (0.5)
LONGEST_LAG = 1.5  # 3:2 pull-down has 1
MIN_JUDGED = 6  # frames; with fewer no video is judged, so that one mistaken frame rejects none
# Share of the judged frames. Pulled-down film has 0.4 to 0.5, interlaced video nearly all, progressive video none: the
# kitchen, the examples and fourteen clips by others, as they are and combed by numpy.
MAX_COMBED = 0.2


class CombingMeter:
    """Looks at some frames of a video, which are added in order."""

    def __init__(self) -> None:
        self._count = 0
        self._before: UInt8[np.ndarray, "h w"] | None = None
        self._lags: list[float] = []

    def add(self, frame: av.VideoFrame) -> None:
        """The next frame."""
        apart = next(apart for apart, until in APART_UNTIL if until is None or self._count < until)
        phase = self._count % apart
        self._count += 1
        if phase > RUN:
            self._before = None
            return
        luma = _middle(frame.reformat(format="gray8").to_ndarray())
        if self._before is not None and (lag := field_lag(self._before, luma)) is not None:
            self._lags.append(lag)
        self._before = luma

    @property
    def n_judged(self) -> int:
        """Frames with enough motion to tell."""
        return len(self._lags)

    @property
    def combed_share(self) -> float:
        """Share of the judged frames that are combed, with the field that comes first in most; 0 with too few judged."""
        if self.n_judged < MIN_JUDGED:
            return 0.0
        lags = np.array(self._lags)
        combed = (np.abs(lags) > MAX_LAG) & (np.abs(lags) < LONGEST_LAG)
        return float(max((combed & (lags > 0)).mean(), (combed & (lags < 0)).mean()))


def field_lag(frame: UInt8[np.ndarray, "h w"], after: UInt8[np.ndarray, "h w"]) -> float | None:
    """Time from the even to the odd lines of a frame, in frame times; None where too little moves to tell.

    Args:
        frame: luma as coded, not resized in height.
        after: the next frame.
    """
    even, odd, even_after = (np.ascontiguousarray(lines) for lines in (frame[::2], frame[1::2], after[::2]))
    corners = cv2.goodFeaturesToTrack(even, N_CORNERS, CORNER_QUALITY, CORNER_DISTANCE_PX, blockSize=CORNER_BLOCK_PX)
    if corners is None or len(corners) < MIN_TRACKS:
        return None
    (moved, across), (lagged, _) = _displacement(even, even_after, corners), _displacement(even, odd, corners)
    usable = (np.abs(moved) >= MIN_ALONG_PX) & np.isfinite(lagged)
    if usable.sum() < MIN_TRACKS:
        return None
    lags = lagged[usable] / moved[usable]
    lag = float(np.median(lags))
    agreeing = np.abs(lags - lag) <= AGREES
    if abs(lag) > MAX_LAG:  # no need else: corners that slip do not agree on no lag by chance
        there = corners[usable] + np.stack([moved[usable], across[usable]], axis=1)[:, None].astype(np.float32)
        back, _ = _displacement(even_after, even, there)
        agreeing &= np.abs(back + moved[usable]) <= MAX_RETURN_PX
    return lag if agreeing.mean() >= MIN_AGREEING else None


def _displacement(
    source: UInt8[np.ndarray, "h w"], target: UInt8[np.ndarray, "h2 w"], corners: Float[np.ndarray, "n 1 2"]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """How far corners go along and across the lines, in pixels of the fields, NaN where they are lost."""
    found, status, _ = cv2.calcOpticalFlowPyrLK(
        source[: len(target)], target, corners, None, winSize=(WINDOW_PX, WINDOW_PX), maxLevel=PYRAMID_LEVELS
    )
    moved = (found - corners)[:, 0].astype(np.float64)
    moved[status[:, 0] == 0] = np.nan
    return moved[:, 0], moved[:, 1]


def _middle(luma: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h2 w2"]:
    height, width = luma.shape
    top, left = max(0, (height - MAX_SIDE_PX) // 4 * 2), max(0, (width - MAX_SIDE_PX) // 2)
    return luma[top : height - top, left : width - left]
