"""Moving masks: everybody is frozen, but half-way a man gives up, turns, waves and steps aside."""

from __future__ import annotations

from dataclasses import replace

from scene_types import MotionKey, Scene

from catalogue.corridor_room import LIGHTING, corridor_room
from catalogue.mask_cast import CRF, FPS, LISTENING_WOMAN, N_FRAMES, STANDING_WOMAN, WALKER, camera

SEED = 32
UNFREEZES_AT = 19

SCENE = Scene(
    name="unfreeze",
    seed=SEED,
    n_frames=N_FRAMES,
    fps=FPS,
    depth_every=0,
    camera=camera((-0.45, 0.0, 1.50), (0.40, 0.35, 1.42), (0.10, 4.5, 1.05)),
    room=corridor_room(SEED),
    lighting=LIGHTING,
    people=(
        replace(
            WALKER,
            name="impatient man",
            position_m=(0.40, 3.00),
            heading_deg=-15.0,
            motion=(
                MotionKey(UNFREEZES_AT),
                MotionKey(25, {"upperarm01.L": (0, -75, 0), "spine03": (0, 6, 0)}, (-0.12, 0.0, 0.0)),
                MotionKey(30, {"upperarm01.L": (0, -50, 0), "lowerarm01.L": (0, -50, 0)}, (-0.30, 0.05, 0.0)),
                MotionKey(35, {"upperarm01.L": (0, -80, 0), "spine03": (0, 8, 12)}, (-0.42, 0.08, 0.0)),
                MotionKey(42, {"upperarm01.L": (0, -40, 0), "head": (0, 0, 20)}, (-0.50, 0.10, 0.0)),
            ),
        ),
        replace(STANDING_WOMAN, position_m=(-0.62, 3.9), heading_deg=25.0),
        replace(LISTENING_WOMAN, position_m=(0.25, 5.9), heading_deg=-10.0),
    ),
    crf=CRF,
)
