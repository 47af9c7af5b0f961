"""What two posed views allow a static point to do: epipolar geometry, pixel by pixel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from sfm_gt.geometry.types import PinholeCamera


class NearestStatic(NamedTuple):
    """Of the static point that comes nearest to where a pixel's flow ends, (H, W) float32.

    Attributes:
        inverse_depth: in the source view, 0 to the largest allowed.
        off_px: distance in the target of the point from the flow's end.
        px_per_inverse_depth: way of the point in the target for a unit of inverse depth.
        place: (H, W, 2), where the target sees the point, in pixels, centres at +0.5.
    """

    inverse_depth: np.ndarray
    off_px: np.ndarray
    px_per_inverse_depth: np.ndarray
    place: np.ndarray


def nearest_static(
    flow_px: np.ndarray,
    camera: PinholeCamera,
    target_camera: PinholeCamera,
    target_from_source: np.ndarray,
    max_inverse_depth: float,
) -> NearestStatic:
    """The static point that comes nearest to the end of each pixel's flow.

    A static point in direction x at inverse depth q projects to (R x + q t); its equality with the ray of the flow's end is
    linear in q, as in the direct linear transform (Hartley & Zisserman, Multiple View Geometry, sec. 12.2).

    Args:
        flow_px: (H, W, 2), position in the target minus position in the source.
        target_from_source: (4, 4), in the unit of depth.
    """
    source = (camera.fx, camera.fy, camera.cx, camera.cy)
    target = (target_camera.fx, target_camera.fy, target_camera.cx, target_camera.cy)
    pose = np.ascontiguousarray(target_from_source[:3], dtype=np.float64)
    return NearestStatic(*_nearest_static(flow_px, source, target, pose, max_inverse_depth))


@njit(cache=True, nogil=True, error_model="numpy")
def _nearest_static(flow_px, source, target, pose, max_inverse):
    height, width = flow_px.shape[:2]
    inverse, off_px, slope = np.empty((3, height, width), np.float32)
    place = np.empty((height, width, 2), np.float32)
    (fx, fy, cx, cy), (to_fx, to_fy, to_cx, to_cy) = source, target
    tx, ty, tz = pose[:, 3]
    for row in range(height):
        for column in range(width):
            x, y = (column + 0.5 - cx) / fx, (row + 0.5 - cy) / fy
            far_x = pose[0, 0] * x + pose[0, 1] * y + pose[0, 2]
            far_y = pose[1, 0] * x + pose[1, 1] * y + pose[1, 2]
            far_z = pose[2, 0] * x + pose[2, 1] * y + pose[2, 2]
            end_x = (column + 0.5 + flow_px[row, column, 0] - to_cx) / to_fx
            end_y = (row + 0.5 + flow_px[row, column, 1] - to_cy) / to_fy
            # What is off at infinity, and what a unit of inverse depth adds.
            off_x, off_y = far_x - end_x * far_z, far_y - end_y * far_z
            by_x, by_y = tx - end_x * tz, ty - end_y * tz
            squared = max(by_x * by_x + by_y * by_y, 1e-20)
            q = min(max(-(off_x * by_x + off_y * by_y) / squared, 0.0), max_inverse)
            z = max(far_z + q * tz, 1e-6)
            inverse[row, column] = q
            off_px[row, column] = to_fx / z * np.hypot(off_x + q * by_x, off_y + q * by_y)
            slope[row, column] = to_fx / z * np.sqrt(squared)
            place[row, column, 0] = (far_x + q * tx) / z * to_fx + to_cx
            place[row, column, 1] = (far_y + q * ty) / z * to_fy + to_cy
    return inverse, off_px, slope, place
