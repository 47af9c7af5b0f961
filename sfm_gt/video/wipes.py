"""Wipes, irises, slides and their like: for some frames a second take arrives all over the picture, each part once.

From one frame to the next all detail of a continuous take is found again but at the borders and behind what moves, or,
where the camera is shaken, for long before and after as well. In a transition the place where the new picture arrives
passes over the whole picture: hardly a part is left out, each has its turn once, it begins and ends at once, and what is
seen before and after has nothing in common. No shape is asked for: an edge, a ring and a clock's hand all do that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from sfm_gt.imaging.flow import grid
from sfm_gt.video.cuts import EVENED_GREY, MAX_ROUND_TRIP_PX, MIN_DETAIL, evened, shows_same_view

Grey = UInt8[np.ndarray, "h w"]

BLOCK_PX = 8  # parts of the picture, at 160 pixels: smaller ones hold too little detail
MIN_DETAILED_PX = 6  # of a part, without which nothing is known of it
PATCH_PX = 5  # grey levels are compared over so many pixels
MAX_GREY_CHANGE = 20.0  # of evened pictures, over a patch; of 15 to 30 that which parts the choice below best
ARRIVED = 0.5  # of a part's detail that the frame before does not have
MIN_STEPS, MAX_STEPS = 3, 42  # of a transition: fewer are a cut; the longest at 30 frames a second takes 1.4 s
CALM_STEPS = 8  # before and after, against which it stands out
MIN_CALM_STEPS = 4
IDLE = 0.01  # of the parts: in a step with less nothing arrives
KNOWN = 0.3  # of the steps in which a part has detail
MIN_REACHED = 0.45  # of the parts in which something arrives
MIN_REACHED_SLOWLY = 0.4  # the same without the step in which most arrives: of a cut little is left
# As much must arrive in a step, against what does before and after: 2 to 150 times as much in the choice below. A camera
# that walks faster and faster and then stands still has 1.5.
MIN_CONTRAST = 2.0
# Most that arrives in one step, against the mean: 1 to 3.5 in transitions. A cut amid restless frames has more.
MAX_UNEVEN = 4.0
# Standard deviation of the root of a step's share: even in the calmest take one part more or less is chance.
MIN_LEVEL_SPREAD = 0.05
# Turn taking (share of parts that have their turn once) times abruptness (t of the root of the shares). Set on 64
# transitions of ffmpeg's xfade, of 8 kinds and 8 to 32 frames, between 13 takes (1.6 to 42, but for a third between shaken
# takes and softest irises, which reach 0 to 1.4), and on these takes whole: up to 0.8, where a pillow is shaken.
MIN_SCORE = 1.6
# A frame next to a transition is clear when at most this share of its parts differ from the frame before (moved to fit) by
# so many times more than usual in the take, and grey levels.
MAX_UNCLEAR, UNUSUAL, UNUSUAL_GREYS = 0.02, 3.0, 2.0
MAX_UNCLEAR_FRAMES = 4  # at either end; where more are unclear it is the take that is restless
MARGIN = 2  # frames at either end: the first parts to arrive are smaller than a block

Parts = Float[np.ndarray, "s bh bw"]


@dataclass(frozen=True)
class Arrivals:
    """What each frame has that the one before has not, by parts of BLOCK_PX; step i leads from frame i to frame i + 1.

    Attributes:
        arrived: where most of a part's detail was not there before.
        detailed: where a part has detail at all.
        residual: mean difference in grey levels from the frame before, moved to fit.
    """

    arrived: Bool[np.ndarray, "s bh bw"]
    detailed: Bool[np.ndarray, "s bh bw"]
    residual: Parts


@dataclass(frozen=True)
class Wipe:
    """Frames ``first`` to ``last`` (positions) show two takes beside one another."""

    first: int
    last: int
    score: float


class _Stretch(NamedTuple):
    """Steps ``start`` to ``end`` - 1 and what they score."""

    score: float
    start: int
    end: int


def measure_arrivals(greys: Sequence[Grey]) -> Arrivals:
    """What arrives from one frame to the next.

    Args:
        greys: :func:`sfm_gt.video.dissolves.working_image` of consecutive frames.
    """
    even = [evened(grey) for grey in greys]
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    steps = [_arrived(flow, *pair, *even_pair) for pair, even_pair in zip(pairwise(greys), pairwise(even), strict=True)]
    shape = tuple(size // BLOCK_PX for size in greys[0].shape)
    arrived, detailed, residual = (np.array(each).reshape(-1, *shape) for each in zip(*steps, strict=True)) if steps else (
        np.zeros((0, *shape)) for _ in range(3))  # fmt: skip
    return Arrivals(arrived.astype(bool), detailed.astype(bool), residual.astype(np.float32))


def _arrived(
    flow: cv2.DISOpticalFlow, before: Grey, after: Grey, even_before: Grey, even_after: Grey
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Parts of ``after`` that arrived, that have detail, and their difference from ``before``."""
    back, there = flow.calc(even_after, even_before, None), flow.calc(even_before, even_after, None)
    height, width = after.shape
    ends = grid(height, width) + back
    inside = ((ends >= -1) & (ends <= np.array([width, height]))).all(axis=-1)
    round_trip = np.hypot(*np.moveaxis(back + _moved(there, ends), -1, 0))
    change = cv2.blur(np.abs(_moved(even_before, ends).astype(np.float32) - even_after), (PATCH_PX, PATCH_PX))
    found = inside & (round_trip < MAX_ROUND_TRIP_PX) & (change < MAX_GREY_CHANGE)
    detail = np.abs(even_after.astype(np.float32) - EVENED_GREY) > MIN_DETAIL
    n_detail, n_new = _sums(detail), _sums(detail & ~found)
    detailed = n_detail >= MIN_DETAILED_PX
    # Smooth parts too change their tone in a transition: all pixels count here.
    difference = np.abs(_moved(before, ends).astype(np.float32) - after)
    return detailed & (n_new > ARRIVED * n_detail), detailed, _sums(difference) / BLOCK_PX**2


