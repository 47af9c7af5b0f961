"""Walls without texture, what hangs on them and what stands before them: rectangles that face the cameras, exact depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from sfm_gt.dense.matching.pyramid import Pyramid, build_pyramid, pair_geometry, stack_geometry
from sfm_gt.dense.matching.surface_evidence import Images
from sfm_gt.geometry.camera import pixel_grid
from sfm_gt.geometry.types import PinholeCamera, View

CAMERA = PinholeCamera(240, 180, 220.0, 220.0, 120.0, 90.0)
SUPERSAMPLING, PATCH_REACH_PX = 3, 4
WALL_M, BOX_M = 4.0, 2.5
WALL_GREY = 120.0
# The neighbours stand on both sides of the view and above and below it, or all to its right.
AROUND = ((-0.3, 0.05), (-0.2, -0.1), (-0.1, 0.1), (0.1, -0.1), (0.2, 0.1), (0.3, -0.05))
RIGHT = ((0.1, 0.0), (0.16, 0.02), (0.22, -0.02), (0.28, 0.0), (0.34, 0.02), (0.4, -0.02))
# Grains of 2.5 cm are 1.4 pixels on the wall and 2.2 on the box: fine, but no finer than a pixel.
GRAIN_M, TEXTURE_STD, NOISE_STD = 0.025, 22.0, 1.0


@dataclass(frozen=True)
class Rectangle:
    """Faces the cameras at depth ``z``; ``box``: left, top, right, bottom in metres. ``seed`` of its texture, None = plain."""

    z: float
    box: tuple[float, float, float, float]
    seed: int | None = None
    grey: float = WALL_GREY


WALL = Rectangle(WALL_M, (-9.0, -9.0, 9.0, 9.0))
# 44 pixels of bare wall between them: less than the window over which answers are averaged. Farther out they leave room
# for a box.
POSTERS = (
    Rectangle(WALL_M, (-1.6, -0.8, -0.4, 0.8), seed=1),
    Rectangle(WALL_M, (0.4, -0.8, 1.6, 0.8), seed=2),
)
POSTERS_APART = (
    Rectangle(WALL_M, (-2.2, -0.8, -1.0, 0.8), seed=1),
    Rectangle(WALL_M, (1.0, -0.8, 2.2, 0.8), seed=2),
)
# Darker than the wall: what looks like the wall within 4 pixels of it belongs to the wall.
BOX = Rectangle(BOX_M, (-0.35, -0.5, 0.35, 0.5), seed=3, grey=60.0)


@dataclass(frozen=True)
class Shot:
    """A view between its neighbours, ready for questions; the truth is z-depth and which rectangle is seen."""

    pyramid: Pyramid
    images: Images
    truth: np.ndarray
    seen: np.ndarray
    truths: tuple[np.ndarray, ...]

    @property
    def inverse(self) -> np.ndarray:
        """True inverse depth."""
        return (1.0 / self.truth).astype(np.float32)

    def sees(self, *rectangles: int) -> np.ndarray:
        """(h, w) bool: where the view sees one of these, by index."""
        return np.isin(self.seen, rectangles)


def shoot(
    rectangles: Sequence[Rectangle],
    positions: Sequence[tuple[float, float]] = AROUND,
    brighter: float = 0.0,
    noise: float = NOISE_STD,
) -> Shot:
    """The view at the origin, and its neighbours, ``brighter`` by so many grey levels. Later rectangles cover earlier ones of
    the same depth."""
    shots = [
        _render(rectangles, place, seed=k, offset=brighter * (k > 0), noise=noise)
        for k, place in enumerate(((0.0, 0.0), *positions))
    ]
    pyramids = [
        build_pyramid(_view(k, image, place), PATCH_REACH_PX)
        for k, ((image, _, _), place) in enumerate(zip(shots, ((0.0, 0.0), *positions), strict=True))
    ]
    truths = tuple(depth for _, depth, _ in shots)
    return Shot(pyramids[0], images_of(pyramids), truths[0], shots[0][2], truths[1:])


def images_of(pyramids: Sequence[Pyramid]) -> Images:
    """The first one's, compared with the others."""
    there = stack_geometry([pair_geometry(pyramids[0], other, 0) for other in pyramids[1:]])
    return Images.of(pyramids[0], pyramids[1:], there)


def _view(frame_index: int, image: np.ndarray, place: tuple[float, float]) -> View:
    pose = np.eye(4)
    pose[:2, 3] = -np.array(place)
    usable = np.ones(image.shape, dtype=bool)
    return View(frame_index, np.repeat(image[..., None], 3, axis=-1), usable, CAMERA, pose)


def _render(
    rectangles: Sequence[Rectangle], place: tuple[float, float], seed: int, offset: float, noise: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image, z-depth and index of the rectangle seen, at pixel centres."""
    n = SUPERSAMPLING
    rays = (pixel_grid(CAMERA.width * n, CAMERA.height * n) / n - [CAMERA.cx, CAMERA.cy]) / [CAMERA.fx, CAMERA.fy]
    depth, seen = np.full(rays.shape[:2], np.inf), np.zeros(rays.shape[:2], dtype=int)
    grey = np.zeros(rays.shape[:2], dtype=np.float32)
    for index, each in enumerate(rectangles):
        x, y = np.moveaxis(rays * each.z + place, -1, 0)
        left, top, right, bottom = each.box
        nearer = (x >= left) & (x < right) & (y >= top) & (y < bottom) & (each.z <= depth)
        depth[nearer], seen[nearer] = each.z, index
        grey[nearer] = _colour(each, x, y)[nearer]
    image = cv2.resize(grey, (CAMERA.width, CAMERA.height), interpolation=cv2.INTER_AREA) + offset
    image += np.random.default_rng(100 + seed).normal(scale=max(noise, 1e-9), size=image.shape)
    centre = slice(n // 2, None, n)
    return np.clip(np.round(image), 0, 255).astype(np.uint8), depth[centre, centre], seen[centre, centre]


def _colour(rectangle: Rectangle, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if rectangle.seed is None:
        return np.full(x.shape, rectangle.grey, dtype=np.float32)
    cells = np.random.default_rng(rectangle.seed).normal(size=(256, 256))
    smooth = cv2.GaussianBlur(cells, (0, 0), 1.0)
    texture = (rectangle.grey + TEXTURE_STD * smooth / smooth.std()).astype(np.float32)
    # The middle of the texture lies at the origin; it is 6.4 m wide, more than the cameras see.
    at = [(axis / GRAIN_M + 128.0).astype(np.float32) for axis in (x, y)]
    return cv2.remap(texture, at[0], at[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
