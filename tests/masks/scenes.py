"""Small ray-cast scenes of textured rectangles with exact depth, poses and moving masks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sfm_gt.geometry.camera import pixel_grid
from sfm_gt.geometry.types import PinholeCamera, View
from tests.video.make_videos import textured

CAMERA = PinholeCamera(320, 240, 300.0, 300.0, 160.0, 120.0)
TEXELS = 512


@dataclass(frozen=True)
class Rectangle:
    """corner + u * across + v * down with u, v in [0, 1]; within ``moves_in`` it goes off by ``velocity`` and back."""

    corner: tuple[float, float, float]
    across: tuple[float, float, float]
    down: tuple[float, float, float]
    seed: int
    velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
    moves_in: range = range(0)
    repeat: int = 1  # the texture lies this often along each side

    def corner_at(self, frame: int) -> np.ndarray:
        steps = max(0, min(frame - self.moves_in.start + 1, self.moves_in.stop - frame))
        return np.array(self.corner) + steps * np.array(self.velocity)


WALL = Rectangle((-6, -4, 6), (12, 0, 0), (0, 8, 0), 1, repeat=4)
FLOOR = Rectangle((-6, 1.2, 0.2), (12, 0, 0), (0, 0, 8), 2, repeat=4)
BOXES = (
    Rectangle((-1.4, -0.6, 3), (0.9, 0, 0.3), (0, 1.8, 0), 3),
    Rectangle((0.9, -0.2, 2.2), (0.6, 0, -0.2), (0, 1.4, 0), 4),
    Rectangle((-0.4, 0.6, 1.8), (0.7, 0, 0.2), (0, 0.6, 0), 5),
)


@dataclass(frozen=True)
class Scene:
    """Rendered frames with their truth."""

    views: list[View] = field(default_factory=list)
    moving: list[np.ndarray] = field(default_factory=list)

    @property
    def frames(self) -> list[np.ndarray]:
        return [view.image for view in self.views]


def render(rectangles: tuple[Rectangle, ...], cam_from_world: np.ndarray, frame: int) -> tuple[View, np.ndarray]:
    """One view with exact depth, and where a rectangle moves."""
    rays = np.concatenate([pixel_grid(CAMERA.width, CAMERA.height), np.ones((240, 320, 1))], axis=-1)
    rays = rays @ np.linalg.inv(CAMERA.matrix).T
    z = np.full((240, 320), np.inf)
    image, moving = np.zeros((240, 320, 3), np.uint8), np.zeros((240, 320), dtype=bool)
    for rectangle in rectangles:
        corner = cam_from_world[:3, :3] @ rectangle.corner_at(frame) + cam_from_world[:3, 3]
        across, down = (cam_from_world[:3, :3] @ np.array(side) for side in (rectangle.across, rectangle.down))
        normal = np.cross(across, down)
        hit_z = (corner @ normal) / (rays @ normal)
        offset = rays * hit_z[..., None] - corner
        u, v = (offset @ side / (side @ side) for side in (across, down))
        hit = (hit_z > 0.05) & (hit_z < z) & (u >= 0) & (u < 1) & (v >= 0) & (v < 1)
        texture = textured(rectangle.seed, TEXELS, TEXELS)
        image[hit] = texture[
            (v[hit] * TEXELS * rectangle.repeat).astype(int) % TEXELS,
            (u[hit] * TEXELS * rectangle.repeat).astype(int) % TEXELS,
        ]
        z[hit] = hit_z[hit]
        moving[hit] = frame in rectangle.moves_in
    depth = np.where(np.isfinite(z), z, np.nan).astype(np.float32)
    return View(frame, image, np.ones_like(moving), CAMERA, cam_from_world, depth), moving


def film(n_frames: int, extra: tuple[Rectangle, ...] = (), step: float = 0.04, turn_rad: float = 0.004) -> Scene:
    """A camera that moves sideways by ``step`` a frame and turns by ``turn_rad``, with a little unrest."""
    rng = np.random.default_rng(0)
    scene = Scene()
    for frame in range(n_frames):
        angle = turn_rad * (frame - n_frames / 2) + 0.001 * rng.normal()
        cam_from_world = np.eye(4)
        cam_from_world[:3, :3] = [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
        noise = 0.1 * step * rng.normal(size=3)
        centre = np.array([step * (frame - n_frames / 2), 0.0, 0.2 * step * frame]) + noise
        cam_from_world[:3, 3] = -cam_from_world[:3, :3] @ centre
        view, moving = render((WALL, FLOOR, *BOXES, *extra), cam_from_world, frame)
        scene.views.append(view)
        scene.moving.append(moving)
    return scene
