"""A painter's studio: clutter at every depth, thin legs, poles and wires before it, bare plaster and concrete too."""

from __future__ import annotations

import numpy as np
from scene_types import Ball, Box, Cloth, Lamp, Lighting, Panel, Rod, Thing

from catalogue import furniture
from catalogue.furniture import BEECH, BRASS, CHALK, RED_PAINT, SHADE, STEEL, Spot, wire
from catalogue.party_room import BRICK, DARK_WOOD, PALE_WOOD, WOOD, bookcase, poster

LEFT, RIGHT, BACK, TOP = -2.7, 2.7, 5.2, 3.3
# where the back wall turns from brick to plaster
SPLIT = 0.35
PLASTER = Cloth("mottle", (0.62, 0.60, 0.55), (0.65, 0.63, 0.58), 0.60, 0.05, grain_contrast=0.05)
CONCRETE = Cloth("mottle", (0.40, 0.40, 0.39), (0.45, 0.45, 0.44), 0.40, 0.04, grain_contrast=0.08)
COVER = Cloth("cells", (0.62, 0.30, 0.12), (0.85, 0.76, 0.55), 0.055, 0.025)
DRAPE = Cloth("plaid", (0.12, 0.34, 0.32), (0.80, 0.72, 0.50), 0.10, 0.03)
RUG = Cloth("cells", (0.14, 0.18, 0.42), (0.78, 0.62, 0.36), 0.07, 0.025)
TERRAZZO = Cloth("cells", (0.30, 0.32, 0.36), (0.82, 0.80, 0.74), 0.04, 0.02)

# one strong window on the right, a weak fill from the left: shadows that the eye expects of a studio
LIGHTING = Lighting(
    ambient=0.45,
    lamps=(
        Lamp((3.6, 1.2, 2.8), (0.0, 3.4, 0.8), 2.2, 190.0, (0.95, 0.98, 1.0)),
        Lamp((-1.5, -1.5, 2.9), (0.0, 3.6, 1.0), 2.5, 75.0, (1.0, 0.94, 0.86)),
        Lamp((0.0, 3.0, 3.6), (0.0, 3.4, 0.0), 2.6, 60.0),
    ),
)


def shell() -> list[Thing]:
    """The right half of the back wall is plaster, the right front of the floor concrete: little to match there."""
    width, depth = RIGHT - LEFT, BACK + 1.5
    wall_y = BACK - depth / 2
    return [
        Panel("floor", (0.0, wall_y, 0.0), (width, depth), WOOD),
        Panel("concrete", (1.55, 2.9, 0.004), (2.3, 3.2), CONCRETE),
        Panel("rug", (-0.75, 3.3, 0.008), (2.0, 1.5), RUG),
        Panel("back wall", ((LEFT + SPLIT) / 2, BACK, TOP / 2), (SPLIT - LEFT, TOP), BRICK, 0.0),
        Panel("plaster", ((RIGHT + SPLIT) / 2, BACK, TOP / 2), (RIGHT - SPLIT, TOP), PLASTER, 0.0),
        Panel("left wall", (LEFT, wall_y, TOP / 2), (depth, TOP), TERRAZZO, 90.0),
        Panel("right wall", (RIGHT, wall_y, TOP / 2), (depth, TOP), DRAPE, -90.0),
        poster("poster back 1", (-0.30, BACK - 0.012, 1.9), (0.62, 0.93), 0.0, 11),
        poster("poster right", (RIGHT - 0.012, 3.9, 1.7), (0.62, 0.93), -90.0, 12),
        poster("poster left", (LEFT + 0.012, 3.8, 1.7), (0.62, 0.93), 90.0, 13),
    ]


