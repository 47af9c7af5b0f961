"""The embedded demo clip: four people frozen at a party, one of whom gives up and waves, then freezes again."""

from __future__ import annotations

from scene_types import CameraPath, Cloth, KnownDistance, MotionKey, Outfit, Overlay, Person, Scene

from catalogue.party_room import LIGHTING, party_room

SEED = 7

PALE = Cloth("mottle", (0.66, 0.42, 0.31), (0.80, 0.56, 0.44), 0.03, 0.05)
BROWN = Cloth("mottle", (0.30, 0.17, 0.10), (0.44, 0.27, 0.17), 0.03, 0.05)
BLACK_HAIR = Cloth("mottle", (0.02, 0.015, 0.012), (0.16, 0.11, 0.08), 0.02, 0.015)
RED_HAIR = Cloth("mottle", (0.22, 0.07, 0.03), (0.52, 0.22, 0.08), 0.02, 0.015)
JEANS = Cloth("mottle", (0.07, 0.12, 0.24), (0.30, 0.40, 0.58), 0.05, 0.02)
CHINOS = Cloth("mottle", (0.30, 0.22, 0.13), (0.62, 0.50, 0.34), 0.05, 0.02)
SHOES = Cloth("cells", (0.55, 0.10, 0.08), (0.92, 0.88, 0.80), 0.03, 0.02)
BOOTS = Cloth("mottle", (0.10, 0.06, 0.03), (0.40, 0.26, 0.14), 0.03, 0.02)

UPRIGHT_WOMAN = Person(
    person_id=1,
    name="upright woman",
    stature_m=1.74,
    phenotype={"gender": 1.0, "age": 0.6, "weight": 0.45, "muscle": 0.5},
    position_m=(-0.80, 3.60),
    heading_deg=12.0,
    pose={
        "upperarm01.L": (0.0, 25.0, 0.0),
        "upperarm01.R": (0.0, -20.0, 0.0),
        "lowerarm01.R": (-70.0, 0.0, 0.0),
        "upperleg01.L": (0.0, 7.0, 0.0),
        "upperleg01.R": (0.0, -7.0, 0.0),
    },
    outfit=Outfit(
        shirt=Cloth("plaid", (0.75, 0.15, 0.15), (0.90, 0.80, 0.60), 0.08, 0.025),
        trousers=JEANS, shoes=SHOES, skin=PALE, hair=RED_HAIR,
    ),
)  # fmt: skip

WAVING_MAN = Person(
    person_id=2,
    name="waving man",
    stature_m=1.82,
    phenotype={"gender": 0.0, "age": 0.6, "weight": 0.5, "muscle": 0.6},
    position_m=(0.72, 2.95),
    heading_deg=-10.0,
    pose={
        "upperarm01.L": (0.0, -35.0, 0.0),
        "lowerarm01.L": (0.0, -60.0, 0.0),
        "upperarm01.R": (0.0, -30.0, 0.0),
        "lowerarm01.R": (-60.0, 0.0, 0.0),
        "head": (0.0, 0.0, 15.0),
    },
    outfit=Outfit(
        shirt=Cloth("stripes", (0.10, 0.22, 0.45), (0.88, 0.86, 0.80), 0.07, 0.025),
        trousers=CHINOS, shoes=BOOTS, skin=BROWN, hair=BLACK_HAIR,
    ),
    motion=(
        MotionKey(21),
        MotionKey(26, {"upperarm01.L": (0, -55, 0), "spine03": (0, 8, 0), "spine01": (0, 6, 0)}, (0.10, 0.0, 0.0)),
        MotionKey(30, {"upperarm01.L": (0, -20, 0), "lowerarm01.L": (0, 55, 0), "spine03": (0, 10, 0)}, (0.22, 0.03, 0)),
        MotionKey(34, {"upperarm01.L": (0, -55, 0), "spine03": (0, 12, 0), "head": (0, 12, 0)}, (0.30, 0.05, 0.0)),
        MotionKey(38, {"upperarm01.L": (0, -15, 0), "lowerarm01.L": (0, 50, 0), "spine03": (0, 8, 0)}, (0.24, 0.03, 0)),
        MotionKey(42, {"upperarm01.L": (0, -40, 0), "spine03": (0, 4, 0)}, (0.10, 0.0, 0.0)),
        MotionKey(46),
    ),
)  # fmt: skip

DANCING_MAN = Person(
    person_id=3,
    name="dancing man",
    stature_m=1.70,
    phenotype={"gender": 0.1, "age": 0.55, "weight": 0.6, "muscle": 0.5},
    position_m=(0.18, 3.95),
    heading_deg=-35.0,
    pose={
        "upperarm01.L": (0.0, -75.0, 0.0),
        "upperarm01.R": (0.0, 80.0, 0.0),
        "lowerarm01.R": (0.0, 40.0, 0.0),
        "spine03": (0.0, 8.0, 10.0),
        "upperleg01.R": (-35.0, 0.0, 0.0),
        "lowerleg01.R": (50.0, 0.0, 0.0),
    },
    outfit=Outfit(
        shirt=Cloth("cells", (0.80, 0.62, 0.12), (0.20, 0.42, 0.22), 0.05, 0.025),
        trousers=JEANS, shoes=BOOTS, skin=BROWN, hair=BLACK_HAIR, long_sleeves=False,
    ),
)  # fmt: skip

NEAR_WOMAN = Person(
    person_id=4,
    name="near woman",
    stature_m=1.66,
    phenotype={"gender": 0.95, "age": 0.55, "weight": 0.5, "muscle": 0.4},
    position_m=(-1.42, 2.65),
    heading_deg=60.0,
    pose={
        "upperarm01.L": (0.0, -60.0, 0.0),
        "lowerarm01.L": (0.0, -35.0, 0.0),
        "upperarm01.R": (-35.0, 20.0, 0.0),
        "lowerarm01.R": (-60.0, 0.0, 0.0),
        "head": (-8.0, 0.0, -20.0),
    },
    outfit=Outfit(
        shirt=Cloth("dots", (0.25, 0.12, 0.35), (0.90, 0.70, 0.75), 0.05, 0.025),
        trousers=CHINOS, shoes=SHOES, skin=PALE, hair=BLACK_HAIR,
    ),
)  # fmt: skip

SCENE = Scene(
    name="mannequin",
    seed=SEED,
    n_frames=60,
    fps=15,
    depth_every=2,
    camera=CameraPath(
        width=640, height=360, focal_px=540.0,
        start_m=(-0.72, 0.05, 1.30), end_m=(0.72, 0.0, 1.42), bow_m=0.12,
        target_m=(0.0, 3.5, 1.08), sway_m=0.012, sway_deg=0.35,
    ),
    room=party_room(SEED),
    lighting=LIGHTING,
    people=(UPRIGHT_WOMAN, WAVING_MAN, DANCING_MAN, NEAR_WOMAN),
    known_distances=(
        KnownDistance(
            4, (-0.78, 3.48, 1.66), (-0.72, 3.55, 0.09), 1, 0.010,
            "hair above the forehead to the shoe's instep, upright woman (stature 1.74 m)",
        ),
        KnownDistance(
            32, (-0.62, 4.888, 2.27), (-0.62, 4.888, 1.44), 0, 0.005,
            "left edge of the blue poster, 3 cm inside its corners",
        ),
        KnownDistance(
            16, (0.36, 4.888, 2.37), (0.88, 4.888, 2.37), 0, 0.005,
            "top edge of the pale poster, 4 cm inside its corners",
        ),
    ),
    overlays=(Overlay("#MannequinChallenge", 0.5, 0.967, 0.65),),
)  # fmt: skip
