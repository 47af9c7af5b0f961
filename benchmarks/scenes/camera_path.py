"""Camera poses of a handheld walk and the lens it is filmed through, in float64."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Lens:
    """How one frame is projected: a pinhole or an equidistant fisheye. Pixel centres at +0.5."""

    width: int
    height: int
    focal_px: float
    centre_px: tuple[float, float]
    fisheye: bool

    def project(self, points_m: np.ndarray) -> np.ndarray:
        """Pixels (N, 2) of points (N, 3) in the camera frame, before the camera."""
        slopes = points_m[:, :2] / points_m[:, 2:]
        if self.fisheye:
            tangent = np.linalg.norm(slopes, axis=1, keepdims=True)
            slopes = slopes * np.arctan(tangent) / np.maximum(tangent, np.finfo(float).tiny)
        return self.focal_px * slopes + np.array(self.centre_px)

    def rays(self) -> np.ndarray:
        """(H, W, 3) what the pixels' centres see at z = 1 in the camera frame."""
        x = (np.arange(self.width) + 0.5 - self.centre_px[0]) / self.focal_px
        y = (np.arange(self.height) + 0.5 - self.centre_px[1]) / self.focal_px
        slopes = np.dstack(np.meshgrid(x, y))
        if self.fisheye:
            theta = np.linalg.norm(slopes, axis=2, keepdims=True)
            slopes = slopes * np.tan(theta) / np.maximum(theta, np.finfo(float).tiny)
        return np.concatenate([slopes, np.ones_like(slopes[..., :1])], axis=2)


def lens_at(path: CameraPath, frame_index: int, n_frames: int) -> Lens:
    """The lens of one frame: its focal length breathes in a sinusoid that starts and ends at ``path.focal_px``."""
    u = frame_index / max(n_frames - 1, 1)
    focal_px = path.focal_px * (1.0 + path.breathing * float(np.sin(2 * np.pi * path.breathing_cycles * u)))
    centre_px = path.centre_px or (path.width / 2, path.height / 2)
    return Lens(path.width, path.height, focal_px, centre_px, path.fisheye)
