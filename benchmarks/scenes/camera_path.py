"""Camera poses of a handheld walk, in float64."""

from __future__ import annotations

import numpy as np
from scene_types import CameraPath

# A hand sways at a few low frequencies, not with white noise: white noise would be motion no person makes.
SWAY_CYCLES = (1.3, 2.9, 4.7)


def _sway(rng: np.random.Generator, n_frames: int) -> np.ndarray:
    """(n_frames, 3) smooth unit-size wobble: a few sinusoids with random phases."""
    u = np.linspace(0.0, 1.0, n_frames)[:, None]
    wobble = np.zeros((n_frames, 3))
    for cycles in SWAY_CYCLES:
        phase = rng.uniform(0.0, 2 * np.pi, 3)
        wobble += np.sin(2 * np.pi * cycles * u + phase) / cycles
    return wobble


def look_at(centre_m: np.ndarray, target_m: np.ndarray, tilt_rad: np.ndarray) -> np.ndarray:
    """cam_from_world (4, 4): at ``centre_m``, +z to the target, +y down, then turned by the rotation vector."""
    forward = target_m - centre_m
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    rotation = rotation_matrix(tilt_rad) @ np.stack([right, np.cross(forward, right), forward])
    cam_from_world = np.eye(4)
    cam_from_world[:3, :3] = rotation
    cam_from_world[:3, 3] = -rotation @ centre_m
    return cam_from_world


def rotation_matrix(rotation_vector_rad: np.ndarray) -> np.ndarray:
    """Rodrigues' formula: (3, 3) from a rotation vector in radians."""
    angle = float(np.linalg.norm(rotation_vector_rad))
    if angle == 0.0:
        return np.eye(3)
    x, y, z = np.asarray(rotation_vector_rad, float) / angle
    k = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + np.sin(angle) * k + (1.0 - np.cos(angle)) * (k @ k)


def cam_from_world_of(path: CameraPath, n_frames: int, seed: int) -> np.ndarray:
    """(n_frames, 4, 4) world-to-camera transforms in metres; camera frame +x right, +y down, +z forward."""
    rng = np.random.default_rng(seed)
    u = np.linspace(0.0, 1.0, n_frames)[:, None]
    start, end = np.array(path.start_m), np.array(path.end_m)
    sideways = np.cross(end - start, [0.0, 0.0, 1.0])
    sideways /= np.linalg.norm(sideways) or 1.0  # a camera that only turns bows nowhere
    # cross((+x), (+z)) is -y: the middle of the walk bows away from the scene
    centres = start + u * (end - start) + path.bow_m * 4 * u * (1 - u) * sideways
    centres = centres + path.sway_m * _sway(rng, n_frames)
    tilts = np.deg2rad(path.sway_deg) * _sway(rng, n_frames)
    targets = (1 - u) * np.array(path.target_m) + u * np.array(path.target_end_m or path.target_m)
    return np.stack([look_at(c, target, t) for c, target, t in zip(centres, targets, tilts, strict=True)])


def project(cam_from_world: np.ndarray, path: CameraPath, points_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """World points (N, 3) to pixels (N, 2), centres at +0.5, and their z-depth (N,) in metres."""
    in_cam = points_m @ cam_from_world[:3, :3].T + cam_from_world[:3, 3]
    centre = np.array([path.width / 2, path.height / 2])
    return path.focal_px * in_cam[:, :2] / in_cam[:, 2:] + centre, in_cam[:, 2]