def thin_things() -> list[Thing]:
    """Poles, legs and wires of 1 to 3.4 cm, from 2 m to the back wall."""
    seat = Cloth("dots", (0.70, 0.20, 0.16), (0.92, 0.86, 0.72), 0.05, 0.02)
    return [
        *furniture.lamp_stand(Spot(-1.02, 2.35, 10.0), 1.62, SHADE, STEEL),
        *furniture.chair(Spot(0.16, 2.45, 155.0), BEECH, seat),
        *furniture.trestle_table(Spot(1.30, 4.45, -6.0), (1.3, 0.62), PALE_WOOD, STEEL),
        *furniture.ladder(Spot(0.42, 4.55, 0.0), 2.3, 0.55, BEECH),
        *furniture.coat_rack(Spot(-2.15, 3.35, 20.0), DARK_WOOD),
        *furniture.easel(
            Spot(1.50, 3.0, -24.0), Cloth("poster", (0.85, 0.80, 0.65), (0.2, 0.45, 0.6), 1.0, 0.05, 14), BEECH
        ),
        *furniture.boom_stand(Spot(0.70, 1.95, 20.0), STEEL),
        wire("wire 1", (LEFT, 3.0, 2.25), (RIGHT, 4.2, 2.15), 0.40),
        wire("wire 2", (LEFT, 4.6, 1.75), (0.9, BACK, 2.5), 0.25),
        wire("wire 3", (0.6, 2.0, 2.6), (RIGHT, 3.2, 1.65), 0.30, 0.006),
        *furniture.pendant(-0.35, 3.75, TOP, 2.12, Cloth("dots", (0.15, 0.40, 0.55), (0.95, 0.85, 0.3), 0.06, 0.03)),
        Rod("broom", ((2.35, 3.35, 0.05), (2.62, 3.55, 1.55)), 0.012, RED_PAINT),
        Rod("curtain pole", ((LEFT + 0.06, 2.6, 2.02), (LEFT + 0.06, 5.0, 2.02)), 0.014, BRASS),
    ]


def clutter() -> list[Thing]:
    """Solid things that step in depth: on the table, on the floor, leaning on the walls."""
    carton = Cloth("cells", (0.50, 0.36, 0.22), (0.76, 0.60, 0.40), 0.05, 0.03)
    wrap = Cloth("stripes", (0.15, 0.40, 0.55), (0.95, 0.85, 0.30), 0.06, 0.03)
    return [
        Box("present", (0.98, 4.42, 0.86), (0.26, 0.24, 0.22), wrap, 14.0),
        Box("carton", (1.38, 4.52, 0.90), (0.30, 0.26, 0.30), carton, -20.0),
        Box("box file", (1.80, 4.36, 0.83), (0.10, 0.28, 0.17), COVER, -10.0),
        Box("trunk", (-1.62, 2.85, 0.20), (0.62, 0.42, 0.40), carton, 24.0),
        Box("parcel", (-1.60, 2.86, 0.51), (0.34, 0.28, 0.22), wrap, -8.0),
        Box("desk slope", (0.95, 3.55, 0.16), (0.60, 0.70, 0.04), TERRAZZO, -18.0, 22.0),
        Box("leaning board", (1.95, 5.02, 0.60), (0.75, 0.03, 1.20), PALE_WOOD, 0.0, -11.0),
        Box("leaning panel", (-2.50, 2.9, 0.55), (0.8, 0.03, 1.10), COVER, 90.0, -13.0),
        Box("ramp", (-0.25, 4.55, 0.17), (0.9, 0.9, 0.03), DARK_WOOD, 8.0, 20.0),
        Box("stack", (2.30, 2.75, 0.30), (0.45, 0.42, 0.60), DRAPE, -15.0),
        Ball("ball", (-0.28, 3.0, 0.16), 0.16, Cloth("cells", (0.15, 0.45, 0.65), (0.90, 0.80, 0.25), 0.06, 0.03)),
        Ball("pot", (2.28, 2.75, 0.76), 0.17, Cloth("stripes", (0.35, 0.16, 0.10), (0.75, 0.50, 0.35), 0.06, 0.02)),
        Box("plinth", (0.42, 3.95, 0.36), (0.30, 0.30, 0.72), CHALK, 30.0),
    ]


def studio_room(seed: int) -> tuple[Thing, ...]:
    """Everything but the people; ``seed`` shuffles the books."""
    shelves = bookcase(-1.55, 5, np.random.default_rng(seed), BACK)
    return (*shell(), *shelves, *thin_things(), *clutter())
