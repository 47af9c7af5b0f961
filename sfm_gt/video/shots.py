"""Shots: runs of frames of one take. Every frame of a video lies in one, or in a stretch that says why it does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import groupby, pairwise

import numpy as np
from jaxtyping import Bool, UInt8

from sfm_gt.imaging.resizing import fitted_width
from sfm_gt.video.blanks import faded_out, is_blank, n_fading
from sfm_gt.video.cuts import FLASH_FRAMES, shows_same_view
from sfm_gt.video.dissolves import working_image
from sfm_gt.video.transitions import SEEN_WHOLE_FRAMES, Transition, find_transitions
from sfm_gt.video.transnet import tiny

DETECTOR_WIDTH_PX = 256  # cuts show in small frames as well, at a fraction of the time
# Videos are judged in blocks, with as much on either side as the longest dissolve and clear frames around it need; multiples of
# the network's step, so that it sees the same windows in one block or many. 23 kB a frame: 30 MB whatever the length.
BLOCK, OVERLAP = 1000, 150
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
    """What is known of the frames of a video so far. Pictures are let go once they are judged, so that length costs no memory.

    Attributes:
        rows: frame_index and timestamp_s.
        contrasts: standard deviation in grey levels.
        suspects: positions where PySceneDetect sees a cut.
        cuts, transitions: positions of the frames that start a new take, and gradual transitions by position.
        flashes: first and last position of a few frames of one tone with the same view before and after.
    """

    rows: list[tuple[int, float]] = field(default_factory=list)
    contrasts: list[float] = field(default_factory=list)
    blank: list[bool] = field(default_factory=list)
    suspects: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    flashes: list[tuple[int, int]] = field(default_factory=list)

    @property
    def dark(self) -> Bool[np.ndarray, " n"]:
        """Frames that show nothing: one tone, or almost."""
        return np.array(self.blank, dtype=bool) | faded_out(np.array(self.contrasts))


class _Pictures:
    """The working images of the frames from position ``start`` on."""

    def __init__(self) -> None:
        self.start = 0
        self.greys: list[UInt8[np.ndarray, "h w"]] = []
        self.tinies: list[UInt8[np.ndarray, "27 48 3"]] = []

    @property
    def end(self) -> int:
        return self.start + len(self.greys)

    def let_go(self, start: int) -> None:
        """Forgets what lies before ``start``."""
        n_gone = max(0, start - self.start)
        del self.greys[:n_gone], self.tinies[:n_gone]
        self.start += n_gone


def find_stretches(
    frames: Iterable[tuple[int, float, UInt8[np.ndarray, "h w 3"]]], cut_threshold: float, max_frames: int
) -> tuple[Stretch, ...]:
    """Shots of a video and all that lies between them, from its frames (frame_index, timestamp_s, rgb) in order.

    The stretches follow one another without a gap. Shots longer than ``max_frames`` are split into equal parts.
    """
    from scenedetect import ContentDetector, FrameTimecode

    # No least length: a shot that is too short is rejected by name later, not glued to its neighbour.
    detector = ContentDetector(threshold=cut_threshold, min_scene_len=0)
    seen, pictures, judged = Watched(), _Pictures(), 0
    for frame_index, timestamp_s, rgb in frames:
        small = fitted_width(rgb, DETECTOR_WIDTH_PX)
        if detector.process_frame(FrameTimecode(frame_index, _NOMINAL_RATE), small[..., ::-1]):
            seen.suspects.append(len(seen.rows))
        grey = working_image(small)
        seen.rows.append((frame_index, timestamp_s))
        seen.contrasts.append(float(grey.std()))
        seen.blank.append(is_blank(grey))
        pictures.greys.append(grey)
        pictures.tinies.append(tiny(small))
        if pictures.end == judged + BLOCK + OVERLAP:
            _judge(seen, pictures, judged, judged + BLOCK)
            judged += BLOCK
            pictures.let_go(judged - OVERLAP)
    if pictures.end > judged:
        _judge(seen, pictures, judged, pictures.end)
    return tile(seen, max_frames)


def _judge(seen: Watched, pictures: _Pictures, first: int, end: int) -> None:
    """Adds what parts the frames ``first`` to ``end`` - 1; ``pictures`` reach beyond them on either side."""
    suspects = [position - pictures.start for position in seen.suspects if position >= pictures.start]
    see_all = first < SEEN_WHOLE_FRAMES
    cuts, transitions = find_transitions(pictures.greys, np.stack(pictures.tinies), suspects, see_all)
    seen.cuts += [cut for position in cuts if first <= (cut := position + pictures.start) < end]
    for found in transitions:
        moved = replace(found, first=found.first + pictures.start, last=found.last + pictures.start)
        if first <= (moved.first + moved.last) // 2 < end:
            seen.transitions.append(moved)
    for dark_first, dark_last in _runs(seen.dark[pictures.start :]):
        before, after = dark_first - 1, dark_last + 1
        known = before >= 0 and after < len(pictures.greys) and first <= dark_first + pictures.start < end
        # The same view before and after: the frames stay in the clip, and the next stage leaves them out of the keyframes.
        if (
            known
            and after - before <= FLASH_FRAMES + 1
            and shows_same_view(pictures.greys[before], pictures.greys[after])
        ):
            seen.flashes.append((dark_first + pictures.start, dark_last + pictures.start))


def tile(seen: Watched, max_frames: int) -> tuple[Stretch, ...]:
    """The stretches of a video, one behind the other from its first frame to its last."""
    dark = seen.dark
    cuts = set(seen.cuts)
    for first, last in seen.flashes:
        dark[first : last + 1] = False
        cuts -= set(range(first, last + 2))
    return tuple(_stretches(seen.rows, _label(seen, dark, cuts), cuts, seen.transitions, max_frames))


def _label(seen: Watched, dark: Bool[np.ndarray, " n"], cuts: Set[int]) -> list[str]:
    """What each frame is part of."""
    contrasts = np.array(seen.contrasts)
    blank = np.array(seen.blank, dtype=bool) & dark
    kinds = np.where(dark, "transition", "shot").astype("<U10")
    for transition in seen.transitions:
        kinds[transition.first : transition.last + 1] = "transition"
    kinds[blank] = "blank"
    for first, last in _runs(dark):
        before, after = _clear_before(kinds, first, cuts), _clear_after(kinds, last, cuts)
        # A shot that fades in and out: each end is judged by the half next to it.
        before = (before + first) // 2 if before > 0 and dark[before - 1] else before
        after = (last + after + 1) // 2 if after < len(dark) and dark[after] else after
        n_dark = last + 1 - first
        fading, brightening = (
            n_fading(contrasts[before : last + 1], n_dark),
            n_fading(contrasts[first:after][::-1], n_dark),
        )
        kinds[first - fading : first] = "transition"
        kinds[last + 1 : last + 1 + brightening] = "transition"
    return [str(kind) for kind in kinds]


def _clear_before(kinds: np.ndarray, end: int, cuts: Set[int]) -> int:
    """Start of the shot that ends before ``end``, with what the network already takes for its fading in between."""
    start = end
    while start > 0 and kinds[start - 1] == "transition":
        start -= 1
    while start > 0 and kinds[start - 1] == "shot" and start not in cuts:
        start -= 1
    return start


def _clear_after(kinds: np.ndarray, start: int, cuts: Set[int]) -> int:
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
    rows: Sequence[tuple[int, float]], kinds: Sequence[str], cuts: Set[int], transitions: Sequence[Transition],
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
