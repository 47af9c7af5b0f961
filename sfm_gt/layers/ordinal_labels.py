"""Near and far, only where the ground truth is sure of it: a label a pixel, and pairs of points.

Pairs as in DIW and ReDWeb (Chen et al. 2016; Xian et al. 2018): which of two points is nearer, or that they are level.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, UInt8

# A pixel whose depth is a gross error with more than this probability takes part in nothing: its sigma says little of it. Set
# on rooms that sigma is fitted on, to half a per cent of wrong pairs; docs/figures.md has their share on other rooms.
MAX_OUTLIER = 0.02
UNKNOWN, NEAR, FAR = 0, 1, 2
# An order is certain when it would take so many standard deviations to turn it.
CERTAIN_SIGMAS = 3.0
# Level: ratio of depths below this (the threshold of Xian et al. 2018), and the error bars too small to tell otherwise.
LEVEL_RATIO = 0.02
PAIR_DTYPE = np.dtype([("xa", "f4"), ("ya", "f4"), ("xb", "f4"), ("yb", "f4"), ("relation", "i1")])


def trusted_depth(depth: Float[np.ndarray, "h w"], outlier: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """``depth`` without what may be a gross error, by its probability ``outlier`` (NaN = invalid)."""
    return np.where(outlier <= MAX_OUTLIER, depth, np.float32(np.nan))


def near_far(depth: Float[np.ndarray, "h w"], sigma: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """NEAR or FAR of the frame's median depth, UNKNOWN where invalid or within CERTAIN_SIGMAS of it.

    Args:
        depth, sigma: z-depth and its standard deviation in one unit, NaN = invalid.
    """
    labels = np.full(depth.shape, UNKNOWN, np.uint8)
    valid = np.isfinite(depth)
    if valid.any():
        away = np.where(valid, depth - np.median(depth[valid]), 0.0)
        sure = valid & (np.abs(away) > CERTAIN_SIGMAS * sigma)
        labels[sure] = np.where(away[sure] < 0, NEAR, FAR)
    return labels


def ordinal_pairs(
    depth: Float[np.ndarray, "h w"],
    sigma: Float[np.ndarray, "h w"],
    person: Bool[np.ndarray, "h w"] | None,
    n_pairs: int,
    seed: int,
) -> np.ndarray:
    """Pairs of pixels with a certain relation, at most ``n_pairs``.

    Half of them join a person with what is no person, where the frame has both: that is the order that matters for people.

    Returns:
        PAIR_DTYPE: pixel centres (at +0.5) of both points; relation -1 = the first is nearer, 1 = farther, 0 = level.
    """
    rng = np.random.default_rng(seed)
    valid = np.flatnonzero(np.isfinite(depth))
    if len(valid) < 2:
        return np.zeros(0, PAIR_DTYPE)
    a, b = rng.choice(valid, n_pairs), rng.choice(valid, n_pairs)
    if person is not None:
        people, others = valid[person.ravel()[valid]], valid[~person.ravel()[valid]]
        if len(people) and len(others):
            half = n_pairs // 2
            a[:half], b[:half] = rng.choice(people, half), rng.choice(others, half)
    z, error = depth.ravel().astype(np.float64), sigma.ravel().astype(np.float64)
    difference, both = z[a] - z[b], np.hypot(error[a], error[b])
    ordered = (np.abs(difference) > CERTAIN_SIGMAS * both) & (np.abs(np.log(z[a] / z[b])) > np.log1p(LEVEL_RATIO))
    level = np.abs(difference) + both < LEVEL_RATIO * np.minimum(z[a], z[b])
    keep = (ordered | level) & (a != b)
    pairs = np.zeros(int(keep.sum()), PAIR_DTYPE)
    for name, number in (("a", a[keep]), ("b", b[keep])):
        rows, columns = np.divmod(number, depth.shape[1])
        pairs["x" + name], pairs["y" + name] = columns + 0.5, rows + 0.5
    pairs["relation"] = np.where(ordered[keep], np.sign(difference[keep]), 0)
    return pairs
