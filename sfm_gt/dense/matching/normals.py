"""Surface normals from a depth map: least-squares planes over a small window of valid pixels."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float

# Pixels. A patch's own slope scatters by ten degrees and more; over this window it is a few.
WINDOW_PX = 11
# Ridge on the spread of the window's pixels, in squared pixels: a window that holds a line of pixels gives no slope across.
RIDGE_PX2 = 0.02


def surface_normals(
    inverse_depth: Float[np.ndarray, "h w"], kept: Bool[np.ndarray, "h w"], matrix: Float[np.ndarray, "3 3"]
) -> Float[np.ndarray, "h w 3"]:
    """Unit normals in the camera frame, towards the camera, NaN where not ``kept``; float32.

    Args:
        inverse_depth: 1 / SfM units; only ``kept`` pixels are read.
        matrix: intrinsics for coordinates in which integers are pixel centres.
    """
    height, width = kept.shape
    slope_x, slope_y = _slopes(np.where(kept, inverse_depth, 0.0).astype(np.float32), kept.astype(np.float32))
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    # A plane n . X = d has inverse depth n . ray / d: its slopes are nx / (d fx), ny / (d fy), its value at the axis nz / d.
    at_axis = inverse_depth - slope_x * (x - matrix[0, 2]) - slope_y * (y - matrix[1, 2])
    normal = -np.stack([slope_x * matrix[0, 0], slope_y * matrix[1, 1], at_axis], axis=-1)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-300)
    return np.where(kept[..., None], normal, np.nan).astype(np.float32)


def _slopes(w: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Change of ``w`` per pixel to the right and down, by weighted least squares over the window of every pixel."""
    total = np.maximum(_moment(weight, 0, 0), 1e-12)
    mean_x, mean_y, mean_w = _moment(weight, 1, 0) / total, _moment(weight, 0, 1) / total, _moment(w, 0, 0) / total
    xx = _moment(weight, 2, 0) / total - mean_x**2 + RIDGE_PX2
    yy = _moment(weight, 0, 2) / total - mean_y**2 + RIDGE_PX2
    xy = _moment(weight, 1, 1) / total - mean_x * mean_y
    xw = _moment(w, 1, 0) / total - mean_x * mean_w
    yw = _moment(w, 0, 1) / total - mean_y * mean_w
    determinant = np.maximum(xx * yy - xy * xy, RIDGE_PX2**2)
    return (yy * xw - xy * yw) / determinant, (xx * yw - xy * xw) / determinant


def _moment(values: np.ndarray, x_power: int, y_power: int) -> np.ndarray:
    """Sum of ``values * dx**x_power * dy**y_power`` over the window; offsets from its centre keep float32 exact enough."""
    offsets = np.arange(WINDOW_PX, dtype=np.float32) - WINDOW_PX // 2
    return cv2.sepFilter2D(values, cv2.CV_32F, offsets**x_power, offsets**y_power, borderType=cv2.BORDER_CONSTANT)
