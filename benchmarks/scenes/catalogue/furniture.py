"""Furniture with thin legs, for rooms where depth steps at narrow things are what is asked about."""

from __future__ import annotations

import itertools

import numpy as np
from rods import hanging
from scene_types import Ball, Box, Cloth, Panel, Rod, Thing, Vec3

STEEL = Cloth("mottle", (0.10, 0.11, 0.12), (0.32, 0.34, 0.36), 0.03, 0.012)
CHALK = Cloth("mottle", (0.55, 0.55, 0.52), (0.85, 0.84, 0.80), 0.03, 0.012)
BRASS = Cloth("mottle", (0.45, 0.28, 0.06), (0.80, 0.60, 0.22), 0.03, 0.012)
RED_PAINT = Cloth("mottle", (0.45, 0.05, 0.04), (0.75, 0.14, 0.10), 0.03, 0.012)
BEECH = Cloth("mottle", (0.45, 0.30, 0.17), (0.78, 0.60, 0.38), 0.03, 0.012)
CABLE = Cloth("mottle", (0.02, 0.02, 0.02), (0.10, 0.10, 0.11), 0.02, 0.01)
SHADE = Cloth("stripes", (0.85, 0.55, 0.20), (0.95, 0.85, 0.60), 0.05, 0.02)


class Spot:
    """A place on the floor and a heading: turns a piece's own coordinates into the room's."""

    def __init__(self, x: float, y: float, yaw_deg: float) -> None:
        self._x, self._y, self.yaw_deg = x, y, yaw_deg
        self._cos, self._sin = np.cos(np.deg2rad(yaw_deg)), np.sin(np.deg2rad(yaw_deg))

    def at(self, dx: float, dy: float, z: float) -> Vec3:
        return (
            float(self._x + self._cos * dx - self._sin * dy),
            float(self._y + self._sin * dx + self._cos * dy),
            z,
        )

    def rod(self, name: str, start: Vec3, end: Vec3, radius_m: float, cloth: Cloth) -> Rod:
        return Rod(name, (self.at(*start), self.at(*end)), radius_m, cloth)

    def box(self, name: str, centre: Vec3, size_m: Vec3, cloth: Cloth, lean_deg: float = 0.0) -> Box:
        return Box(name, self.at(*centre), size_m, cloth, self.yaw_deg, lean_deg)


def chair(spot: Spot, wood: Cloth, seat: Cloth) -> list[Thing]:
    """A kitchen chair, 0.45 m seat: four legs of 2.6 cm, stretchers, three spindles in its back. The back is at +y."""
    leg, spindle, half, high = 0.013, 0.008, 0.19, 0.92
    parts: list[Thing] = [spot.box("seat", (0.0, 0.0, 0.45), (0.44, 0.42, 0.03), seat)]
    for side in (-half, half):
        parts.append(spot.rod("front leg", (side * 1.1, -half, 0.0), (side, -half, 0.44), leg, wood))
        parts.append(spot.rod("back post", (side * 1.1, half * 1.15, 0.0), (side, half, 0.46), leg, wood))
        parts.append(spot.rod("back post", (side, half, 0.45), (side, half * 1.4, high), leg, wood))
        parts.append(spot.rod("stretcher", (side * 1.05, -half, 0.2), (side * 1.05, half, 0.2), spindle, wood))
    for x in np.linspace(-half, half, 5)[1:-1]:
        parts.append(spot.rod("spindle", (x, half, 0.46), (x, half * 1.38, high - 0.03), spindle, wood))
    parts.append(spot.rod("top rail", (-half, half * 1.4, high), (half, half * 1.4, high), 0.016, wood))
    return parts


def trestle_table(spot: Spot, size_m: tuple[float, float], top: Cloth, metal: Cloth) -> list[Thing]:
    """A board 0.74 m high on four legs of 3 cm with cross braces of 2 cm."""
    x, y = size_m[0] / 2 - 0.05, size_m[1] / 2 - 0.05
    parts: list[Thing] = [spot.box("board", (0.0, 0.0, 0.73), (*size_m, 0.03), top)]
    for side in (-x, x):
        parts += [spot.rod("table leg", (side, depth, 0.0), (side, depth, 0.72), 0.015, metal) for depth in (-y, y)]
        parts.append(spot.rod("foot bar", (side, -y, 0.12), (side, y, 0.12), 0.012, metal))
    parts.append(spot.rod("brace", (-x, y, 0.12), (x, y, 0.66), 0.010, metal))
    parts.append(spot.rod("brace", (x, y, 0.12), (-x, y, 0.66), 0.010, metal))
    return parts


