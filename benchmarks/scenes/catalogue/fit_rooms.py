"""Still rooms on which the dense stage's sigma is fitted, and nothing is scored: half their surfaces hold little texture.

Two are as small as the other rooms, two have the size of the embedded demo. Figures, cloths, lamps and the camera's ways are
combined as in no other scene.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scene_types import Box, CameraPath, Cloth, Scene, Thing

from catalogue import furniture, party_room, studio_room
from catalogue.corridor import CALLER, PORTER, TENANT
from catalogue.dense_rooms import (
    CLAY,
    CREAM,
    EVENING,
    LILAC,
    MOSS,
    NAVY,
    OVERCAST,
    ROSE,
    RUST,
    SAGE,
    SAND,
    SLATE,
    SOFT,
    STONE,
    TEAL,
    WHITE,
    WINDOW,
    in_plain,
    paint,
    still,
    without,
)  # fmt: skip
from catalogue.furniture import BEECH, CHALK, STEEL, Spot
from catalogue.mannequin import DANCING_MAN, NEAR_WOMAN, UPRIGHT_WOMAN, WAVING_MAN
from catalogue.mask_cast import LEANING_MAN, LISTENING_WOMAN, STANDING_WOMAN, WALKER
from catalogue.party_room import BACK, CARPET, PALE_WOOD, bookcase, poster
from catalogue.rooms import LINO, PALE_BRICK, RED_PAPER, STRIPED_PAPER, dressed, stand, view
from catalogue.studio import GUEST, PAINTER, VISITOR

RED_ROPE = Cloth("mottle", (0.40, 0.06, 0.08), (0.60, 0.12, 0.12), 0.02, 0.01)


def larger(camera: CameraPath) -> CameraPath:
    """The same view in 640 x 360 pixels."""
    return replace(camera, width=640, height=360, focal_px=camera.focal_px * 640 / camera.width)


def lounge_room(seed: int) -> tuple[Thing, ...]:
    """Bare walls in two greys, a few pictures, a patterned rug on plain boards."""
    walls = {
        "back wall": paint((0.52, 0.54, 0.58), 0.05), "panelling": paint(STONE, 0.03), "left wall": paint(WHITE, 0.03),
        "right wall": paint(SLATE, 0.06), "floor": paint(SAND, 0.12, 0.05),
    }  # fmt: skip
    return dressed(without(party_room.party_room(seed), "poster left", "balloon", "chair"), walls)


def gallery_room(seed: int) -> tuple[Thing, ...]:
    """White walls with pictures of many sizes, a lacquered plinth, rods before paint."""
    rng = np.random.default_rng(seed)
    walls = {
        "back wall": paint(WHITE, 0.03, 0.015), "panelling": paint(WHITE, 0.03, 0.015), "left wall": paint(CREAM, 0.05),
        "right wall": paint(TEAL, 0.05, 0.02), "floor": LINO,
    }  # fmt: skip
    plinth = Cloth("mottle", (0.55, 0.55, 0.53), (0.57, 0.57, 0.55), 0.4, 0.05, grain_contrast=0.02, gloss=0.2)
    places = np.linspace(-1.9, 2.0, 6), rng.uniform(1.5, 2.1, 6), rng.uniform(0.2, 0.6, 6), rng.uniform(0.25, 0.7, 6)
    pictures = [
        poster(f"picture {k}", (x, BACK - 0.012, z), (wide, high), 0.0, seed + k)
        for k, (x, z, wide, high) in enumerate(np.stack(places, axis=1).tolist())
    ]
    return (
        *dressed(without(tuple(party_room.shell()), "rug"), walls),
        *pictures,
        Box("plinth", (0.25, 4.2, 0.45), (0.45, 0.45, 0.90), plinth, 10.0),
        furniture.Ball("vase", (0.25, 4.2, 1.08), 0.17, studio_room.COVER),
        *furniture.rope_barrier([(-1.7, 3.9), (-0.9, 3.7), (-0.1, 3.8)], RED_ROPE, STEEL),
        *furniture.music_stand(Spot(1.5, 3.3, -20.0), studio_room.DRAPE, STEEL),
    )


def workshop_room(seed: int) -> tuple[Thing, ...]:
    """Legs and rungs before two tones of plaster, a bare floor."""
    walls = {"back wall": paint(CLAY, 0.05), "plaster": paint(STONE, 0.04), "right wall": paint(SAND, 0.05),
             "left wall": STRIPED_PAPER, "concrete": paint(SLATE, 0.08)}  # fmt: skip
    things = [
        *furniture.ladder(Spot(0.55, 4.50, 5.0), 2.3, 0.6, PALE_WOOD),
        *furniture.chair(Spot(-1.05, 3.05, 30.0), CHALK, studio_room.COVER),
        *furniture.chair(Spot(1.55, 3.90, -40.0), BEECH, paint(NAVY)),
        *furniture.clothes_rail(Spot(-1.60, 4.40, 10.0), STEEL, (paint(RUST), studio_room.DRAPE, paint(CREAM))),
        *furniture.trestle_table(Spot(1.30, 4.55, -6.0), (1.1, 0.5), BEECH, STEEL),
        *furniture.boom_stand(Spot(0.10, 3.60, 60.0), STEEL),
        *furniture.lamp_stand(Spot(-0.35, 4.40, 0.0), 1.6, furniture.SHADE, STEEL),
    ]
    return (*dressed(without(tuple(studio_room.shell()), "poster back"), walls), *things)


def office_room(seed: int) -> tuple[Thing, ...]:
    """The party room in pale paint, with a bookcase, a cupboard and a plain table before it."""
    pale = paint(WHITE, 0.05, 0.03)
    walls = {
        "back wall": paint(SAGE, 0.04), "panelling": pale, "left wall": pale, "right wall": paint(LILAC, 0.03),
        "table top": pale, "table drape": pale, "table foot": paint(SLATE),
    }  # fmt: skip
    room = without(party_room.party_room(seed), "poster back 1", "rug", "balloon", "crate", "case", "shelf", "book")
    cupboard = Box("cupboard", (-0.35, BACK - 0.3, 0.95), (1.1, 0.45, 1.9), paint(CREAM, 0.03))
    return (*dressed(room, walls), cupboard, *bookcase(-1.75, 4, np.random.default_rng(seed)))


def galley_room(seed: int) -> tuple[Thing, ...]:
    """A row of lacquered fronts with handles under a polished worktop, a striped carpet, tiles and pictures above."""
    lacquer = Cloth("mottle", (0.30, 0.02, 0.03), (0.32, 0.03, 0.04), 0.5, 0.05, grain_contrast=0.03, gloss=0.4)
    stone = Cloth("mottle", (0.03, 0.03, 0.035), (0.05, 0.05, 0.055), 0.05, 0.02, grain_contrast=0.1, gloss=0.35)
    walls = {"back wall": PALE_BRICK, "floor": STRIPED_PAPER, "left wall": paint(WHITE, 0.04), "right wall": RED_PAPER}
    room = dressed(without(party_room.party_room(seed), "rug", "panelling", "balloon", "chair", "poster back 1"), walls)
    high, deep, wide = 0.88, 0.55, 0.52
    front = BACK - 0.05 - deep
    row: list[Thing] = []
    for k in range(7):
        x = -1.75 + wide * k
        row += [
            Box(f"front {k}", (x, front + deep / 2, high / 2), (wide - 0.008, deep, high), lacquer),
            Box(f"handle {k}", (x, front - 0.02, high - 0.12), (0.20, 0.02, 0.015), STEEL),
        ]
    worktop = Box("worktop", (0.0, front + deep / 2 - 0.02, high + 0.02), (3.9, deep + 0.06, 0.04), stone)
    jars = [furniture.Ball(f"jar {k}", (-1.2 + 0.8 * k, front + 0.3, high + 0.15), 0.11, CARPET) for k in range(4)]
    return (*room, *row, worktop, *jars)


LOUNGE = still(
    "lounge", 71, view((0.45, -0.1, 1.30), (-0.55, 0.10, 1.50), (-0.05, 3.5, 1.12), 0.10), lounge_room(71), OVERCAST,
    (
        in_plain(stand(1, TENANT, -0.55, 2.85, 20.0), ROSE, SLATE), stand(2, LEANING_MAN, 0.75, 3.35, -25.0),
        in_plain(stand(3, CALLER, 1.55, 3.05, -40.0), CREAM, MOSS), stand(4, LISTENING_WOMAN, -1.35, 3.85, 30.0),
    ),
)  # fmt: skip
GALLERY = still(
    "gallery", 72, larger(view((-0.60, 0.15, 1.52), (0.40, -0.15, 1.40), (0.0, 3.6, 1.15), -0.08)), gallery_room(72), SOFT,
    (
        in_plain(stand(1, UPRIGHT_WOMAN, -0.75, 3.05, 25.0), NAVY, NAVY),
        in_plain(stand(2, GUEST, 0.85, 2.95, -15.0), SAND, MOSS),
        stand(3, WAVING_MAN, -1.55, 3.35, 40.0),
    ),
)  # fmt: skip
WORKSHOP = still(
    "workshop", 73, view((-0.55, 0.0, 1.40), (0.45, 0.15, 1.44), (0.05, 3.5, 1.02), 0.12), workshop_room(73), WINDOW,
    (
        stand(1, VISITOR, 0.75, 3.05, -20.0), in_plain(stand(2, DANCING_MAN, -0.60, 3.55, 20.0), TEAL, STONE),
        in_plain(stand(3, NEAR_WOMAN, 1.05, 4.20, -10.0), WHITE, NAVY),
    ),
)  # fmt: skip
OFFICE = still(
    "office", 74, larger(view((0.55, 0.05, 1.44), (-0.45, -0.05, 1.36), (0.10, 3.4, 1.05), -0.10)), office_room(74), EVENING,
    (
        in_plain(stand(1, PORTER, 0.70, 2.85, -25.0), SLATE, SAND), stand(2, STANDING_WOMAN, -0.85, 3.05, 25.0),
        in_plain(stand(3, WALKER, 0.15, 3.90, 0.0), RUST, NAVY), stand(4, PAINTER, 1.75, 3.55, -35.0),
    ),
)  # fmt: skip
GALLEY = still(
    "galley", 75, view((-0.50, 0.05, 1.46), (0.50, 0.0, 1.38), (0.0, 3.5, 0.85), 0.10), galley_room(75), EVENING,
    (
        stand(1, GUEST, 0.85, 2.95, -30.0), in_plain(stand(2, WAVING_MAN, -1.00, 3.10, 25.0), SAND, NAVY),
    ),
)  # fmt: skip

ROOMS: dict[str, Scene] = {scene.name: scene for scene in (LOUNGE, GALLERY, WORKSHOP, OFFICE, GALLEY)}
