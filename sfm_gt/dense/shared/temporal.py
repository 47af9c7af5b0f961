"""How well the depth of one frame agrees with that of the frame before."""

from __future__ import annotations

import numpy as np

from sfm_gt.dense.shared.estimate import DepthEstimate
from sfm_gt.geometry.camera import pixel_grid, project, unproject
from sfm_gt.geometry.transforms import inverse_rigid, transform_points
from sfm_gt.geometry.types import SparseModel

# One pixel in so many, in both directions, is enough for a median.
STEP_PX = 4
# Beyond this relative difference two frames look at different surfaces.
OCCLUDED_REL = 0.1


def temporal_difference(
    model: SparseModel, before: tuple[int, DepthEstimate], after: tuple[int, DepthEstimate]
) -> float:
    """Median relative difference of depth at the same points of two frames, each given with its frame index.

    Points of ``before`` are warped into ``after`` with the poses of the model and meet its depth at the nearest pixel.
    NaN where the frames share no pixel with depth.
    """
    grid = pixel_grid(model.camera.width, model.camera.height)[::STEP_PX, ::STEP_PX].reshape(-1, 2)
    depth = before[1].z_depth_sfm[::STEP_PX, ::STEP_PX].ravel()
    known = np.isfinite(depth)
    pose_before, pose_after = (model.cam_from_world[model.row_of(index)] for index, _ in (before, after))
    points = transform_points(
        pose_after @ inverse_rigid(pose_before), unproject(model.camera, grid[known], depth[known])
    )
    xy = project(model.camera, points)
    with np.errstate(invalid="ignore"):
        inside = (xy >= 0).all(1) & (xy < [model.camera.width, model.camera.height]).all(1)
    columns, rows = xy[inside].astype(int).T
    difference = np.abs(points[inside, 2] / after[1].z_depth_sfm[rows, columns] - 1.0)
    same = difference < OCCLUDED_REL
    return float(np.median(difference[same])) if same.any() else float("nan")
