"""Trajectories in TUM format: ``timestamp_s tx ty tz qx qy qz qw`` a line, camera to world, ``#`` begins a comment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError
from sfm_gt.formats.atomic import replacing_file
from sfm_gt.formats.number_table import MAX_COORDINATE, TIME, numbers, read_rows, within
from sfm_gt.geometry.transforms import inverse_rigid

POSE = (
    *(within(name, MAX_COORDINATE) for name in ("tx", "ty", "tz")),
    *(within(name, 10) for name in ("qx", "qy", "qz", "qw")),
)
QUATERNION_NORMS = 0.5, 2.0  # rounded text is nearer to 1


def write_trajectory(
    path: Path, timestamps_s: Float[np.ndarray, " n"], cam_from_world: Float[np.ndarray, "n 4 4"]
) -> None:
    """Writes poses ``cam_from_world`` (4x4), lengths as they are."""
    from scipy.spatial.transform import Rotation

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
        InputError: not eight numbers a line, one of them absurd, or a quaternion far from unit length; with the line.
    """
    rows = read_rows(path, None)
    if not rows:
        raise InputError(f"{path}: empty; needed 8 numbers a line: timestamp_s tx ty tz qx qy qz qw")
    values = numbers(path, rows, (TIME, *POSE))
    order = np.argsort(values[:, 0], kind="stable")
    return values[order, 0], poses_from_rows(path, [line for line, _ in rows], values[:, 1:])[order]


def poses_from_rows(path: Path, lines: Sequence[int], rows: Float[np.ndarray, "n 7"]) -> Float[np.ndarray, "n 4 4"]:
    """``cam_from_world`` of rows ``tx ty tz qx qy qz qw``, camera to world, within the bounds of POSE.

    Raises:
        InputError: a quaternion far from unit length; with ``path`` and its line.
    """
    # Every job of a workflow imports this module; scipy takes longer than all else there.
    from scipy.spatial.transform import Rotation

    norms = np.linalg.norm(rows[:, 3:], axis=1)
    bad = np.flatnonzero((norms < QUATERNION_NORMS[0]) | (norms > QUATERNION_NORMS[1]))
    if len(bad):
        raise InputError(f"{path}: line {lines[bad[0]]}: qx qy qz qw is a quaternion of length {norms[bad[0]]:.3g}; needed "
                         "tx ty tz qx qy qz qw with unit quaternions")  # fmt: skip
    world_from_cam = np.tile(np.eye(4), (len(rows), 1, 1))
    world_from_cam[:, :3, :3] = Rotation.from_quat(rows[:, 3:]).as_matrix()
    world_from_cam[:, :3, 3] = rows[:, :3]
    return inverse_rigid(world_from_cam)
