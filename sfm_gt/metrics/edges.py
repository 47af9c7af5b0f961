"""Accuracy and completeness of depth edges (iBims-1, Koch et al. 2018; MDEC): how far are they from where they should be?

Edges are Canny edges of log depth after a Gaussian of 1 px, so they do not know the unit of depth. A pixel near invalid depth
is no edge: a hole has a rim, not an outline.

    edge_accuracy_px      mean distance of predicted edge pixels to the nearest GT edge, of those at most 10 px away
    edge_completeness_px  mean distance of GT edge pixels to the nearest predicted edge, 10 px where it is farther
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from sfm_gt.metrics.structure_kernels import nearest_px

MAX_DISTANCE_PX = 10.0
BLUR_SIGMA_PX = 1.0
SLOPES = (0.0125, 0.025)
"""Low and high threshold of Canny's hysteresis: change of log depth a pixel. With Sobel's gain of 8 these are 0.1 and 0.2."""

_STEPS = 2000.0
"""Canny takes gradients in whole numbers; this many a unit of log depth resolve 1/100 of the low threshold."""


@dataclass(frozen=True)
class _Support:
    """What the validity of a map decides.

    Attributes:
        steps: from the blurred logarithm to whole steps; divides by the weight of the blur.
        inside: 1 where an edge may lie, else 0.
    """

    valid: Bool[np.ndarray, "h w"]
    steps: Float[np.ndarray, "h w"]
    inside: UInt8[np.ndarray, "h w"]

    @classmethod
    def of(cls, valid: Bool[np.ndarray, "h w"]) -> _Support:
        known = valid.astype(np.float32)
        # Within two pixels of a hole the blur sees mostly one side, which can look like an edge.
        inside = cv2.erode(valid.view(np.uint8), np.ones((5, 5), np.uint8))
        weight = np.maximum(cv2.GaussianBlur(known, (0, 0), BLUR_SIGMA_PX), 1e-6)
        return cls(valid, np.float32(_STEPS) / weight, inside)


class EdgesGt:
    """GT side of edge accuracy and completeness, made once a frame."""

    def __init__(self, gt: Float[np.ndarray, "h w"]):
        """``gt``: NaN where it is not scored."""
        self._support = _Support.of(gt > 0)
        self._edges = _edges(gt, self._support)
        self._places = np.flatnonzero(self._edges)

    def distances_px(self, prediction: Float[np.ndarray, "h w"]) -> tuple[float, float]:
        """Accuracy and completeness; NaN where no predicted edge is within 10 px, or the GT has none."""
        valid = prediction > 0
        same = np.array_equal(valid, self._support.valid)
        found = _edges(prediction, self._support if same else _Support.of(valid))
        accuracy = nearest_px(self._edges, np.flatnonzero(found), MAX_DISTANCE_PX)
        completeness = nearest_px(found, self._places, MAX_DISTANCE_PX)
        return _mean(accuracy[np.isfinite(accuracy)]), _mean(np.minimum(completeness, MAX_DISTANCE_PX))


def _edges(depth: Float[np.ndarray, "h w"], support: _Support) -> Bool[np.ndarray, "h w"]:
    # Where depth is invalid the logarithm counts as zero, and the weight takes it out again.
    log = cv2.log(np.where(support.valid, depth, np.float32(1.0)))
    smooth = cv2.GaussianBlur(log, (0, 0), BLUR_SIGMA_PX)
    steps = cv2.multiply(smooth, support.steps, dtype=cv2.CV_16S)
    dx, dy = (cv2.Sobel(steps, cv2.CV_16S, *axis) for axis in ((1, 0), (0, 1)))
    low, high = (8 * _STEPS * slope for slope in SLOPES)
    edges: Bool[np.ndarray, "h w"] = (cv2.Canny(dx, dy, low, high, L2gradient=True) & support.inside).view(np.bool_)
    return edges


def _mean(values: Float[np.ndarray, " n"]) -> float:
    return float(values.mean()) if values.size else math.nan
