"""Dense depth's second scene: a still corridor, three people standing, the camera going forwards and sideways."""

from __future__ import annotations

from dataclasses import replace

from scene_types import CameraPath, Cloth, Outfit, Scene

from catalogue.corridor_room import LIGHTING, corridor_room
from catalogue.mannequin import (
    BLACK_HAIR,
    BOOTS,
    BROWN,
    CHINOS,
    JEANS,
    NEAR_WOMAN,
    PALE,
    RED_HAIR,
    SHOES,
    UPRIGHT_WOMAN,
    WAVING_MAN,
)  # fmt: skip

SEED = 23

PORTER = replace(
    WAVING_MAN,
    person_id=1,
    name="porter",
    position_m=(-0.62, 4.05),
    heading_deg=30.0,
    pose={
        "upperarm01.L": (0.0, 30.0, 0.0),
        "upperarm01.R": (-10.0, -30.0, 0.0),
        "lowerarm01.R": (-80.0, 0.0, 0.0),
        "upperleg01.L": (-12.0, 5.0, 0.0),
        "upperleg01.R": (12.0, -5.0, 0.0),
    },
    outfit=Outfit(
        shirt=Cloth("cells", (0.16, 0.22, 0.34), (0.76, 0.66, 0.44), 0.05, 0.02),
        trousers=CHINOS, shoes=SHOES, skin=BROWN, hair=BLACK_HAIR,
    ),
    motion=(),
)  # fmt: skip

TENANT = replace(
    UPRIGHT_WOMAN,
    person_id=2,
    name="tenant",
    position_m=(0.60, 3.25),
    heading_deg=-35.0,
    outfit=Outfit(
        shirt=Cloth("stripes", (0.80, 0.56, 0.14), (0.24, 0.18, 0.36), 0.06, 0.025),
        trousers=JEANS, shoes=BOOTS, skin=PALE, hair=BLACK_HAIR,
    ),
)  # fmt: skip

CALLER = replace(
    NEAR_WOMAN,
    person_id=3,
    name="caller",
    position_m=(0.02, 6.1),
    heading_deg=-15.0,
    pose={
        "upperarm01.L": (0.0, 25.0, 0.0),
        "upperarm01.R": (-25.0, -25.0, 0.0),
        "lowerarm01.R": (-115.0, 0.0, 0.0),
        "head": (6.0, 0.0, 18.0),
    },
    outfit=Outfit(
        shirt=Cloth("plaid", (0.50, 0.14, 0.16), (0.88, 0.80, 0.66), 0.07, 0.025),
        trousers=CHINOS, shoes=SHOES, skin=PALE, hair=RED_HAIR,
    ),
)  # fmt: skip

SCENE = Scene(
    name="corridor",
    seed=SEED,
    n_frames=31,
    fps=15,
    depth_every=1,
    camera=CameraPath(
        width=640, height=360, focal_px=540.0,
        start_m=(-0.42, 0.0, 1.50), end_m=(0.34, 0.62, 1.42), bow_m=0.06,
        target_m=(0.10, 5.0, 1.10), sway_m=0.010, sway_deg=0.4,
    ),
    room=corridor_room(SEED),
    lighting=LIGHTING,
    people=(PORTER, TENANT, CALLER),
)  # fmt: skip
