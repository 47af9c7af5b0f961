"""How far the scene gets from where it was, in each part of the picture: what keeps its place meanwhile is no part of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from sfm_gt.imaging.resizing import shrunk

Grey = UInt8[np.ndarray, "h w"]

CELLS = 16
FLOW_LONG_SIDE_PX = 160
# A scene that goes farther takes its lines beyond the rows that a line in place is compared with (line_evidence.CONTEXT_ROWS).
MIN_DISPLACEMENT_PX = 6.0
# Of the way that the scene goes along the line: flow leans by up to 0.065 of it across (parking, level and sideways), and a
# camera that is carried moves by more (0.2 in m3d_frag1).
MIN_ACROSS = 0.1


class Displacements:
    """How far parts of the image get over a clip; the flow is computed when first asked for."""

    def __init__(self, greys: Sequence[Grey]):
        self._greys = greys
        self._flows: Float[np.ndarray, "f c c 2"] | None = None

    def across(self, transposed: bool, low: int, high: int) -> bool:
        """Whether a strip as a whole moves across a line next to it.

        Args:
            transposed: the line is vertical.
            low, high: the strip's bounds in the direction across the line, in pixels; only whole cells count.
        """
        axis = int(not transposed)
        size = self._greys[0].shape[1 - axis]
        first, last = int(np.ceil(low * CELLS / size)), int(high * CELLS // size)
        return _moves(self.flows_px[:, :, first:last] if transposed else self.flows_px[:, first:last], axis)

    def both_ways(self) -> bool:
        """Whether the image as a whole moves along x and along y."""
        return all(_moves(self.flows_px, axis) for axis in (0, 1))

    @property
    def flows_px(self) -> Float[np.ndarray, "f c c 2"]:
        """Flow from each frame to the next in CELLS x CELLS parts, in pixels of the images."""
        if self._flows is None:
            self._flows = _flows(self._greys)
        return self._flows


def _moves(flow: Float[np.ndarray, "f a b 2"], axis: int) -> bool:
    """Whether a strip gets far enough along one axis from where it was."""
    if flow.size == 0:
        return False
    # A median over the strip first, as single cells drift.
    step = np.median(flow.reshape(len(flow), -1, 2), axis=1)
    gone = np.cumsum(step[:, axis])
    displacement = max(gone.max(), 0) - min(gone.min(), 0)
    return bool(displacement >= max(MIN_DISPLACEMENT_PX, MIN_ACROSS * np.abs(step[:, 1 - axis]).sum()))


def _flows(greys: Sequence[Grey]) -> Float[np.ndarray, "f c c 2"]:
    factor = min(1.0, FLOW_LONG_SIDE_PX / max(greys[0].shape))
    small = [shrunk(grey, factor) for grey in greys]
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    steps = [
        cv2.resize(flow.calc(a, b, None), (CELLS, CELLS), interpolation=cv2.INTER_AREA) for a, b in pairwise(small)
    ]
    return np.array(steps, np.float32).reshape(-1, CELLS, CELLS, 2) / factor