def lamp_stand(spot: Spot, height_m: float, shade: Cloth, metal: Cloth) -> list[Thing]:
    """A tripod of 2 cm legs under a pole of 2.4 cm with a ball on top."""
    parts: list[Thing] = [spot.rod("pole", (0.0, 0.0, 0.35), (0.0, 0.0, height_m), 0.012, metal)]
    for turn in np.deg2rad([90.0, 210.0, 330.0]):
        foot = (0.42 * float(np.cos(turn)), 0.42 * float(np.sin(turn)), 0.0)
        parts.append(spot.rod("tripod leg", foot, (0.0, 0.0, 0.75), 0.010, metal))
    return [*parts, Ball("lamp", spot.at(0.0, 0.0, height_m + 0.12), 0.14, shade)]


def boom_stand(spot: Spot, metal: Cloth) -> list[Thing]:
    """A microphone stand: three flat feet, a pole of 2 cm, a boom of 1.4 cm with a ball at its end."""
    feet: list[Thing] = [
        spot.rod(
            "stand foot", (0.3 * float(np.cos(turn)), 0.3 * float(np.sin(turn)), 0.01), (0.0, 0.0, 0.12), 0.009, metal
        )
        for turn in np.deg2rad([20.0, 140.0, 260.0])
    ]
    return [
        *feet,
        spot.rod("stand pole", (0.0, 0.0, 0.05), (0.0, 0.0, 1.12), 0.010, metal),
        spot.rod("boom", (-0.22, 0.0, 1.02), (0.52, 0.05, 1.30), 0.007, metal),
        Ball("microphone", spot.at(0.55, 0.05, 1.31), 0.035, CABLE),
    ]


def music_stand(spot: Spot, sheet: Cloth, metal: Cloth) -> list[Thing]:
    """A tripod of 1.6 cm legs, a pole of 2 cm and a sheet (a poster) on a slanted desk."""
    feet: list[Thing] = [
        spot.rod(
            "stand leg", (0.28 * float(np.cos(turn)), 0.28 * float(np.sin(turn)), 0.0), (0.0, 0.0, 0.35), 0.008, metal
        )
        for turn in np.deg2rad([90.0, 210.0, 330.0])
    ]
    return [
        *feet,
        spot.rod("stand pole", (0.0, 0.0, 0.25), (0.0, 0.03, 1.10), 0.010, metal),
        spot.box("desk", (0.0, 0.02, 1.20), (0.42, 0.012, 0.32), metal, -24.0),
        Panel("sheet", spot.at(0.0, 0.008, 1.20), (0.34, 0.28), sheet, spot.yaw_deg, 24.0),
    ]


def rope_barrier(posts_m: list[tuple[float, float]], rope: Cloth, metal: Cloth) -> list[Thing]:
    """Posts of 3 cm, 0.95 m high, with a rope of 2 cm that hangs from each to the next."""
    parts: list[Thing] = [Rod("barrier post", ((x, y, 0.0), (x, y, 0.95)), 0.015, metal) for x, y in posts_m]
    parts += [Ball("knob", (x, y, 0.97), 0.035, metal) for x, y in posts_m]
    for (x0, y0), (x1, y1) in itertools.pairwise(posts_m):
        parts.append(Rod("rope", hanging((x0, y0, 0.90), (x1, y1, 0.90), 0.28), 0.010, rope))
    return parts


def handrail(x: float, wall_x: float, y_from: float, y_to: float, wood: Cloth, metal: Cloth) -> list[Thing]:
    """A rail of 3.6 cm along a wall at 0.95 m, a bracket of 1.4 cm every 0.8 m."""
    parts: list[Thing] = [Rod("handrail", ((x, y_from, 0.95), (x, y_to, 0.95)), 0.018, wood)]
    for y in np.arange(y_from + 0.2, y_to, 0.8):
        parts.append(Rod("bracket", ((wall_x, float(y), 0.86), (x, float(y), 0.94)), 0.007, metal))
    return parts


