"""A room at a party, every surface finely textured and matt, so that multi-view stereo has something to hold."""

from __future__ import annotations

import numpy as np
from scene_types import Ball, Box, Cloth, Lamp, Lighting, Panel, Rgb, Thing, Vec3

WOOD = Cloth("planks", (0.42, 0.24, 0.12), (0.62, 0.42, 0.24), 1.1, 0.03)
DARK_WOOD = Cloth("mottle", (0.16, 0.08, 0.04), (0.42, 0.25, 0.13), 0.06, 0.02)
PALE_WOOD = Cloth("mottle", (0.45, 0.30, 0.17), (0.80, 0.62, 0.40), 0.07, 0.02)
BRICK = Cloth("bricks", (0.52, 0.20, 0.13), (0.72, 0.36, 0.24), 0.24, 0.03)
WALLPAPER = Cloth("cells", (0.20, 0.36, 0.42), (0.78, 0.72, 0.52), 0.075, 0.03)
PANELLING = Cloth("mottle", (0.28, 0.34, 0.24), (0.66, 0.66, 0.46), 0.11, 0.025)
CARPET = Cloth("cells", (0.45, 0.10, 0.12), (0.82, 0.66, 0.40), 0.06, 0.025)

# The room: back wall at y = BACK, side walls at x = LEFT and RIGHT; open above and behind the camera for the light.
LEFT, RIGHT, BACK, TOP = -2.6, 2.6, 4.9, 3.2
POSTER_GAP_M = 0.012
# soft boxes overhead, behind the camera, and from the side for shape
LIGHTING = Lighting(
    ambient=0.5,
    lamps=(
        Lamp((0.0, 2.2, 3.6), (0.0, 3.0, 0.0), 3.0, 75.0),
        Lamp((-1.0, -2.0, 2.8), (0.0, 3.5, 1.0), 2.5, 90.0),
        Lamp((4.0, 0.5, 2.6), (0.0, 3.5, 1.0), 1.5, 45.0),
    ),
)
BOOK_COVERS: tuple[Rgb, ...] = (
    (0.70, 0.16, 0.12), (0.12, 0.30, 0.55), (0.85, 0.68, 0.22), (0.18, 0.45, 0.25), (0.80, 0.78, 0.70),
    (0.45, 0.18, 0.42), (0.85, 0.42, 0.15),
)  # fmt: skip


def shell() -> list[Panel]:
    """Floor, rug and three walls; the back wall has panelling below and wallpaper above."""
    middle, width, depth = (LEFT + RIGHT) / 2, RIGHT - LEFT, BACK + 1.5
    return [
        Panel("floor", (middle, BACK - depth / 2, 0.0), (width, depth), WOOD),
        Panel("rug", (0.1, 3.1, 0.008), (2.6, 1.7), CARPET),
        Panel("back wall", (middle, BACK, TOP / 2), (width, TOP), WALLPAPER, 0.0),
        Panel("panelling", (middle, BACK - 0.03, 0.42), (width, 0.84), PANELLING, 0.0),
        Panel("left wall", (LEFT, BACK - depth / 2, TOP / 2), (depth, TOP), BRICK, 90.0),
        Panel("right wall", (RIGHT, BACK - depth / 2, TOP / 2), (depth, TOP), PANELLING, -90.0),
    ]


def poster(name: str, centre_m: Vec3, size_m: tuple[float, float], yaw_deg: float, seed: int) -> Panel:
    palettes = (((0.85, 0.80, 0.65), (0.75, 0.22, 0.15)), ((0.12, 0.22, 0.40), (0.95, 0.75, 0.25)))
    rgb_a, rgb_b = palettes[seed % len(palettes)]
    return Panel(name, centre_m, size_m, Cloth("poster", rgb_a, rgb_b, 1.0, 0.05, seed), yaw_deg)


def posters() -> list[Panel]:
    on_back, on_left, on_right = BACK - POSTER_GAP_M, LEFT + POSTER_GAP_M, RIGHT - POSTER_GAP_M
    return [
        poster("poster back 1", (-0.35, on_back, 1.85), (0.62, 0.93), 0.0, 1),
        poster("poster back 2", (0.62, on_back, 1.95), (0.62, 0.93), 0.0, 2),
        poster("poster left", (on_left, 3.6, 1.75), (0.60, 0.90), 90.0, 3),
        poster("poster right", (on_right, 3.9, 1.8), (0.60, 0.90), -90.0, 4),
    ]


def bookcase(x: float, shelves: int, rng: np.random.Generator, wall_y: float = BACK) -> list[Box]:
    """A case 0.9 m wide against the wall at ``wall_y``, its shelves full of books."""
    width, depth, pitch, board = 0.9, 0.32, 0.36, 0.025
    y, height = wall_y - 0.05 - depth / 2, shelves * pitch + board
    parts = [
        Box(f"case side {s}", (x + s * width / 2, y, height / 2), (board, depth, height), DARK_WOOD) for s in (-1, 1)
    ]
    parts.append(Box("case back", (x, y + depth / 2, height / 2), (width, 0.01, height), PALE_WOOD))
    for level in range(shelves + 1):
        parts.append(Box(f"shelf {level}", (x, y, level * pitch + board / 2), (width, depth, board), DARK_WOOD))
    for level in range(shelves):
        parts += _books(x - width / 2 + 0.02, x + width / 2 - 0.03, y, level * pitch + board, rng)
    return parts


