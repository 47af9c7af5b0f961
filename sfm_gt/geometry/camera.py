"""Projection and back-projection through the pinhole camera; pixel centres at +0.5."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from sfm_gt.geometry.conventions import PIXEL_CENTRE
from sfm_gt.geometry.types import PinholeCamera


def pixel_grid(width: int, height: int) -> Float[np.ndarray, "h w 2"]:
    """(x, y) of every pixel centre, in pixels."""
    x, y = np.meshgrid(np.arange(width) + PIXEL_CENTRE, np.arange(height) + PIXEL_CENTRE)
    return np.stack([x, y], axis=-1)


def project(camera: PinholeCamera, points_cam: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 2"]:
    """Pixel position of points in the camera frame; NaN for points that do not lie in front of the camera."""
    z = points_cam[..., 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        xy = points_cam[..., :2] / np.where(z > 0, z, np.nan)[..., None]
    return xy * np.array([camera.fx, camera.fy]) + np.array([camera.cx, camera.cy])


def unproject(
    camera: PinholeCamera, pixels: Float[np.ndarray, "*n 2"], z_depth: Float[np.ndarray, "*n"]
) -> Float[np.ndarray, "*n 3"]:
    """Points in the camera frame, in the unit of ``z_depth``."""
    rays = (pixels - np.array([camera.cx, camera.cy])) / np.array([camera.fx, camera.fy])
    return np.concatenate([rays * z_depth[..., None], z_depth[..., None]], axis=-1)
