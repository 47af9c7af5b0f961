"""Metrics that need neighbours or pairs of pixels: boundary F1, distance of edges, surface normals, order of depth."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.metrics.boundary import RADII_PX, BoundaryGt
from sfm_gt.metrics.edges import EdgesGt
from sfm_gt.metrics.normals import NORMALS, NormalsGt
from sfm_gt.metrics.ordinal import ORDINAL, draw_pairs, ordinal
from sfm_gt.metrics.regions import ScoredPixels

BOUNDARY = tuple(f"boundary_f1_r{radius}" for radius in RADII_PX)
EDGES = ("edge_accuracy_px", "edge_completeness_px")
STRUCTURE = (*BOUNDARY, *EDGES, *ORDINAL, *NORMALS)
"""Names, all free of the unit of depth."""
_NO_NORMALS = dict.fromkeys(NORMALS, math.nan)


class GtStructure:
    """GT side, made once a frame and set of scored pixels."""

    def __init__(
        self,
        z_depth: Float[np.ndarray, "h w"],
        scored: Bool[np.ndarray, "h w"],
        pixels: ScoredPixels,
        seed: Sequence[int],
        camera: PinholeCamera | None,
    ):
        """``seed`` draws pairs of pixels; without a camera there are no normals."""
        gt = np.where(scored, z_depth, np.nan).astype(np.float32)
        self._boundary, self._edges = BoundaryGt(gt), EdgesGt(gt)
        self._normals = None if camera is None else NormalsGt(gt, camera, seed)
        self._pairs = pixels.order[draw_pairs(pixels.order.size, seed)]
        self._gt_pairs = gt.reshape(-1)[self._pairs]

    def measure(
        self, depth: Float[np.ndarray, "h w"], boundary_depth: Float[np.ndarray, "h w"] | None = None
    ) -> dict[str, float]:
        """The figures of STRUCTURE of a depth map in any unit, NaN where it does not count; NaN where a figure has no sense.

        Args:
            boundary_depth: the same map as boundary F1 sees it, where that is another.
        """
        depth = depth.astype(np.float32, copy=False)
        steep = depth if boundary_depth is None else boundary_depth
        return {
            **dict(zip(BOUNDARY, self._boundary.f1(steep), strict=True)),
            **dict(zip(EDGES, self._edges.distances_px(depth), strict=True)),
            **ordinal(depth.reshape(-1)[self._pairs], self._gt_pairs),
            **(_NO_NORMALS if self._normals is None else self._normals.figures(depth)),
        }
