"""Dense depth of a whole clip by any method, with the error that all its pixels share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sfm_gt.dense.shared.estimate import DepthEstimate
from sfm_gt.dense.shared.method import DenseMethod
from sfm_gt.geometry.types import SparseModel, View


def densify(
    model: SparseModel,
    load_view: Callable[[int], View],
    frame_indices: Sequence[int],
    method: DenseMethod,
    n_neighbours: int,
    n_threads: int,
    progress: Callable[[int, int], None],
) -> Iterator[tuple[int, DepthEstimate]]:
    """As :meth:`DenseMethod.densify_clip`; sigma holds what the cameras leave open in depth as well."""
    for frame_index, estimate in method.densify_clip(
        model, load_view, frame_indices, n_neighbours, n_threads, progress
    ):
        yield frame_index, estimate.with_shared_error(model.depth_sigma_rel)
