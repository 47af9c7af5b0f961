"""Bringing the values of a prediction to depth in the unit of the GT, by the freedom that its kind leaves open.

| name | fit | who uses it |
|---|---|---|
| none | p | metric tables |
| median | p med(g) / med(p) | UniDepth, DUSt3R lineage; not med(g / p) |
| ls_scale | argmin_s sum (s p - g)^2 | |
| l1rel_scale | argmin_s sum abs(s p - g) / g, exact. It optimises AbsRel itself, so it flatters AbsRel | MoGe |
| weiszfeld_scale | argmin_s sum abs(s p - g) by ten reweighted least squares from mean(g) / mean(p); at least 1e-3 | MonST3R |
| ls_affine_depth | argmin_{s,t} sum (s p + t - g)^2 | Marigold |
| l1rel_affine_depth | argmin_{s,t} sum abs(s p + t - g) / g, exact to 1e-8 | MoGe |
| median_deviation | s = med((g - med g + 1e-6) / (p - med p + 1e-6)), t = med(g - s p) | MegaSaM |
| ls_affine_disparity | argmin_{s,t} sum (s p + t - 1/g)^2, then 1 / . | MiDaS, Depth Anything |

Fits run in float64, on the pixels that are scored afterwards unless a protocol says otherwise (``fit_pixels``). Over an
image, a clip or a data set they differ only in which pixels they see.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from sfm_gt.errors import SfmGtError
from sfm_gt.metrics.moments import Moments, reweighted_scale
from sfm_gt.metrics.order_statistics import median, weighted_median

Vector = Float[np.ndarray, " n"]

CONSTANT_SPREAD = 1e-12
"""Relative spread below which float64 cannot tell a prediction from a constant one."""
WEISZFELD_ROUNDS = 10
WEISZFELD_LOWEST = 1e-3
"""Scales below are raised to it (MonST3R)."""
RESIDUAL_FLOOR = 1e-8
"""Residuals below weigh no more than this one: reweighted least squares divides by them (MonST3R)."""
DEVIATION_OFFSET = 1e-6
"""Added to both deviations, so that pixels at the median of the prediction divide by it (MegaSaM on Sintel)."""
COLLINEAR_BREAK = 1e-9
MAX_PIVOTS = 100
"""Bound of the descent of l1rel_affine_depth; it takes about ten steps, and each lowers the error."""


class AlignmentError(SfmGtError):
    """No alignment exists for this prediction, for example a median that is not positive. The frame is not scored."""


@dataclass(frozen=True)
class DepthRange:
    """Bounds of depth after alignment, in the unit of the GT.

    Attributes:
        lowest, highest: aligned depth is clamped between them (ZoeDepth, Depth Anything, Marigold); infinite = never.
        disparity_floor: aligned disparity is raised to it before it is inverted, so that values at or below zero become
            the farthest depth. Which floor is taken moves the figures by up to 3x.
        log_floor: depth below counts as it in logarithms.
        boundary_floor: ``disparity_floor`` of the maps whose depth steps are looked for; None = the same.
    """

    lowest: float
    highest: float
    disparity_floor: float
    log_floor: float = 0.0
    boundary_floor: float | None = None

    @property
    def for_boundary(self) -> DepthRange:
        """Bounds of the maps whose depth steps are looked for."""
        return self if self.boundary_floor is None else replace(self, disparity_floor=self.boundary_floor)


@dataclass(frozen=True)
class Affine:
    """values -> scale * values + shift, onto depth, or onto 1 / depth where ``inverse``."""

    scale: float
    shift: float
    inverse: bool = False

    @property
    def known(self) -> bool:
        """False where a value that is not finite took part in the fit."""
        return math.isfinite(self.scale)

    def depth(self, values: Float[np.ndarray, "*n"], depth_range: DepthRange) -> Float[np.ndarray, "*n"]:
        """Depth in the unit of the GT, float64, inside ``depth_range``; NaN where a value is not finite."""
        mapped = self.scale * np.where(np.isfinite(values), values, np.nan).astype(np.float64) + self.shift
        if self.inverse:
            mapped = 1.0 / np.maximum(mapped, depth_range.disparity_floor)
        clamped: Float[np.ndarray, "*n"] = np.clip(mapped, depth_range.lowest, depth_range.highest)
        return clamped


def fit(
    alignment: str, prediction: Float[np.ndarray, "*n"], gt: Float[np.ndarray, "*n"], valid: Bool[np.ndarray, "*n"]
) -> Affine:
    """What the alignment does to the prediction's values.

    Args:
        alignment: a name of the table above.
        valid: the pixels to fit on; prediction and GT must be finite there.

    Raises:
        AlignmentError: the fit does not exist.
        KeyError: no such alignment.
    """
    return fit_vectors(alignment, prediction[valid], gt[valid])


def fit_vectors(alignment: str, p: Vector, g: Vector) -> Affine:
    """As :func:`fit` on the finite values of pixels already chosen."""
    if alignment != "none" and p.size == 0:
        raise AlignmentError("no pixel to fit on")
    if alignment in LEAST_SQUARES:
        return fit_moments(alignment, Moments.of(p, g, inverse=alignment == "ls_affine_disparity"))
    return ROBUST[alignment](p, g)


def fit_moments(alignment: str, moments: Moments) -> Affine:
    """A least-squares alignment from the moments of prediction and target: exact over any number of frames.

    A constant prediction gets scale 0 and the mean of the target.

    Raises:
        AlignmentError: no pixel, or for ``ls_scale`` a prediction that is zero everywhere.
    """
    if moments.n == 0:
        raise AlignmentError("no pixel to fit on")
    if alignment == "ls_scale":
        power = moments.p_square
        if power == 0:
            raise AlignmentError("the prediction is zero everywhere; it has no scale")
        return Affine(moments.p_target / power, 0.0)
    inverse = alignment == "ls_affine_disparity"
    if moments.p_spread <= moments.n * (CONSTANT_SPREAD * moments.p_largest) ** 2:
        return Affine(0.0, moments.target_mean, inverse)
    scale = moments.covariation / moments.p_spread
    return Affine(scale, moments.target_mean - scale * moments.p_mean, inverse)


def _none(p: Vector, g: Vector) -> Affine:
    return Affine(1.0, 0.0)


def _median(p: Vector, g: Vector) -> Affine:
    centre = median(p)
    if not centre > 0:
        raise AlignmentError(f"median of the prediction is {centre:g}; a depth up to scale must be positive")
    return Affine(median(g) / centre, 0.0)


def _l1rel_scale(p: Vector, g: Vector) -> Affine:
    # sum |s p - g| / g = sum (|p| / g) |s - g / p|: a weighted median of the quotients.
    p, g = _float64(p, g)
    used = p != 0
    if not used.any():
        raise AlignmentError("the prediction is zero everywhere; it has no scale")
    quotient = g[used] / p[used]
    return Affine(weighted_median(quotient, 1.0 / np.abs(quotient)), 0.0)


def _weiszfeld_scale(p: Vector, g: Vector) -> Affine:
    p, g = _float64(p, g)
    total = float(p.sum())
    if total == 0:
        raise AlignmentError("the mean of the prediction is zero; there is no scale to start from")
    scale = reweighted_scale(p, g, float(g.sum()) / total, WEISZFELD_ROUNDS, RESIDUAL_FLOOR)
    return Affine(max(scale, WEISZFELD_LOWEST), 0.0)


def _l1rel_affine_depth(p: Vector, g: Vector) -> Affine:
    """Descent over the lines through two pixels (Wesolowsky 1981), since an optimal line passes through two of them."""
    p, g = _float64(p, g)
    weights = 1.0 / g
    # Lines through three or more pixels at once, as quantised depth has them, would stop the descent early.
    target = g * (1.0 + COLLINEAR_BREAK * np.sin(np.arange(g.size)))
    line = fit_moments("ls_affine_depth", Moments.of(p, target, inverse=False))
    if line.scale == 0:
        return Affine(0.0, weighted_median(g, weights))
    pivot = int(np.argmin(np.abs(line.scale * p + line.shift - target)))
    lowest = np.inf
    for _ in range(MAX_PIVOTS):
        moved = _best_line_through(pivot, p, target, weights)
        distance = np.abs(moved.scale * p + moved.shift - target)
        error = float(weights @ distance)
        if error >= lowest:
            break
        line, lowest = moved, error
        # Beside the pivot one other pixel lies on the new line, the one that decided its slope: the next pivot.
        distance[pivot] = np.inf
        pivot = int(np.argmin(distance))
    return line


def _median_deviation(p: Vector, g: Vector) -> Affine:
    p, g = _float64(p, g)
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = (g - median(g) + DEVIATION_OFFSET) / (p - median(p) + DEVIATION_OFFSET)
    scale = median(quotient[np.isfinite(quotient)])
    return Affine(scale, median(g - scale * p))


def _best_line_through(pivot: int, p: Vector, g: Vector, weights: Vector) -> Affine:
    step = p - p[pivot]
    used = step != 0
    scale = weighted_median((g[used] - g[pivot]) / step[used], weights[used] * np.abs(step[used]))
    return Affine(scale, float(g[pivot] - scale * p[pivot]))


def _float64(p: Vector, g: Vector) -> tuple[Vector, Vector]:
    return p.astype(np.float64), g.astype(np.float64)


ROBUST: dict[str, Callable[[Vector, Vector], Affine]] = {
    "none": _none, "median": _median, "l1rel_scale": _l1rel_scale, "weiszfeld_scale": _weiszfeld_scale,
    "l1rel_affine_depth": _l1rel_affine_depth, "median_deviation": _median_deviation,
}  # fmt: skip
LEAST_SQUARES = ("ls_scale", "ls_affine_depth", "ls_affine_disparity")
"""Alignments that need only sums, so they are exact over a clip or data set whose pixels are never held at once."""
ALIGNMENTS = (*ROBUST, *LEAST_SQUARES)
FREEDOM = {"none": "unaligned", **dict.fromkeys(("median", "ls_scale", "l1rel_scale", "weiszfeld_scale"), "scale")}
FREEDOM |= {name: "affine" for name in ALIGNMENTS if name not in FREEDOM}
"""What each alignment fits: nothing, a scale, or a scale and a shift."""
