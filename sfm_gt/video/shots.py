"""Shots: runs of frames of one take. Every frame of a video lies in one, or in a stretch that says why it does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby, pairwise

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from sfm_gt.video.blanks import faded_out, is_blank, n_fading
from sfm_gt.video.cuts import FLASH_FRAMES, shows_same_view
from sfm_gt.video.dissolves import working_image
from sfm_gt.video.transitions import SEEN_WHOLE_FRAMES, Transition, find_transitions
from sfm_gt.video.transnet import tiny

DETECTOR_WIDTH_PX = 256  # cuts show in small frames as well, at a fraction of the time
_NOMINAL_RATE = Fraction(30)  # PySceneDetect wants a rate to name frames by; we count frames only


@dataclass(frozen=True)
class Stretch:
    """Frames ``first_frame`` to ``last_frame`` (inclusive, indices in the source video) and their times.

    Attributes:
        kind: ``shot``, ``transition`` or ``blank``.
        transition: what a transition was found by; None for the others, and for fades.
    """

    first_frame: int
    last_frame: int
    first_timestamp_s: float
    last_timestamp_s: float
    kind: str = "shot"
    transition: Transition | None = None

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return self.last_frame - self.first_frame + 1


@dataclass
class Watched:
    """What is kept of the frames of a video: 23 kB each.

    Attributes:
        rows: frame_index and timestamp_s.
        contrasts: standard deviation in grey levels.
        suspects: positions where PySceneDetect sees a cut.
        greys, tinies: working images for cuts and dissolves, and for the network.
    """

    rows: list[tuple[int, float]] = field(default_factory=list)
    contrasts: list[float] = field(default_factory=list)
    blank: list[bool] = field(default_factory=list)
    suspects: list[int] = field(default_factory=list)
    greys: list[UInt8[np.ndarray, "h w"]] = field(default_factory=list)
    tinies: list[UInt8[np.ndarray, "27 48 3"]] = field(default_factory=list)


def find_stretches(
    frames: Iterable[tuple[int, float, UInt8[np.ndarray, "h w 3"]]], cut_threshold: float, max_frames: int
) -> tuple[Stretch, ...]:
    """Shots of a video and all that lies between them, from its frames (frame_index, timestamp_s, rgb) in order.

    The stretches follow one another without a gap. Shots longer than ``max_frames`` are split into equal parts.
    """
    seen = _watch(frames, cut_threshold)
    if not seen.rows:
        return ()
    tinies = np.stack(seen.tinies)
    cuts, transitions = find_transitions(seen.greys, tinies, seen.suspects, len(tinies) <= SEEN_WHOLE_FRAMES)
    return tile(seen, cuts, transitions, max_frames)


def tile(seen: Watched, cuts: Sequence[int], transitions: Sequence[Transition], max_frames: int) -> tuple[Stretch, ...]:
    """The stretches of a video, one behind the other from its first frame to its last.

    Args:
        cuts: positions of the frames that start a new take.
        transitions: gradual ones, by position.
    """
    kinds, cuts = _label(seen, cuts, transitions)
    return tuple(_stretches(seen.rows, kinds, set(cuts), transitions, max_frames))


def _watch(frames: Iterable[tuple[int, float, UInt8[np.ndarray, "h w 3"]]], cut_threshold: float) -> Watched:
    from scenedetect import ContentDetector, FrameTimecode

    # No least length: a shot that is too short is rejected by name later, not glued to its neighbour.
    detector = ContentDetector(threshold=cut_threshold, min_scene_len=0)
    seen = Watched()
    for frame_index, timestamp_s, rgb in frames:
        small = _shrink(rgb)
        if detector.process_frame(FrameTimecode(frame_index, _NOMINAL_RATE), small[..., ::-1]):
            seen.suspects.append(len(seen.rows))
        grey = working_image(small)
        seen.rows.append((frame_index, timestamp_s))
        seen.contrasts.append(float(grey.std()))
        seen.blank.append(is_blank(grey))
        seen.greys.append(grey)
        seen.tinies.append(tiny(small))
    return seen


def _label(seen: Watched, cuts: Sequence[int], transitions: Sequence[Transition]) -> tuple[list[str], list[int]]:
    """What each frame is part of, and the cuts that remain."""
    contrasts, blank = np.array(seen.contrasts), np.array(seen.blank)
    dark = blank | faded_out(contrasts)
    for first, last in list(_runs(dark)):
        # A flash: the same view before and after a few frames of one tone, which the next stage leaves out of the keyframes.
        around = first - 1, last + 1
        if last - first < FLASH_FRAMES and around[0] >= 0 and around[1] < len(dark):
            if shows_same_view(seen.greys[around[0]], seen.greys[around[1]]):
                dark[first : last + 1] = False
                cuts = [cut for cut in cuts if not first <= cut <= last + 1]
    kinds = np.where(blank & dark, "blank", np.where(dark, "transition", "shot")).astype("<U10")
    for transition in transitions:
        kinds[transition.first : transition.last + 1] = np.where(
            kinds[transition.first : transition.last + 1] == "blank", "blank", "transition"
        )
    for first, last in _runs(dark):
        before, after = _clear_before(kinds, first, cuts), _clear_after(kinds, last, cuts)
        fading = n_fading(contrasts[before : last + 1], last + 1 - first)
        kinds[first - fading : first] = "transition"
        fading = n_fading(contrasts[first:after][::-1], last + 1 - first)
        kinds[last + 1 : last + 1 + fading] = "transition"
    return [str(kind) for kind in kinds], list(cuts)


def _clear_before(kinds: np.ndarray, end: int, cuts: Sequence[int]) -> int:
    """Start of the shot that ends before ``end``, with what the network already takes for its fading in between."""
    start = end
    while start > 0 and kinds[start - 1] == "transition":
        start -= 1
    while start > 0 and kinds[start - 1] == "shot" and start not in cuts:
        start -= 1
    return start


def _clear_after(kinds: np.ndarray, start: int, cuts: Sequence[int]) -> int:
    """One past the end of the shot that begins behind ``start``, likewise."""
    end = start + 1
    while end < len(kinds) and kinds[end] == "transition":
        end += 1
    begin = end
    while end < len(kinds) and kinds[end] == "shot" and (end == begin or end not in cuts):
        end += 1
    return end


def _runs(marked: Bool[np.ndarray, " n"]) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.r_[0, marked.astype(int), 0]))
    for first, end in edges.reshape(-1, 2):
        yield int(first), int(end) - 1


def _stretches(
    rows: Sequence[tuple[int, float]], kinds: Sequence[str], cuts: set[int], transitions: Sequence[Transition],
    max_frames: int,
) -> Iterator[Stretch]:  # fmt: skip
    numbers = np.cumsum([position in cuts for position in range(len(rows))])
    keys = [(kind, int(number) if kind == "shot" else -1) for kind, number in zip(kinds, numbers, strict=True)]
    for (kind, _), group in groupby(range(len(rows)), key=lambda position: keys[position]):
        positions = list(group)
        n_parts = -(-len(positions) // max_frames) if kind == "shot" else 1
        bounds = [round(part * len(positions) / n_parts) for part in range(n_parts + 1)]
        by = next(
            (t for t in transitions if kind == "transition" and t.first <= positions[-1] and positions[0] <= t.last),
            None,
        )
        for start, end in pairwise(bounds):
            (first, first_s), (last, last_s) = rows[positions[start]], rows[positions[end - 1]]
            yield Stretch(first, last, first_s, last_s, kind, by)


def _shrink(rgb: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h2 w2 3"]:
    height, width = rgb.shape[:2]
    if width <= DETECTOR_WIDTH_PX:
        return rgb
    size = (DETECTOR_WIDTH_PX, max(1, round(height * DETECTOR_WIDTH_PX / width)))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
