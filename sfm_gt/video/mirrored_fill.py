"""Canvases filled with the mirror image of the picture's edge, as editors do to make a 16:9 frame of a 4:3 one.

Such a fill ends in no line: what tells it is that the first rows of the canvas are those that follow them, in reverse order.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8

Grey = UInt8[np.ndarray, "h w"]

# Correlation of fine detail with its mirror image, in nine frames of ten. Whole takes by others and rendered ones reach 0.51,
# the half-size kitchen with filled sides 0.93 after coding.
MIN_CORRELATION, IN_FRAMES = 0.75, 0.1
BLUR_PX = 19  # what is coarser than that is no detail
MIN_SHARE, MIN_ROWS = 0.04, 8  # of the canvas; a thinner strip may look like its neighbour by chance
MAX_SHARE = 0.4  # of the canvas; mirrored halves are no fill, and are refused by name


def mirrored_rows(greys: Sequence[Grey]) -> int:
    """How many rows at the beginning are those that follow them in reverse order; 0 where none are.

    Args:
        greys: (H, W) frames spread over one clip, (W, H) for a fill at its side.
    """
    fine = [_fine(grey) for grey in greys]
    first = _correlations(fine[len(fine) // 2])
    axis = max(first, key=lambda double: first[double], default=None)
    if axis is None or first[axis] < MIN_CORRELATION:
        return 0
    every = [_correlation(each, axis) for each in fine]
    return (axis + 1) // 2 if float(np.quantile(every, IN_FRAMES)) >= MIN_CORRELATION else 0


def _fine(grey: Grey) -> Float[np.ndarray, "h w"]:
    """Detail down the columns only: a post is the same on both sides of any level axis."""
    values = grey.astype(np.float32)
    return values - cv2.GaussianBlur(values, (1, BLUR_PX), 0)


def _correlations(fine: Float[np.ndarray, "h w"]) -> dict[int, float]:
    """By axis, as the sum of two rows that mirror each other: it may lie on a row or between two."""
    height = len(fine)
    least = max(MIN_ROWS, round(MIN_SHARE * height))
    return {double: _correlation(fine, double) for double in range(2 * least - 1, round(2 * MAX_SHARE * height))}


def _correlation(fine: Float[np.ndarray, "h w"], double: int) -> float:
    rows = (double + 1) // 2
    outside, inside = fine[:rows], fine[double - rows + 1 : double + 1][::-1]
    energy = np.sqrt((outside**2).sum() * (inside**2).sum())
    return float((outside * inside).sum() / max(energy, 1e-6))
