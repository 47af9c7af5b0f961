"""Dense depth's first scene: a still painter's studio, three people standing, the camera walking past."""

from __future__ import annotations

from dataclasses import replace

from scene_types import CameraPath, Cloth, Outfit, Scene

from catalogue.mannequin import (
    BLACK_HAIR,
    BOOTS,
    BROWN,
    CHINOS,
    DANCING_MAN,
    JEANS,
    NEAR_WOMAN,
    PALE,
    RED_HAIR,
    SHOES,
    UPRIGHT_WOMAN,
)
from catalogue.studio_room import LIGHTING, studio_room

SEED = 11

PAINTER = replace(
    UPRIGHT_WOMAN,
    name="painter",
    position_m=(0.72, 3.10),
    heading_deg=-28.0,
    pose={
        "upperarm01.L": (-35.0, 15.0, 0.0),
        "lowerarm01.L": (-60.0, 0.0, 0.0),
        "upperarm01.R": (0.0, -35.0, 0.0),
        "lowerarm01.R": (-35.0, 0.0, 0.0),
        "upperleg01.L": (0.0, 6.0, 0.0),
        "upperleg01.R": (0.0, -6.0, 0.0),
    },
    outfit=Outfit(
        shirt=Cloth("plaid", (0.18, 0.42, 0.30), (0.90, 0.84, 0.62), 0.08, 0.025),
        trousers=JEANS, shoes=BOOTS, skin=PALE, hair=BLACK_HAIR,
    ),
)  # fmt: skip

VISITOR = replace(
    DANCING_MAN,
    person_id=2,
    name="visitor",
    position_m=(-0.62, 3.55),
    heading_deg=20.0,
    pose={
        "upperarm01.L": (0.0, 40.0, 0.0),
        "upperarm01.R": (-20.0, -30.0, 0.0),
        "lowerarm01.R": (-95.0, 0.0, 0.0),
        "head": (0.0, 0.0, -15.0),
        "upperleg01.L": (0.0, 5.0, 0.0),
        "upperleg01.R": (0.0, -5.0, 0.0),
    },
    outfit=Outfit(
        shirt=Cloth("stripes", (0.62, 0.14, 0.12), (0.90, 0.86, 0.78), 0.07, 0.025),
        trousers=CHINOS, shoes=SHOES, skin=BROWN, hair=BLACK_HAIR, long_sleeves=False,
    ),
)  # fmt: skip

GUEST = replace(
    NEAR_WOMAN,
    person_id=3,
    name="guest",
    position_m=(-1.72, 4.05),
    heading_deg=35.0,
    pose={
        "upperarm01.L": (0.0, 30.0, 0.0),
        "lowerarm01.L": (-80.0, 0.0, 0.0),
        "upperarm01.R": (0.0, -25.0, 0.0),
        "head": (-5.0, 0.0, -20.0),
    },
    outfit=Outfit(
        shirt=Cloth("dots", (0.75, 0.48, 0.10), (0.20, 0.16, 0.30), 0.05, 0.025),
        trousers=JEANS, shoes=BOOTS, skin=PALE, hair=RED_HAIR,
    ),
)  # fmt: skip

SCENE = Scene(
    name="studio",
    seed=SEED,
    n_frames=31,
    fps=15,
    depth_every=1,
    camera=CameraPath(
        width=640, height=360, focal_px=540.0,
        start_m=(-0.50, 0.0, 1.36), end_m=(0.50, -0.05, 1.46), bow_m=0.10,
        target_m=(0.05, 3.4, 0.98), sway_m=0.010, sway_deg=0.35,
    ),
    room=studio_room(SEED),
    lighting=LIGHTING,
    people=(PAINTER, VISITOR, GUEST),
)  # fmt: skip
