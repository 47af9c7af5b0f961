"""Consistency of depth between two frames of a clip, with the cameras of the ground truth.

    tae           temporal alignment error (Video-Depth-Anything), masked: depth of one frame is warped into the other and
                  compared with its depth, mean |d' - projected| / d' in both directions, times 100. The nearest surface
                  wins where several land on one pixel; pixels count where the GT says that both frames see the same
                  surface and that nothing moves there. NaN where no pixel is left.
    tae_unmasked  the figure as the original computes it without masks, as for its tables: every pixel of both predictions,
                  also where there is no GT, no occlusion or motion test, the last pixel in reading order wins, and a pair
                  without a common pixel scores 0, which is perfect. For comparison with published tables only.

Both divide by the prediction, and both want one alignment for the whole clip: an alignment of each image hides flicker.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from sfm_gt.geometry.splatting import splat
from sfm_gt.geometry.types import PinholeCamera

SAME_SURFACE = 0.05
"""Relative difference of warped and seen GT depth below which both frames see one surface."""

Map = Float[np.ndarray, "h w"]


@dataclass(frozen=True)
class TemporalView:
    """GT of one frame.

    Attributes:
        z_depth: NaN = invalid; in the unit of ``cam_from_world``.
        still: valid and neither moving nor overlaid.
    """

    z_depth: Map
    still: Bool[np.ndarray, "h w"]
    camera: PinholeCamera
    cam_from_world: Float[np.ndarray, "4 4"]


class FramePair:
    """Two frames of a clip; what depends on the GT alone is computed once for all models."""

    def __init__(self, one: TemporalView, other: TemporalView):
        self._views = (one, other)
        self._same_surface = (self._sees_the_same(0, 1), self._sees_the_same(1, 0))

    def tae(self, one: Map, other: Map) -> float:
        """Masked error of the predictions of both frames, depth in the unit of the GT, NaN = no answer; percent."""
        depths = (one, other)
        errors = [
            _relative(depths[target], self._warped(depths[source], source, target), self._same_surface[source])
            for source, target in ((0, 1), (1, 0))
        ]
        known = [error for error in errors if np.isfinite(error)]
        return 100.0 * float(np.mean(known)) if known else float("nan")

    def tae_unmasked(self, one: Map, other: Map) -> float:
        """The error as the original computes it; percent."""
        depths = (one, other)
        errors = []
        for source, target in ((0, 1), (1, 0)):
            warped = splat(depths[source], *self._cameras(source, target), nearest_wins=False)
            error = _relative(depths[target], warped, np.isfinite(warped))
            errors.append(error if np.isfinite(error) else 0.0)
        return 100.0 * float(np.mean(errors))

    def _warped(self, depth: Map, source: int, target: int) -> Map:
        still = np.where(self._views[source].still, depth, np.nan)
        return splat(still, *self._cameras(source, target), nearest_wins=True)

    def _cameras(self, source: int, target: int) -> tuple[PinholeCamera, PinholeCamera, Float[np.ndarray, "4 4"]]:
        """Camera of both views, and how the one lies to the other."""
        view, to = self._views[source], self._views[target]
        return view.camera, to.camera, to.cam_from_world @ np.linalg.inv(view.cam_from_world)

    def _sees_the_same(self, source: int, target: int) -> Bool[np.ndarray, "h w"]:
        to = self._views[target]
        warped = self._warped(self._views[source].z_depth, source, target)
        with np.errstate(invalid="ignore"):
            same: Bool[np.ndarray, "h w"] = to.still & (np.abs(warped - to.z_depth) < SAME_SURFACE * to.z_depth)
        return same


def _relative(depth: Map, warped: Map, valid: Bool[np.ndarray, "h w"]) -> float:
    both = valid & np.isfinite(warped) & (depth > 0)
    if not both.any():
        return float("nan")
    seen = depth[both].astype(np.float64)
    return float(np.mean(np.abs(seen - warped[both]) / seen))
