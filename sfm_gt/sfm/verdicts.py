"""Whether a sparse model can carry ground truth: measured figures, bounds and reason codes."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import Rejected
from sfm_gt.geometry.camera import project
from sfm_gt.geometry.transforms import camera_centres, transform_points
from sfm_gt.geometry.types import SparseModel


def triangulation_angles_deg(model: SparseModel) -> Float[np.ndarray, " p"]:
    """Largest angle between the viewing rays of each point, in degrees; NaN for a point seen less than twice.

    The largest angle is taken against the first view of the track and against the view farthest from that one, which
    bounds the true maximum from below within a few per cent for hand-held paths.
    """
    centres = camera_centres(model.cam_from_world)
    order = np.lexsort((model.observations[:, 0], model.observations[:, 1]))
    views, points = model.observations[order].T
    starts = np.flatnonzero(np.r_[True, points[1:] != points[:-1]])
    angles = np.full(len(model.points_sfm), np.nan)
    for track in np.split(np.arange(len(points)), starts[1:]):
        if len(track) < 2:
            continue
        rays = model.points_sfm[points[track[0]]] - centres[views[track]]
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        far = rays[np.argmin(rays @ rays[0])]
        angles[points[track[0]]] = np.degrees(np.arccos(np.clip((rays @ far).min(), -1.0, 1.0)))
    return angles


def reprojection_errors_px(model: SparseModel) -> Float[np.ndarray, " m"]:
    """Distance between each observation and its point's projection, in pixels of the undistorted image."""
    errors = np.empty(len(model.observations))
    for row in range(len(model.frame_indices)):
        seen = model.observations[:, 0] == row
        points_cam = transform_points(model.cam_from_world[row], model.points_sfm[model.observations[seen, 1]])
        errors[seen] = np.linalg.norm(project(model.camera, points_cam) - model.observation_px[seen], axis=1)
    return errors


def measure(model: SparseModel, n_frames: int) -> dict[str, float]:
    """Figures about a model, by name with unit suffix; ``n_frames`` is the number of frames of the clip."""
    return {
        "registered_frames": float(len(model.frame_indices)),
        "registered_fraction": len(model.frame_indices) / n_frames,
        "points": float(len(model.points_sfm)),
        "median_tri_angle_deg": float(np.nanmedian(triangulation_angles_deg(model))) if len(model.points_sfm) else 0.0,
        "mean_reprojection_error_px": float(np.nanmean(reprojection_errors_px(model)))
        if len(model.observations)
        else 0.0,
        "focal_px": model.camera.fx,
        "focal_by_width": model.camera.fx / model.camera.width,
    }


def judge(
    measures: dict[str, float],
    min_registered: float,
    min_points: int,
    min_median_tri_angle_deg: float,
    max_reprojection_error_px: float,
) -> None:
    """Raises Rejected with the first bound that the figures of :func:`measure` break."""
    bounds = (
        ("few_registered", "registered_fraction", min_registered, 1, "share of registered frames"),
        ("too_few_points", "points", min_points, 1, "number of sparse points"),
        ("no_parallax", "median_tri_angle_deg", min_median_tri_angle_deg, 1, "median triangulation angle in degrees"),
        ("poor_fit", "mean_reprojection_error_px", max_reprojection_error_px, -1, "mean reprojection error in pixels"),
    )
    for reason, name, bound, sign, words in bounds:
        if sign * measures[name] < sign * bound:
            needed = "at least" if sign > 0 else "at most"
            raise Rejected(reason, f"{words} is {measures[name]:.3g}, needed {needed} {bound:g}", measures[name], bound)
