"""The interface of the mask methods: one file a method, ``PLUGIN`` names its class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

import numpy as np
from jaxtyping import Bool

from sfm_gt.geometry.types import View
from sfm_gt.imaging.types import Frame


class Segmenter(Protocol):
    """Finds what moves in a clip. Methods may import kernels (flow, regions) that lie next to them, not one another.

    Args:
        threshold_px: residual above which a pixel moves, in pixels of a frame with a long side of 480.
        dilate_px: safety margin around what moves, in pixels of the frames.
        n_threads: results do not depend on their number.

    Attributes:
        needs_reconstruction: whether ``segment`` wants poses (and depth where there is some) next to the frames.
    """

    needs_reconstruction: ClassVar[bool]

    def __init__(self, threshold_px: float, dilate_px: int, n_threads: int = 1): ...

    def segment(self, frames: Sequence[Frame], reconstruction: Sequence[View] | None) -> Bool[np.ndarray, "n h w"]:
        """True where something moves, in every frame; all False where the method cannot tell.

        Args:
            frames: consecutive frames of one clip, grey or RGB, of one size.
            reconstruction: one view a frame, carrying ``z_depth_sfm`` where a depth map exists; None before SfM.

        Raises:
            ValueError: a reconstruction is needed and missing, or does not match the frames.
        """
        ...
