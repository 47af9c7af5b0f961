"""Figures that betray a sparse model whose camera does not keep to the model: rolling shutter, lens, jumps.

One pinhole camera with one focal length, one radial term and a global shutter explains every frame; what it cannot explain
stays behind as a pattern in the residuals, or as a camera path that no hand could take. Noise averages out in these figures,
patterns do not.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from sfm_gt.geometry.camera import project
from sfm_gt.geometry.transforms import camera_centres, transform_points
from sfm_gt.geometry.types import SparseModel

GRID = (6, 8)  # cells of the residual field, rows and columns
MIN_PER_CELL = 20
MIN_PER_FRAME = 30
# Neighbours that a frame's camera is compared with; farther apart in time, a hand may have gone anywhere.
MAX_NEIGHBOUR_GAP_S = 0.15


def residuals_px(model: SparseModel) -> Float[np.ndarray, "m 2"]:
    """Observed minus projected position of each observation, in pixels of the undistorted image."""
    residuals = np.empty((len(model.observations), 2))
    for row, seen in enumerate(_by_frame(model)):
        points_cam = transform_points(model.cam_from_world[row], model.points_sfm[model.observations[seen, 1]])
        residuals[seen] = model.observation_px[seen] - project(model.camera, points_cam)
    return residuals


def _by_frame(model: SparseModel) -> list[Int[np.ndarray, " _"]]:
    """Rows of the observations of each frame, ascending."""
    order = np.argsort(model.observations[:, 0], kind="stable")
    starts = np.searchsorted(model.observations[order, 0], np.arange(1, len(model.frame_indices)))
    return np.split(order, starts)


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
    for rows in _by_frame(model):
        seen = rows[np.isfinite(residuals[rows]).all(axis=1)]
        if len(seen) >= MIN_PER_FRAME:
            y = model.observation_px[seen, 1] / model.camera.height
            y = y - y.mean()
            slope = y @ residuals[seen] / max(float(y @ y), 1e-12)
            skews.append(float(np.linalg.norm(slope)))
    return float(np.median(skews)) if skews else 0.0


def trajectory_jump(model: SparseModel, timestamps_s: Float[np.ndarray, " n"]) -> tuple[float, int]:
    """Farthest that a camera lies off the line between its neighbours in time, as a share of the scene's median depth, and the
    frame in which it does.

    Args:
        timestamps_s: of the model's frames.
    """
    if len(model.frame_indices) < 3 or not len(model.observations):
        return 0.0, 0
    centres = camera_centres(model.cam_from_world)
    before, here, after = timestamps_s[:-2], timestamps_s[1:-1], timestamps_s[2:]
    near = (after > before) & (after - before < 2 * MAX_NEIGHBOUR_GAP_S)
    share = np.divide(here - before, after - before, out=np.zeros_like(here), where=near)[:, None]
    off = np.linalg.norm(centres[1:-1] - (1 - share) * centres[:-2] - share * centres[2:], axis=1)
    off = np.where(near, off, 0.0) / model.median_depth_sfm
    return float(off.max()), int(model.frame_indices[1 + off.argmax()])
