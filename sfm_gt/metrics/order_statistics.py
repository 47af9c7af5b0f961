"""Exact medians of long vectors in linear time: only what lies near the answer is sorted.

NumPy's median copies and partitions; on the 300 000 pixels of a frame it takes several times as long as grading itself.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numba import njit

N_BINS = 2048
SMALL = 1024
"""So few candidates are sorted directly."""
N_SAMPLE = 2048
MARGIN = 100
"""More than four standard deviations of a rank in a random sample of N_SAMPLE."""


def median(values: Float[np.ndarray, " n"]) -> float:
    """Median of finite values, the mean of the middle two for an even number; NaN when there are none."""
    if not values.size:
        return float("nan")
    lower, upper = _select(values, (values.size - 1) // 2)
    return lower if values.size % 2 else 0.5 * (lower + upper)


def terciles(values: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """The values at one and two thirds of the sorted vector; NaN when there are none."""
    if not values.size:
        return float("nan"), float("nan")
    return _two_of_rank(values, values.astype(np.float32).view(np.int32), values.size // 3, 2 * values.size // 3)


def weighted_median(values: Float[np.ndarray, " n"], weights: Float[np.ndarray, " n"]) -> float:
    """Lower weighted median: the smallest value at which at least half of the total weight is reached; NaN when empty.

    It minimises sum w |v - x|. Weights must not be negative.
    """
    return float(_weighted_median(values, weights)) if values.size else float("nan")


@njit(cache=True, nogil=True, error_model="numpy")
def _bracket(values, weights, share):
    """Ends that most likely hold where ``share`` of the weight is reached, whatever the tails (Floyd and Rivest 1975)."""
    step = values.size // N_SAMPLE + 1
    order = np.argsort(values[::step])
    sample, held = values[::step][order], np.cumsum(weights[::step][order])
    centre = np.searchsorted(held, share * held[-1])
    lowest, highest = sample[max(centre - MARGIN, 0)], sample[min(centre + MARGIN, sample.size - 1)]
    if lowest == highest:
        lowest, highest = values.min(), values.max()
    return lowest, highest


@njit(cache=True, nogil=True, error_model="numpy")
def _bins(values, lowest, highest):
    """Bin of every value, monotone in it; what lies outside the ends is in the first and the last one."""
    bins = np.empty(values.size, np.int32)
    scale = (N_BINS - 3) / (highest - lowest)
    for i in range(values.size):
        inside = min(max(values[i], lowest), highest)
        bins[i] = int((inside - lowest) * scale) + 1 + (values[i] > highest) - (values[i] < lowest)
    return bins


@njit(cache=True, nogil=True, error_model="numpy")
def _select(values, rank):
    """The values at positions ``rank`` and ``rank + 1`` of the sorted vector; infinity beyond its end."""
    candidates, above = values, np.inf
    while candidates.size > SMALL:
        lowest, highest = _bracket(candidates, np.ones_like(candidates), rank / candidates.size)
        if lowest == highest:
            break
        bins = _bins(candidates, lowest, highest)
        counts = np.zeros(N_BINS, np.int64)
        for one in bins:
            counts[one] += 1
        chosen = 0
        while rank >= counts[chosen]:
            rank -= counts[chosen]
            chosen += 1
        if rank == counts[chosen] - 1:
            # The next value lies in a later bin.
            for i in range(candidates.size):
                if bins[i] > chosen:
                    above = min(above, candidates[i])
        if counts[chosen] == candidates.size:
            break
        candidates = candidates[bins == chosen]
    ordered = np.sort(candidates)
    return float(ordered[rank]), float(ordered[rank + 1]) if rank + 1 < ordered.size else float(above)


@njit(cache=True, nogil=True, error_model="numpy")
def _two_of_rank(values, bits, low_rank, high_rank):
    """The values at two positions of the sorted vector; ``bits`` are those of the values as float32."""
    # The order of floats is that of their bits, turned round where negative; the upper half makes bins of about 1 %.
    bins = ((bits ^ ((bits >> 31) & 0x7FFFFFFF)) >> 16) + (1 << 15)
    counts = np.zeros(1 << 16, np.int64)
    for one in bins:
        counts[one] += 1
    low = high = 0
    while low_rank >= counts[low]:
        low_rank -= counts[low]
        low += 1
    while high_rank >= counts[high]:
        high_rank -= counts[high]
        high += 1
    return _select(values[bins == low], low_rank)[0], _select(values[bins == high], high_rank)[0]


@njit(cache=True, nogil=True, error_model="numpy")
def _weighted_median(values, weights):
    remaining = 0.5 * weights.sum()
    while values.size > SMALL:
        lowest, highest = _bracket(values, weights, remaining / weights.sum())
        if lowest == highest:
            break
        bins = _bins(values, lowest, highest)
        held = np.zeros(N_BINS)
        for i in range(values.size):
            held[bins[i]] += weights[i]
        chosen, last = 0, bins.max()
        while chosen < last and remaining > held[chosen]:
            remaining -= held[chosen]
            chosen += 1
        inside = bins == chosen
        if inside.all():
            break
        values, weights = values[inside], weights[inside]
    order = np.argsort(values)
    for i in order:
        remaining -= weights[i]
        if remaining <= 0:
            return values[i]
    return values[order[-1]]