def ladder(spot: Spot, length_m: float, reach_m: float, wood: Cloth) -> list[Thing]:
    """A ladder that leans back by ``reach_m`` at its top: rails of 3.4 cm, rungs of 2.4 cm every 28 cm."""
    rise = float(np.sqrt(length_m**2 - reach_m**2))
    rails: list[Thing] = [
        spot.rod("rail", (side, 0.0, 0.02), (side, reach_m, rise), 0.017, wood) for side in (-0.21, 0.21)
    ]
    for along in np.arange(0.28, length_m - 0.1, 0.28) / length_m:
        y, z = float(along * reach_m), float(along * rise)
        rails.append(spot.rod("rung", (-0.21, y, z), (0.21, y, z), 0.012, wood))
    return rails


def coat_rack(spot: Spot, metal: Cloth) -> list[Thing]:
    """A post of 3 cm with eight pegs of 1.4 cm and a cross foot."""
    parts: list[Thing] = [spot.rod("post", (0.0, 0.0, 0.0), (0.0, 0.0, 1.75), 0.015, metal)]
    for i, turn in enumerate(np.deg2rad(np.arange(0, 360, 45))):
        x, y, z = float(np.cos(turn)), float(np.sin(turn)), 1.66 if i % 2 else 1.40
        parts.append(spot.rod("peg", (0.0, 0.0, z), (0.20 * x, 0.20 * y, z + 0.09), 0.007, metal))
        if i % 2 == 0:
            parts.append(spot.rod("foot", (0.0, 0.0, 0.12), (0.26 * x, 0.26 * y, 0.01), 0.012, metal))
    return parts


def easel(spot: Spot, picture: Cloth, wood: Cloth) -> list[Thing]:
    """Three legs of 3 cm with a canvas (a poster) that leans back 14 degrees."""
    lean = 14.0
    back = float(np.tan(np.deg2rad(lean)))
    return [
        spot.rod("easel leg", (-0.36, 0.0, 0.0), (-0.08, 1.7 * back, 1.70), 0.015, wood),
        spot.rod("easel leg", (0.36, 0.0, 0.0), (0.08, 1.7 * back, 1.70), 0.015, wood),
        spot.rod("easel prop", (0.0, 0.75, 0.0), (0.0, 1.6 * back, 1.60), 0.014, wood),
        spot.rod("easel tray", (-0.42, 0.62 * back - 0.05, 0.60), (0.42, 0.62 * back - 0.05, 0.60), 0.014, wood),
        spot.box("stretcher frame", (0.0, 1.02 * back - 0.035, 1.02), (0.60, 0.02, 0.88), wood, -lean),
        Panel("canvas", spot.at(0.0, 1.02 * back - 0.05, 1.02), (0.62, 0.90), picture, spot.yaw_deg, lean),
    ]


def clothes_rail(spot: Spot, metal: Cloth, garments: tuple[Cloth, ...]) -> list[Thing]:
    """A rail of 2.6 cm on two posts, 1.5 m high, with flat garments on 1 cm hooks."""
    parts: list[Thing] = [spot.rod("rail", (-0.6, 0.0, 1.5), (0.6, 0.0, 1.5), 0.013, metal)]
    for side in (-0.58, 0.58):
        parts.append(spot.rod("rail post", (side, 0.0, 0.05), (side, 0.0, 1.5), 0.013, metal))
        parts.append(spot.rod("rail foot", (side, -0.24, 0.03), (side, 0.24, 0.03), 0.013, metal))
    for x, cloth in zip(np.linspace(-0.42, 0.40, len(garments)), garments, strict=True):
        parts.append(spot.rod("hook", (float(x), 0.0, 1.38), (float(x), 0.0, 1.5), 0.005, metal))
        parts.append(spot.box("garment", (float(x), 0.0, 1.0), (0.05, 0.40, 0.76), cloth))
    return parts


def wire(name: str, start_m: Vec3, end_m: Vec3, sag_m: float, radius_m: float = 0.005) -> Rod:
    """A cable that hangs between two hooks."""
    return Rod(name, hanging(start_m, end_m, sag_m), radius_m, CABLE)


def pendant(x: float, y: float, top_m: float, z: float, cloth: Cloth) -> list[Thing]:
    """A ball on a straight cord of 1 cm."""
    return [Rod("cord", ((x, y, z), (x, y, top_m)), 0.005, CABLE), Ball("pendant", (x, y, z - 0.1), 0.11, cloth)]
