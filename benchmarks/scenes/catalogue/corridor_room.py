"""A long corridor under warm ceiling lamps: slanting walls, things along both sides, 1 to 8 m away."""

from __future__ import annotations

import numpy as np
from scene_types import Box, Cloth, Lamp, Lighting, Panel, Rod, Thing

from catalogue import furniture
from catalogue.furniture import BEECH, BRASS, CHALK, RED_PAINT, STEEL, Spot, wire
from catalogue.party_room import DARK_WOOD, bookcase, poster

LEFT, RIGHT, BACK, TOP = -1.6, 1.8, 8.2, 2.75
# where the walls turn from paint (below) to paper (above)
DADO = 1.0
FLOOR = Cloth("tiles", (0.26, 0.16, 0.12), (0.78, 0.70, 0.56), 0.16, 0.025)
PAPER = Cloth("dots", (0.20, 0.30, 0.20), (0.74, 0.66, 0.40), 0.065, 0.02)
BOARDS = Cloth("planks", (0.30, 0.22, 0.16), (0.56, 0.46, 0.34), 0.9, 0.025)
PLAIN = Cloth("mottle", (0.50, 0.58, 0.60), (0.53, 0.61, 0.63), 0.50, 0.05, grain_contrast=0.06)
CEILING = Cloth("mottle", (0.74, 0.72, 0.68), (0.78, 0.76, 0.72), 0.30, 0.04, grain_contrast=0.10)
END = Cloth("cells", (0.46, 0.16, 0.12), (0.80, 0.60, 0.36), 0.09, 0.03)
RUNNER = Cloth("cells", (0.10, 0.26, 0.24), (0.70, 0.56, 0.30), 0.05, 0.02)
SACK = Cloth("plaid", (0.36, 0.16, 0.34), (0.76, 0.70, 0.56), 0.07, 0.025)
CARTON = Cloth("mottle", (0.44, 0.31, 0.19), (0.74, 0.58, 0.38), 0.05, 0.018)
PAINTED = Cloth("mottle", (0.56, 0.52, 0.40), (0.60, 0.56, 0.44), 0.40, 0.04, grain_contrast=0.08)
ROPE = Cloth("mottle", (0.40, 0.05, 0.08), (0.72, 0.16, 0.16), 0.03, 0.01)

WARM, COOL = (1.0, 0.80, 0.58), (0.72, 0.86, 1.0)
# daylight falls in from behind the camera and from a side door half-way down
LIGHTING = Lighting(
    ambient=0.35,
    lamps=(
        Lamp((0.1, 2.2, TOP - 0.06), (0.1, 2.2, 0.0), 0.9, 42.0, WARM),
        Lamp((0.1, 4.8, TOP - 0.06), (0.1, 4.8, 0.0), 0.9, 46.0, WARM),
        Lamp((0.1, 7.2, TOP - 0.06), (0.1, 7.2, 0.0), 0.9, 46.0, WARM),
        Lamp((-1.5, 4.6, 1.5), (1.0, 4.9, 1.0), 0.9, 30.0, COOL),
        Lamp((0.5, -1.6, 2.0), (0.0, 3.5, 1.0), 2.0, 55.0, COOL),
    ),
)


def shell() -> list[Thing]:
    width, depth = RIGHT - LEFT, BACK + 1.5
    middle, along, upper = (LEFT + RIGHT) / 2, BACK - depth / 2, TOP - DADO
    return [
        Panel("floor", (middle, along, 0.0), (width, depth), FLOOR),
        Panel("runner", (middle, along, 0.008), (1.3, depth), RUNNER),
        Panel("ceiling", (middle, along, TOP), (width, depth), CEILING),
        Panel("end wall", (middle, BACK, TOP / 2), (width, TOP), END, 0.0),
        Panel("left dado", (LEFT, along, DADO / 2), (depth, DADO), PLAIN, 90.0),
        Panel("left paper", (LEFT, along, DADO + upper / 2), (depth, upper), PAPER, 90.0),
        Panel("right wall", (RIGHT, along, TOP / 2), (depth, TOP), BOARDS, -90.0),
        Panel("end door", (0.95, BACK - 0.02, 1.02), (0.86, 2.04), PAINTED, 0.0),
        poster("poster left 1", (LEFT + 0.012, 3.4, 1.68), (0.62, 0.93), 90.0, 21),
        poster("poster left 2", (LEFT + 0.012, 5.6, 1.68), (0.62, 0.93), 90.0, 22),
        poster("poster right", (RIGHT - 0.012, 4.7, 1.7), (0.62, 0.93), -90.0, 23),
        poster("poster end", (0.10, BACK - 0.012, 1.75), (0.62, 0.93), 0.0, 24),
    ]


