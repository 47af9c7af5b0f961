"""Order of depth between pairs of pixels: who is nearer, or are both about as far?

A pair is labelled nearer, farther or equal by the ratio of its depths, equal within a factor of 1.1.

    sdr          share of pairs whose labels disagree (MegaDepth's SDR; WHDR with all weights one)
    sdr_equal    of the pairs that are equal in the GT
    sdr_unequal  of the pairs that are not
    near_far     share of pairs unequal in the GT that the prediction orders the wrong way round, whatever the ratio (DIW)

Where people have said which end of a pair is nearer, ``in_order`` finds the pairs that a prediction orders so (DA-2K).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from sfm_gt.metrics.structure_kernels import count_pairs

EQUAL_RATIO = 1.1
N_PAIRS = 4096
"""Pairs a frame: the standard error of a share is below 0.8 % then."""
ORDINAL = ("sdr", "sdr_equal", "sdr_unequal", "near_far")


def draw_pairs(n_pixels: int, seed: Sequence[int]) -> Int[np.ndarray, "2 pairs"]:
    """Positions of N_PAIRS random pairs of different pixels; none where there are fewer than two pixels."""
    if n_pixels < 2:
        return np.empty((2, 0), dtype=np.int64)
    rng = np.random.default_rng(seed)
    first = rng.integers(0, n_pixels, N_PAIRS)
    return np.stack([first, (first + rng.integers(1, n_pixels, N_PAIRS)) % n_pixels])


def ordinal(p: Float[np.ndarray, "2 n"], g: Float[np.ndarray, "2 n"]) -> dict[str, float]:
    """The figures of ORDINAL, fractions; NaN where no pair of the sort exists.

    Args:
        p, g: depth of prediction and GT at both ends of each pair, in any unit. Pairs whose prediction is not finite at
            one end take no part.
    """
    equal, unequal, wrong_equal, wrong_unequal, backwards = count_pairs(p, g, EQUAL_RATIO)
    return {
        "sdr": _share(wrong_equal + wrong_unequal, equal + unequal), "sdr_equal": _share(wrong_equal, equal),
        "sdr_unequal": _share(wrong_unequal, unequal), "near_far": _share(backwards, unequal),
    }  # fmt: skip


def in_order(p: Float[np.ndarray, "2 n"]) -> Bool[np.ndarray, " n"]:
    """Whether the first end of each pair is predicted nearer; False where they are level, or one end has no answer.

    Args:
        p: what grows with depth, at the nearer and at the farther end of each pair.
    """
    return np.isfinite(p).all(axis=0) & (p[0] < p[1])


def _share(hits: int, of: int) -> float:
    return hits / of if of else math.nan
