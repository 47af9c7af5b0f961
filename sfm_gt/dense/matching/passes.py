"""Passes over a clip for methods that match view by view: anchors are searched, the frames between follow them, and all have
to agree.

Anchors are to dense depth what keyframes are to structure from motion: chosen by image motion, but from the adjusted model.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from typing import Protocol

import numpy as np
from jaxtyping import Float

from sfm_gt.dense.matching.hypothesis import Hypothesis, StoredHypothesis, restore, store
from sfm_gt.dense.matching.pyramid import Pyramid
from sfm_gt.dense.matching.warp import warp
from sfm_gt.dense.shared.estimate import DepthEstimate, empty_estimate
from sfm_gt.dense.shared.neighbours import can_bound_depth, choose_neighbours, depth_range
from sfm_gt.geometry.types import SparseModel, View
from sfm_gt.imaging.pools import in_order, one_thread_a_call

# A new anchor is due when the image has moved by this share of its long side: far enough to be worth a search of its own,
# near enough for the maps to be warped. Clips of little motion get this many all the same.
ANCHOR_SHIFT, MIN_ANCHORS = 0.05, 16
# Frames between anchors make do with this many neighbours.
FOLLOWED_NEIGHBOURS = 6
# Views kept ready for matching; a frame's neighbours lie within some tens of frames.
CACHED_VIEWS = 96


class Matcher(Protocol):
    """What the passes ask of a method; see :class:`sfm_gt.dense.patchmatch.PatchMatch`."""

    def pyramid(self, view: View) -> Pyramid: ...

    def match(
        self, reference: Pyramid, neighbours: Sequence[Pyramid], depth_range_sfm: tuple[float, float]
    ) -> Hypothesis: ...

    def improve(
        self,
        reference: Pyramid,
        neighbours: Sequence[Pyramid],
        depth_range_sfm: tuple[float, float],
        coarse: Hypothesis,
        inverse_depths: Sequence[Float[np.ndarray, "h w"]],
    ) -> Hypothesis: ...

    def follow(
        self,
        reference: Pyramid,
        neighbours: Sequence[Pyramid],
        depth_range_sfm: tuple[float, float],
        warped: Sequence[Float[np.ndarray, "h w"]],
        inverse_depths: Sequence[Float[np.ndarray, "h w"]],
    ) -> Hypothesis: ...

    def verify(
        self,
        reference: Pyramid,
        neighbours: Sequence[Pyramid],
        own: Hypothesis,
        inverse_depths: Sequence[Float[np.ndarray, "h w"]],
        n_dependent: int = 0,
    ) -> DepthEstimate: ...


def in_passes(
    model: SparseModel,
    load_view: Callable[[int], View],
    frame_indices: Sequence[int],
    method: Matcher,
    n_neighbours: int,
    n_workers: int,
    progress: Callable[[int, int], None],
) -> Iterator[tuple[int, DepthEstimate]]:
    """As :meth:`sfm_gt.dense.shared.method.DenseMethod.densify_clip`; neighbours are chosen among the anchors, those among all
    frames of the model: which frames are asked for does not change what they get.

    Anchors are searched from scratch and checked for consistency among each other. The frames between them start from the
    maps of the anchors around, are matched to the images again and checked against the anchors; that costs a fraction.
    Memory: about 20 bytes per pixel and anchor, and the views in the cache.

    Args:
        progress: called with the steps done and in all (one a frame, two more an anchor).
    """
    rows = [model.row_of(index) for index in frame_indices]
    clip = _Clip(model, load_view, method, rows, n_neighbours)
    n_steps = len(rows) + len(clip.matched) + len(clip.improved)
    done = 0
    with one_thread_a_call(), ThreadPoolExecutor(n_workers) as pool:
        # Each pass reads what the pass before said about the neighbours, so they run one after the other.
        for work, these in ((clip.match, clip.matched), (clip.improve, clip.improved), (clip.verify, rows)):
            for row, estimate in zip(these, in_order(pool, work, these, n_workers), strict=True):
                done += 1
                progress(done, n_steps)
                if estimate is not None:
                    yield int(model.frame_indices[row]), estimate


def choose_anchors(model: SparseModel, rows: Sequence[int]) -> list[int]:
    """Rows, out of ``rows`` in the order of time, between which the image moves by about :data:`ANCHOR_SHIFT`.

    Short clips get at least :data:`MIN_ANCHORS` (or all their frames): each needs neighbours. Where two frames share no
    point, both become anchors.
    """
    shifts = [_shift(model, before, after) for before, after in pairwise(rows)]
    path = sum(shift for shift in shifts if np.isfinite(shift))
    limit = min(ANCHOR_SHIFT, path / MIN_ANCHORS)
    chosen, travelled = list(rows[:1]), 0.0
    for k, shift in enumerate(shifts, start=1):
        travelled += shift
        # The last frame is one too: no frame should stand outside of the anchors.
        if travelled >= limit or k == len(rows) - 1:
            chosen.append(rows[k])
            travelled = 0.0
    return chosen


def _shift(model: SparseModel, before: int, after: int) -> float:
    """Median way of the common points from one frame to the other, in shares of the long side; infinite without any."""
    first, second = (model.observations[:, 0] == row for row in (before, after))
    _, i, j = np.intersect1d(model.observations[first, 1], model.observations[second, 1], return_indices=True)
    if i.size == 0:
        return float("inf")
    way = np.linalg.norm(model.observation_px[first][i] - model.observation_px[second][j], axis=1)
    return float(np.median(way) / max(model.camera.width, model.camera.height))


class _Clip:
    """What the passes over a clip know: views on demand, and the anchors' hypotheses so far."""

    def __init__(
        self,
        model: SparseModel,
        load_view: Callable[[int], View],
        method: Matcher,
        rows: Sequence[int],
        n_neighbours: int,
    ):
        self._model, self._method = model, method
        # Rows without a known depth range or without neighbours are left out.
        able = [row for row in range(len(model.frame_indices)) if can_bound_depth(model, row)]
        anchors = choose_anchors(model, able)
        asked = sorted(set(able) & set(rows))
        fewer = min(n_neighbours, FOLLOWED_NEIGHBOURS)
        chosen = {
            row: choose_neighbours(model, row, n_neighbours if row in anchors else fewer, anchors).tolist()
            for row in {*asked, *anchors}
        }
        self._partners = {row: others for row, others in chosen.items() if others}
        self._anchors = [row for row in anchors if row in self._partners]
        # What is asked for is verified against its partners' maps, and those were found with their partners' in view.
        sources = {
            other for row in asked if row in self._partners for other in (*self._partners[row], *self._around(row))
        }
        self.improved = [row for row in self._anchors if row in sources or row in asked]
        partners = {other for row in self.improved for other in self._partners[row]}
        self.matched = [row for row in self._anchors if row in partners or row in self.improved]
        self._load = lru_cache(maxsize=CACHED_VIEWS)(
            lambda row: method.pyramid(load_view(int(model.frame_indices[row])))
        )
        self._coarse: dict[int, Hypothesis] = {}
        self._fine: dict[int, StoredHypothesis] = {}

    def match(self, row: int) -> None:
        """First pass: coarse planes of an anchor from the images."""
        self._coarse[row] = self._method.match(self._load(row), self._others(row), depth_range(self._model, row))

    def improve(self, row: int) -> None:
        """Second pass: planes of an anchor at full size, with the neighbours' coarse maps in view."""
        maps = [_inverse_depth(self._coarse, other) for other in self._partners[row]]
        fine = self._method.improve(
            self._load(row), self._others(row), depth_range(self._model, row), self._coarse[row], maps
        )
        self._fine[row] = store(fine)

    def verify(self, row: int) -> DepthEstimate:
        """Third pass, all frames: what the neighbours agree on."""
        if row not in self._partners or not self._fine:
            return empty_estimate(*self._load(row).levels[0].grey.shape)
        maps = [_inverse_depth(self._fine, other) for other in self._partners[row]]
        if row in self._fine:
            return self._method.verify(self._load(row), self._others(row), restore(self._fine[row]), maps)
        own = self._follow(row, maps)
        # Its hypothesis came from an anchor, which is therefore not independent.
        return self._method.verify(self._load(row), self._others(row), own, maps, n_dependent=1)

    def _follow(self, row: int, maps: list[np.ndarray]) -> Hypothesis:
        here = self._load(row)
        warped = [warp(self._load(k), here, self._fine[k].inverse_depth) for k in self._around(row)]
        return self._method.follow(here, self._others(row), depth_range(self._model, row), warped, maps)

    def _around(self, row: int) -> list[int]:
        """The anchor itself, or those before and after a frame between."""
        k = bisect_left(self._anchors, row)
        return self._anchors[k : k + 1] if row in self._anchors else self._anchors[max(k - 1, 0) : k + 1]

    def _others(self, row: int) -> list[Pyramid]:
        return [self._load(other) for other in self._partners[row]]


def _inverse_depth(hypotheses: Mapping[int, Hypothesis | StoredHypothesis], row: int) -> Float[np.ndarray, "h w"]:
    """A neighbour's map; one that has none itself (it found no neighbours) says nothing."""
    return hypotheses[row].inverse_depth if row in hypotheses else np.zeros((1, 1), dtype=np.float32)
