"""Pictures that are their own mirror image about a line: as a whole, or where editors filled a canvas with the picture's edge.

Such a fill ends in no line: what tells it is that the first rows of the canvas are those that follow them, in reverse order.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8

Grey = UInt8[np.ndarray, "h w"]

BLUR_PX = 19  # what is coarser than that is no detail
IN_FRAMES = 0.9  # of the frames that must be alike: one may be blurred or blank
# Correlation of the detail of a fill with that of the picture beside it: between whole clips by others and rendered ones, and
# the half-size kitchen with filled sides after coding.
MIN_FILL = 0.75
MIN_SHARE, MIN_ROWS = 0.04, 8  # of the canvas; a thinner strip may look like its neighbour by chance
MAX_SHARE = 0.4  # of the canvas; mirrored halves are no fill, and are refused by name


def mirrored_rows(greys: Sequence[Grey]) -> int:
    """How many rows at the beginning are those that follow them in reverse order; 0 where none are.

    Args:
        greys: (H, W) frames spread over one clip, (W, H) for a fill at its side.
    """
    height = len(greys[0])
    doubles = range(2 * max(MIN_ROWS, round(MIN_SHARE * height)) - 1, round(2 * MAX_SHARE * height))
    if not doubles:
        return 0
    double, correlation = clearest_axis(greys, doubles, MIN_FILL)
    return (double + 1) // 2 if correlation >= MIN_FILL else 0


def clearest_axis(greys: Sequence[Grey], doubles: range, least: float) -> tuple[int, float]:
    """The level axis about which frames mirror themselves best, and how well: correlation of fine detail.

    Args:
        doubles: axes to try, each as the sum of two rows that mirror each other, as it may lie on a row or between two.
        least: below this in the middle frame the others are not asked.
    """
    fine = [_fine(grey) for grey in greys]
    first = [_correlation(fine[len(fine) // 2], double) for double in doubles]
    best = int(np.argmax(first))
    if first[best] < least:
        return doubles[best], first[best]
    every = [_correlation(each, doubles[best]) for each in fine]
    return doubles[best], float(np.quantile(every, 1 - IN_FRAMES))


def _fine(grey: Grey) -> Float[np.ndarray, "h w"]:
    """Detail down the columns only: a post is the same on both sides of any level axis."""
    values = grey.astype(np.float32)
    return values - cv2.GaussianBlur(values, (1, BLUR_PX), 0)


def _correlation(fine: Float[np.ndarray, "h w"], double: int) -> float:
    low, high = max(0, double - len(fine) + 1), min(len(fine) - 1, double)
    rows = (high - low + 1) // 2
    above, below = fine[low : low + rows], fine[high - rows + 1 : high + 1][::-1]
    energy = np.sqrt((above**2).sum() * (below**2).sum())
    return float((above * below).sum() / max(energy, 1e-6))
