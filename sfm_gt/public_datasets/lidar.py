"""Depth maps from points: each falls into one pixel. Poses that carry points from one sensor to another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from sfm_gt.errors import InputError
from sfm_gt.geometry.camera import project
from sfm_gt.geometry.conventions import PIXEL_CENTRE
from sfm_gt.geometry.types import PinholeCamera


def rigid(quaternion_wxyz: Sequence[float], translation_m: Sequence[float]) -> Float[np.ndarray, "4 4"]:
    """b_from_a of a sensor a that stands in frame b with this rotation and at this place.

    Raises:
        ValueError: not four and three numbers, or a quaternion of length zero.
    """
    w, x, y, z = quaternion_wxyz
    b_from_a = np.eye(4)
    b_from_a[:3, :3] = Rotation.from_quat([x, y, z, w]).as_matrix()
    b_from_a[:3, 3] = translation_m
    return b_from_a


def read_points(path: Path, numbers_a_point: int, part: str) -> Float[np.ndarray, "n 3"]:
    """x, y, z of a raw float32 file, metres. Raises InputError.

    Args:
        part: of the benchmark, as it is unpacked.
    """
    try:
        values = np.fromfile(path, dtype="<f4")
    except OSError:
        raise InputError(f"{path}: missing; unpack {part}") from None
    if values.size == 0 or values.size % numbers_a_point:
        raise InputError(f"{path}: {values.size} numbers, needed {numbers_a_point} a point; unpack {part} again")
    return values.reshape(-1, numbers_a_point)[:, :3].astype(np.float64)


def depth_of_points(
    camera: PinholeCamera, points_cam: Float[np.ndarray, "n 3"], shift_px: int = 0
) -> Float[np.ndarray, "h w"]:
    """(H, W) float32, metres, NaN where no point falls; the nearest wins.

    Args:
        points_cam: in the camera frame, metres; those behind the camera are left out.
        shift_px: added to rows and columns; -1 repeats a rounding that published figures contain.
    """
    in_front = _in_front(points_cam)
    return depth_at(camera.height, camera.width, project(camera, in_front) + shift_px, in_front[:, 2])


def depth_at(
    height: int, width: int, pixels: Float[np.ndarray, "m 2"], z_depth_m: Float[np.ndarray, " m"]
) -> Float[np.ndarray, "h w"]:
    """(H, W) float32, NaN where there is none, of depth at positions (x, y) in the image; the nearest wins."""
    far_first = np.argsort(-z_depth_m, kind="stable")  # so that near ones overwrite far ones
    return _drawn(height, width, np.floor(pixels[far_first]), z_depth_m[far_first])


def depth_of_points_by_dgp(camera: PinholeCamera, points_cam: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "h w"]:
    """As :func:`depth_of_points`, by the rule of the DGP library (``generate_depth_map``), which DDAD's figures rest on.

    The last point of the sweep wins, not the nearest, and coordinates from the centre of the first pixel lose their decimals:
    depth lies half a pixel up and left of where the camera sees it.
    """
    in_front = _in_front(points_cam)
    return _drawn(camera.height, camera.width, np.trunc(project(camera, in_front) - PIXEL_CENTRE), in_front[:, 2])


def _in_front(points_cam: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "m 3"]:
    # Below the closest thing a lidar measures, where a projection runs away.
    return points_cam[points_cam[:, 2] > 1e-3]


def _drawn(
    height: int, width: int, places: Float[np.ndarray, "m 2"], z: Float[np.ndarray, " m"]
) -> Float[np.ndarray, "h w"]:
    columns, rows = places.astype(np.int64).T
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    depth = np.full((height, width), np.nan, dtype=np.float32)
    depth[rows[inside], columns[inside]] = z[inside]
    return depth
