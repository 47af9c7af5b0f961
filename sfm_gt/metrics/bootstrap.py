"""Intervals of a mean over videos: frames of one video are correlated, so whole videos are what is drawn.

Every figure is a quotient sum_v a_v / sum_v b_v over videos v: b_v = 1 for a mean over videos, the number of frames for a mean
over frames, the number of pixels for a mean over pixels. The same draws serve all models, so differences are paired.

An interval spans that of the studentised bootstrap (Efron and Tibshirani 1993, 12.5) and that of Student's t with Kish's number
of videos, sum(b)^2 / sum(b^2): the one follows skewness, the other holds where few videos carry the weight. Below
SMALLEST_BOOTSTRAP videos draws of two videos fill the tails, and t stands alone. There is none where videos are fewer than
SMALLEST, or those of weight fewer than SMALLEST_KISH, since what would hold says nothing. Errors are measured on a logarithmic
scale and shares on a logistic one, so intervals stay where figures can be. Errors of depth are skewed: the quantiles leave
out TAIL instead of 5 %, and less where few videos carry the weight, so that 95 % hold in ``benchmarks/accuracy/coverage.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from scipy import special, stats

N_DRAWS = 4000
LEVEL = 0.95
"""What intervals promise."""
TAIL = 0.02
"""What quantiles leave out where videos weigh the same; it goes with the cube of the share of videos that carry the weight."""
TAIL_WITHOUT_BOOTSTRAP = 0.01
"""The same where t stands alone, which cannot follow skewness."""
ROUNDING = 1e-12
"""Relative spread of videos that all agree."""
SMALLEST = 3
SMALLEST_KISH = 2.0
SMALLEST_BOOTSTRAP = 7

Scale = Literal["error", "share", "difference"]
"""What a figure can be: above 0, between 0 and 1, anything."""
Map = Callable[[Any], Any]
_SCALES: dict[Scale, tuple[Map, Map, Map]] = {
    "error": (np.log, lambda q: 1 / q, np.exp),
    "share": (special.logit, lambda q: 1 / (q * (1 - q)), special.expit),
    "difference": (np.asarray, np.ones_like, np.asarray),
}
"""There, its derivative, and back."""


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval, NaN where there is none.

    Attributes:
        p: of the figure being 0, by Student's t; NaN where there is no interval. Only differences can be.
    """

    value: float
    low: float
    high: float
    p: float = math.nan

    @property
    def known(self) -> bool:
        """Whether there is an interval."""
        return math.isfinite(self.low)

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of zero; False where there is none."""
        return self.known and not self.low <= 0 <= self.high


@lru_cache(maxsize=8)
def draw_videos(n_videos: int, seed: int) -> Float[np.ndarray, "draws videos"]:
    """How often each draw holds each video; the same seed gives the same draws."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(n_videos, np.full(n_videos, 1 / n_videos), size=N_DRAWS).astype(np.float64)


def interval(
    numerator: Float[np.ndarray, " videos"],
    denominator: Float[np.ndarray, " videos"],
    draws: Float[np.ndarray, "draws videos"],
    scale: Scale,
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
    kish = float(b.sum() ** 2 / (b @ b))
    if a.size < SMALLEST or kish < SMALLEST_KISH or not math.isfinite(value):
        return Interval(value, math.nan, math.nan)
    (error,) = _standard_errors(a, b, np.ones((1, a.size)))
    if error <= ROUNDING * abs(value):
        return Interval(value, value, value, float(value == 0))
    resampled = a.size >= SMALLEST_BOOTSTRAP
    tail = (TAIL if resampled else TAIL_WITHOUT_BOOTSTRAP) * (kish / a.size) ** 3 / 2
    reach = stats.t.isf(tail, kish - 1)
    lowest, highest = -reach, reach
    if resampled:
        low, high = np.quantile(_studentised(a, b, drawn, value, error, scale), (tail, 1 - tail))
        lowest, highest = min(lowest, low), max(highest, high)
    there, slope, back = _SCALES[scale]
    with np.errstate(over="ignore"):
        low, high = back(there(value) - np.array([highest, lowest]) * error * slope(value))
    p = float(2 * stats.t.sf(abs(value) / error, kish - 1))
    return Interval(value, float(low), float(high), p)


def holm(p: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """p-values of a family of comparisons adjusted so that 5 % of families hold a wrong one below 0.05 (Holm 1979).

    NaN is no comparison and stays NaN.
    """
    order = np.argsort(p)
    n = int(np.isfinite(p).sum())
    steps = np.maximum(n - np.arange(p.size), 1)
    adjusted = np.full(p.size, np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * steps), 1.0)
    return adjusted


def _studentised(
    a: Float[np.ndarray, " videos"],
    b: Float[np.ndarray, " videos"],
    draws: Float[np.ndarray, "draws videos"],
    value: float,
    error: float,
    scale: Scale,
) -> Float[np.ndarray, " kept"]:
    """How far every draw is from the figure, in its own standard errors, on the scale."""
    errors, quotients = _standard_errors(a, b, draws), (draws @ a) / (draws @ b)
    # A draw of one video alone has no spread to be studentised by.
    spread = errors > 1e-9 * error
    there, slope, _ = _SCALES[scale]
    quotients = quotients[spread]
    found: Float[np.ndarray, " kept"] = (there(quotients) - there(value)) / (errors[spread] * slope(quotients))
    return found


def _standard_errors(
    a: Float[np.ndarray, " videos"], b: Float[np.ndarray, " videos"], draws: Float[np.ndarray, "draws videos"]
) -> Float[np.ndarray, " draws"]:
    """Of the quotient, by its linearisation: residuals a - (sum a / sum b) b, each video one observation."""
    quotient = (draws @ a) / (draws @ b)
    squares = draws @ a**2 - 2 * quotient * (draws @ (a * b)) + quotient**2 * (draws @ b**2)
    n_videos = a.size
    found: Float[np.ndarray, " draws"] = np.sqrt(np.maximum(squares, 0.0) * n_videos / (n_videos - 1)) / (draws @ b)
    return found
