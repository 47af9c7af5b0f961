"""Small still rooms for dense depth, each with much of what matching finds hard: paint, gloss, thin things, steps.

Nothing moves in any of them; the camera goes past sideways by about a metre, 2 to 6 m from what it sees.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scene_types import Box, CameraPath, Cloth, Lamp, Lighting, Panel, Person, Rgb, Scene, Thing

from catalogue import furniture, party_room, studio_room
from catalogue.corridor import CALLER, PORTER, TENANT
from catalogue.furniture import BEECH, BRASS, CHALK, RED_PAINT, SHADE, STEEL, Spot
from catalogue.mannequin import DANCING_MAN, UPRIGHT_WOMAN
from catalogue.mask_cast import LEANING_MAN, LISTENING_WOMAN, STANDING_WOMAN, WALKER
from catalogue.party_room import BACK, DARK_WOOD, LEFT, PALE_WOOD, RIGHT, TOP, bookcase, chair, poster, table
from catalogue.rooms import LINO, PALE_BRICK, RED_PAPER, STRIPED_PAPER, dressed, stand, view
from catalogue.studio import GUEST, PAINTER, VISITOR

N_FRAMES, FPS, CRF = 25, 15, 23
# Coarser than in other scenes, to save room: off by 0.5 mm at the most, which at 4 m is 0.011 px over a metre of baseline;
# half of that where the walls' own shape is what is asked about.
DEPTH_UNIT_M, FINE_UNIT_M = 0.001, 0.0005


def paint(rgb: Rgb, grain_contrast: float = 0.06, drift: float = 0.03) -> Cloth:
    """Bare paint or plain cloth: a tone that drifts over half a metre and a grain that hardly shows."""
    return Cloth("mottle", rgb, tuple(c + drift for c in rgb), 0.50, 0.05, grain_contrast=grain_contrast)


def without(room: tuple[Thing, ...], *words: str) -> tuple[Thing, ...]:
    """The room less the things whose names begin with one of the words."""
    return tuple(thing for thing in room if not thing.name.startswith(words))


def in_plain(person: Person, shirt: Rgb, trousers: Rgb) -> Person:
    """The figure in clothes without a pattern."""
    outfit = replace(person.outfit, shirt=paint(shirt), trousers=paint(trousers), shoes=paint((0.10, 0.08, 0.07)))
    return replace(person, outfit=outfit)


def still(name: str, seed: int, camera: CameraPath, room: tuple[Thing, ...], lighting: Lighting,
          people: tuple[Person, ...], depth_unit_m: float = DEPTH_UNIT_M) -> Scene:  # fmt: skip
    return Scene(name, seed, N_FRAMES, FPS, 1, camera, room, lighting, people, crf=CRF, depth_unit_m=depth_unit_m)


CREAM, SAGE, CLAY, LILAC = (0.62, 0.58, 0.48), (0.42, 0.50, 0.42), (0.56, 0.38, 0.28), (0.50, 0.46, 0.56)
SLATE, NAVY, MOSS, RUST = (0.20, 0.24, 0.28), (0.06, 0.09, 0.20), (0.16, 0.22, 0.12), (0.45, 0.14, 0.07)
WHITE, STONE, SAND = (0.66, 0.66, 0.64), (0.40, 0.38, 0.34), (0.50, 0.42, 0.30)
ROSE, TEAL = (0.58, 0.26, 0.30), (0.08, 0.30, 0.32)

# large and near all round: the shadows have no edges
SOFT = Lighting(
    ambient=0.7,
    lamps=(
        Lamp((0.0, 2.0, 3.9), (0.0, 2.6, 0.0), 5.0, 70.0, (1.0, 0.97, 0.92)),
        Lamp((0.0, -2.5, 3.0), (0.0, 3.5, 1.2), 4.0, 90.0, (0.97, 0.98, 1.0)),
    ),
)
# evening: two warm lamps under the ceiling and a little blue from behind the camera
EVENING = Lighting(
    ambient=0.30,
    lamps=(
        Lamp((-1.2, 1.8, 3.4), (-0.8, 3.4, 0.0), 1.4, 80.0, (1.0, 0.82, 0.62)),
        Lamp((1.4, 2.0, 3.4), (1.0, 3.6, 0.0), 1.4, 70.0, (1.0, 0.84, 0.66)),
        Lamp((0.3, -1.8, 2.2), (0.0, 3.5, 1.0), 2.0, 70.0, (0.75, 0.87, 1.0)),
    ),
)
# a window in the left wall, high behind the camera: light that grazes the back wall
WINDOW = Lighting(
    ambient=0.5,
    lamps=(
        Lamp((-2.4, 0.6, 2.4), (1.0, 4.4, 1.0), 1.6, 130.0, (0.95, 0.98, 1.0)),
        Lamp((1.2, -2.0, 3.0), (0.0, 3.6, 1.0), 2.5, 60.0, (1.0, 0.95, 0.88)),
        Lamp((0.0, 2.5, 3.9), (0.0, 3.0, 0.0), 3.0, 45.0),
    ),
)
# a grey day: hardly any direction but for a wide window on the left
OVERCAST = Lighting(
    ambient=0.75,
    lamps=(
        Lamp((-2.2, -1.6, 2.6), (0.5, 4.4, 1.2), 3.5, 110.0, (0.95, 0.98, 1.0)),
        Lamp((0.0, 2.2, 3.9), (0.0, 2.8, 0.0), 5.0, 60.0),
    ),
)


def painted_room(seed: int) -> tuple[Thing, ...]:
    """The party room without its pictures, every wall in a paint of its own."""
    walls = {
        "back wall": paint(CREAM), "panelling": paint(SAGE, 0.04), "left wall": paint(CLAY, 0.08),
        "right wall": paint(LILAC, 0.05), "floor": paint(STONE, 0.08),
    }  # fmt: skip
    return dressed(without(party_room.party_room(seed), "poster", "balloon", "rug"), walls)


PAINTED = still(
    "painted", 61, view((-0.50, 0.0, 1.36), (0.50, -0.05, 1.46), (0.05, 3.4, 1.10)), painted_room(61), SOFT,
    (
        in_plain(stand(1, PAINTER, 0.60, 2.95, -28.0), NAVY, SAND),
        in_plain(stand(2, VISITOR, -0.70, 3.30, 20.0), WHITE, SLATE),
        in_plain(stand(3, GUEST, -1.60, 3.75, 35.0), RUST, MOSS),
    ),
)  # fmt: skip


def glossy_room(seed: int) -> tuple[Thing, ...]:
    """A polished floor that mirrors who stands on it, and a cupboard with one lacquered door."""
    polished = Cloth("mottle", (0.16, 0.14, 0.13), (0.17, 0.15, 0.14), 0.40, 0.05, grain_contrast=0.04, gloss=0.35)
    lacquer = Cloth("mottle", (0.10, 0.16, 0.20), (0.11, 0.17, 0.21), 0.50, 0.05, grain_contrast=0.0, gloss=0.45)
    wall, drape = paint(WHITE, 0.04, 0.02), paint(CREAM)
    walls = {
        "floor": polished, "back wall": wall, "panelling": wall, "left wall": paint(CLAY, 0.04, 0.01),
        "right wall": paint(SAGE, 0.04, 0.01), "table top": drape, "table drape": drape,
        "table foot": paint(SLATE, 0.06, 0.01),
    }  # fmt: skip
    room = without(
        party_room.party_room(seed), "poster back", "rug", "chair", "balloon", "crate", "case", "shelf", "book"
    )
    x, deep, high = -0.30, 0.45, 1.95
    front = BACK - 0.05 - deep
    cupboard = (
        Box("cupboard", (x, front + deep / 2, high / 2), (0.96, deep, high), paint(CREAM)),
        Box("lacquered door", (x - 0.24, front - 0.01, high / 2), (0.46, 0.02, high - 0.06), lacquer),
        Box("painted door", (x + 0.24, front - 0.01, high / 2), (0.46, 0.02, high - 0.06), paint(SLATE)),
        *(furniture.Ball("knob", (x + dx, front - 0.04, 1.0), 0.025, BRASS) for dx in (-0.05, 0.05)),
    )
    return (*dressed(room, walls), *cupboard, *bookcase(-1.75, 3, np.random.default_rng(seed)))


GLOSSY = still(
    "glossy", 62, view((0.50, 0.05, 1.48), (-0.50, -0.05, 1.40), (0.0, 3.3, 0.96), -0.10), glossy_room(62), EVENING,
    (stand(1, TENANT, 0.62, 3.10, -25.0), in_plain(stand(2, WALKER, -0.98, 3.30, 35.0), TEAL, SLATE)),
)  # fmt: skip


def thin_room(seed: int) -> tuple[Thing, ...]:
    """Legs, rungs and pegs of 1 to 3 cm, the left half before brick, the right half before plaster."""
    seat = Cloth("stripes", (0.14, 0.30, 0.42), (0.86, 0.80, 0.62), 0.05, 0.02)
    picture = Cloth("poster", (0.85, 0.80, 0.65), (0.2, 0.45, 0.6), 1.0, 0.05, 63)
    drawing = Cloth("poster", (0.86, 0.84, 0.76), (0.30, 0.32, 0.36), 1.0, 0.05, 64)
    walls = {
        "back wall": PALE_BRICK, "plaster": paint(CREAM, 0.05), "right wall": paint(LILAC), "left wall": STRIPED_PAPER,
        "concrete": LINO,
    }  # fmt: skip
    things = [
        *furniture.ladder(Spot(-0.55, 4.45, 0.0), 2.4, 0.60, BEECH),
        *furniture.ladder(Spot(1.65, 4.55, 0.0), 2.4, 0.55, CHALK),
        *furniture.chair(Spot(-0.35, 2.60, 150.0), BEECH, seat),
        *furniture.chair(Spot(0.95, 2.75, 205.0), DARK_WOOD, seat),
        *furniture.chair(Spot(0.85, 4.15, 20.0), RED_PAINT, seat),
        *furniture.coat_rack(Spot(-1.25, 3.20, 20.0), DARK_WOOD),
        *furniture.coat_rack(Spot(1.15, 3.60, 0.0), STEEL),
        *furniture.easel(Spot(-2.00, 3.95, 18.0), picture, BEECH),
        *furniture.easel(Spot(2.05, 3.35, -28.0), drawing, PALE_WOOD),
        *furniture.lamp_stand(Spot(-1.75, 2.95, 10.0), 1.50, SHADE, STEEL),
        *furniture.trestle_table(Spot(-1.35, 4.65, 4.0), (1.2, 0.55), PALE_WOOD, STEEL),
        Box("carton", (-1.40, 4.65, 0.88), (0.30, 0.26, 0.26), studio_room.COVER, 12.0),
    ]
    return (*dressed(without(tuple(studio_room.shell()), "poster back"), walls), *things)


THIN_FURNITURE = still(
    "thin_furniture", 63, view((-0.50, 0.05, 1.42), (0.50, 0.10, 1.34), (0.0, 3.4, 1.00)), thin_room(63),
    studio_room.LIGHTING,
    (stand(1, STANDING_WOMAN, 0.35, 3.50, -12.0), in_plain(stand(2, PORTER, -0.95, 3.95, 25.0), SAND, NAVY)),
)  # fmt: skip

SIX_PEOPLE = still(
    "six_people", 64, view((-0.55, 0.0, 1.50), (0.45, 0.10, 1.42), (0.05, 3.4, 1.08), 0.15),
    dressed(
        party_room.party_room(64),
        {"back wall": RED_PAPER, "panelling": paint(CREAM), "left wall": paint(SAGE), "right wall": PALE_BRICK},
    ),
    party_room.LIGHTING,
    (
        stand(1, UPRIGHT_WOMAN, -0.42, 2.90, 12.0),
        in_plain(stand(2, PORTER, 0.72, 2.95, -20.0), CREAM, NAVY),
        in_plain(stand(3, LISTENING_WOMAN, -1.42, 3.20, 40.0), TEAL, SLATE),
        stand(4, LEANING_MAN, 0.20, 3.75, -15.0),
        stand(5, CALLER, 1.45, 3.40, -30.0),
        in_plain(stand(6, VISITOR, -0.85, 4.00, 15.0), ROSE, MOSS),
    ),
)  # fmt: skip


CURVE_M = 5.0


def arc_wall(name: str, from_deg: float, to_deg: float, from_m: float, to_m: float, cloth: Cloth) -> Panel:
    """A piece of the round wall about the middle (0, BACK - CURVE_M), between two bearings and two heights."""
    bearing, width = np.deg2rad((from_deg + to_deg) / 2), CURVE_M * np.deg2rad(to_deg - from_deg)
    at = (float(CURVE_M * np.sin(bearing)), float(BACK - CURVE_M + CURVE_M * np.cos(bearing)), (from_m + to_m) / 2)
    return Panel(name, at, (float(width), to_m - from_m), cloth, -(from_deg + to_deg) / 2, curve_radius_m=CURVE_M)


def curved_room(seed: int) -> tuple[Thing, ...]:
    """A hollow back wall with a niche in it, a left wall that bulges, a right wall that is hollow; all of them paint."""
    wall, side, niche = paint(CREAM, 0.04, 0.02), paint(SAGE, 0.04, 0.02), paint(CLAY, 0.04, 0.01)
    # the niche: bearings of its jambs, sill, head, depth
    west_deg, east_deg, sill, head, deep = 0.5, 12.5, 0.55, 2.05, 0.32
    bearing, half = np.deg2rad((west_deg + east_deg) / 2), CURVE_M * np.sin(np.deg2rad((east_deg - west_deg) / 2))
    yaw = -(west_deg + east_deg) / 2
    middle = Spot(float(CURVE_M * np.sin(bearing)), float(BACK - CURVE_M + CURVE_M * np.cos(bearing)), yaw)
    high, level = head - sill, (sill + head) / 2
    shell = (
        Panel("floor", (0.0, 1.8, 0.0), (7.0, 6.8), party_room.WOOD),
        Panel("mat", (0.2, 2.9, 0.008), (2.4, 1.5), paint(SLATE, 0.04, 0.01)),
        arc_wall("back wall west", -42.0, west_deg, 0.0, TOP, wall),
        arc_wall("back wall east", east_deg, 42.0, 0.0, TOP, wall),
        arc_wall("below the niche", west_deg, east_deg, 0.0, sill, wall),
        arc_wall("above the niche", west_deg, east_deg, head - 0.01, TOP, wall),
        Panel("niche back", middle.at(0.0, deep, level), (2 * half, high), niche, yaw),
        Panel("niche jamb", middle.at(-half, deep / 2 - 0.02, level), (deep + 0.04, high), niche, yaw + 90.0),
        Panel("niche jamb", middle.at(half, deep / 2 - 0.02, level), (deep + 0.04, high), niche, yaw - 90.0),
        middle.box("niche sill", (0.0, deep / 2 - 0.02, sill - 0.015), (2 * half, deep + 0.04, 0.03), CHALK),
        # behind the wall's lower edge, which hangs a centimetre below it, and past the niche's back
        middle.box("niche head", (0.0, deep / 2 + 0.02, head + 0.01), (2 * half, deep + 0.03, 0.02), niche),
        Panel("left wall", (LEFT + 0.38, 2.8, TOP / 2), (5.0, TOP), side, 90.0, curve_radius_m=-CURVE_M),
        Panel("right wall", (RIGHT + 0.3, 2.2, TOP / 2), (5.2, TOP), side, -90.0, curve_radius_m=CURVE_M),
    )  # fmt: skip
    pot = Cloth("stripes", (0.35, 0.16, 0.10), (0.75, 0.50, 0.35), 0.06, 0.02)
    return (
        *shell,
        furniture.Ball("pot", middle.at(-0.18, 0.14, sill + 0.15), 0.15, pot),
        middle.box("box", (0.22, 0.16, sill + 0.11), (0.24, 0.18, 0.22), studio_room.COVER, 0.0),
        *table(-1.55, 3.75, 12.0),
        *furniture.chair(Spot(1.75, 3.55, -20.0), BEECH, studio_room.COVER),
        *furniture.boom_stand(Spot(-0.35, 3.90, 30.0), STEEL),
    )


CURVED = still(
    "curved", 65, view((0.50, 0.0, 1.40), (-0.50, 0.05, 1.48), (0.05, 3.6, 1.12), -0.12), curved_room(65), WINDOW,
    (stand(1, DANCING_MAN, 1.02, 3.15, -25.0), in_plain(stand(2, STANDING_WOMAN, -0.72, 3.05, 20.0), ROSE, SLATE)),
    FINE_UNIT_M,
)  # fmt: skip


def stepped_room(seed: int) -> tuple[Thing, ...]:
    """Pilasters and fields of the wall's own paint, 2 cm proud of it, and one pier of 5 cm."""
    wall, side, floor = paint(WHITE, 0.04, 0.02), paint((0.50, 0.54, 0.58), 0.04, 0.02), paint(STONE, 0.04, 0.01)
    small, pier = 0.02, 0.05

    def on_back(name: str, x: float, z: float, width: float, high: float, proud: float) -> Box:
        return Box(name, (x, BACK - proud / 2, z), (width, proud, high), wall)

    def on_left(name: str, y: float, z: float, width: float, high: float, proud: float) -> Box:
        return Box(name, (LEFT + proud / 2, y, z), (proud, width, high), side)

    def on_right(name: str, y: float, z: float, width: float, high: float, proud: float) -> Box:
        return Box(name, (RIGHT - proud / 2, y, z), (proud, width, high), side)

    steps = (
        on_back("pilaster", -2.25, TOP / 2, 0.50, TOP, small),
        on_back("pilaster", -0.72, TOP / 2, 0.44, TOP, small),
        on_back("pier", 0.42, TOP / 2, 0.50, TOP, pier),
        on_back("pilaster", 1.92, TOP / 2, 0.46, TOP, small),
        on_back("field", -1.48, 1.95, 0.70, 1.00, small),
        on_back("field", 1.20, 1.75, 0.72, 1.30, small),
        on_left("pilaster", 3.4, TOP / 2, 0.50, TOP, small),
        on_left("field", 4.3, 1.8, 0.70, 1.20, small),
        on_right("pilaster", 3.6, TOP / 2, 0.50, TOP, small),
        on_right("field", 4.4, 1.8, 0.60, 1.20, small),
    )  # fmt: skip
    walls = {"back wall": wall, "left wall": side, "right wall": side, "floor": floor}
    shell = without(tuple(party_room.shell()), "panelling", "rug")
    return (
        *dressed(shell, walls),
        *steps,
        poster("poster left", (LEFT + 0.012, 2.7, 1.75), (0.60, 0.90), 90.0, 66),
        *bookcase(-1.75, 2, np.random.default_rng(seed)),
        *chair(1.70, 4.15, -18.0),
        *party_room.crates(-2.15, 3.35),
        *furniture.lamp_stand(Spot(1.05, 4.25, 15.0), 1.45, SHADE, STEEL),
    )


STEPPED = still(
    "stepped", 66, view((-0.50, 0.05, 1.46), (0.50, 0.0, 1.38), (0.05, 3.6, 1.14), 0.08), stepped_room(66), OVERCAST,
    (
        stand(1, PAINTER, 0.85, 3.05, -30.0), in_plain(stand(2, WALKER, -0.95, 3.45, 30.0), MOSS, SAND),
        stand(3, GUEST, 0.02, 3.95, 5.0),
    ),
    FINE_UNIT_M,
)  # fmt: skip

ROOMS = {scene.name: scene for scene in (PAINTED, GLOSSY, THIN_FURNITURE, SIX_PEOPLE, CURVED, STEPPED)}
