"""Dense depth of a whole clip: every frame matches on its own, then the frames have to agree."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float

from sfm_gt.dense.estimate import DepthEstimate, empty_estimate
from sfm_gt.dense.hypothesis import Hypothesis, StoredHypothesis, restore, store
from sfm_gt.dense.neighbours import can_bound_depth, choose_neighbours, depth_range
from sfm_gt.dense.patchmatch import PatchMatch
from sfm_gt.dense.pyramid import Pyramid
from sfm_gt.geometry.types import SparseModel, View

# Views kept ready for matching; a frame's neighbours lie within some tens of frames.
CACHED_VIEWS = 96


def densify(
    model: SparseModel,
    load_view: Callable[[int], View],
    frame_indices: Sequence[int],
    method: PatchMatch,
    n_neighbours: int,
    n_workers: int,
    progress: Callable[[int, int], None],
) -> Iterator[tuple[int, DepthEstimate]]:
    """Depth of every frame of ``frame_indices``, in their order; neighbours are chosen among them.

    A frame that sees too few sparse points, or none that another frame sees under a useful angle, gets an empty map.
    Memory: about 20 bytes a pixel and frame, beside the views in the cache.

    Args:
        load_view: a registered frame by its index.
        n_workers: threads; results do not depend on their number.
        progress: called with the steps done and in all (three a frame).

    Raises:
        InputError: fewer than two frames, or poses that are not finite.
    """
    rows = [model.row_of(index) for index in frame_indices]
    clip = _Clip(model, load_view, method, _partners(model, rows, n_neighbours))
    threads_before = cv2.getNumThreads()
    # Frames run side by side; OpenCV's own threads would only compete with them.
    cv2.setNumThreads(1)
    try:
        with ThreadPoolExecutor(n_workers) as pool:
            # Each pass reads what the pass before said about the neighbours, so they run one after the other.
            for i, work in enumerate((clip.match, clip.improve, clip.verify)):
                for k, (row, estimate) in enumerate(_in_order(pool, work, rows, n_workers), start=1):
                    progress(i * len(rows) + k, 3 * len(rows))
                    if estimate is not None:
                        yield int(model.frame_indices[row]), estimate
    finally:
        cv2.setNumThreads(threads_before)


def _partners(model: SparseModel, rows: Sequence[int], n_neighbours: int) -> dict[int, list[int]]:
    """Neighbours of every row that can be matched; rows without a known depth range or without neighbours are left out."""
    able = [row for row in rows if can_bound_depth(model, row)]
    chosen = {row: choose_neighbours(model, row, n_neighbours, able).tolist() for row in able}
    return {row: others for row, others in chosen.items() if others}


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[int], DepthEstimate | None], rows: Sequence[int], n_workers: int
) -> Iterator[tuple[int, DepthEstimate | None]]:
    """Results in the order of ``rows``, computed only a little ahead: a slow consumer must not fill the memory."""
    waiting: deque[tuple[int, Future[DepthEstimate | None]]] = deque()
    try:
        for row in rows:
            waiting.append((row, pool.submit(work, row)))
            if len(waiting) > 2 * n_workers:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        for _, future in waiting:
            future.cancel()


class _Clip:
    """What the passes over a clip know: views on demand, and the hypotheses so far."""

    def __init__(
        self,
        model: SparseModel,
        load_view: Callable[[int], View],
        method: PatchMatch,
        partners: dict[int, list[int]],
    ):
        self._model, self._method, self._partners = model, method, partners
        self._load = lru_cache(maxsize=CACHED_VIEWS)(
            lambda row: method.pyramid(load_view(int(model.frame_indices[row])))
        )
        self._coarse: dict[int, Hypothesis] = {}
        self._fine: dict[int, StoredHypothesis] = {}

    def match(self, row: int) -> None:
        """First pass: coarse planes from the images."""
        if row in self._partners:
            self._coarse[row] = self._method.match(self._load(row), self._others(row), depth_range(self._model, row))

    def improve(self, row: int) -> None:
        """Second pass: planes at full size, with the neighbours' coarse maps in view."""
        if row in self._partners:
            maps = [_inverse_depth(self._coarse, other) for other in self._partners[row]]
            fine = self._method.improve(
                self._load(row), self._others(row), depth_range(self._model, row), self._coarse[row], maps
            )
            self._fine[row] = store(fine)

    def verify(self, row: int) -> DepthEstimate:
        """Third pass: what the neighbours agree on."""
        if row not in self._partners:
            return empty_estimate(*self._load(row).levels[0].grey.shape)
        maps = [_inverse_depth(self._fine, other) for other in self._partners[row]]
        return self._method.verify(self._load(row), self._others(row), restore(self._fine[row]), maps)

    def _others(self, row: int) -> list[Pyramid]:
        return [self._load(other) for other in self._partners[row]]


def _inverse_depth(hypotheses: Mapping[int, Hypothesis | StoredHypothesis], row: int) -> Float[np.ndarray, "h w"]:
    """A neighbour's map; one that has none itself (it found no neighbours) says nothing."""
    return hypotheses[row].inverse_depth if row in hypotheses else np.zeros((1, 1), dtype=np.float32)
