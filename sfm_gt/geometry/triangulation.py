"""Triangulation of one point from many views, with its covariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import least_squares

from sfm_gt.geometry.camera import project
from sfm_gt.geometry.transforms import camera_centres
from sfm_gt.geometry.types import PinholeCamera


@dataclass(frozen=True)
class TriangulatedPoint:
    """A point in the world frame, SfM units.

    Attributes:
        covariance: (3, 3), of independent pixel noise with the standard deviation given to :func:`triangulate`.
        angle_deg: largest angle between the viewing ray of the first view and that of another.
    """

    point: Float[np.ndarray, "3"]
    covariance: Float[np.ndarray, "3 3"]
    angle_deg: float
    rms_px: float


def triangulate(
    camera: PinholeCamera,
    cam_from_world: Float[np.ndarray, "n 4 4"],
    pixels: Float[np.ndarray, "n 2"],
    sigma_px: float,
) -> TriangulatedPoint:
    """The point that minimises the robust (soft L1) reprojection error over all views.

    Raises:
        ValueError: fewer than two views.
    """
    if len(pixels) < 2:
        raise ValueError(f"triangulation needs two views or more, found {len(pixels)}")

    def residuals(point: np.ndarray) -> np.ndarray:
        points_cam = np.einsum("nij,j->ni", cam_from_world[:, :3, :3], point) + cam_from_world[:, :3, 3]
        return (np.nan_to_num(project(camera, points_cam), nan=1e6) - pixels).ravel() / sigma_px

    start = _linear(camera, cam_from_world, pixels)
    solution = least_squares(residuals, start, loss="soft_l1")
    rays = solution.x - camera_centres(cam_from_world)
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    return TriangulatedPoint(
        point=solution.x,
        covariance=_covariance(camera, cam_from_world, solution.x, sigma_px),
        angle_deg=float(np.degrees(np.arccos(np.clip((rays @ rays[0]).min(), -1.0, 1.0)))),
        rms_px=float(np.sqrt(np.mean(residuals(solution.x) ** 2) * 2.0) * sigma_px),
    )


def meeting_points(
    centres: Float[np.ndarray, "m 3"],
    rays: Float[np.ndarray, "m 3"],
    tracks: Int[np.ndarray, " m"],
    n_tracks: int,
) -> Float[np.ndarray, "n_tracks 3"]:
    """The point nearest to the viewing rays of each track, by angle; thousands of tracks at once.

    Least squares of the distances to the rays, then once more with each weighted by the inverse squared distance to its
    camera, which makes angles of lengths.

    Args:
        centres, rays: camera centre and direction of each observation, in the world frame.
        tracks: which track each observation belongs to, 0 to ``n_tracks`` - 1.
    """
    directions = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    across = np.eye(3) - directions[:, :, None] * directions[:, None, :]
    weights = np.ones(len(centres))
    for _ in range(2):
        normal, right = np.zeros((n_tracks, 3, 3)), np.zeros((n_tracks, 3))
        np.add.at(normal, tracks, weights[:, None, None] * across)
        np.add.at(right, tracks, weights[:, None] * np.einsum("mij,mj->mi", across, centres))
        points = np.einsum("nij,nj->ni", np.linalg.pinv(normal), right)
        weights = 1.0 / np.maximum(((points[tracks] - centres) ** 2).sum(axis=1), np.finfo(float).tiny)
    return points


def _covariance(
    camera: PinholeCamera, cam_from_world: Float[np.ndarray, "n 4 4"], point: Float[np.ndarray, "3"], sigma_px: float
) -> Float[np.ndarray, "3 3"]:
    """Inverse of the Fisher information of pixel noise, from the derivative of the projection."""
    rotation = cam_from_world[:, :3, :3]
    x, y, z = (rotation @ point + cam_from_world[:, :3, 3]).T
    zero = np.zeros_like(z)
    by_camera = np.stack([np.stack([camera.fx / z, zero, -camera.fx * x / z**2], axis=-1),
                          np.stack([zero, camera.fy / z, -camera.fy * y / z**2], axis=-1)], axis=1)  # fmt: skip
    by_point = (by_camera @ rotation).reshape(-1, 3) / sigma_px
    return np.linalg.pinv(by_point.T @ by_point)


def _linear(
    camera: PinholeCamera, cam_from_world: Float[np.ndarray, "n 4 4"], pixels: Float[np.ndarray, "n 2"]
) -> Float[np.ndarray, "3"]:
    """Direct linear transform (Hartley & Zisserman, section 12.2) on normalised rays."""
    x = (pixels[:, 0] - camera.cx) / camera.fx
    y = (pixels[:, 1] - camera.cy) / camera.fy
    p = cam_from_world[:, :3]
    rows = np.concatenate([x[:, None] * p[:, 2] - p[:, 0], y[:, None] * p[:, 2] - p[:, 1]])
    homogeneous = np.linalg.svd(rows)[2][-1]
    return homogeneous[:3] / homogeneous[3]
