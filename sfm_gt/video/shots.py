"""Shots: runs of frames without a cut, a fade or blank frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, pairwise
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import UInt8

from sfm_gt.video.fades import CrossFades, unfaded

DETECTOR_WIDTH_PX = 256  # cuts show in small frames as well, at a fraction of the time
# Grey levels between the 2nd and 98th percentile: black, white or any one tone, with coding noise.
BLANK_MAX_SPREAD = 3.0
# A cut leaves little that flow can follow; a jolt of the camera or its exposure scores as high, but most stays in view.
SAME_SCENE_SHARE = 0.5
MAX_ROUND_TRIP_PX = 1.0  # forward flow, then backward flow: how near its start a pixel must come back
MAX_GREY_CHANGE = 30.0
_NOMINAL_RATE = Fraction(30)  # PySceneDetect wants a rate to name frames by; we count frames only


@dataclass(frozen=True)
class Shot:
    """Frames ``first_frame`` to ``last_frame`` (inclusive, indices in the source video) and their times."""

    first_frame: int
    last_frame: int
    first_timestamp_s: float
    last_timestamp_s: float

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return self.last_frame - self.first_frame + 1


class _Seen(NamedTuple):
    """What is kept of a frame: so little that an hour of video fits in memory."""

    frame_index: int
    timestamp_s: float
    contrast: float


def is_blank(grey: UInt8[np.ndarray, "h w"]) -> bool:
    """Whether the frame shows one even tone."""
    low, high = np.percentile(grey, (2, 98))
    return bool(high - low <= BLANK_MAX_SPREAD)


def find_shots(
    frames: Iterable[tuple[int, float, UInt8[np.ndarray, "h w 3"]]], cut_threshold: float, max_frames: int
) -> tuple[Shot, ...]:
    """Shots of a video, from its frames (frame_index, timestamp_s, rgb) in order.

    Cuts are found by PySceneDetect's ContentDetector, fed here so that frame numbers agree with ours, and confirmed by
    optical flow. Blank frames and fades belong to no shot. Shots longer than ``max_frames`` are split into equal parts.
    """
    from scenedetect import ContentDetector, FrameTimecode

    # No least length: a shot that is too short is rejected by name later, not glued to its neighbour.
    detector = ContentDetector(threshold=cut_threshold, min_scene_len=0)
    fades = CrossFades()
    runs: list[list[_Seen]] = [[]]
    before = None
    for frame_index, timestamp_s, rgb in frames:
        small = _shrink(rgb)
        cuts = detector.process_frame(FrameTimecode(frame_index, _NOMINAL_RATE), small[..., ::-1])
        is_cut = bool(cuts) and before is not None and not shows_same_scene(before, small)
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        blank = is_blank(grey)
        if (is_cut or blank) and runs[-1]:
            runs.append([])
        if not blank:
            runs[-1].append(_Seen(frame_index, timestamp_s, float(grey.std())))
        fades.add(frame_index, small)
        before = small
    clear = [part for run in runs for part in _outside(run, fades)]
    return tuple(shot for run in clear for shot in _split(run, max_frames))


def _outside(run: list[_Seen], fades: CrossFades) -> Iterator[list[_Seen]]:
    """The parts of a run between cross-fades, without fades from and to one tone at its ends."""
    if not run:
        return
    first, last = unfaded([seen.contrast for seen in run])
    for faded, part in groupby(run[first : last + 1], key=lambda seen: fades.holds(seen.frame_index)):
        if not faded:
            yield list(part)


def shows_same_scene(before: UInt8[np.ndarray, "h w 3"], after: UInt8[np.ndarray, "h w 3"]) -> bool:
    """Whether most of ``before`` is found again in ``after`` by optical flow there and back."""
    grey_a, grey_b = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (before, after))
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flow_ab, flow_ba = dis.calc(grey_a, grey_b, None), dis.calc(grey_b, grey_a, None)
    height, width = grey_a.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    map_x, map_y = x + flow_ab[..., 0], y + flow_ab[..., 1]
    inside = (map_x >= 0) & (map_x <= width - 1) & (map_y >= 0) & (map_y <= height - 1)
    back = cv2.remap(flow_ba, map_x, map_y, cv2.INTER_LINEAR)
    grey_change = np.abs(cv2.remap(grey_b, map_x, map_y, cv2.INTER_LINEAR).astype(np.float32) - grey_a)
    followed = inside & (np.hypot(*np.moveaxis(flow_ab + back, -1, 0)) < MAX_ROUND_TRIP_PX)
    return bool((followed & (grey_change < MAX_GREY_CHANGE)).mean() >= SAME_SCENE_SHARE)


def _shrink(rgb: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h2 w2 3"]:
    height, width = rgb.shape[:2]
    if width <= DETECTOR_WIDTH_PX:
        return rgb
    size = (DETECTOR_WIDTH_PX, max(1, round(height * DETECTOR_WIDTH_PX / width)))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)


def _split(run: list[_Seen], max_frames: int) -> Iterator[Shot]:
    n_parts = -(-len(run) // max_frames)
    bounds = [round(part * len(run) / n_parts) for part in range(n_parts + 1)]
    for start, end in pairwise(bounds):
        first, last = run[start], run[end - 1]
        yield Shot(first.frame_index, last.frame_index, first.timestamp_s, last.timestamp_s)
