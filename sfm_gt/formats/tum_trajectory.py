"""Trajectories in TUM format: ``timestamp_s tx ty tz qx qy qz qw`` a line, camera to world, ``#`` begins a comment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from sfm_gt.errors import InputError
from sfm_gt.formats.atomic import replacing_file
from sfm_gt.geometry.transforms import inverse_rigid


def write_trajectory(
    path: Path, timestamps_s: Float[np.ndarray, " n"], cam_from_world: Float[np.ndarray, "n 4 4"]
) -> None:
    """Writes poses ``cam_from_world`` (4x4), lengths as they are."""
    world_from_cam = inverse_rigid(cam_from_world)
    quaternions = Rotation.from_matrix(world_from_cam[:, :3, :3]).as_quat()
    with replacing_file(path) as partial, partial.open("w") as file:
        file.write("# timestamp_s tx ty tz qx qy qz qw (world_from_cam)\n")
        for time, pose, quaternion in zip(timestamps_s, world_from_cam, quaternions, strict=True):
            values = " ".join(f"{value:.12g}" for value in (*pose[:3, 3], *quaternion))
            file.write(f"{time:.6f} {values}\n")


def read_trajectory(path: Path) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n 4 4"]]:
    """Times in order and ``cam_from_world``.

    Raises:
        InputError: not eight finite numbers a line, or a quaternion without direction.
    """
    try:
        rows = np.loadtxt(path, comments="#", ndmin=2)
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a TUM trajectory ({error}); needed 8 numbers a line") from None
    if rows.shape[1] != 8:
        raise InputError(f"{path}: {rows.shape[1]} columns; needed 8: timestamp_s tx ty tz qx qy qz qw")
    return rows[np.argsort(rows[:, 0]), 0], poses_from_rows(path, rows[np.argsort(rows[:, 0]), 1:])


def poses_from_rows(path: Path, rows: Float[np.ndarray, "n 7"]) -> Float[np.ndarray, "n 4 4"]:
    """``cam_from_world`` of rows ``tx ty tz qx qy qz qw``, camera to world.

    Raises:
        InputError: a number that is not finite, or a quaternion without direction; ``path`` begins the message.
    """
    norms = np.linalg.norm(rows[:, 3:], axis=1)
    if not np.isfinite(rows).all() or (norms < 0.5).any():
        raise InputError(f"{path}: a line holds no pose (not finite, or a quaternion of length {norms.min():.3g}); "
                         "needed tx ty tz qx qy qz qw with unit quaternions")  # fmt: skip
    world_from_cam = np.tile(np.eye(4), (len(rows), 1, 1))
    world_from_cam[:, :3, :3] = Rotation.from_quat(rows[:, 3:]).as_matrix()
    world_from_cam[:, :3, 3] = rows[:, :3]
    return inverse_rigid(world_from_cam)
