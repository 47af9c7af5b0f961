"""Rigid and similarity transforms as 4x4 matrices, ``target_from_source``, acting on column vectors."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def inverse_rigid(b_from_a: Float[np.ndarray, "*n 4 4"]) -> Float[np.ndarray, "*n 4 4"]:
    """``a_from_b`` of a rigid ``b_from_a``, without a general matrix inverse."""
    rotation_t = np.swapaxes(b_from_a[..., :3, :3], -1, -2)
    a_from_b = np.zeros_like(b_from_a)
    a_from_b[..., :3, :3] = rotation_t
    a_from_b[..., :3, 3] = -np.einsum("...ij,...j->...i", rotation_t, b_from_a[..., :3, 3])
    a_from_b[..., 3, 3] = 1.0
    return a_from_b


def transform_points(
    b_from_a: Float[np.ndarray, "4 4"], points_a: Float[np.ndarray, "*n 3"]
) -> Float[np.ndarray, "*n 3"]:
    """Points of frame a, expressed in frame b."""
    return points_a @ b_from_a[:3, :3].T + b_from_a[:3, 3]


def camera_centres(cam_from_world: Float[np.ndarray, "*n 4 4"]) -> Float[np.ndarray, "*n 3"]:
    """Camera centres in the world frame, in the unit of the translations."""
    return inverse_rigid(cam_from_world)[..., :3, 3]


def scale_world(cam_from_world: Float[np.ndarray, "*n 4 4"], metric_from_sfm: float) -> Float[np.ndarray, "*n 4 4"]:
    """Poses in a world whose lengths are multiplied by ``metric_from_sfm``; rotations stay."""
    scaled = cam_from_world.copy()
    scaled[..., :3, 3] *= metric_from_sfm
    return scaled
