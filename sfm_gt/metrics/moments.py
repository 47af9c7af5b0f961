"""First and second moments of prediction and target: all that a least-squares alignment or a correlation needs.

They add up over frames, so a fit over a whole clip is exact without holding its pixels. Deviations are kept about the mean
and merged as in Chan, Golub, LeVeque 1983, since plain sums of squares lose all digits for a prediction far from zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numba import njit

REASSOCIATE = {"reassoc", "contract", "nsz", "arcp"}
"""What lets the compiler add in vectors; NaN and infinity keep their meaning."""


@dataclass(frozen=True)
class Moments:
    """Of n pairs (p, t), where t = g, or 1 / g for alignments in disparity.

    Attributes:
        p_spread, target_spread: sum (p - mean p)^2, sum (t - mean t)^2.
        covariation: sum (p - mean p)(t - mean t).
        p_largest: max abs(p), which sets what rounding can tell apart.
    """

    n: int = 0
    p_mean: float = 0.0
    target_mean: float = 0.0
    p_spread: float = 0.0
    target_spread: float = 0.0
    covariation: float = 0.0
    p_largest: float = 0.0

    @classmethod
    def of(cls, p: Float[np.ndarray, " n"], g: Float[np.ndarray, " n"], inverse: bool) -> Moments:
        """Moments of finite vectors; ``inverse`` takes 1 / g as target."""
        if p.size == 0:
            return cls()
        return cls(p.size, *_moments(p, g, inverse))

    def __add__(self, other: Moments) -> Moments:
        """Moments of both sets together."""
        if self.n == 0 or other.n == 0:
            return self if other.n == 0 else other
        n = self.n + other.n
        p_step, target_step = other.p_mean - self.p_mean, other.target_mean - self.target_mean
        between = self.n * other.n / n
        return Moments(
            n,
            self.p_mean + p_step * other.n / n,
            self.target_mean + target_step * other.n / n,
            self.p_spread + other.p_spread + p_step**2 * between,
            self.target_spread + other.target_spread + target_step**2 * between,
            self.covariation + other.covariation + p_step * target_step * between,
            max(self.p_largest, other.p_largest),
        )

    @property
    def p_square(self) -> float:
        """sum p^2"""
        return self.p_spread + self.n * self.p_mean**2

    @property
    def p_target(self) -> float:
        """sum p t"""
        return self.covariation + self.n * self.p_mean * self.target_mean

    @property
    def correlation(self) -> float:
        """Pearson's r; NaN where prediction or target is constant."""
        power = self.p_spread * self.target_spread
        return self.covariation / math.sqrt(power) if power > 0 else math.nan


@njit(cache=True, nogil=True, fastmath=REASSOCIATE, error_model="numpy")
def _moments(p, g, inverse):
    p_sum, target_sum, p_largest = 0.0, 0.0, 0.0
    for i in range(p.size):
        value = float(p[i])
        target = 1.0 / float(g[i]) if inverse else float(g[i])
        p_sum += value
        target_sum += target
        p_largest = max(p_largest, abs(value))
    p_mean, target_mean = p_sum / p.size, target_sum / p.size
    p_spread, target_spread, covariation = 0.0, 0.0, 0.0
    for i in range(p.size):
        p_step = float(p[i]) - p_mean
        target_step = (1.0 / float(g[i]) if inverse else float(g[i])) - target_mean
        p_spread += p_step * p_step
        target_spread += target_step * target_step
        covariation += p_step * target_step
    return p_mean, target_mean, p_spread, target_spread, covariation, p_largest


@njit(cache=True, nogil=True, fastmath=REASSOCIATE, error_model="numpy")
def reweighted_scale(p, g, scale, n_rounds, residual_floor):
    """Rounds of weighted least squares for p -> g, a weight being 1 / (|residual| + ``residual_floor``)."""
    for _ in range(n_rounds):
        p_target, p_square = 0.0, 0.0
        for i in range(p.size):
            weighted = p[i] / (abs(scale * p[i] - g[i]) + residual_floor)
            p_target += weighted * g[i]
            p_square += weighted * p[i]
        scale = p_target / p_square
    return scale
