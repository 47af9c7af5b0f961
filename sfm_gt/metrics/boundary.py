"""Boundary F1 (Depth Pro, MoGe): does a depth step lie between the same neighbours in the prediction as in the GT?

For a pixel c and a neighbour nb within r pixels there is an edge at threshold t where d_nb / d_c > 1 + t. F1 of these labels
over all ordered pairs, averaged over t = 0.05 ... 0.25 (ten values) with weights t, for r = 1, 2 and 3. Thresholds at which
neither map has an edge take no part; without any edge in either the figure is NaN.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from numba import njit

RADII_PX = (1, 2, 3)
THRESHOLDS = np.linspace(0.05, 0.25, 10)

_RATIOS = 1.0 + THRESHOLDS
_LOWEST = np.float32(_RATIOS[0])
_N_LABELS = THRESHOLDS.size + 1


def _half_of_the_neighbours() -> tuple[np.ndarray, np.ndarray]:
    """Steps (dy, dx) to one of each two opposite neighbours, and the number of the smallest radius that reaches each."""
    reach = RADII_PX[-1]
    found = [
        (next(i for i, r in enumerate(RADII_PX) if dy * dy + dx * dx <= r * r), dy, dx)
        for dy in range(reach + 1)
        for dx in range(-reach, reach + 1)
        if (dy > 0 or dx > 0) and dy * dy + dx * dx <= reach * reach
    ]
    table = np.array(found)
    return table[:, 1:], table[:, 0]


_STEPS, _RINGS = _half_of_the_neighbours()


class BoundaryGt:
    """GT side of boundary F1, made once a frame."""

    def __init__(self, gt: Float[np.ndarray, "h w"]):
        """``gt``: NaN where it is not scored."""
        self._gt = gt.astype(np.float32)
        # The label of a pair is the number of thresholds that it exceeds, negative where the first pixel is the farther one.
        self._labels = np.zeros((_RINGS.size, *gt.shape), np.int8)
        self._edges = np.zeros((len(RADII_PX), _N_LABELS), np.int64)
        _label_pairs(self._gt, _STEPS, _RINGS, _RATIOS, _LOWEST, self._labels, self._edges)

    def f1(self, prediction: Float[np.ndarray, "h w"]) -> tuple[float, float, float]:
        """Boundary F1 for every radius. Pixels without GT or without a prediction (NaN) take no part."""
        prediction = prediction.astype(np.float32, copy=False)
        unknown = ~np.isfinite(prediction)
        if (unknown & np.isfinite(self._gt)).any():
            return BoundaryGt(np.where(unknown, np.nan, self._gt)).f1(
                np.where(np.isfinite(self._gt), prediction, np.nan)
            )
        found, agreed = np.zeros_like(self._edges), np.zeros_like(self._edges)
        _match_pairs(prediction, self._labels, _STEPS, _RINGS, _RATIOS, _LOWEST, found, agreed)
        edges = np.cumsum(self._edges + found, axis=0)
        one, two, three = (
            _f1(of_radius, both) for of_radius, both in zip(edges, np.cumsum(agreed, axis=0), strict=True)
        )
        return one, two, three


def boundary_f1(
    prediction: Float[np.ndarray, "h w"], gt: Float[np.ndarray, "h w"], valid: Bool[np.ndarray, "h w"]
) -> tuple[float, float, float]:
    """Boundary F1 of two depth maps for radii 1, 2 and 3 px; no unit, 1 is best, NaN without an edge in either."""
    return BoundaryGt(np.where(valid, gt, np.nan)).f1(np.where(valid, prediction, np.nan))


def _f1(edges: np.ndarray, agreed: np.ndarray) -> float:
    """From the numbers of edges (of GT and prediction together) and of edges in both, by exactly how many thresholds."""
    exceeding = edges[::-1].cumsum()[::-1][1:]
    both = agreed[::-1].cumsum()[::-1][1:]
    known = exceeding > 0
    if not known.any():
        return float("nan")
    return float(np.average(2 * both[known] / exceeding[known], weights=THRESHOLDS[known]))


@njit(cache=True, nogil=True, error_model="numpy")
def _label(near, far, ratios):
    count = 0
    while count < ratios.size and far > ratios[count] * near:
        count += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _flag_edges(one, other, lowest, flags):
    """Where the depths differ by more than the lowest threshold; NaN never does. Runs in vectors, unlike the labels."""
    for i in range(one.size):
        flags[i] = (one[i] > lowest * other[i]) | (other[i] > lowest * one[i])


@njit(cache=True, nogil=True, error_model="numpy")
def _row_buffers(width):
    """Flags of a row, in whole words of eight bytes, and room for the columns of those that are set."""
    return np.zeros((width + 7) // 8 * 8, np.bool_), np.empty(width, np.int32)


@njit(cache=True, nogil=True, error_model="numpy")
def _flagged(flags, places):
    """Writes the columns of the set flags into ``places``; most words of eight have none."""
    words, count = flags.view(np.uint64), 0
    for word in range(words.size):
        if words[word]:
            for i in range(8 * word, 8 * word + 8):
                if flags[i]:
                    places[count] = i
                    count += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _rows(depth, step, y):
    """Both ends of the pairs along one row: the row's pixels, and those one step further."""
    dy, dx = step
    width = depth.shape[1]
    return depth[y, max(0, -dx) : width - max(0, dx)], depth[y + dy, max(0, dx) : width + min(0, dx)]


@njit(cache=True, nogil=True, error_model="numpy")
def _label_pairs(gt, steps, rings, ratios, lowest, labels, edges):
    flags, places = _row_buffers(gt.shape[1])
    for n in range(rings.size):
        for y in range(gt.shape[0] - steps[n, 0]):
            one, other = _rows(gt, steps[n], y)
            _flag_edges(one, other, lowest, flags[: one.size])
            flags[one.size :] = False
            for i in places[: _flagged(flags, places)]:
                label = _label(min(one[i], other[i]), max(one[i], other[i]), ratios)
                labels[n, y, i] = label if other[i] > one[i] else -label
                edges[rings[n], label] += 1


@njit(cache=True, nogil=True, error_model="numpy")
def _match_pairs(prediction, labels, steps, rings, ratios, lowest, found, agreed):
    flags, places = _row_buffers(prediction.shape[1])
    for n in range(rings.size):
        for y in range(prediction.shape[0] - steps[n, 0]):
            one, other = _rows(prediction, steps[n], y)
            _flag_edges(one, other, lowest, flags[: one.size])
            flags[one.size :] = False
            for i in places[: _flagged(flags, places)]:
                label = _label(min(one[i], other[i]), max(one[i], other[i]), ratios)
                found[rings[n], label] += 1
                truth = labels[n, y, i] if other[i] > one[i] else -labels[n, y, i]
                agreed[rings[n], max(min(label, truth), 0)] += 1
