"""Frames whose even and odd lines were filmed at different times, though no flag says so.

Even and odd lines are two images of half the height, the fields. In a progressive frame they show the same moment: corners
stand at the same place in both, half a field line apart. In a combed frame they stand apart by a fixed share of what they
move until the next frame: a half in interlaced video, a whole frame where film was pulled down (3:2). Patterns of the scene
(blinds, bricks, print) look combed in a still picture, yet do not follow the motion.
"""

from __future__ import annotations

from collections.abc import Iterable

import av
import cv2
import numpy as np
from jaxtyping import Float, UInt8

# Frames looked at: runs of five steps, one period of 3:2 pull-down, the first 20 frames apart, later ones farther.
RUN, APART, APART_LATER, LATER = 5, 20, 100, 300
MAX_SIDE_PX = 1280  # of the middle part that is looked at
N_CORNERS, CORNER_QUALITY, CORNER_DISTANCE_PX, CORNER_BLOCK_PX = 200, 0.02, 8, 5
WINDOW_PX, PYRAMID_LEVELS = 13, 3
# Motion along the lines shows the lag best; across them only large motion does: fields alias vertically, which moves
# corners by up to a line.
MIN_ALONG_PX, MIN_ACROSS_PX = 1.0, 6.0
MIN_TRACKS = 20  # with enough motion; fewer leave a frame unknown
MAX_LAG = 0.25  # of a frame time: half way from progressive (0) to interlaced (0.5)
MIN_JUDGED = 4  # frames; fewer judge no video
# Share of the judged frames. Pulled-down film has 0.4 to 0.5, interlaced video all; single frames are mistrusted.
MAX_COMBED = 0.2


class CombingMeter:
    """Looks at some frames of a video, which are added in order."""

    def __init__(self) -> None:
        self._count = 0
        self._before: UInt8[np.ndarray, "h w"] | None = None
        self._lags: list[float] = []

    def add(self, frame: av.VideoFrame) -> None:
        """The next frame."""
        apart = APART if self._count < LATER else APART_LATER
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
        """Share of the judged frames that are combed; 0 with too few of them."""
        if self.n_judged < MIN_JUDGED:
            return 0.0
        return float(np.mean(np.abs(self._lags) > MAX_LAG))


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
    moved, lagged = _displacement(even, even_after, corners), _displacement(even, odd[: len(even)], corners)
    lagged[:, 1] += 0.5  # what lies on an odd line is half a field line lower than its number says
    ratios = list(_ratios(moved[:, 0], lagged[:, 0], MIN_ALONG_PX))
    if len(ratios) < MIN_TRACKS:
        ratios = list(_ratios(moved[:, 1], lagged[:, 1], MIN_ACROSS_PX / 2))  # a field line is two pixels
    return float(np.median(ratios)) if len(ratios) >= MIN_TRACKS else None


def _displacement(
    source: UInt8[np.ndarray, "h w"], target: UInt8[np.ndarray, "h2 w"], corners: Float[np.ndarray, "n 1 2"]
) -> Float[np.ndarray, "n 2"]:
    """Where corners go, NaN where they are lost."""
    if len(target) < len(source):
        source = source[: len(target)]
    found, status, _ = cv2.calcOpticalFlowPyrLK(
        source, target, corners, None, winSize=(WINDOW_PX, WINDOW_PX), maxLevel=PYRAMID_LEVELS
    )
    moved = (found - corners)[:, 0].astype(np.float64)
    moved[status[:, 0] == 0] = np.nan
    return moved


def _ratios(moved: Float[np.ndarray, " n"], lagged: Float[np.ndarray, " n"], least: float) -> Iterable[float]:
    usable = (np.abs(moved) >= least) & np.isfinite(lagged)
    ratios: list[float] = (lagged[usable] / moved[usable]).tolist()
    return ratios


def _middle(luma: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h2 w2"]:
    height, width = luma.shape
    top, left = max(0, (height - MAX_SIDE_PX) // 4 * 2), max(0, (width - MAX_SIDE_PX) // 2)
    return luma[top : height - top, left : width - left]
