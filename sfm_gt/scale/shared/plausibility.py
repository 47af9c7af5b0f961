"""Is a scale possible at all? A wrong unit (centimetres for metres) makes cathedrals of kitchens, and cameras race."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sfm_gt.geometry.transforms import camera_centres
from sfm_gt.geometry.types import SparseModel

# Speeds are taken over this time, so that the noise of single poses does not look like motion.
SPEED_STEP_S = 0.5


def median_speed_sfm(model: SparseModel, timestamps_s: Mapping[int, float]) -> float:
    """Median speed of the camera, SfM units a second; 0 for a clip shorter than SPEED_STEP_S."""
    times = np.array([timestamps_s[int(index)] for index in model.frame_indices])
    centres = camera_centres(model.cam_from_world)
    later = np.searchsorted(times, times + SPEED_STEP_S)
    rows = np.flatnonzero(later < len(times))
    if len(rows) == 0:
        return 0.0
    moved = np.linalg.norm(centres[later[rows]] - centres[rows], axis=1)
    return float(np.median(moved / (times[later[rows]] - times[rows])))


def implausible(
    model: SparseModel,
    timestamps_s: Mapping[int, float],
    metric_from_sfm: float,
    depth_range_m: tuple[float, float],
    max_speed_m_per_s: float,
) -> str | None:
    """Why a scale cannot be right, with what to check; None where it can."""
    if len(model.observations):
        depth_m = metric_from_sfm * model.median_depth_sfm
        if not depth_range_m[0] <= depth_m <= depth_range_m[1]:
            return (
                f"the scene would lie {depth_m:.3g} m away (median), plausible are {depth_range_m[0]:g} to "
                f"{depth_range_m[1]:g} m (scale.plausible_depth_m); is everything stated in metres, not in centimetres?"
            )
    speed = metric_from_sfm * median_speed_sfm(model, timestamps_s)
    if speed > max_speed_m_per_s:
        return (
            f"the camera would move at {speed:.3g} m/s (median), plausible is {max_speed_m_per_s:g} m/s at most "
            "(scale.max_speed_m_per_s); is everything stated in metres, not in centimetres?"
        )
    return None
