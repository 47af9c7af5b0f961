"""Mannequin rooms: frozen people before walls from bare paint to brick, filmed as phones, portraits and re-uploads are.

Ten variations of the party room and the corridor, with the cast of the other scenes. Nothing moves but where the scene's
line says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scene_types import CameraPath, Cloth, KnownDistance, Lighting, MotionKey, Person, Scene, Thing, Vec3

from catalogue import corridor_room, party_room
from catalogue.corridor import CALLER, PORTER, TENANT
from catalogue.mannequin import DANCING_MAN, NEAR_WOMAN, UPRIGHT_WOMAN, WAVING_MAN
from catalogue.mask_cast import LEANING_MAN, LISTENING_WOMAN, STANDING_WOMAN, WALKER, walk
from catalogue.party_room import BRICK, WALLPAPER
from catalogue.studio import GUEST, PAINTER, VISITOR

N_FRAMES, DEPTH_EVERY, CRF = 60, 10, 23
WIDTH, HEIGHT, FOCAL_PX = 416, 234, 351.0

PAINT = Cloth("mottle", (0.64, 0.66, 0.60), (0.68, 0.70, 0.64), 0.50, 0.05, grain_contrast=0.06)
DARK_PAINT = Cloth("mottle", (0.20, 0.27, 0.33), (0.23, 0.30, 0.36), 0.40, 0.05, grain_contrast=0.08)
LINO = Cloth("mottle", (0.42, 0.40, 0.36), (0.52, 0.50, 0.45), 0.12, 0.04, grain_contrast=0.25)
PALE_BRICK = Cloth("bricks", (0.62, 0.54, 0.44), (0.80, 0.72, 0.60), 0.22, 0.03)
RED_PAPER = Cloth("dots", (0.52, 0.16, 0.18), (0.84, 0.70, 0.50), 0.08, 0.03)
STRIPED_PAPER = Cloth("stripes", (0.26, 0.34, 0.22), (0.78, 0.74, 0.56), 0.12, 0.03)

UNFREEZES_AT, WALKS_AT = 38, 40
# a hair under the centimetre from which the truth calls a point moved
SWAY_M, SWAY_PERIOD_S = 0.0099, 2.0
# of the hips that a figure turns about, as a share of its stature
HIPS_HEIGHT = 0.54


def dressed(room: tuple[Thing, ...], cloths: dict[str, Cloth]) -> tuple[Thing, ...]:
    """The room with the surfaces of these names in other cloth."""
    missing = cloths.keys() - {thing.name for thing in room}
    if missing:
        raise ValueError(f"no such surface: {sorted(missing)}")
    return tuple(replace(thing, cloth=cloths.get(thing.name, thing.cloth)) for thing in room)


def stand(person_id: int, person: Person, x: float, y: float, heading_deg: float) -> Person:
    """A figure of the cast, frozen at a place of its own."""
    return replace(person, person_id=person_id, position_m=(x, y), heading_deg=heading_deg, motion=())


def view(start_m: Vec3, end_m: Vec3, target_m: Vec3, bow_m: float = 0.10) -> CameraPath:
    """A small picture with a phone's field of view (61 degrees across)."""
    return CameraPath(
        width=WIDTH, height=HEIGHT, focal_px=FOCAL_PX, start_m=start_m, end_m=end_m, bow_m=bow_m,
        target_m=target_m, sway_m=0.010, sway_deg=0.35,
    )  # fmt: skip


