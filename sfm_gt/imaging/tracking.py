"""Sparse tracking by Lucas and Kanade's method in image pyramids, checked by the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

Grey = UInt8[np.ndarray, "h w"]


@dataclass(frozen=True)
class Tracker:
    """How points are followed.

    Attributes:
        window_px: side of the patch.
        levels: pyramid levels above the image itself.
        max_step_px: iterations end below this step.
        max_round_trip_px: a point that does not come back to within this distance of its start has slipped.
    """

    window_px: int
    levels: int
    max_step_px: float
    max_round_trip_px: float

    def follow(
        self,
        before: Grey,
        after: Grey,
        points: Float[np.ndarray, "n 2"],
        guesses: Float[np.ndarray, "n 2"] | None = None,
    ) -> tuple[Float[np.ndarray, "n 2"], Bool[np.ndarray, " n"]]:
        """Positions of ``points`` in ``after``, integer-centred pixels, and which of them were found and come back.

        Args:
            guesses: where to start looking; the points themselves by default.
        """
        if len(points) == 0:
            return points.astype(np.float32), np.zeros(0, dtype=bool)
        start = points.astype(np.float32)
        options: dict[str, Any] = {
            "winSize": (self.window_px, self.window_px), "maxLevel": self.levels,
            "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, self.max_step_px),
        }  # fmt: skip
        if guesses is not None:
            options["flags"] = cv2.OPTFLOW_USE_INITIAL_FLOW
        # OpenCV writes into the guesses.
        there = None if guesses is None else guesses.astype(np.float32)
        here = None if guesses is None else start.copy()
        moved, found, _ = cv2.calcOpticalFlowPyrLK(before, after, start, there, **options)
        back, returned, _ = cv2.calcOpticalFlowPyrLK(after, before, moved, here, **options)
        kept = (found[:, 0] & returned[:, 0]).astype(bool)
        return moved, kept & (np.linalg.norm(back - start, axis=1) < self.max_round_trip_px)
