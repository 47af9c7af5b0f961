"""The noise floor: what a model that knows the true depth would score against this ground truth.

The GT of a pixel is off by its sigma, that of a frame by a scale of its own, and that of a metric clip as a whole by the sigma
of its log scale. So the true depth is drawn as (g + sigma n) exp(m), n correlated over pixels and m one for a frame, aligned
and scored like any prediction. An alignment takes the errors of scale away again, one a clip only that of the clip; unaligned
figures carry both, and since the clip's is one draw, not one a pixel, the floor of these is what 95 % of all draws stay below.
Structure and temporal figures have no floor. What tells two models apart on one GT is finer: ``resolution``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float

from sfm_gt.metrics.alignment import Affine, DepthRange
from sfm_gt.metrics.depth import HIGHER_IS_BETTER, METRICS, metrics_of
from sfm_gt.metrics.grading import FrameGrader, FramePrediction, Matched
from sfm_gt.metrics.pixel_sums import pixel_sums
from sfm_gt.metrics.protocol import Protocol

SCALE_NODES = (-3.0, -1.5, 0.0, 1.5, 3.0)
"""Errors of a clip's log scale, in sigma, at which unaligned figures are computed; between them they are interpolated."""
N_DRAWS = 2000
QUANTILE = 0.95
LOWEST_SHARE = 0.05
"""A drawn depth is at least this share of the GT: far tails of a normal distribution would reach behind the camera."""

_HIGHER = np.array([name in HIGHER_IS_BETTER for name in METRICS])


@dataclass(frozen=True)
class GtErrors:
    """What errors of the GT share.

    Attributes:
        frame_sigma: standard deviation of the logarithm of a frame's own scale, beside that of the clip.
        correlation_px: distance at which errors of two pixels correlate by 1 / e; 0 = independent.
    """

    frame_sigma: float = 0.0
    correlation_px: float = 0.0


def perfect_depth(
    z_depth: Float[np.ndarray, "h w"],
    sigma: Float[np.ndarray, "h w"],
    seed: Sequence[int],
    errors: GtErrors = GtErrors(),
) -> Float[np.ndarray, "h w"]:
    """One draw of the true depth given the GT and its sigma, in their unit; NaN where there is no GT."""
    rng = np.random.default_rng(seed)
    noise = _correlated(rng.standard_normal(z_depth.shape, dtype=np.float32), errors.correlation_px)
    scale = np.float32(math.exp(errors.frame_sigma * rng.standard_normal()))
    drawn = (z_depth + sigma * noise) * scale
    found: Float[np.ndarray, "h w"] = np.maximum(drawn, np.float32(LOWEST_SHARE) * z_depth)
    return found


def _correlated(noise: Float[np.ndarray, "h w"], correlation_px: float) -> Float[np.ndarray, "h w"]:
    """Smoothed by a Gaussian of half that distance, whose correlation falls to 1 / e there, and brought back to variance 1."""
    if correlation_px == 0:
        return noise
    deviation = correlation_px / 2
    kernel = cv2.getGaussianKernel(2 * math.ceil(3 * deviation) + 1, deviation, cv2.CV_32F)
    smooth = cv2.sepFilter2D(noise, cv2.CV_32F, kernel, kernel, borderType=cv2.BORDER_REFLECT)
    return smooth / np.float32(kernel.ravel() @ kernel.ravel())


def scale_figures(
    grader: FrameGrader, protocols: Sequence[Protocol], perfect: FramePrediction, sigma_log_scale: float
) -> dict[str, Float[np.ndarray, "nodes metrics"]]:
    """Unaligned figures of the true depth of one frame at every node of SCALE_NODES, by protocol."""
    found: dict[str, Float[np.ndarray, "nodes metrics"]] = {}
    known: dict[tuple[int, DepthRange], Float[np.ndarray, "nodes metrics"]] = {}
    for protocol in protocols:
        pixels = grader.pixels(protocol)
        if pixels.gt.size >= protocol.least_pixels:
            # Protocols that score the same pixels share them as one object.
            key = (id(pixels), grader.depth_range(protocol))
            if key not in known:
                known[key] = _at_nodes(grader.usable(protocol, perfect, "none"), key[1], sigma_log_scale)
            found[protocol.name] = known[key]
    return found


def _at_nodes(matched: Matched, depth_range: DepthRange, sigma_log_scale: float) -> Float[np.ndarray, "nodes metrics"]:
    every = np.array([0, matched.p.size])
    scales = [Affine(math.exp(sigma_log_scale * node), 0.0) for node in SCALE_NODES]
    sums = [pixel_sums(matched.p, matched.pixels.gt, every, scale, depth_range)[0] for scale in scales]
    return metrics_of(np.stack(sums))


class ScaleFloor:
    """Unaligned figures of the true depth under errors of the clips' scales, for one protocol."""

    def __init__(self, protocol: Protocol):
        self._protocol = protocol
        self._sums: dict[str, Float[np.ndarray, "nodes metrics"]] = {}
        self._frames: dict[str, int] = {}

    def add(self, figures: Float[np.ndarray, "nodes metrics"], video_id: str) -> None:
        """One frame of a metric clip, by :func:`scale_figures`."""
        self._sums[video_id] = self._sums.get(video_id, 0.0) + figures
        self._frames[video_id] = self._frames.get(video_id, 0) + 1

    def floor(self, seed: int) -> Float[np.ndarray, " metrics"]:
        """What QUANTILE of the draws of all scales stay below, for shares of good pixels what they stay above.

        Returns:
            METRICS. Videos weigh the same, or by frames under a mean over images.
        """
        rng = np.random.default_rng(seed)
        draws, total = np.zeros((N_DRAWS, len(METRICS))), 0.0
        for video in sorted(self._sums):
            weight = float(self._frames[video]) if self._protocol.reducer in ("image", "pixel") else 1.0
            errors = np.clip(rng.standard_normal(N_DRAWS), SCALE_NODES[0], SCALE_NODES[-1])
            means = self._sums[video] / self._frames[video]
            draws += weight * np.stack([np.interp(errors, SCALE_NODES, column) for column in means.T], axis=1)
            total += weight
        low, high = np.quantile(draws / total, [1 - QUANTILE, QUANTILE], axis=0)
        found: Float[np.ndarray, " metrics"] = np.where(_HIGHER, low, high)
        return found


def distance_from_best(figures: Float[np.ndarray, " metrics"]) -> Float[np.ndarray, " metrics"]:
    """How far figures of METRICS are from those of an exact prediction against exact GT: errors from 0, shares from 1."""
    found: Float[np.ndarray, " metrics"] = np.where(_HIGHER, 1.0 - figures, figures)
    return found
