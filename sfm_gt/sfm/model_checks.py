"""Figures that betray a sparse model whose camera does not keep to the model: zoom, rolling shutter, lens, jumps.

One pinhole camera with one focal length, one radial term and a global shutter explains every frame; what it cannot explain
stays behind as a pattern in the residuals, or as a camera path that no hand could take. Noise averages out in these figures,
patterns do not.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial.transform import Rotation

from sfm_gt.geometry.camera import project
from sfm_gt.geometry.transforms import camera_centres, transform_points
from sfm_gt.geometry.types import SparseModel

GRID = (6, 8)  # cells of the residual field, rows and columns
MIN_PER_CELL = 20
MIN_PER_FRAME = 30
MAX_ZOOM_FRAMES = 60
GAUSS_NEWTON_STEPS = 4
HUBER_MEDIANS = 2.0
MIN_ZOOM_SIGMAS = 4.0
# Neighbours that a frame's camera is compared with; farther apart in time, a hand may have gone anywhere.
MAX_NEIGHBOUR_GAP_S = 0.15


def residuals_px(model: SparseModel) -> Float[np.ndarray, "m 2"]:
    """Observed minus projected position of each observation, in pixels of the undistorted image."""
    residuals = np.empty((len(model.observations), 2))
    for row in range(len(model.frame_indices)):
        seen = model.observations[:, 0] == row
        points_cam = transform_points(model.cam_from_world[row], model.points_sfm[model.observations[seen, 1]])
        residuals[seen] = model.observation_px[seen] - project(model.camera, points_cam)
    return residuals


def residual_field_px(model: SparseModel) -> float:
    """Root mean square, over the cells of the image, of the mean residual in each: what the lens model leaves over."""
    residuals = residuals_px(model)
    size = np.array([model.camera.width, model.camera.height])
    column, row = np.clip(model.observation_px / size * GRID[::-1], 0, np.array(GRID[::-1]) - 1).astype(int).T
    cell = row * GRID[1] + column
    usable = np.isfinite(residuals).all(axis=1)
    means = [
        np.mean(residuals[usable & (cell == c)], axis=0)
        for c in range(GRID[0] * GRID[1])
        if (usable & (cell == c)).sum() >= MIN_PER_CELL
    ]
    return float(np.sqrt(np.mean(np.sum(np.square(means), axis=1)))) if means else 0.0


def row_skew_px(model: SparseModel) -> float:
    """Median, over frames, of how far residuals shift from the top row to the bottom row: what a rolling shutter leaves."""
    residuals = residuals_px(model)
    skews = []
    for row in range(len(model.frame_indices)):
        seen = (model.observations[:, 0] == row) & np.isfinite(residuals).all(axis=1)
        if seen.sum() >= MIN_PER_FRAME:
            y = model.observation_px[seen, 1] / model.camera.height
            y = y - y.mean()
            slope = y @ residuals[seen] / max(float(y @ y), 1e-12)
            skews.append(float(np.linalg.norm(slope)))
    return float(np.median(skews)) if skews else 0.0


def focal_drift(model: SparseModel, timestamps_s: Float[np.ndarray, " n"]) -> float:
    """Relative change of the focal length from the first to the last frame, 0 where it is no clear trend.

    Every frame's pose is solved again with a focal length of its own, against the same points; a zoom shows as a trend over
    time that is many standard deviations from none.

    Args:
        timestamps_s: of the model's frames.
    """
    rows = np.unique(np.linspace(0, len(model.frame_indices) - 1, MAX_ZOOM_FRAMES).astype(int))
    solved = [(timestamps_s[row], *fit) for row in rows if (fit := _own_log_focal(model, int(row))) is not None]
    if len(solved) < 3:
        return 0.0
    times, log_focals, sigmas = np.array(solved).T
    weights = 1.0 / np.maximum(sigmas, 1e-4) ** 2
    centred = times - np.average(times, weights=weights)
    spread = float((weights * centred**2).sum())
    slope = float((weights * centred * log_focals).sum()) / spread
    scatter = log_focals - np.average(log_focals, weights=weights) - slope * centred
    inflation = max(1.0, float((weights * scatter**2).sum()) / (len(times) - 2))
    if abs(slope) < MIN_ZOOM_SIGMAS * np.sqrt(inflation / spread):
        return 0.0
    return abs(slope) * float(np.ptp(times))


def _own_log_focal(model: SparseModel, row: int) -> tuple[float, float] | None:
    """Log of a frame's own focal length over the shared one, and its standard deviation; None with too few points."""
    seen = model.observations[:, 0] == row
    points, observed = model.points_sfm[model.observations[seen, 1]], model.observation_px[seen]
    if len(points) < MIN_PER_FRAME:
        return None
    pose, log_focal, camera = model.cam_from_world[row].copy(), 0.0, model.camera
    for _ in range(GAUSS_NEWTON_STEPS):
        points_cam = transform_points(pose, points)
        x, y, z = points_cam.T
        focal = camera.fx * np.exp(log_focal)
        projected = np.stack([focal * x / z + camera.cx, focal * y / z + camera.cy], axis=1)
        residual = (observed - projected).ravel()
        jacobian = _jacobian(points_cam, focal)
        typical = 1.48 * np.median(np.abs(residual)) + 1e-9
        weight = np.minimum(1.0, HUBER_MEDIANS * typical / np.maximum(np.abs(residual), 1e-12))
        normal = jacobian.T @ (weight[:, None] * jacobian)
        try:
            step = np.linalg.solve(normal, jacobian.T @ (weight * residual))
        except np.linalg.LinAlgError:
            return None
        pose[:3, :3] = Rotation.from_rotvec(step[:3]).as_matrix() @ pose[:3, :3]
        pose[:3, 3] = Rotation.from_rotvec(step[:3]).apply(pose[:3, 3]) + step[3:6]
        log_focal += float(step[6])
    covariance = np.linalg.pinv(normal) * typical**2
    return log_focal, float(np.sqrt(covariance[6, 6]))