def swaying(person: Person, fps: int) -> Person:
    """The figure rocks sideways about its heels, its crown ``SWAY_M`` to either side, from the first frame to the last."""
    half_period = round(SWAY_PERIOD_S * fps / 2)
    turn, left = SWAY_M / person.stature_m, np.deg2rad(person.heading_deg)
    # the turn is about the hips: the shift brings the heels back to where they stood
    shift_m = turn * HIPS_HEIGHT * person.stature_m * np.array([np.cos(left), np.sin(left), 0.0])
    keys = (
        MotionKey(
            number * half_period - half_period // 2,
            {"root": (0.0, (-1) ** number * float(np.rad2deg(turn)), 0.0)},
            tuple(((-1) ** number * shift_m).tolist()),
        )
        for number in range(N_FRAMES // half_period + 3)
    )
    return replace(person, motion=tuple(keys))


def length(frame_index: int, a_m: Vec3, b_m: Vec3, label: str) -> KnownDistance:
    """A length on the room, measured to half a centimetre."""
    return KnownDistance(frame_index, a_m, b_m, 0, 0.005, label)


PARTY_LENGTHS = (
    length(10, (-0.62, 4.888, 2.27), (-0.62, 4.888, 1.44), "left edge of the blue poster, 3 cm inside its corners"),
    length(30, (0.36, 4.888, 2.37), (0.88, 4.888, 2.37), "top edge of the pale poster, 4 cm inside its corners"),
)
# An arm hides the lower corner.
BRICK_LENGTHS = (
    length(10, (-0.62, 4.888, 2.27), (-0.62, 4.888, 1.74), "left edge of the blue poster, above the arm before it"),
    PARTY_LENGTHS[1],
)
CORRIDOR_LENGTHS = (
    length(10, (-1.40, 8.200, 2.40), (0.60, 8.200, 2.40), "end wall, along the ceiling, left part"),
    length(30, (-1.00, 8.200, 2.35), (1.55, 8.200, 2.35), "end wall, along the ceiling"),
)


# furniture by seed, lighting, and what was measured there
PARTY = (party_room.party_room, party_room.LIGHTING, PARTY_LENGTHS)
CORRIDOR = (corridor_room.corridor_room, corridor_room.LIGHTING, CORRIDOR_LENGTHS)
Place = tuple[Callable[[int], tuple[Thing, ...]], Lighting, tuple[KnownDistance, ...]]


def filmed(name: str, seed: int, fps: int, place: Place, cloths: dict[str, Cloth], camera: CameraPath,
           people: tuple[Person, ...]) -> Scene:  # fmt: skip
    """The place with some surfaces in other cloth, its people and the camera that goes through it."""
    furniture, lighting, lengths = place
    return Scene(
        name,
        seed,
        N_FRAMES,
        fps,
        DEPTH_EVERY,
        camera,
        dressed(furniture(seed), cloths),
        lighting,
        people,
        lengths,
        crf=CRF,
    )


PLAIN = filmed(  # two people before bare paint
    "plain", 41, 24, PARTY,
    {"back wall": PAINT, "panelling": DARK_PAINT, "left wall": PAINT, "right wall": PAINT, "floor": LINO},
    view((-0.70, 0.10, 1.35), (0.70, 0.0, 1.45), (0.0, 3.4, 1.10), 0.15),
    (stand(1, PAINTER, 0.62, 2.90, -28.0), stand(2, VISITOR, -0.85, 3.40, 20.0)),
)  # fmt: skip

WALLPAPER_ROOM = filmed(  # four people, the camera walks up to them
    "wallpaper", 42, 30, PARTY,
    {"left wall": RED_PAPER, "right wall": STRIPED_PAPER, "panelling": WALLPAPER},
    view((-0.55, -0.60, 1.50), (0.50, 0.45, 1.36), (0.05, 3.8, 1.12), 0.08),
    (
        stand(1, STANDING_WOMAN, -0.95, 3.70, 15.0), stand(2, LEANING_MAN, 0.95, 3.05, -25.0),
        stand(3, LISTENING_WOMAN, 0.25, 4.00, -10.0), stand(4, PORTER, -1.55, 2.95, 50.0),
    ),
)  # fmt: skip

BRICKS = filmed(  # six people, the camera walks round them
    "bricks", 43, 20, (*PARTY[:2], BRICK_LENGTHS),
    {"back wall": BRICK, "right wall": PALE_BRICK, "panelling": PALE_BRICK},
    view((-0.95, 0.45, 1.52), (0.95, 0.35, 1.40), (0.0, 3.3, 1.05), 0.40),
    (
        stand(1, TENANT, 0.85, 2.95, -30.0), stand(2, WAVING_MAN, -0.95, 3.10, 20.0),
        stand(3, DANCING_MAN, 0.12, 3.55, -15.0), stand(4, GUEST, -1.85, 3.70, 35.0),
        stand(5, CALLER, 1.60, 3.45, -35.0), stand(6, UPRIGHT_WOMAN, 0.52, 4.15, 5.0),
    ),
)  # fmt: skip

WAVES = filmed(  # three people; from UNFREEZES_AT on a man waves
    "waves", 44, 24, CORRIDOR,
    {"left dado": DARK_PAINT},
    view((-0.45, 0.0, 1.50), (0.45, 0.55, 1.42), (0.10, 4.5, 1.10)),
    (
        replace(
            stand(1, WAVING_MAN, 0.42, 2.85, -12.0),
            motion=tuple(
                replace(key, frame_index=key.frame_index - WAVING_MAN.motion[0].frame_index + UNFREEZES_AT)
                for key in WAVING_MAN.motion
            ),
        ),
        stand(2, STANDING_WOMAN, -0.68, 3.90, 25.0), stand(3, LISTENING_WOMAN, 0.10, 5.60, -10.0),
    ),
)  # fmt: skip

WALKS_OFF = filmed(  # five people; from WALKS_AT on a man walks out of the group
    "walks_off", 45, 15, PARTY,
    {"back wall": PALE_BRICK, "left wall": PAINT, "right wall": BRICK},
    view((0.75, 0.05, 1.38), (-0.75, 0.10, 1.46), (0.0, 3.5, 1.08), -0.12),
    (
        replace(stand(1, WALKER, -0.55, 2.90, 80.0), motion=walk(WALKS_AT, N_FRAMES, (1.0, -0.1, 0.0))),
        stand(2, PAINTER, 1.00, 3.30, -30.0), stand(3, DANCING_MAN, 0.30, 3.90, -20.0),
        stand(4, NEAR_WOMAN, -1.45, 3.10, 55.0), stand(5, CALLER, -0.95, 4.20, 10.0),
    ),
)  # fmt: skip

PORTRAIT = filmed(  # two people, upright, through a phone's 2x lens
    "portrait", 46, 24, PARTY,
    {"back wall": STRIPED_PAPER},
    replace(
        view((-0.60, -0.30, 1.40), (0.60, -0.20, 1.48), (0.08, 3.9, 1.22)),
        width=HEIGHT, height=WIDTH, focal_px=2.6 * HEIGHT,
    ),
    (stand(1, UPRIGHT_WOMAN, -0.28, 3.25, 15.0), stand(2, LEANING_MAN, 0.50, 3.75, -20.0)),
)  # fmt: skip

CROPPED = filmed(  # four people; cut from a wider picture, the principal point off by 22 % of the width
    "cropped", 47, 24, PARTY,
    {"left wall": RED_PAPER, "panelling": STRIPED_PAPER},
    replace(
        view((-0.60, 0.0, 1.38), (0.60, 0.10, 1.46), (-0.40, 3.6, 1.00), 0.12),
        centre_px=(0.72 * WIDTH, 0.58 * HEIGHT),
    ),
    (
        stand(1, TENANT, 0.02, 3.00, 15.0), stand(2, PORTER, -1.15, 3.35, 30.0),
        stand(3, LISTENING_WOMAN, 0.42, 3.90, -10.0), stand(4, DANCING_MAN, -1.95, 3.70, 35.0),
    ),
)  # fmt: skip

BREATHING = filmed(  # three people; the focal length swings by 3 % to either side
    "breathing", 48, 24, PARTY,
    {"right wall": RED_PAPER},
    replace(
        view((-0.60, -0.05, 1.45), (0.60, 0.25, 1.36), (0.05, 3.6, 1.10)),
        breathing=0.03, breathing_cycles=1.5,
    ),
    (
        stand(1, VISITOR, 0.70, 3.05, -20.0), stand(2, GUEST, -0.75, 3.20, 25.0),
        stand(3, STANDING_WOMAN, 0.05, 4.05, 0.0),
    ),
)  # fmt: skip

FISHEYE = filmed(  # four people; an action camera's equidistant lens, 120 degrees from corner to corner
    "fisheye", 49, 30, CORRIDOR,
    {"right wall": RED_PAPER},
    replace(
        view((-0.50, 0.0, 1.50), (0.45, 0.60, 1.42), (0.10, 4.0, 1.20)),
        focal_px=float(np.hypot(WIDTH, HEIGHT) / np.deg2rad(120.0)), fisheye=True,
    ),
    (
        stand(1, PORTER, -0.75, 2.60, 35.0), stand(2, TENANT, 0.70, 2.35, -35.0),
        stand(3, CALLER, 0.05, 3.60, -15.0), stand(4, LEANING_MAN, -0.55, 4.80, 20.0),
    ),
)  # fmt: skip

SWAY = filmed(  # three people, one of whom never stands quite still
    "sway", 50, 15, PARTY,
    {"back wall": RED_PAPER, "left wall": PAINT},
    view((0.65, 0.05, 1.44), (-0.60, -0.05, 1.36), (0.0, 3.4, 1.05), -0.12),
    (
        swaying(stand(1, UPRIGHT_WOMAN, 0.62, 2.95, -20.0), 15),
        stand(2, LEANING_MAN, -0.80, 3.30, 25.0), stand(3, CALLER, 0.28, 3.85, -5.0),
    ),
)  # fmt: skip

ROOMS = {
    scene.name: scene
    for scene in (
        PLAIN, WALLPAPER_ROOM, BRICKS, WAVES, WALKS_OFF, PORTRAIT, CROPPED, BREATHING, FISHEYE, SWAY,
    )
}  # fmt: skip
