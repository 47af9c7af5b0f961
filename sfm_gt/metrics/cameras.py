"""Cameras that a model predicts with its depth, against those of the ground truth.

    focal_rel       mean |f - f_gt| / f_gt over frames, f = fx
    fov_deg         mean |FoV - FoV_gt|, horizontal, FoV = 2 atan(width / 2 fx)
    pose_auc_3 5 30 share of pairs of frames with an error below 1, 2, … degrees, mean over these bounds up to 3, 5 or 30.
                    The error is the larger of the angle between relative rotations and that between the directions of relative
                    translations, whose sign is left open (VGGT's histogram in steps of 1 degree). Pairs whose GT cameras share
                    a centre have no direction and are left out. Of long clips MAX_VIEWS evenly spaced frames are paired
    ate             RMSE of camera centres after the best similarity (Umeyama); unit of the GT (evo, MonST3R)
    rpe_trans       RMSE of the translation between successive frames, in the scale of that similarity; unit of the GT
    rpe_rot_deg     RMSE of the rotation between successive frames

Poses are ``cam_from_world``, each in a world and scale of its own. A figure without frames, or pairs, is NaN.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from sfm_gt.geometry.alignment import align_similarity
from sfm_gt.geometry.transforms import camera_centres, inverse_rigid

AUC_BOUNDS_DEG = (3, 5, 30)
CAMERAS = (
    "focal_rel",
    "fov_deg",
    *(f"pose_auc_{bound}" for bound in AUC_BOUNDS_DEG),
    "ate",
    "rpe_trans",
    "rpe_rot_deg",
)
LENGTHS = ("ate", "rpe_trans")
"""In the unit of the GT."""
MAX_VIEWS = 200
# A ground truth whose own focal length is known worse than this, relative, judges none, nor points and normals, which depend on
# it: as much as structure from motion allows where depth depends on it (sfm.max_rel_focal_sigma). Its depth is judged.
MAX_FOCAL_SIGMA_REL = 0.12

Poses = Float[np.ndarray, "n 4 4"]


def focal_figures(
    fx: Float[np.ndarray, " n"], gt_fx: Float[np.ndarray, " n"], width: Float[np.ndarray, " n"]
) -> dict[str, float]:
    """``focal_rel`` and ``fov_deg`` of focal lengths in pixels of images ``width`` pixels wide."""
    if not fx.size:
        return {"focal_rel": math.nan, "fov_deg": math.nan}
    fov, gt_fov = (2 * np.degrees(np.arctan(width / (2 * focal))) for focal in (fx, gt_fx))
    return {"focal_rel": float(np.mean(np.abs(fx / gt_fx - 1))), "fov_deg": float(np.mean(np.abs(fov - gt_fov)))}


def pose_figures(cam_from_world: Poses, gt: Poses) -> dict[str, float]:
    """Figures of a trajectory of successive frames."""
    errors = pair_errors_deg(cam_from_world, gt)
    return {f"pose_auc_{bound}": pose_auc(errors, bound) for bound in AUC_BOUNDS_DEG} | _trajectory(cam_from_world, gt)


def pair_errors_deg(cam_from_world: Poses, gt: Poses) -> Float[np.ndarray, " pairs"]:
    """The larger of the errors of rotation and of direction of translation, of all pairs that have both."""
    chosen = np.unique(np.linspace(0, len(gt) - 1, min(len(gt), MAX_VIEWS)).round().astype(np.int64))
    one, other = np.triu_indices(chosen.size, 1)
    relative, gt_relative = (poses[chosen][other] @ inverse_rigid(poses[chosen][one]) for poses in (cam_from_world, gt))
    moved, gt_moved = relative[:, :3, 3], gt_relative[:, :3, 3]
    length, gt_length = np.linalg.norm(moved, axis=1), np.linalg.norm(gt_moved, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = np.abs(np.einsum("ij,ij->i", moved, gt_moved)) / (length * gt_length)
    # A predicted camera that stands still has no right direction either.
    direction = np.where(length > 0, np.degrees(np.arccos(np.clip(cosine, 0, 1))), 90.0)
    errors: Float[np.ndarray, " pairs"] = np.maximum(_angles_deg(relative, gt_relative), direction)[gt_length > 0]
    return errors


def pose_auc(errors_deg: Float[np.ndarray, " pairs"], bound_deg: int) -> float:
    """Mean over 1, 2, … ``bound_deg`` of the share of errors below; NaN without a pair."""
    if not errors_deg.size:
        return math.nan
    return float(np.mean([np.mean(errors_deg < bound) for bound in range(1, bound_deg + 1)]))


def _trajectory(cam_from_world: Poses, gt: Poses) -> dict[str, float]:
    if len(gt) < 3:
        return {"ate": math.nan, "rpe_trans": math.nan, "rpe_rot_deg": math.nan}
    centres, gt_centres = camera_centres(cam_from_world), camera_centres(gt)
    scale, placed = 0.0, np.broadcast_to(gt_centres.mean(axis=0), gt_centres.shape)
    if np.ptp(centres, axis=0).any():
        similarity = align_similarity(centres, gt_centres)
        scale, placed = similarity.scale, similarity.apply(centres)
    step, gt_step = (poses[1:] @ inverse_rigid(poses[:-1]) for poses in (cam_from_world, gt))
    step = step.copy()
    step[:, :3, 3] *= scale
    difference = inverse_rigid(gt_step) @ step
    return {
        "ate": _rms(np.linalg.norm(placed - gt_centres, axis=1)),
        "rpe_trans": _rms(np.linalg.norm(difference[:, :3, 3], axis=1)),
        "rpe_rot_deg": _rms(_angles_deg(step, gt_step)),
    }


def _angles_deg(one: Poses, other: Poses) -> Float[np.ndarray, " n"]:
    """Of the rotations between two sets of poses; by the chord, which is exact near 0, where the trace is not."""
    chord = np.linalg.norm(one[:, :3, :3] - other[:, :3, :3], axis=(1, 2)) / math.sqrt(8.0)
    angles: Float[np.ndarray, " n"] = np.degrees(2 * np.arcsin(np.clip(chord, 0, 1)))
    return angles


def _rms(errors: Float[np.ndarray, " n"]) -> float:
    return float(np.sqrt(np.mean(errors**2)))
