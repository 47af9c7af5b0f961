"""Bundle adjustment of all frames, points and the shared camera, hardened against points that move a little."""

from __future__ import annotations

import numpy as np
import pycolmap
from jaxtyping import Float

# Poses start from a solved model, so that some steps reach the minimum; more only move the last digits.
MAX_ITERATIONS = 30
# The first pass only has to make residuals mean something: COLMAP's usual loss, in pixels.
FIRST_LOSS_PX = 1.0
# The second pass knows how well the tracks fit. A figure that sways slowly bends focal length and depth together, at
# residuals far below a pixel: what exceeds this many median residuals must count for little.
LOSS_MEDIANS = 3.0
# Beyond this many, or behind the camera, an observation is wrong.
OUTLIER_MEDIANS = 15.0
MIN_VIEWS = 3


def adjust_all(model: pycolmap.Reconstruction) -> None:
    """Adjusts ``model`` in place, twice, and drops observations that do not fit."""
    _adjust_twice(model, pycolmap.BundleAdjustmentOptions())


def adjust_points(model: pycolmap.Reconstruction) -> None:
    """As :func:`adjust_all`, with the camera and all poses held where they are."""
    options = pycolmap.BundleAdjustmentOptions()
    options.refine_focal_length = options.refine_extra_params = options.refine_rig_from_world = False
    _adjust_twice(model, options)


def _adjust_twice(model: pycolmap.Reconstruction, options: pycolmap.BundleAdjustmentOptions) -> None:
    _adjust(model, options, pycolmap.LossFunctionType.SOFT_L1, FIRST_LOSS_PX)
    typical = float(np.median(np.concatenate([errors for _, _, errors in _residuals(model)])))
    _adjust(model, options, pycolmap.LossFunctionType.CAUCHY, LOSS_MEDIANS * typical)
    _drop_outliers(model, OUTLIER_MEDIANS * typical)


def _adjust(
    model: pycolmap.Reconstruction,
    options: pycolmap.BundleAdjustmentOptions,
    loss: pycolmap.LossFunctionType,
    scale_px: float,
) -> None:
    options.refine_principal_point = False
    options.print_summary = False
    options.ceres.loss_function_type = loss
    options.ceres.loss_function_scale = scale_px
    options.ceres.solver_options.max_num_iterations = MAX_ITERATIONS
    options.ceres.solver_options.function_tolerance = 1e-5
    # One thread: floating-point sums, and so the result, must not depend on the number of cores.
    options.ceres.solver_options.num_threads = 1
    pycolmap.bundle_adjustment(model, options)


def _residuals(model: pycolmap.Reconstruction) -> list[tuple[int, list[int], Float[np.ndarray, " n"]]]:
    """By image: its id, rows of its observations and their reprojection errors in pixels, infinite behind the camera."""
    found = []
    for image_id, image in sorted(model.images.items()):
        rows = [row for row, point in enumerate(image.points2D) if point.has_point3D()]
        if not image.has_pose or not rows:
            continue
        points = np.array([model.points3D[image.points2D[row].point3D_id].xyz for row in rows])
        observed = np.array([image.points2D[row].xy for row in rows])
        pose = image.cam_from_world()
        points_cam = points @ pose.rotation.matrix().T + pose.translation
        projected = np.asarray(model.cameras[image.camera_id].img_from_cam(points_cam))
        errors = np.linalg.norm(projected - observed, axis=1)
        found.append((image_id, rows, np.where(points_cam[:, 2] > 0, np.nan_to_num(errors, nan=np.inf), np.inf)))
    return found


def _drop_outliers(model: pycolmap.Reconstruction, max_error_px: float) -> None:
    for image_id, rows, errors in _residuals(model):
        for row, error in zip(rows, errors.tolist(), strict=True):
            # Deleting the last but one observation of a point deletes the point and frees the other.
            if error > max_error_px and model.images[image_id].points2D[row].has_point3D():
                model.delete_observation(image_id, row)
    for point_id in [p for p, point in model.points3D.items() if point.track.length() < MIN_VIEWS]:
        model.delete_point3D(point_id)
