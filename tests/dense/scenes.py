"""A textured wall behind a textured board, ray-cast in plain numpy: exact depth, exact poses, supersampled images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sfm_gt.geometry.camera import pixel_grid, project, unproject
from sfm_gt.geometry.transforms import inverse_rigid, transform_points
from sfm_gt.geometry.types import PinholeCamera, SparseModel, View

CAMERA = PinholeCamera(240, 180, 220.0, 220.0, 120.0, 90.0)
SUPERSAMPLING = 4
# Points on a plane, its normal, and half the size of what is cut out of it (world frame, y down, z forward).
WALL = (np.array([0.0, 0.0, 5.0]), np.array([0.25, -0.1, -1.0]), (20.0, 20.0))
BOARD = (np.array([-0.3, 0.1, 3.2]), np.array([-0.3, 0.2, -1.0]), (0.7, 0.6))
NOISE_SEED = 5


@dataclass(frozen=True)
class Scene:
    """Views with exact depth (SfM units, NaN never) and the sparse model that belongs to them."""

    views: tuple[View, ...]
    truth: tuple[np.ndarray, ...]
    model: SparseModel

    def load(self, frame_index: int) -> View:
        return self.views[self.model.row_of(frame_index)]


def film(n_views: int = 6, step: float = 0.16, seed: int = 1) -> Scene:
    """Cameras beside one another that turn slightly towards the scene; frame indices count in tens."""
    poses = [_pose(step * (i - (n_views - 1) / 2)) for i in range(n_views)]
    textures = [_texture(seed), _texture(seed + 1)]
    shots = [_shoot(pose, textures) for pose in poses]
    usable = np.ones((CAMERA.height, CAMERA.width), dtype=bool)
    views = tuple(View(10 * i, image, usable, CAMERA, poses[i]) for i, (image, _) in enumerate(shots))
    truth = tuple(depth for _, depth in shots)
    return Scene(views, truth, _sparse_model(views, truth))


def scaled(scene: Scene, factor: float) -> Scene:
    """The same images in a world ``factor`` times as large."""
    poses = scene.model.cam_from_world.copy()
    poses[:, :3, 3] *= factor
    model = SparseModel(
        CAMERA, scene.model.frame_indices, poses, scene.model.points_sfm * factor, scene.model.observations,
        scene.model.observation_px,
    )  # fmt: skip
    views = tuple(
        View(v.frame_index, v.image, v.usable, CAMERA, pose) for v, pose in zip(scene.views, poses, strict=True)
    )
    return Scene(views, tuple(depth * factor for depth in scene.truth), model)


def _pose(x: float) -> np.ndarray:
    angle = -0.12 * x
    cam_from_world = np.eye(4)
    cam_from_world[:3, :3] = [[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]]
    cam_from_world[:3, 3] = -cam_from_world[:3, :3] @ [x, 0.15 * x, 0.0]
    return cam_from_world


def _texture(seed: int) -> np.ndarray:
    """Noise of several sizes, (1024, 1024) in 0..255."""
    rng = np.random.default_rng(seed)
    total = np.zeros((1024, 1024))
    for cells in (32, 64, 128, 256):
        coarse = np.repeat(np.repeat(rng.normal(size=(cells, cells)), 1024 // cells, 0), 1024 // cells, 1)
        total += coarse
    return np.clip(128 + 35 * total, 0, 255)


def _hit(origin: np.ndarray, rays: np.ndarray, plane: tuple) -> tuple[np.ndarray, np.ndarray]:
    """Ray parameter (infinite where missed) and position (..., 2) along two axes of the plane."""
    point, normal, half_size = plane
    normal = normal / np.linalg.norm(normal)
    across = np.cross([0.0, 1.0, 0.0], normal)
    across /= np.linalg.norm(across)
    t = ((point - origin) @ normal) / (rays @ normal)
    offset = origin + rays * t[..., None] - point
    position = np.stack([offset @ across, offset @ np.cross(normal, across)], axis=-1)
    inside = (t > 0) & (np.abs(position) < half_size).all(axis=-1)
    return np.where(inside, t, np.inf), position


def _trace(pose: np.ndarray, pixels: np.ndarray, textures: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Grey value and z-depth at the given pixel positions."""
    world_from_cam = inverse_rigid(pose)
    rays = unproject(CAMERA, pixels, np.ones(pixels.shape[:-1])) @ world_from_cam[:3, :3].T
    depth = np.full(pixels.shape[:-1], np.inf)
    grey = np.zeros(pixels.shape[:-1])
    for plane, texture in zip((WALL, BOARD), textures, strict=True):
        # Rays have z = 1 in the camera, so the ray parameter is the z-depth.
        t, position = _hit(world_from_cam[:3, 3], rays, plane)
        nearer = t < depth
        cell = np.floor(position * 160.0).astype(int) % 1024
        grey = np.where(nearer, texture[cell[..., 1], cell[..., 0]], grey)
        depth = np.where(nearer, t, depth)
    return grey, depth


def _shoot(pose: np.ndarray, textures: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    n = SUPERSAMPLING
    fine = (pixel_grid(CAMERA.width * n, CAMERA.height * n)) / n
    grey, _ = _trace(pose, fine, textures)
    grey = grey.reshape(CAMERA.height, n, CAMERA.width, n).mean(axis=(1, 3))
    grey += np.random.default_rng(NOISE_SEED).normal(scale=1.0, size=grey.shape)
    _, depth = _trace(pose, pixel_grid(CAMERA.width, CAMERA.height), textures)
    image = np.clip(np.round(grey), 0, 255).astype(np.uint8)
    return np.repeat(image[..., None], 3, axis=-1), depth.astype(np.float32)


def _sparse_model(views: tuple[View, ...], truth: tuple[np.ndarray, ...]) -> SparseModel:
    """Points on the surfaces of the middle view, observed wherever they are visible."""
    middle = len(views) // 2
    pixels = pixel_grid(CAMERA.width, CAMERA.height)[5::12, 5::12].reshape(-1, 2)
    rows, columns = pixels.astype(int).T[::-1]
    z = truth[middle][rows, columns].astype(np.float64)
    points = transform_points(inverse_rigid(views[middle].cam_from_world), unproject(CAMERA, pixels, z))
    observations, positions = [], []
    for row, view in enumerate(views):
        in_camera = transform_points(view.cam_from_world, points)
        xy = project(CAMERA, in_camera)
        inside = ((xy >= 0) & (xy < [CAMERA.width, CAMERA.height])).all(axis=1)
        column, line = np.clip(xy.astype(int), 0, [CAMERA.width - 1, CAMERA.height - 1]).T
        visible = inside & (np.abs(truth[row][line, column] / in_camera[:, 2] - 1.0) < 0.02)
        observations += [(row, point) for point in np.flatnonzero(visible)]
        positions.append(xy[visible])
    return SparseModel(
        CAMERA, np.array([view.frame_index for view in views]), np.stack([view.cam_from_world for view in views]),
        points, np.array(observations), np.concatenate(positions),
    )  # fmt: skip