def _moved(values: np.ndarray, ends: Float[np.ndarray, "h w 2"]) -> np.ndarray:
    x, y = (np.ascontiguousarray(ends[..., axis], dtype=np.float32) for axis in (0, 1))
    return cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _sums(values: np.ndarray) -> Float[np.ndarray, "bh bw"]:
    rows, columns = (size // BLOCK_PX for size in values.shape)
    whole = values[: rows * BLOCK_PX, : columns * BLOCK_PX].reshape(rows, BLOCK_PX, columns, BLOCK_PX)
    return whole.sum(axis=(1, 3), dtype=np.float32)


def find_wipes(greys: Sequence[Grey], seen: Arrivals) -> list[Wipe]:
    """Transitions in which a second take arrives part by part, in order.

    Args:
        greys: those of ``seen``.
    """
    found: list[Wipe] = []
    stretches = sorted(_stretches(seen), reverse=True)
    while stretches:
        best = stretches[0]
        # Of those around it the densest: calm steps at its ends cost a long stretch little.
        score, start, end = max(
            (each for each in stretches if _meet(each, best)),
            key=lambda each: each.score / np.sqrt(each.end - each.start),
        )
        first, last = clear_ends(seen, start + 1, end - 1)
        first, last = max(first - MARGIN, 0), min(last + MARGIN, len(greys) - 1)
        if not shows_same_view(greys[max(first - 1, 0)], greys[min(last + 1, len(greys) - 1)]):
            found.append(Wipe(first, last, round(score, 2)))
        stretches = [each for each in stretches if not _meet(each, best)]
    return sorted(found, key=lambda wipe: wipe.first)


def _meet(one: _Stretch, other: _Stretch) -> bool:
    return one.start < other.end and other.start < one.end


def _stretches(seen: Arrivals) -> Iterator[_Stretch]:
    """All stretches of steps that score enough."""
    n_steps = len(seen.arrived)
    share = seen.arrived.mean(axis=(1, 2))
    sums = _Sums(seen)
    for start in np.flatnonzero(share > IDLE).tolist():
        for end in range(start + MIN_STEPS, min(start + MAX_STEPS, n_steps) + 1):
            low, high = max(0, start - CALM_STEPS), min(n_steps, end + CALM_STEPS)
            if start - low < MIN_CALM_STEPS or high - end < MIN_CALM_STEPS or share[end - 1] <= IDLE:
                continue
            score = sums.score(start, end, low, high)
            if score >= MIN_SCORE:
                yield _Stretch(score, start, end)


class _Sums:
    """Running sums over the steps, so that each of many stretches costs little."""

    def __init__(self, seen: Arrivals):
        self._arrived = seen.arrived
        closed = seen.arrived.copy()
        closed[1:-1] |= seen.arrived[:-2] & seen.arrived[2:]  # one step within a turn is no end of it
        begins = closed & ~np.concatenate([np.zeros_like(closed[:1]), closed[:-1]])
        self._continues = closed & ~begins
        self._n_arrived, self._n_begins, self._n_detailed = (_running(e) for e in (seen.arrived, begins, seen.detailed))

    def score(self, start: int, end: int, low: int, high: int) -> float:
        """Of the steps from ``start`` to ``end`` - 1, against those from ``low`` and up to ``high`` - 1 around them; 0 for what
        is no transition at all."""
        known = self._n_detailed[high] - self._n_detailed[low] >= KNOWN * (high - low)
        times = self._n_arrived[end] - self._n_arrived[start]
        if not known.any() or (times[known] > 0).mean() < MIN_REACHED:
            return 0.0
        share = self._arrived[low:high][:, known].mean(axis=1)
        within = share[start - low : end - low]
        top = start + int(within.argmax())
        if within.max() > MAX_UNEVEN * within.mean():
            return 0.0
        if (times - self._arrived[top] > 0)[known].mean() < MIN_REACHED_SLOWLY:
            return 0.0
        beside = max(share[: start - low].mean(), share[end - low :].mean())
        if within.mean() < MIN_CONTRAST * (beside + IDLE):
            return 0.0
        turns = self._n_begins[end] - self._n_begins[start] + self._continues[start]
        elsewhere = self._n_arrived[high] - self._n_arrived[low] - times
        once = ((turns == 1) & (elsewhere == 0) & (times > 0))[known].mean()
        parts = np.split(np.sqrt(share), [start - low, end - low])
        spread = np.sqrt(sum(((part - part.mean()) ** 2).sum() for part in parts) / (high - low) + MIN_LEVEL_SPREAD**2)
        step = parts[1].mean() - max(parts[0].mean(), parts[2].mean())
        return float(once * step / spread * np.sqrt(end - start))


def _running(values: Bool[np.ndarray, "s bh bw"]) -> np.ndarray:
    return np.concatenate([np.zeros((1, *values.shape[1:]), int), np.cumsum(values, axis=0)])


def clear_ends(seen: Arrivals, first: int, last: int) -> tuple[int, int]:
    """A stretch of frames, with those next to it that are not clear: in which parts change as they do not in either take."""
    residual, n_frames = seen.residual, len(seen.residual) + 1
    start, end = first, last
    # Step i leads to frame i + 1: what a frame has of its own shows in the step to it, and what it lacks in the step from it.
    while start > 1 and first - start < MAX_UNCLEAR_FRAMES and _unclear(residual[start - 2 :: -1]):
        start -= 1
    while end < n_frames - 2 and end - last < MAX_UNCLEAR_FRAMES and _unclear(residual[end + 1 :]):
        end += 1
    return start, end


def _unclear(residual: Parts) -> bool:
    """Whether the first of these steps leads to a frame that is not clear, by the steps further on."""
    usual = residual[1 + MAX_UNCLEAR_FRAMES :][: 2 * CALM_STEPS]
    if len(usual) < MIN_CALM_STEPS:
        return False
    level = np.quantile(usual, 0.9, axis=0)
    return bool((residual[0] > UNUSUAL * level + UNUSUAL_GREYS).mean() > MAX_UNCLEAR)