def _books(x: float, x_end: float, y: float, floor_m: float, rng: np.random.Generator) -> list[Box]:
    books = []
    while True:
        thick, tall, deep = rng.uniform(0.035, 0.07), rng.uniform(0.20, 0.31), rng.uniform(0.20, 0.27)
        if x + thick > x_end:
            return books
        ink, paper = (BOOK_COVERS[i] for i in rng.choice(len(BOOK_COVERS), 2, replace=False))
        cloth = Cloth(str(rng.choice(["stripes", "mottle", "cells"])), ink, paper, rng.uniform(0.03, 0.07), 0.02)
        books.append(Box("book", (x + thick / 2, y - 0.13 + deep / 2, floor_m + tall / 2), (thick, deep, tall), cloth))
        x += thick + 0.002


def table(x: float, y: float, yaw_deg: float) -> list[Box]:
    """A table 1.1 x 0.6 m, 0.74 m high, under a chequered cloth, with boxes and books on it."""
    gingham = Cloth("plaid", (0.80, 0.20, 0.18), (0.90, 0.86, 0.78), 0.09, 0.03)
    wrap = Cloth("dots", (0.15, 0.40, 0.55), (0.95, 0.85, 0.30), 0.06, 0.03)
    carton = Cloth("cells", (0.50, 0.36, 0.22), (0.76, 0.60, 0.40), 0.05, 0.03)
    return [
        Box("table top", (x, y, 0.72), (1.1, 0.6, 0.04), gingham, yaw_deg),
        Box("table drape", (x, y, 0.56), (1.08, 0.58, 0.28), gingham, yaw_deg),
        Box("table foot", (x, y, 0.21), (0.9, 0.4, 0.42), DARK_WOOD, yaw_deg),
        Box("present", (x - 0.30, y - 0.05, 0.85), (0.28, 0.24, 0.22), wrap, yaw_deg + 20),
        Box("carton", (x + 0.10, y + 0.10, 0.90), (0.30, 0.26, 0.32), carton, yaw_deg - 12),
        Box("book flat 1", (x + 0.38, y - 0.08, 0.765), (0.24, 0.18, 0.05), BRICK, yaw_deg + 35),
        Box("book flat 2", (x + 0.38, y - 0.07, 0.810), (0.21, 0.16, 0.04), WALLPAPER, yaw_deg + 10),
    ]


def chair(x: float, y: float, yaw_deg: float) -> list[Box]:
    """A boxy armchair."""
    fabric = Cloth("cells", (0.16, 0.34, 0.28), (0.62, 0.66, 0.36), 0.045, 0.03)
    turn = np.deg2rad(yaw_deg)

    def part(name: str, dx: float, dy: float, z: float, size: Vec3) -> Box:
        at = (x + np.cos(turn) * dx - np.sin(turn) * dy, y + np.sin(turn) * dx + np.cos(turn) * dy, z)
        return Box(name, at, size, fabric, yaw_deg)

    return [
        part("chair seat", 0.0, 0.0, 0.22, (0.62, 0.60, 0.44)),
        part("chair back", 0.0, 0.34, 0.48, (0.74, 0.14, 0.96)),
        part("chair arm left", -0.36, 0.0, 0.31, (0.12, 0.60, 0.62)),
        part("chair arm right", 0.36, 0.0, 0.31, (0.12, 0.60, 0.62)),
    ]


def crates(x: float, y: float) -> list[Box]:
    return [
        Box("crate 1", (x, y, 0.24), (0.55, 0.48, 0.48), PALE_WOOD, 15.0),
        Box("crate 2", (x + 0.03, y + 0.02, 0.64), (0.42, 0.38, 0.32), BRICK, -10.0),
    ]


def balloons() -> list[Ball]:
    spots = Cloth("dots", (0.85, 0.25, 0.20), (0.95, 0.90, 0.70), 0.07, 0.03)
    blobs = Cloth("cells", (0.15, 0.45, 0.65), (0.90, 0.80, 0.25), 0.06, 0.03)
    return [Ball("balloon 1", (-1.45, 4.35, 2.15), 0.19, blobs), Ball("balloon 2", (1.35, 4.3, 2.25), 0.18, spots)]


def party_room(seed: int) -> tuple[Thing, ...]:
    """Everything but the people; ``seed`` shuffles the books."""
    rng = np.random.default_rng(seed)
    things = [*shell(), *posters(), *bookcase(-1.75, 5, rng), *table(1.35, 4.2, -8.0)]
    return (*things, *chair(-0.35, 4.25, 5.0), *crates(2.15, 3.2), *balloons())