def _jacobian(points_cam: Float[np.ndarray, "k 3"], focal: float) -> Float[np.ndarray, "k2 7"]:
    """Derivatives of (x, y) in pixels by rotation, translation and log focal length, two rows a point."""
    x, y, z = points_cam.T
    none = np.zeros_like(x)
    by_point = focal * np.stack(
        [np.stack([1 / z, none, -x / z**2], axis=1), np.stack([none, 1 / z, -y / z**2], axis=1)], axis=1
    )
    # A small rotation r moves a point p by r x p.
    cross = np.stack(
        [np.stack([none, z, -y], axis=1), np.stack([-z, none, x], axis=1), np.stack([y, -x, none], axis=1)], axis=1
    )
    by_focal = focal * np.stack([x / z, y / z], axis=1)[..., None]
    return np.concatenate([by_point @ cross, by_point, by_focal], axis=2).reshape(-1, 7)


def trajectory_jump(model: SparseModel, timestamps_s: Float[np.ndarray, " n"]) -> float:
    """Farthest that a camera lies off the line between its neighbours in time, as a share of the scene's median depth.

    Args:
        timestamps_s: of the model's frames.
    """
    if len(model.frame_indices) < 3 or not len(model.observations):
        return 0.0
    centres = camera_centres(model.cam_from_world)
    before, here, after = timestamps_s[:-2], timestamps_s[1:-1], timestamps_s[2:]
    share = ((here - before) / np.maximum(after - before, 1e-9))[:, None]
    off = np.linalg.norm(centres[1:-1] - (1 - share) * centres[:-2] - share * centres[2:], axis=1)
    near = (after - before) < 2 * MAX_NEIGHBOUR_GAP_S
    return float(off[near].max() / median_depth_sfm(model)) if near.any() else 0.0


def median_depth_sfm(model: SparseModel) -> float:
    """Median z-depth of all observations, in SfM units."""
    return float(np.median(_depths(model, model.observations)))


def _depths(model: SparseModel, observations: Int[np.ndarray, "m 2"]) -> Float[np.ndarray, " m"]:
    poses = model.cam_from_world[observations[:, 0]]
    return np.einsum("mi,mi->m", poses[:, 2, :3], model.points_sfm[observations[:, 1]]) + poses[:, 2, 3]
