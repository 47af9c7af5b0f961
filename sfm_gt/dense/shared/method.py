"""The interface of the dense methods: one file a method, ``PLUGIN`` names its class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, Protocol

from sfm_gt.dense.shared.estimate import DepthEstimate
from sfm_gt.geometry.types import SparseModel, View


class DenseMethod(Protocol):
    """Finds depth of the frames of a clip from several views alone.

    Args:
        min_consistent: neighbours whose depth must agree.
        max_rel_difference: of depth, within which they do.
        device: "cpu" or "cuda".

    Attributes:
        needs_cuda: whether it runs on a GPU only.
    """

    needs_cuda: ClassVar[bool]

    def __init__(self, min_consistent: int, max_rel_difference: float, device: str): ...

    def densify_clip(
        self,
        model: SparseModel,
        load_view: Callable[[int], View],
        frame_indices: Sequence[int],
        n_neighbours: int,
        n_threads: int,
        progress: Callable[[int, int], None],
    ) -> Iterator[tuple[int, DepthEstimate]]:
        """Depth of every frame of ``frame_indices``, in their order; any frame of the model may be a source view.

        A frame that sees too few sparse points, or none that another frame sees under a useful angle, gets an empty map.

        Args:
            load_view: a registered frame by its index.
            n_threads: results do not depend on their number.
            progress: called with the steps done and in all.

        Raises:
            InputError: fewer than two frames, or poses that are not finite.
        """
        ...
