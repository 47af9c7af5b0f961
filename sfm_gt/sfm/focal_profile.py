"""How the adjusted error depends on the focal length: is there one valley, how wide is it, and is it the deepest.

A short or purely sideways take lets focal length and depth stretch together (the bas-relief ambiguity): adjustment then ends
wherever it started, at a residual that shows nothing. Here the focal length is held at values from a third to four times the
found one, everything else is adjusted anew, and the error is compared in units of its own noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sfm_gt.sfm.bundle import FREE, Bundle
from sfm_gt.sfm.bundle_solver import solve

# Focal lengths that are tried, as multiples of the found one: steps short enough for each solution to start well from the
# last one, far enough to tell the widest lens of a phone from its tele lens.
STEP = 1.25
STEPS_DOWN, STEPS_UP = 5, 6
# A focal length fits as well as the best one when its error exceeds the best by no more than this many variances: two sigma, as
# all that is stated; where the camera only slides, all exceed it by less than 1.5.
FITS_AS_WELL = 4.0
# A focal length tried that lies within so many standard deviations says how wide the valley is. Of 25 windows of the kitchen
# one was 2.2 sigma off by the curvature at the minimum alone, none more than 1.5 with this.
SEEN_SIGMAS = 7.0


@dataclass(frozen=True)
class FocalPrior:
    """What is known of the focal length beforehand: its value, and its standard deviation relative to that."""

    focal_px: float
    sigma_rel: float


@dataclass(frozen=True)
class FocalProfile:
    """Adjusted error over focal lengths.

    Attributes:
        focal_px: (K,) ascending, the best one among them.
        excess: (K,) rise of the error over the best, in variances of its noise.
        depth_change: (K,) root mean square of the relative change of depths against the best, apart from their common scale.
        best: the bundle at the best focal length, solved with the focal length free.
    """

    focal_px: Float[np.ndarray, " k"]
    excess: Float[np.ndarray, " k"]
    depth_change: Float[np.ndarray, " k"]
    best: Bundle

    @property
    def range_rel(self) -> tuple[float, float]:
        """The shortest and the longest focal length tried that fit as well as the best, over the best."""
        fitting = self.focal_px[self.excess <= FITS_AS_WELL] / self.best.focal_px
        return min(float(fitting.min(initial=1.0)), 1.0), max(float(fitting.max(initial=1.0)), 1.0)

    def open_ended(self, sigma_rel: float) -> bool:
        """Whether focal lengths that fit as well, or lie within two sigma, may lie beyond those that were tried."""
        ends = self.focal_px[[0, -1]] / self.best.focal_px
        within = _within(sigma_rel)
        return bool(min(self.excess[0], self.excess[-1]) <= FITS_AS_WELL or within[0] < ends[0] or within[1] > ends[1])

    def depth_change_within(self, sigma_rel: float) -> float:
        """The largest change of depths among the focal lengths that fit as well, or lie within two of these sigma."""
        tried = np.log(self.focal_px / self.best.focal_px)
        low, high = np.log([*self.range_rel, *_within(sigma_rel)]).reshape(2, 2).T
        low, high = low.min(), high.max()
        inside = (tried >= low) & (tried <= high)
        at_ends = np.interp([low, high], tried, self.depth_change)
        return float(max(*at_ends, self.depth_change[inside].max(initial=0.0)))

    @property
    def sigma_rel(self) -> float:
        """Standard deviation that the focal lengths beside the best one imply, on the steeper side; 0 where both lie beyond
        SEEN_SIGMAS and say no more than that it is small.

        The valley of a short take is flatter some way off than where it is deepest.
        """
        away = np.abs(np.log(self.focal_px / self.best.focal_px))
        best = int(away.argmin())
        beside = [k for k in (best - 1, best + 1) if 0 <= k < len(away)]
        steepest = max(np.sqrt(self.excess[k]) / away[k] for k in beside)
        return float(1 / steepest) if 0 < steepest <= SEEN_SIGMAS / np.log(STEP) else 0.0


def focal_profile(start: Bundle, error_px2: float) -> FocalProfile:
    """Solves the bundle at focal lengths around its own, and from the lowest of them.

    Args:
        start: adjusted, with what is known of the lens.
        error_px2: rise of the cost that makes one standard deviation.
    """
    best = solve(start, FREE)
    for _ in range(2):
        tried = [*_walk(best, 1 / STEP, STEPS_DOWN)[::-1], best, *_walk(best, STEP, STEPS_UP)]
        lowest = min(tried, key=lambda bundle: bundle.cost)
        if lowest is best:
            break
        best = solve(lowest, FREE)
    costs = np.array([min(bundle.cost, best.cost) if bundle is lowest else bundle.cost for bundle in tried])
    focal = np.array([best.focal_px if bundle is lowest else bundle.focal_px for bundle in tried])
    change = np.array([0.0 if bundle is lowest else depth_change(bundle, best) for bundle in tried])
    order = np.argsort(focal)
    return FocalProfile(focal[order], (costs - costs.min())[order] / error_px2, change[order], best)


def depth_change(one: Bundle, other: Bundle) -> float:
    """Root mean square of the logarithm of the ratio of depths at all observations, less its median.

    A depth behind the camera, or farther off than a factor of e, counts as that.

    Args:
        one, other: of the same observations.
    """
    depths = np.stack([one.points_cam[:, 2], other.points_cam[:, 2]])
    in_front = (depths > 0).all(axis=0)
    ratio = np.ones(depths.shape[1])
    ratio[in_front] = np.log(depths[0, in_front] / depths[1, in_front])
    ratio[in_front] -= np.median(ratio[in_front]) if in_front.any() else 0.0
    return float(np.sqrt((np.clip(ratio, -1.0, 1.0) ** 2).mean()))


def _within(sigma_rel: float) -> tuple[float, float]:
    """Focal lengths two sigma off, over the best."""
    return float(np.exp(-2.0 * sigma_rel)), float(np.exp(2.0 * sigma_rel))


def _walk(bundle: Bundle, factor: float, n_steps: int) -> list[Bundle]:
    """Solutions at focal lengths each ``factor`` times the last, starting from ``bundle``."""
    found = []
    for _ in range(n_steps):
        bundle = solve(bundle.stretched(factor), FREE.replace("f", ""), max_strides=1)
        found.append(bundle)
    return found
