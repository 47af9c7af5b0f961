"""What parts the takes of a video: cuts, and the frames of dissolves and other gradual transitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, UInt8

from sfm_gt.video.cuts import confirmed_cuts, shows_same_view
from sfm_gt.video.dissolves import MIN_OWN_SHARE, detail_fades, find_dissolves
from sfm_gt.video.pushes import SEAM_SHARE, find_pushes
from sfm_gt.video.transnet import transition_scores
from sfm_gt.video.wipes import MARGIN, Arrivals, clear_ends, find_wipes, measure_arrivals
from sfm_gt.video.wipes import MIN_SCORE as MIN_WIPE_SCORE

Grey = UInt8[np.ndarray, "h w"]

MIN_SCORE = 0.5  # of the network: up to 0.32 on 25 clips without a transition; the original's own limit
LONGEST_CUT = 3  # frames: a transition no longer than this, by the network, is a cut
# A change between two frames that stands out like this from those around it is worth a look, for punch-ins.
SPIKE, SPIKE_REACH, MIN_SPIKE = 3.0, 6, 4.0
# Two minutes are seen whole by the network, at 25 ms a frame. Beyond, it looks where something may be: 14 % of the frames of
# eleven takes that hold nothing; of 146 compositions with a cut or a dissolve of 8 to 60 frames that leaves out two. It may
# miss wipes.
SEEN_WHOLE_FRAMES = 3600


@dataclass(frozen=True)
class Transition:
    """Frames ``first`` to ``last`` (positions) belong to no single take.

    Attributes:
        by: what found it, ``dissolve``, ``wipe``, ``push`` or ``network``.
        measured, threshold: its figure and the least that counts.
    """

    first: int
    last: int
    by: str
    measured: float
    threshold: float


def find_transitions(
    greys: Sequence[Grey], tinies: UInt8[np.ndarray, "n 27 48 3"], suspects: Sequence[int], see_all: bool
) -> tuple[list[int], list[Transition]]:
    """Positions of the frames that follow a cut, and the gradual transitions between them.

    Args:
        greys: working images (:func:`sfm_gt.video.dissolves.working_image`) of consecutive frames.
        tinies: the same as the network sees them (:func:`sfm_gt.video.transnet.tiny`).
        suspects: positions where a detector of hard cuts sees one.
        see_all: whether the network looks at every frame, or only where tiny frames differ.
    """
    suspects = [*suspects, *spikes(tinies)]
    wanted = np.ones(len(tinies), dtype=bool) if see_all else worth_a_look(greys, suspects)
    middle, extent = transition_scores(tinies, wanted)
    by_network = _network_runs(middle, extent)
    sharp = [
        first + 1 + int(middle[first : last + 1].argmax())
        for first, last, _ in by_network
        if last - first < LONGEST_CUT
    ]
    seen = measure_arrivals(greys)
    pushes = [Transition(p.first, p.last, "push", p.seam, SEAM_SHARE) for p in find_pushes(greys)]
    by_parts = [Transition(w.first, w.last, "wipe", w.score, MIN_WIPE_SCORE) for w in find_wipes(greys, seen)]
    wipes = pushes + [one for one in by_parts if not any(_meet(one, push) for push in pushes)]
    cuts = [
        cut
        for cut in confirmed_cuts(greys, [*suspects, *(i for i in sharp if i < len(greys))])
        if not any(wipe.first <= cut <= wipe.last + 1 for wipe in wipes)
    ]
    found = [
        _with_unclear(Transition(start + d.first, start + d.last, "dissolve", d.own_share, MIN_OWN_SHARE), seen)
        for start, end in pairwise([0, *cuts, len(greys)])
        for d in find_dissolves(greys[start:end])
    ]
    # In the middle of a dissolve the picture changes all over as in a wipe. But pictures side by side explain a frame as their
    # sum does: what does not hold all of a wipe is no dissolve.
    wipes = [wipe for wipe in wipes if not any(_holds(one, wipe) for one in found)]
    found = wipes + [one for one in found if not any(_meet(one, wipe) for wipe in wipes)]
    for first, last, score in by_network:
        known = any(one.first <= last and first <= one.last for one in found)
        # Of a scene whose light changes the network is as sure; but what is the same before and after was never left.
        clear = greys[max(0, first - 1)], greys[min(len(greys) - 1, last + 1)]
        if last - first >= LONGEST_CUT and not known and not shows_same_view(*clear):
            found.append(_with_unclear(Transition(first, last, "network", round(score, 3), MIN_SCORE), seen))
    return cuts, sorted(found, key=lambda transition: transition.first)


def _meet(one: Transition, other: Transition) -> bool:
    return one.first <= other.last and other.first <= one.last


def _holds(one: Transition, wipe: Transition) -> bool:
    return one.first <= wipe.first + MARGIN and wipe.last - MARGIN <= one.last


def _with_unclear(found: Transition, seen: Arrivals) -> Transition:
    first, last = clear_ends(seen, found.first, found.last)
    return replace(found, first=first, last=last)


def _network_runs(middle: Float[np.ndarray, " n"], extent: Float[np.ndarray, " n"]) -> list[tuple[int, int, float]]:
    """(first, last, score) of the runs in which a transition is under way, with one frame in its middle."""
    inside = (extent > MIN_SCORE) | (middle > MIN_SCORE)
    edges = np.flatnonzero(np.diff(np.r_[0, inside.astype(int), 0]))
    runs = [(int(first), int(end) - 1) for first, end in edges.reshape(-1, 2)]
    return [(a, b, float(middle[a : b + 1].max())) for a, b in runs if middle[a : b + 1].max() > MIN_SCORE]


def spikes(tinies: UInt8[np.ndarray, "n 27 48 3"]) -> list[int]:
    """Positions of frames that differ from the one before far more than frames around them do."""
    change = np.r_[0.0, [float(np.abs(np.subtract(b, a, dtype=np.int16)).mean()) for a, b in pairwise(tinies)]]
    found = []
    for position in np.flatnonzero(change >= MIN_SPIKE):
        around = np.r_[
            change[max(1, position - SPIKE_REACH) : position], change[position + 1 : position + 1 + SPIKE_REACH]
        ]
        if len(around) and change[position] > SPIKE * np.median(around):
            found.append(int(position))
    return found


def worth_a_look(greys: Sequence[Grey], suspects: Sequence[int]) -> Bool[np.ndarray, " n"]:
    """Where a transition may be: detail fades and comes back, or a cut is suspected."""
    wanted = detail_fades(greys)
    for position in suspects:
        wanted[max(0, position - LONGEST_CUT) : position + LONGEST_CUT] = True
    return wanted
