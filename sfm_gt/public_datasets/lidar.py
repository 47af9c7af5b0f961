"""Depth maps from points: each falls into one pixel, the nearest wins."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from sfm_gt.geometry.camera import project
from sfm_gt.geometry.types import PinholeCamera


def depth_of_points(
    camera: PinholeCamera, points_cam: Float[np.ndarray, "n 3"], shift_px: int = 0
) -> Float[np.ndarray, "h w"]:
    """(H, W) float32, metres, NaN where no point falls.

    Args:
        points_cam: in the camera frame, metres; those behind the camera are left out.
        shift_px: added to rows and columns; -1 repeats a rounding that published figures contain.
    """
    # Below the closest thing a lidar measures, where a projection runs away.
    in_front = points_cam[points_cam[:, 2] > 1e-3]
    columns, rows = np.floor(project(camera, in_front)).astype(np.int64).T + shift_px
    inside = (columns >= 0) & (columns < camera.width) & (rows >= 0) & (rows < camera.height)
    columns, rows, z = columns[inside], rows[inside], in_front[inside, 2]
    order = np.argsort(-z, kind="stable")  # far ones first, so that near ones overwrite them
    depth = np.full((camera.height, camera.width), np.nan, dtype=np.float32)
    depth[rows[order], columns[order]] = z[order]
    return depth
