"""Whether a sparse model can carry ground truth: measured figures, bounds and reason codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import Rejected
from sfm_gt.geometry.transforms import camera_centres
from sfm_gt.geometry.types import SparseModel
from sfm_gt.sfm import model_checks

# Dense matching is no better than this, however well a few sparse points fit.
MIN_MATCHING_NOISE_PX = 0.3
# Reasons that a zoom during the take can be behind: it leaves patterns in the residuals, and little depth.
LEFT_BY_A_ZOOM = ("lens_distortion", "rolling_shutter", "poor_fit", "small_parallax")
MAX_APART = 0.3  # share of the keyframes amid the model in another


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
    return np.linalg.norm(model_checks.residuals_px(model), axis=1)


def relative_depth_sigma(focal_px: float, tri_angle_deg: float, error_px: float) -> float:
    """Sigma of depth over depth of a point seen under ``tri_angle_deg``: the angle of a pixel error over that angle."""
    return error_px / (focal_px * max(float(np.radians(tri_angle_deg)), 1e-9))


def measure(model: SparseModel, n_frames: int, timestamps_s: Float[np.ndarray, " n"]) -> dict[str, float]:
    """Figures about a model, by name with unit suffix.

    Args:
        n_frames: number of frames that were to be registered.
        timestamps_s: of the model's frames.
    """
    angle_deg = float(np.nanmedian(triangulation_angles_deg(model))) if len(model.points_sfm) else 0.0
    error_px = float(np.nanmean(reprojection_errors_px(model))) if len(model.observations) else 0.0
    jump, jump_frame = model_checks.trajectory_jump(model, timestamps_s)
    return {
        "registered_frames": float(len(model.frame_indices)),
        "registered_fraction": len(model.frame_indices) / n_frames,
        "points": float(len(model.points_sfm)),
        "median_tri_angle_deg": angle_deg,
        "mean_reprojection_error_px": error_px,
        "relative_depth_sigma": relative_depth_sigma(model.camera.fx, angle_deg, max(error_px, MIN_MATCHING_NOISE_PX)),
        "focal_px": model.camera.fx,
        "focal_by_width": model.camera.fx / model.camera.width,
        "residual_field_px": model_checks.residual_field_px(model),
        "row_skew_px": model_checks.row_skew_px(model),
        "trajectory_jump": jump,
        "trajectory_jump_frame": jump_frame,
    }


@dataclass(frozen=True)
class Bounds:
    """What the figures of :func:`measure` have to keep to; the settings of the same names explain them."""

    min_registered: float
    min_points: int
    max_reprojection_error_px: float
    max_rel_depth_sigma: float
    max_systematic_error_px: float
    max_trajectory_jump: float


def judge(measures: dict[str, float], bounds: Bounds) -> None:
    """Raises Rejected with the first bound that the figures of :func:`measure` break."""
    pattern = bounds.max_systematic_error_px
    fit = bounds.max_reprojection_error_px
    jump = f"jump of the camera at frame {measures['trajectory_jump_frame']:.0f} over scene depth"
    # What names the cause comes before what only says that the fit is bad.
    table = (
        ("few_registered", "registered_fraction", bounds.min_registered, 1, "share of registered frames"),
        ("too_few_points", "points", bounds.min_points, 1, "number of sparse points"),
        ("lens_distortion", "residual_field_px", pattern, -1, "pattern of residuals over the image in px"),
        ("rolling_shutter", "row_skew_px", pattern, -1, "shift of residuals from top to bottom row in px"),
        (
            "jumping_camera",
            "trajectory_jump",
            bounds.max_trajectory_jump,
            -1,
            jump,
        ),
        ("poor_fit", "mean_reprojection_error_px", fit, -1, "mean reprojection error in px"),
        (
            "small_parallax",
            "relative_depth_sigma",
            bounds.max_rel_depth_sigma,
            -1,
            "expected sigma of depth over depth",
        ),
    )
    for reason, name, bound, sign, words in table:
        if sign * measures[name] < sign * bound:
            needed = "at least" if sign > 0 else "at most"
            raise Rejected(reason, f"{words} is {measures[name]:.3g}, needed {needed} {bound:g}", measures[name], bound)


def judge_connection(models: Sequence[set[str]], n_keyframes: int) -> None:
    """Raises Rejected where many of the keyframes amid the chosen model lie in another.

    What lies before its first or after its last keyframe is another take, past a transition that nobody saw or a gap that no
    view bridges: the clip ends there.

    Args:
        models: names of the registered keyframes of every plausible model, in the order of time, the chosen one first.
    """
    chosen = models[0]
    first, last = min(chosen), max(chosen)
    amid = [{name for name in other - chosen if first < name < last} for other in models[1:]]
    apart = max(map(len, amid), default=0) / n_keyframes
    if apart > MAX_APART:
        raise Rejected("disconnected_models", f"{100 * apart:.0f} % of the keyframes, among the others, form a separate "
                       f"model, at most {100 * MAX_APART:.0f} % allowed; they show another scene",
                       apart, MAX_APART)  # fmt: skip
