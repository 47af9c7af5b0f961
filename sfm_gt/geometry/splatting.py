"""Carrying a depth map into another view, pixel by pixel."""

from __future__ import annotations

import numpy as np
from numba import njit

from sfm_gt.geometry.types import PinholeCamera


def splat(
    z_depth: np.ndarray,
    camera: PinholeCamera,
    target_camera: PinholeCamera,
    target_from_source: np.ndarray,
    nearest_wins: bool,
) -> np.ndarray:
    """(H, W) float32 depth in the target view, NaN where no pixel lands.

    Args:
        z_depth: (H, W), NaN or not positive = nothing there.
        target_from_source: (4, 4), in the unit of the depth.
        nearest_wins: z-buffer; otherwise the last pixel in reading order wins.
    """
    warped = np.full((target_camera.height, target_camera.width), np.nan, np.float32)
    source = (camera.fx, camera.fy, camera.cx, camera.cy)
    target = (target_camera.fx, target_camera.fy, target_camera.cx, target_camera.cy)
    transform = np.ascontiguousarray(target_from_source[:3], dtype=np.float64)
    _splat(z_depth.astype(np.float32, copy=False), source, target, transform, nearest_wins, warped)
    return warped


@njit(cache=True, nogil=True, error_model="numpy")
def _splat(z_depth, source, target, transform, nearest_wins, warped):
    fx, fy, cx, cy = source
    height, width = warped.shape
    for row in range(z_depth.shape[0]):
        for column in range(z_depth.shape[1]):
            depth = z_depth[row, column]
            if not (0 < depth < np.inf):
                continue
            # Pixel centres lie at +0.5.
            x, y = (column + 0.5 - cx) / fx * depth, (row + 0.5 - cy) / fy * depth
            z = transform[2, 0] * x + transform[2, 1] * y + transform[2, 2] * depth + transform[2, 3]
            if z <= 0:
                continue
            u = target[0] * (transform[0, 0] * x + transform[0, 1] * y + transform[0, 2] * depth + transform[0, 3]) / z
            v = target[1] * (transform[1, 0] * x + transform[1, 1] * y + transform[1, 2] * depth + transform[1, 3]) / z
            j, i = int(np.floor(u + target[2])), int(np.floor(v + target[3]))
            if 0 <= i < height and 0 <= j < width and not (nearest_wins and warped[i, j] <= z):
                warped[i, j] = z
