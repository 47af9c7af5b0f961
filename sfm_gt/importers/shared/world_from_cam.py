"""Poses that a file states camera to world."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError
from sfm_gt.formats.camera_track import MAX_ROTATION_ERROR, rotation_error
from sfm_gt.geometry.transforms import inverse_rigid


def cam_from_world_of(path: Path, world_from_cam: Float[np.ndarray, "n 4 4"]) -> Float[np.ndarray, "n 4 4"]:
    """The inverse of each. Raises InputError for numbers that are not finite and matrices that are no pose."""
    if not np.isfinite(world_from_cam).all():
        raise InputError(f"{path}: a pose holds a number that is not finite; the file may be damaged")
    error = rotation_error(world_from_cam)
    if error > MAX_ROTATION_ERROR:
        raise InputError(
            f"{path}: a pose holds no rotation (off by {error:.2g}); needed 3 x 4 or 4 x 4 matrices, camera to world"
        )
    return np.stack([inverse_rigid(pose) for pose in world_from_cam])
