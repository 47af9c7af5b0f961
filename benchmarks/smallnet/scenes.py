"""Random indoor scenes for the small network: what stands where, who looks, and what a cheap camera makes of it.

Conventions of `raycast`: world and camera +x right, +y down, +z forward, metres; pixel centres at (c + 0.5, r + 0.5).
Every sample is a function of (seed, index) alone.
"""

import math

import cv2
import numpy as np

from .furniture import Stock, cabinet, figure, round_thing, seat, shelf, table
from .intersect import BOX
from .raycast import Camera, Scene, render_colour, render_depth
from .textures import BLOTCHES, BRICKS, CHECKER, NOISE, PLAIN, STRIPES, TILES, WOOD

# The network sees any picture squeezed to its own size, so the squeeze is part of what it must learn.
SOURCE_ASPECTS = (4 / 3, 4 / 3, 3 / 2, 16 / 9, 16 / 9)
MIN_DEPTH_M = 0.25
_TRIES = 20


def _room(rng: np.random.Generator) -> np.ndarray:
    """(6,) x_min, x_max, ceiling y, floor y, z_min, z_max of a room, a hall or a corridor."""
    kind = rng.random()
    if kind < 0.7:
        width, length, tall = rng.uniform(2.5, 6.5), rng.uniform(2.5, 7.5), rng.uniform(2.3, 3.2)
    elif kind < 0.88:
        width, length, tall = rng.uniform(6.0, 12.0), rng.uniform(6.0, 14.0), rng.uniform(2.8, 5.5)
    else:
        width, length, tall = rng.uniform(1.6, 2.6), rng.uniform(6.0, 14.0), rng.uniform(2.3, 3.2)
    return np.array([-width / 2, width / 2, -tall, 0.0, -length / 2, length / 2])


def _room_materials(stock: Stock) -> np.ndarray:
    """(6,) material indices: usually one wall paper, a light ceiling, a patterned floor."""
    wall_kinds = (PLAIN, PLAIN, NOISE, NOISE, STRIPES, BRICKS, TILES, BLOTCHES, WOOD)
    paper = stock.material(wall_kinds, (0.08, 0.8), 0.12, 0.9)
    walls = [paper if stock.rng.random() < 0.7 else stock.material(wall_kinds, (0.08, 0.8), 0.1, 0.9) for _ in "1234"]
    ceiling = stock.material((PLAIN, PLAIN, NOISE, TILES), (0.3, 1.0), 0.4, 0.95)
    floor = stock.material((CHECKER, TILES, WOOD, NOISE, NOISE, PLAIN, STRIPES, BRICKS), (0.08, 0.7), 0.05, 0.8)
    return np.array([walls[0], walls[1], ceiling, floor, walls[2], walls[3]])


def _panels(stock: Stock, room: np.ndarray):
    """Pictures, doors, bright windows and beams on the walls, lamps on the ceiling, rugs on the floor."""
    rng = stock.rng
    for _ in range(rng.integers(1, 8)):
        half = np.array([rng.uniform(0.15, 0.9), rng.uniform(0.15, 1.0), rng.uniform(0.005, 0.06)])
        half[1] = min(half[1], -0.45 * room[2])
        up = half[1] if rng.random() < 0.3 else rng.uniform(half[1], -room[2] - half[1])
        glow = rng.uniform(0.5, 2.5) if rng.random() < 0.25 else 0.0
        along_x, last = rng.random() < 0.5, int(rng.integers(2))
        if along_x:
            centre, yaw = (rng.uniform(room[0], room[1]), -up, room[4 + last]), 0.0
        else:
            centre, yaw = (room[last], -up, rng.uniform(room[4], room[5])), math.pi / 2
        stock.add(BOX, centre, yaw, half, stock.material(cell_m=(0.05, 0.6), emission=glow))
        stock.finish()
    for _ in range(rng.integers(0, 4)):
        x, z = rng.uniform(room[0], room[1]), rng.uniform(room[4], room[5])
        if rng.random() < 0.5:
            half, y, glow = (rng.uniform(0.1, 0.6), 0.04, rng.uniform(0.1, 0.6)), room[2], rng.uniform(0.0, 3.0)
        else:
            half, y, glow = (rng.uniform(0.4, 1.6), 0.004, rng.uniform(0.4, 1.2)), 0.0, 0.0
        stock.add(BOX, (x, y, z), rng.uniform(0, 3.1) * (y == 0.0), half, stock.material(emission=glow))
        stock.finish()


def _fill(stock: Stock, room: np.ndarray):
    """Furniture, half of it backed against a wall, and up to six figures on the floor."""
    rng, area = stock.rng, (room[1] - room[0]) * (room[5] - room[4])
    pieces = rng.integers(2, 7 + min(int(area / 5), 9))
    builders = (table, cabinet, cabinet, shelf, seat, seat, round_thing)
    for _ in range(pieces):
        build = builders[rng.integers(len(builders))]
        x, z, yaw = rng.uniform(room[0], room[1]), rng.uniform(room[4], room[5]), rng.uniform(-math.pi, math.pi)
        if rng.random() < 0.6:
            side = rng.integers(4)
            x, z, yaw = (
                (room[0] + 0.3, z, math.pi / 2),
                (room[1] - 0.3, z, -math.pi / 2),
                (x, room[4] + 0.3, 0.0),
                (x, room[5] - 0.3, math.pi),
            )[side]
        build(stock, x, z, yaw)
    for _ in range(rng.integers(0, 7) if rng.random() < 0.65 else 0):
        x, z = rng.uniform(room[0] + 0.3, room[1] - 0.3), rng.uniform(room[4] + 0.3, room[5] - 0.3)
        figure(stock, x, z, rng.uniform(-math.pi, math.pi))


