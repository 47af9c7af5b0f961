"""The protocol: which pixels count, which alignment a kind of prediction is granted, and how frames become one figure.

The kind alone decides the alignment, so no model silently gets extra help. Everything that moves a figure is part of
``Protocol.description``, whose hash stands on every table.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from sfm_gt.metrics.alignment import DepthRange
from sfm_gt.metrics.depth import IN_METRES, UNITLESS

GRANTED = {
    "metric_depth": ("none", "median"),
    "scale_invariant_depth": ("median",),
    "affine_invariant_depth": ("ls_affine_depth",),
    "affine_invariant_disparity": ("ls_affine_disparity",),
}
"""Alignments that a kind may have. The first is the one it is ranked by, the others are shown beside it."""

REASONS = {
    "not_metric": "the clip has no metric scale, so an unaligned metric prediction cannot be graded",
    "too_few_pixels": "the frame has too few ground-truth pixels to score",
    "missing_prediction": "the model gave no prediction for the frame",
    "non_finite_prediction": "too few pixels of the prediction are finite where ground truth is",
    "alignment_failed": "the alignment does not exist, for example a median that is not positive",
}
"""Why a frame is not scored. Every one is counted beside the table; none enters a mean."""


@dataclass(frozen=True)
class Protocol:
    """Grading of one frame and the mean over many.

    Attributes:
        min_depth_m, max_depth_m: GT outside is not scored, and aligned predictions are clamped into the range.
        min_pixels: frames with fewer scored pixels are skipped and counted.
    """

    min_depth_m: float
    max_depth_m: float
    min_pixels: int

    @property
    def description(self) -> dict[str, Any]:
        """Everything that moves a figure, in plain words."""
        return {
            "name": "sfm_gt",
            "version": 1,
            "pixels": "valid ground truth, not moving, no overlay; finite prediction",
            "gt_range_m": [self.min_depth_m, self.max_depth_m],
            "gt_range_without_metric_scale": "all; clamped into [1e-3, 1] x largest scored GT of the frame",
            "min_pixels": self.min_pixels,
            "alignment": {kind: list(names) for kind, names in GRANTED.items()},
            "alignment_scope": "image, float64, fitted on the scored pixels of region all",
            "clip": "depth clamped into gt_range after alignment; aligned disparity floored at 1 / range end",
            "missing": "frames without a prediction and pixels without a finite one are left out and counted",
            "reducer": "frame > video > data set; image mean beside it",
            "metrics": [*UNITLESS, *IN_METRES],
            "delta": "max(p/g, g/p) < 1.25^k, strict",
        }

    @property
    def hash(self) -> str:
        """First 12 hexadecimal digits of the SHA-256 of the description."""
        canonical = json.dumps(self.description, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    def scored(
        self,
        z_depth: Float[np.ndarray, "h w"],
        moving: Bool[np.ndarray, "h w"],
        overlay: Bool[np.ndarray, "h w"],
        metric: bool,
    ) -> Bool[np.ndarray, "h w"]:
        """Pixels whose GT counts: valid, not moving, no overlay, and of a metric clip inside the depth range."""
        with np.errstate(invalid="ignore"):
            usable: Bool[np.ndarray, "h w"] = np.isfinite(z_depth) & (z_depth > 0) & ~moving & ~overlay
            if metric:
                usable &= (z_depth >= self.min_depth_m) & (z_depth <= self.max_depth_m)
        return usable

    def depth_range(
        self, z_depth: Float[np.ndarray, "h w"], scored: Bool[np.ndarray, "h w"], metric: bool
    ) -> DepthRange:
        """Where aligned depth is clamped. Without metres the cap is the largest scored GT (MoGe's rule), unit-free.

        Raises:
            ValueError: the clip is not metric and no pixel is scored.
        """
        if metric:
            return DepthRange(self.min_depth_m, self.max_depth_m)
        largest = float(z_depth[scored].max())
        return DepthRange(1e-3 * largest, largest)


def dataset_mean(values: Sequence[float], video_ids: Sequence[str]) -> float:
    """Mean over videos of the mean over each video's frames (Video-Depth-Anything, DepthCrafter); NaN when empty.

    A long video weighs no more than a short one.
    """
    by_video: dict[str, list[float]] = {}
    for value, video in zip(values, video_ids, strict=True):
        by_video.setdefault(video, []).append(value)
    return image_mean([image_mean(by_video[video]) for video in sorted(by_video)])


def image_mean(values: Sequence[float]) -> float:
    """Mean over frames (Depth Anything, ZoeDepth, Marigold, MoGe); NaN when empty."""
    return float(np.mean(values)) if len(values) else float("nan")