def thin_things() -> list[Thing]:
    """Poles, legs, ropes, pipes and wires of 1 to 4 cm, from 1.2 m to the end wall."""
    seat = Cloth("stripes", (0.14, 0.30, 0.42), (0.86, 0.80, 0.62), 0.05, 0.02)
    score = Cloth("poster", (0.86, 0.84, 0.76), (0.30, 0.32, 0.36), 1.0, 0.05, 25)
    coats = (SACK, END, Cloth("stripes", (0.15, 0.22, 0.40), (0.80, 0.74, 0.60), 0.06, 0.02), CARTON, PAPER)
    return [
        *furniture.music_stand(Spot(0.56, 1.95, -12.0), score, STEEL),
        *furniture.rope_barrier([(-0.95, 2.35), (-0.72, 3.35), (-1.05, 4.4)], ROPE, BRASS),
        *furniture.handrail(LEFT + 0.09, LEFT, 2.2, 7.6, BEECH, STEEL),
        *furniture.clothes_rail(Spot(1.42, 3.25, 84.0), STEEL, coats),
        *furniture.chair(Spot(0.22, 4.80, 120.0), DARK_WOOD, seat),
        *furniture.ladder(Spot(1.20, 5.45, -90.0), 2.3, 0.52, CHALK),
        *furniture.coat_rack(Spot(-0.95, 5.55, 10.0), BRASS),
        *furniture.trestle_table(Spot(0.05, 7.15, 4.0), (1.0, 0.5), CARTON, STEEL),
        *furniture.pendant(0.30, 3.9, TOP, 2.12, SACK),
        *furniture.pendant(-0.25, 6.2, TOP, 2.15, END),
        wire("cable 1", (LEFT, 2.6, 2.35), (RIGHT, 4.4, 2.30), 0.30),
        wire("cable 2", (RIGHT, 3.0, 2.10), (LEFT, 7.4, 2.45), 0.25, 0.006),
        Rod("pipe", ((-1.25, 1.0, 2.58), (-1.25, BACK, 2.58)), 0.02, STEEL),
        Rod("riser", ((1.70, 6.35, 0.0), (1.70, 6.35, TOP)), 0.018, BRASS),
        Rod("broom", ((-1.20, 3.15, 0.05), (-1.52, 3.25, 1.50)), 0.012, RED_PAINT),
        Rod("cane", ((0.28, 7.9, 0.0), (0.22, 8.17, 0.95)), 0.012, BEECH),
    ]


def clutter() -> list[Thing]:
    """Solid things that step in depth along both sides, some leaning, a door that stands open."""
    return [
        Box("open door", (1.42, 6.75, 1.02), (0.80, 0.04, 2.04), PAINTED, -38.0),
        Box("mattress", (LEFT + 0.32, 6.5, 0.72), (0.95, 0.14, 1.45), SACK, 90.0, -14.0),
        Box("box 1", (1.35, 4.2, 0.22), (0.50, 0.55, 0.44), CARTON, 12.0),
        Box("box 2", (1.38, 4.22, 0.60), (0.36, 0.40, 0.32), END, -16.0),
        Box("suitcase", (-1.22, 5.05, 0.28), (0.22, 0.62, 0.56), RUNNER, -14.0),
        Box("ramp", (0.55, 6.15, 0.13), (0.70, 0.80, 0.03), BOARDS, 15.0, 17.0),
        Box("crate", (1.40, 2.30, 0.30), (0.42, 0.42, 0.60), PAPER, 22.0),
        Box("parcel", (-0.12, 7.12, 0.86), (0.30, 0.24, 0.22), SACK, 20.0),
        Box("case", (0.30, 7.20, 0.82), (0.26, 0.20, 0.14), PAPER, -12.0),
        Box("leaning board", (1.52, 7.6, 0.70), (0.70, 0.03, 1.40), CARTON, -90.0, -12.0),
    ]


def corridor_room(seed: int) -> tuple[Thing, ...]:
    """Everything but the people; ``seed`` shuffles the books."""
    return (*shell(), *bookcase(-0.95, 5, np.random.default_rng(seed), BACK), *thin_things(), *clutter())
