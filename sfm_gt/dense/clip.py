"""Dense depth of a whole clip: every frame matches on its own, then the frames have to agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import cv2

from sfm_gt.dense.estimate import DepthEstimate
from sfm_gt.dense.neighbours import choose_neighbours, depth_range
from sfm_gt.dense.patchmatch import Hypothesis, PatchMatch
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

    Args:
        load_view: a registered frame by its index.
        n_workers: threads; results do not depend on their number.
        progress: called with the steps done and in all (three a frame).

    Raises:
        InputError: fewer than two frames, or poses that are not finite.
    """
    rows = [model.row_of(index) for index in frame_indices]
    chosen = {row: choose_neighbours(model, row, n_neighbours, rows).tolist() for row in rows}
    load = lru_cache(maxsize=CACHED_VIEWS)(lambda row: method.pyramid(load_view(int(model.frame_indices[row]))))
    threads_before = cv2.getNumThreads()
    # Frames run side by side; OpenCV's own threads would only compete with them.
    cv2.setNumThreads(1)
    try:
        with ThreadPoolExecutor(n_workers) as pool:
            passes = _passes(pool, rows, lambda done: progress(done, 3 * len(rows)))
            coarse = dict(passes(0, lambda row: _match(model, method, load, chosen, row)))
            fine = dict(passes(1, lambda row: _improve(model, method, load, chosen, coarse, row)))
            coarse.clear()
            for row, estimate in passes(2, lambda row: _verify(method, load, chosen, fine, row)):
                yield int(model.frame_indices[row]), estimate
    finally:
        cv2.setNumThreads(threads_before)


def _passes(
    pool: ThreadPoolExecutor, rows: Sequence[int], progress: Callable[[int], None]
) -> Callable[[int, Callable[[int], Result]], Iterator[tuple[int, Result]]]:
    """Runs a function over all rows and counts; every frame's pass needs its neighbours' pass before, hence one by one."""

    def run(n_before: int, work: Callable[[int], Result]) -> Iterator[tuple[int, Result]]:
        for done, (row, result) in enumerate(zip(rows, pool.map(work, rows), strict=True), start=1):
            progress(n_before * len(rows) + done)
            yield row, result

    return run


def _match(
    model: SparseModel, method: PatchMatch, load: Callable[[int], Pyramid], chosen: dict[int, list[int]], row: int
) -> Hypothesis:
    return method.match(load(row), [load(other) for other in chosen[row]], depth_range(model, row))


def _improve(
    model: SparseModel,
    method: PatchMatch,
    load: Callable[[int], Pyramid],
    chosen: dict[int, list[int]],
    coarse: dict[int, Hypothesis],
    row: int,
) -> Hypothesis:
    others = chosen[row]
    maps = [coarse[other].inverse_depth for other in others]
    return method.improve(load(row), [load(other) for other in others], depth_range(model, row), coarse[row], maps)


def _verify(
    method: PatchMatch,
    load: Callable[[int], Pyramid],
    chosen: dict[int, list[int]],
    hypotheses: dict[int, Hypothesis],
    row: int,
) -> DepthEstimate:
    others = chosen[row]
    inverse = [hypotheses[other].inverse_depth for other in others]
    return method.verify(load(row), [load(other) for other in others], hypotheses[row], inverse)