def _lights(rng: np.random.Generator, room: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(L, 7) one to three lights in the upper half of the room, and the ambient RGB (3,)."""
    lights = np.zeros((rng.integers(1, 4), 7))
    for row in lights:
        row[0], row[2] = rng.uniform(room[0], room[1]), rng.uniform(room[4], room[5])
        row[1] = rng.uniform(0.55, 0.95) * room[2]
        tint = 1.0 + rng.uniform(0.0, 0.35) * np.array([1.0, 0.1, -1.0]) * rng.choice([-1.0, 1.0])
        row[3:6] = rng.uniform(0.4, 1.8) / len(lights) * tint
        row[6] = rng.uniform(0.02, 0.4)
    ambient = rng.uniform(0.15, 0.8) * (1.0 + rng.uniform(-0.1, 0.1, 3))
    return lights, ambient


def random_scene(rng: np.random.Generator) -> Scene:
    """One furnished room."""
    stock, room = Stock(rng), _room(rng)
    sides = _room_materials(stock)
    _panels(stock, room)
    _fill(stock, room)
    lights, ambient = _lights(rng, room)
    return Scene(
        room, sides, np.array(stock.primitives), np.array(stock.groups), np.array(stock.materials), lights, ambient
    )


def rotation_world_from_cam(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """(3, 3) rotation; radians. Positive yaw turns right, positive pitch looks up, roll turns about the view axis."""
    cy, sy, cp, sp, cr, sr = (f(a) for a in (yaw, pitch, roll) for f in (math.cos, math.sin))
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return about_y @ about_x @ about_z


def random_camera(rng: np.random.Generator, room: np.ndarray, height: int, width: int) -> Camera:
    """A hand-held camera 1.0-1.8 m above the floor that looks mostly along the level, somewhat down."""
    x, z = rng.uniform(room[0] + 0.3, room[1] - 0.3), rng.uniform(room[4] + 0.3, room[5] - 0.3)
    # Towards a point across the room's middle: a camera that stares at the wall beside it teaches nothing.
    target_x, target_z = 0.7 * rng.uniform(room[0], room[1]) - 0.3 * x, 0.7 * rng.uniform(room[4], room[5]) - 0.3 * z
    yaw = math.atan2(target_x - x, target_z - z) + rng.normal(0.0, 0.2)
    # Most people film level; every sixth looks down at what lies on tables and the floor.
    pitch_deg = rng.normal(-7.0, 9.0) if rng.random() < 0.83 else rng.uniform(-45.0, -15.0)
    pitch, roll = math.radians(pitch_deg), math.radians(rng.normal(0.0, 4.0))
    focal, aspect = rng.uniform(0.7, 1.1), SOURCE_ASPECTS[rng.integers(len(SOURCE_ASPECTS))]
    centre = np.array([x, -min(rng.uniform(1.0, 1.8), -room[2] - 0.3), z])
    rotation = rotation_world_from_cam(yaw, pitch, roll)
    return Camera(focal * width, focal * aspect * height, width / 2, height / 2, width, height, rotation, centre)


def degrade(linear: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Linear RGB (H, W, 3) to an 8-bit RGB picture (H, W, 3): exposure, tint, vignette, blur, gamma, noise, JPEG."""
    exposure = rng.uniform(0.10, 0.40) / max(float(np.median(linear)), 1e-3)
    image = linear * exposure * (1.0 + rng.uniform(-0.12, 0.12, 3))
    rows, columns = np.mgrid[-1 : 1 : image.shape[0] * 1j, -1 : 1 : image.shape[1] * 1j]
    image *= (1.0 - rng.uniform(0.0, 0.25) * (rows**2 + columns**2))[..., None]
    if rng.random() < 0.6:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.3))
    # A soft shoulder instead of a hard clip, as cameras have.
    image = np.clip(image / (1.0 + 0.3 * image) * 1.3, 0.0, 1.0) ** (1.0 / rng.uniform(1.8, 2.6))
    grey = image.mean(axis=2, keepdims=True)
    image = grey + rng.uniform(0.2, 1.6) * (image - grey)
    image = np.clip(image + rng.normal(0.0, rng.uniform(0.0, 0.03), image.shape), 0.0, 1.0)
    picture = np.round(255.0 * image).astype(np.uint8)
    if rng.random() < 0.6:
        _, code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 96))])
        picture = cv2.imdecode(code, cv2.IMREAD_COLOR)
    return picture


def random_sample(seed: int, index: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture, 8-bit RGB (height, width, 3), and its planar z-depth in metres, float32 (height, width)."""
    rng = np.random.default_rng([seed, index])
    scene = random_scene(rng)
    for _ in range(_TRIES):
        camera = random_camera(rng, scene.room_m, height, width)
        z_depth_m = render_depth(scene, camera)
        # Not within a thing, nor with one across the lens.
        if z_depth_m.min() > MIN_DEPTH_M and np.quantile(z_depth_m, 0.4) > 3 * MIN_DEPTH_M:
            break
    return degrade(render_colour(scene, camera), rng), z_depth_m
