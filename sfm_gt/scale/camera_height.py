"""Cue of last resort: hand-held cameras are held about as high as hands can hold them. Wide, and wrong on table tops.

The ground is the plane of the dense model that most points lie on among those that face up and have next to nothing below.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from sfm_gt.errors import NoEvidenceError
from sfm_gt.geometry.camera import pixel_grid, unproject
from sfm_gt.geometry.transforms import camera_centres, inverse_rigid, transform_points
from sfm_gt.scale.shared.estimate import Evidence, ScaleEstimate

# Between chest and eye of a standing adult: 0.72 and 0.94 of a stature of 1.65 m (ANSUR II: chest and eye height), widened for
# raised arms, crouching and steps.
HAND_HELD_M = 1.4
SIGMA_HAND_HELD = 0.2
MAX_FRAMES, POINTS_PER_FRAME = 30, 1000
# Cameras are held upright to about this; the ground may slope.
MAX_TILT_DEG = 25.0
N_PLANES = 2000
# Thickness of the ground, as a share of the median distance of points from the cameras.
THICKNESS = 0.015
MIN_SHARE, MAX_SHARE_BELOW = 0.05, 0.02
# How well the plane gives the height, at best.
SIGMA_PLANE = 0.02
SEED = 0


class CameraHeightCue:
    """Scale from the ground plane, with ``scale.camera_height`` of the sidecar or the height of hand-held cameras."""

    needs_depth = True

    def estimate(self, evidence: Evidence) -> ScaleEstimate:
        """Raises NoEvidenceError without dense depth or without a plane that can be the ground."""
        if evidence.load_depth_sfm is None or not evidence.depth_frames:
            raise NoEvidenceError("there is no dense depth to find the ground in")
        poses = evidence.model.cam_from_world
        points, distance = _points(evidence)
        ups = -poses[:, 1, :3]
        up = ups.mean(axis=0) / np.linalg.norm(ups.mean(axis=0))
        normal, offset = ground_plane(points, up, THICKNESS * distance)
        heights = camera_centres(poses) @ normal - offset
        if heights.min() <= 0:
            raise NoEvidenceError("the camera passes below the plane that looks like the ground")
        stated = evidence.stated.camera_height
        height_m, prior = (
            (stated.metres, stated.sigma_m / stated.metres) if stated else (HAND_HELD_M, SIGMA_HAND_HELD)
        )  # fmt: skip
        log_scale = float(np.log(height_m / heights.mean()))
        note = (f"ground plane {heights.mean():.4g} SfM units below the camera, "
                f"{'stated' if stated else 'assumed hand-held'} at {height_m:g} m")  # fmt: skip
        return ScaleEstimate(log_scale, float(np.hypot(prior, SIGMA_PLANE)), len(evidence.depth_frames), (note,))


def _points(evidence: Evidence) -> tuple[Float[np.ndarray, "n 3"], float]:
    """World points of the dense model, and their median distance from the cameras."""
    assert evidence.load_depth_sfm is not None, "the caller looks"
    frames = np.array(evidence.depth_frames)
    chosen = frames[np.unique(np.linspace(0, len(frames) - 1, MAX_FRAMES).round().astype(int))]
    points, distances = [], []
    for frame in chosen.tolist():
        depth = evidence.load_depth_sfm(frame)
        valid = np.flatnonzero(np.isfinite(depth))
        valid = valid[:: max(1, len(valid) // POINTS_PER_FRAME)]
        pixels = pixel_grid(depth.shape[1], depth.shape[0]).reshape(-1, 2)[valid]
        world_from_cam = inverse_rigid(evidence.model.cam_from_world[evidence.model.row_of(frame)])
        points.append(transform_points(world_from_cam, unproject(evidence.model.camera, pixels, depth.ravel()[valid])))
        distances.append(depth.ravel()[valid])
    joined = np.concatenate(points)
    if len(joined) < POINTS_PER_FRAME:
        raise NoEvidenceError(f"{len(joined)} points of dense depth, needed {POINTS_PER_FRAME} to look for the ground")
    return joined, float(np.median(np.concatenate(distances)))


def ground_plane(
    points: Float[np.ndarray, "n 3"], up: Float[np.ndarray, "3"], thickness: float
) -> tuple[Float[np.ndarray, "3"], float]:
    """Unit normal that points up, and offset: ``normal @ x = offset`` on the ground.

    Raises:
        NoEvidenceError: no plane faces up, is large enough and has nothing below.
    """
    rng = np.random.default_rng(SEED)
    best, support = None, MIN_SHARE * len(points)
    for triple in points[rng.integers(0, len(points), (N_PLANES, 3))]:
        normal = np.cross(triple[1] - triple[0], triple[2] - triple[0])
        norm = float(np.linalg.norm(normal))
        if norm == 0:
            continue
        normal *= np.sign(normal @ up) / norm
        if normal @ up < np.cos(np.radians(MAX_TILT_DEG)):
            continue
        above = (points - triple[0]) @ normal
        on = _on_plane(above, thickness)
        if on.sum() > support and (above < -2.0 * thickness).mean() < MAX_SHARE_BELOW:
            best, support = points[on], float(on.sum())
    if best is None:
        raise NoEvidenceError(
            "no plane faces up, is large enough and has nothing below: the ground is not in the picture"
        )
    centre = best.mean(axis=0)
    normal = np.linalg.svd(best - centre, full_matrices=False)[2][2]
    normal = normal * np.sign(normal @ up)
    return normal, float(normal @ centre)


def _on_plane(above: Float[np.ndarray, " n"], thickness: float) -> Bool[np.ndarray, " n"]:
    return np.abs(above) < thickness


PLUGIN = CameraHeightCue
