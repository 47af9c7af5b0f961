"""What the scenes for moving masks share: their small camera, their people and how a figure walks."""

from __future__ import annotations

from dataclasses import replace

from scene_types import CameraPath, Cloth, MotionKey, Outfit, Vec3

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
    WAVING_MAN,
)

N_FRAMES = 40
N_STILL_FRAMES = 30  # where nothing moves, fewer tell as much
FPS = 15
CRF = 22
STRIDE_FRAMES = 7

WALKER = replace(
    WAVING_MAN,
    person_id=1,
    name="walker",
    heading_deg=80.0,
    pose={"upperarm01.L": (0.0, 32.0, 0.0), "upperarm01.R": (0.0, -32.0, 0.0)},
    outfit=Outfit(
        shirt=Cloth("cells", (0.70, 0.24, 0.12), (0.92, 0.80, 0.52), 0.06, 0.025),
        trousers=JEANS, shoes=SHOES, skin=BROWN, hair=BLACK_HAIR,
    ),
    motion=(),
)  # fmt: skip

STANDING_WOMAN = replace(
    UPRIGHT_WOMAN,
    person_id=2,
    name="standing woman",
    outfit=Outfit(
        shirt=Cloth("stripes", (0.14, 0.34, 0.50), (0.88, 0.82, 0.66), 0.07, 0.025),
        trousers=CHINOS, shoes=BOOTS, skin=PALE, hair=RED_HAIR,
    ),
)  # fmt: skip

LEANING_MAN = replace(
    DANCING_MAN,
    person_id=3,
    name="leaning man",
    pose=DANCING_MAN.pose | {"upperleg01.R": (-10.0, 0.0, 0.0), "lowerleg01.R": (15.0, 0.0, 0.0)},
    outfit=Outfit(
        shirt=Cloth("dots", (0.20, 0.34, 0.24), (0.88, 0.78, 0.50), 0.06, 0.025),
        trousers=CHINOS, shoes=SHOES, skin=BROWN, hair=BLACK_HAIR, long_sleeves=False,
    ),
)  # fmt: skip

LISTENING_WOMAN = replace(
    NEAR_WOMAN,
    person_id=4,
    name="listening woman",
    outfit=Outfit(
        shirt=Cloth("plaid", (0.46, 0.14, 0.34), (0.90, 0.82, 0.70), 0.07, 0.025),
        trousers=JEANS, shoes=BOOTS, skin=PALE, hair=BLACK_HAIR,
    ),
)  # fmt: skip


def camera(start_m: Vec3, end_m: Vec3, target_m: Vec3, target_end_m: Vec3 | None = None) -> CameraPath:
    """384 x 216 pixels with the demo's field of view; a camera that has no way to go only turns."""
    walks = start_m != end_m
    return CameraPath(
        width=384, height=216, focal_px=324.0, start_m=start_m, end_m=end_m, bow_m=0.08 if walks else 0.0,
        target_m=target_m, sway_m=0.008 if walks else 0.0, sway_deg=0.35, target_end_m=target_end_m,
    )  # fmt: skip


def walk(first_frame: int, last_frame: int, way_m: Vec3) -> tuple[MotionKey, ...]:
    """Strides along ``way_m``, on the move already at the first frame and still at the last."""
    n_keys = (last_frame - first_frame) // STRIDE_FRAMES + 2
    keys = []
    for number in range(n_keys):
        swing = 0.0 if number == 0 else 24.0 * (-1) ** number
        share = number / (n_keys - 1)
        keys.append(
            MotionKey(
                first_frame + number * STRIDE_FRAMES,
                {
                    "upperleg01.L": (-swing, 0.0, 0.0),
                    "upperleg01.R": (swing, 0.0, 0.0),
                    "upperarm01.L": (swing, 0.0, 0.0),
                    "upperarm01.R": (-swing, 0.0, 0.0),
                },
                (way_m[0] * share, way_m[1] * share, way_m[2] * share),
            )
        )
    return tuple(keys)
