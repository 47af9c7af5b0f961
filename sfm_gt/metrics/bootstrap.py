"""Intervals of a mean over videos: frames of one video are correlated, so whole videos are what is drawn.

Every figure is a quotient sum_v a_v / sum_v b_v over videos v: b_v = 1 for a mean over videos, the number of frames for a mean
over frames, the number of pixels for a mean over pixels. The same draws serve all models, so differences are paired.

From SMALLEST_BOOTSTRAP videos on, intervals are of the studentised bootstrap (Efron and Tibshirani 1993, 12.5), which keeps
its coverage with few videos where percentiles of the draws do not (10 videos: 0.93 to 0.96 instead of 0.89 in simulation).
With fewer, resampling has too few outcomes, and Student's t takes its place. One video has no interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats

N_DRAWS = 2000
LEVEL = 0.95
SMALLEST_BOOTSTRAP = 5
_TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval, NaN where there is none."""

    value: float
    low: float
    high: float

    @property
    def known(self) -> bool:
        """Whether there is an interval."""
        return math.isfinite(self.low)

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of zero; False where there is none."""
        return self.known and not self.low <= 0 <= self.high


def draw_videos(n_videos: int, seed: int) -> Float[np.ndarray, "draws videos"]:
    """How often each draw holds each video; the same seed gives the same draws."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(n_videos, np.full(n_videos, 1 / n_videos), size=N_DRAWS).astype(np.float64)


def interval(
    numerator: Float[np.ndarray, " videos"],
    denominator: Float[np.ndarray, " videos"],
    draws: Float[np.ndarray, "draws videos"],
) -> Interval:
    """sum a / sum b over videos and its 95 % interval.

    Args:
        draws: of :func:`draw_videos`. Videos with b = 0 take no part.
    """
    used = denominator > 0
    if not used.any():
        return Interval(math.nan, math.nan, math.nan)
    a, b, drawn = numerator[used], denominator[used], draws[:, used]
    value = float(a.sum() / b.sum())
    n_videos = a.size
    if n_videos == 1 or not math.isfinite(value):
        return Interval(value, math.nan, math.nan)
    (error,) = _standard_errors(a, b, np.ones((1, n_videos)))
    if n_videos < SMALLEST_BOOTSTRAP or error == 0:
        reach = float(error * stats.t.ppf(_TAILS[1], n_videos - 1))
        return Interval(value, value - reach, value + reach)
    errors = _standard_errors(a, b, drawn)
    # A draw of one video alone has no spread to be studentised by.
    spread = errors > 1e-9 * error
    quotients = (drawn[spread] @ a) / (drawn[spread] @ b)
    low, high = np.quantile((quotients - value) / errors[spread], _TAILS)
    return Interval(value, float(value - high * error), float(value - low * error))


def _standard_errors(
    a: Float[np.ndarray, " videos"], b: Float[np.ndarray, " videos"], draws: Float[np.ndarray, "draws videos"]
) -> Float[np.ndarray, " draws"]:
    """Of the quotient, by its linearisation: residuals a - (sum a / sum b) b, each video one observation."""
    quotient = (draws @ a) / (draws @ b)
    squares = draws @ a**2 - 2 * quotient * (draws @ (a * b)) + quotient**2 * (draws @ b**2)
    n_videos = a.size
    found: Float[np.ndarray, " draws"] = np.sqrt(np.maximum(squares, 0.0) * n_videos / (n_videos - 1)) / (draws @ b)
    return found
