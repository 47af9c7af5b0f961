"""Surface normals from a depth map, for formats that ask for them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from sfm_gt.geometry.camera import pixel_grid, unproject
from sfm_gt.geometry.types import PinholeCamera


def normals_from_depth(depth: Float[np.ndarray, "h w"], camera: PinholeCamera) -> Float[np.ndarray, "h w 3"]:
    """Unit normals in the camera frame that look at the camera; NaN where depth or a neighbour each way is invalid.

    Along each axis the neighbour counts that is nearer in depth, so that no normal spans a depth step.
    """
    points = unproject(camera, pixel_grid(camera.width, camera.height), depth.astype(np.float64))
    # Image x to the right and y down: their cross product looks away from the camera.
    normal = -np.cross(_along(points, 1), _along(points, 0))
    with np.errstate(invalid="ignore"):
        return normal / np.linalg.norm(normal, axis=-1, keepdims=True)


def _along(points: Float[np.ndarray, "h w 3"], axis: int) -> Float[np.ndarray, "h w 3"]:
    """Difference to the next or from the previous pixel, whichever changes less in depth; NaN where both are unknown."""
    step = np.diff(points, axis=axis)
    edge = np.full_like(points.take([0], axis), np.nan)
    forward, backward = np.concatenate([step, edge], axis), np.concatenate([edge, step], axis)
    far = np.where(np.isnan(forward[..., 2]), np.inf, np.abs(forward[..., 2]))
    near = np.where(np.isnan(backward[..., 2]), np.inf, np.abs(backward[..., 2]))
    return np.where((far <= near)[..., None], forward, backward)
