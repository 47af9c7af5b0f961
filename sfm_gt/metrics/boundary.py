"""Boundary F1 (Depth Pro, MoGe): does a depth step lie between the same neighbours in the prediction as in the GT?

For a pixel c and a neighbour nb within r pixels there is an edge at threshold t where d_nb / d_c > 1 + t. F1 of these labels
over all ordered pairs, averaged over t = 0.05 ... 0.25 (ten values) with weights t, for r = 1, 2 and 3. Thresholds at which
neither map has an edge take no part; without any edge in either the figure is NaN.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float, Int
from numba import njit

RADII_PX = (1, 2, 3)
THRESHOLDS = np.linspace(0.05, 0.25, 10)

_REACH = RADII_PX[-1]
_RATIOS = 1.0 + THRESHOLDS
_LOWEST = np.float32(_RATIOS[0])

Labels = Int[np.ndarray, "radii labels"]
"""Numbers of pairs by exactly how many thresholds they exceed."""


def _half_of_the_neighbours() -> tuple[np.ndarray, np.ndarray]:
    """Steps (dy, dx) to one of each two opposite neighbours, and the number of the smallest radius that reaches each."""
    found = [
        (next(i for i, r in enumerate(RADII_PX) if dy * dy + dx * dx <= r * r), dy, dx)
        for dy in range(_REACH + 1)
        for dx in range(-_REACH, _REACH + 1)
        if (dy > 0 or dx > 0) and dy * dy + dx * dx <= _REACH * _REACH
    ]
    table = np.array(found)
    return table[:, 1:], table[:, 0]


_STEPS, _RINGS = _half_of_the_neighbours()


class BoundaryGt:
    """GT side of boundary F1, made once a frame."""

    def __init__(self, gt: Float[np.ndarray, "h w"]):
        """``gt``: NaN where it is not scored."""
        self._gt = gt.astype(np.float32)
        self._known = np.isfinite(self._gt)
        self._edges = self._count(self._gt)[0]

    def _count(self, depth: Float[np.ndarray, "h w"]) -> tuple[Labels, Labels]:
        found = np.zeros((len(RADII_PX), THRESHOLDS.size + 1), np.int64)
        agreed = np.zeros_like(found)
        _match_pairs(depth, _places(depth), self._gt, _STEPS, _RINGS, _RATIOS, _LOWEST, found, agreed)
        return found, agreed

    def f1(self, prediction: Float[np.ndarray, "h w"]) -> tuple[float, float, float]:
        """Boundary F1 for every radius. Pixels without GT or without a prediction (NaN) take no part."""
        prediction = prediction.astype(np.float32, copy=False)
        answered = np.isfinite(prediction)
        if (self._known > answered).any():
            both = self._known & answered
            return BoundaryGt(np.where(both, self._gt, np.nan)).f1(np.where(both, prediction, np.nan))
        found, agreed = self._count(prediction)
        edges = np.cumsum(self._edges + found, axis=0)
        one, two, three = _f1(edges, np.cumsum(agreed, axis=0)).tolist()
        return one, two, three


def _f1(edges: Labels, agreed: Labels) -> Float[np.ndarray, " radii"]:
    """From the numbers of edges (of GT and prediction together) and of edges in both, by exactly how many thresholds."""
    exceeding, both = (counts[:, ::-1].cumsum(axis=1)[:, -2::-1] for counts in (edges, agreed))
    weights = THRESHOLDS * (exceeding > 0)
    with np.errstate(invalid="ignore"):
        found: Float[np.ndarray, " radii"] = (weights * 2 * both / np.maximum(exceeding, 1)).sum(1) / weights.sum(1)
    return found


def _places(depth: Float[np.ndarray, "h w"]) -> Int[np.ndarray, " n"]:
    """Flat numbers of the pixels from which an edge may lead to a pixel in their reach, by the lowest threshold.

    In most maps these are few, and two morphological filters find them in a fraction of the time that all pairs take.
    """
    window, anchor = np.ones((_REACH + 1, 2 * _REACH + 1), np.uint8), (_REACH, 0)
    # Infinite ends take no part in a smallest or largest value.
    nearest = cv2.erode(cv2.patchNaNs(depth.copy(), np.inf), window, anchor=anchor)
    farthest = cv2.dilate(cv2.patchNaNs(depth.copy(), -np.inf), window, anchor=anchor)
    return np.flatnonzero(_steep(depth.reshape(-1), nearest.reshape(-1), farthest.reshape(-1), _LOWEST))


@njit(cache=True, nogil=True, error_model="numpy")
def _steep(depth, nearest, farthest, lowest):
    steep = np.empty(depth.size, np.bool_)
    for i in range(depth.size):
        steep[i] = (farthest[i] > lowest * depth[i]) | (depth[i] > lowest * nearest[i])
    return steep


@njit(cache=True, nogil=True, error_model="numpy")
def _label(near, far, ratios):
    """How many thresholds the step from ``near`` to ``far`` exceeds; an outline mostly exceeds all."""
    if far > ratios[-1] * near:
        return ratios.size
    count = 0
    while far > ratios[count] * near:
        count += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _match_pairs(prediction, places, gt, steps, rings, ratios, lowest, found, agreed):
    """Counts the pairs of the prediction by label, and by the thresholds at which the GT has the same edge."""
    height, width = prediction.shape
    for place in places:
        y, x = place // width, place % width
        one = prediction[y, x]
        for n in range(rings.size):
            j, i = y + steps[n, 0], x + steps[n, 1]
            if j < height and 0 <= i < width:
                other = prediction[j, i]
                if other > lowest * one:
                    label = _label(one, other, ratios)
                    found[rings[n], label] += 1
                    agreed[rings[n], min(label, _label(gt[y, x], gt[j, i], ratios))] += 1
                elif one > lowest * other:
                    label = _label(other, one, ratios)
                    found[rings[n], label] += 1
                    agreed[rings[n], min(label, _label(gt[j, i], gt[y, x], ratios))] += 1
