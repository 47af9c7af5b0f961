"""Grading one prediction of one frame under the protocol: every granted alignment, region and metric."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from sfm_gt.metrics.alignment import AlignmentError, depth_from, fit
from sfm_gt.metrics.depth import IN_METRES, UNITLESS
from sfm_gt.metrics.protocol import GRANTED, Protocol

ALL = "all"
COVERAGE = "coverage"
"""Name of the share of scored GT pixels on which the prediction is finite; it stands beside the metrics."""
INVERTED = "inverted"
"""Name of the figure that is 1 where the fit had to turn the prediction around (negative scale), else 0."""


@dataclass(frozen=True)
class GtFrame:
    """Ground truth of one frame as the protocol sees it.

    Attributes:
        z_depth: (H, W), metres where ``metric``, else SfM units; NaN = invalid.
        scored: (H, W), the pixels of region ``all``.
        regions: parts of ``scored`` that are graded besides, with the alignment fitted on all of it.
    """

    z_depth: Float[np.ndarray, "h w"]
    scored: Bool[np.ndarray, "h w"]
    metric: bool
    regions: dict[str, Bool[np.ndarray, "h w"]]


@dataclass(frozen=True)
class Score:
    """One figure of one frame."""

    alignment: str
    region: str
    metric: str
    value: float
    n_pixels: int


@dataclass(frozen=True)
class Unscored:
    """A frame that an alignment could not grade; ``reason`` is a key of ``protocol.REASONS``."""

    alignment: str
    reason: str


def grade(
    protocol: Protocol, gt: GtFrame, values: Float[np.ndarray, "h w"] | None, kind: str
) -> Iterator[Score | Unscored]:
    """All figures of one prediction, or why there are none; one ``Unscored`` for each alignment that fails.

    Args:
        values: the prediction in the size of the GT, None where the model gave none.
        kind: decides the alignments (``protocol.GRANTED``).
    """
    n_scored = int(gt.scored.sum())
    usable = gt.scored if values is None else gt.scored & np.isfinite(values)
    n_usable = int(usable.sum())
    for alignment in GRANTED[kind]:
        if alignment == "none" and not gt.metric:
            yield Unscored(alignment, "not_metric")
        elif n_scored < protocol.min_pixels:
            yield Unscored(alignment, "too_few_pixels")
        elif values is None:
            yield Unscored(alignment, "missing_prediction")
        elif n_usable < protocol.min_pixels:
            yield Unscored(alignment, "non_finite_prediction")
        else:
            yield from _grade_alignment(protocol, gt, values, usable, alignment)


def _grade_alignment(
    protocol: Protocol,
    gt: GtFrame,
    values: Float[np.ndarray, "h w"],
    usable: Bool[np.ndarray, "h w"],
    alignment: str,
) -> Iterator[Score | Unscored]:
    # Gathered once, since the maps are large and the metrics many.
    p, g = values[usable], gt.z_depth[usable].astype(np.float64)
    try:
        fitted = fit(alignment, p, g, np.ones_like(g, dtype=bool))
    except AlignmentError:
        yield Unscored(alignment, "alignment_failed")
        return
    depth = depth_from(alignment, fitted, p, protocol.depth_range(gt.z_depth, gt.scored, gt.metric))
    n_scored = int(gt.scored.sum())
    yield Score(alignment, ALL, COVERAGE, p.size / n_scored, n_scored)
    yield Score(alignment, ALL, INVERTED, float(fitted.scale < 0), p.size)
    metrics = UNITLESS | (IN_METRES if gt.metric else {})
    for region, mask in {ALL: usable, **gt.regions}.items():
        inside = mask[usable]
        p_inside, g_inside = depth[inside], g[inside]
        if g_inside.size >= protocol.min_pixels:
            every = np.ones_like(g_inside, dtype=bool)
            for name, metric in metrics.items():
                yield Score(alignment, region, name, metric(p_inside, g_inside, every), g_inside.size)
