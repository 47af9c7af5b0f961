"""Moving masks: nothing moves, but poles and wires an arm's length away race past a cluttered room."""

from __future__ import annotations

from dataclasses import replace

from scene_types import Rod, Scene

from catalogue.furniture import BRASS, RED_PAINT, STEEL, wire
from catalogue.mask_cast import CRF, FPS, LISTENING_WOMAN, N_STILL_FRAMES, STANDING_WOMAN, camera
from catalogue.studio_room import LIGHTING, studio_room

SEED = 36

NEAR_RODS = (
    Rod("near pole 1", ((-0.62, 1.25, 0.0), (-0.62, 1.25, 3.0)), 0.010, RED_PAINT),
    Rod("near pole 2", ((0.08, 1.45, 0.0), (0.08, 1.45, 3.0)), 0.012, STEEL),
    Rod("near pole 3", ((0.74, 1.20, 0.0), (0.74, 1.20, 3.0)), 0.008, BRASS),
    wire("near wire", (-1.2, 1.30, 1.75), (1.2, 1.35, 1.70), 0.15, 0.006),
)

SCENE = Scene(
    name="thin",
    seed=SEED,
    n_frames=N_STILL_FRAMES,
    fps=FPS,
    depth_every=0,
    camera=camera((-0.65, 0.0, 1.36), (0.65, -0.05, 1.46), (0.05, 3.4, 1.0)),
    room=(*studio_room(SEED), *NEAR_RODS),
    lighting=LIGHTING,
    people=(
        replace(STANDING_WOMAN, position_m=(0.60, 3.10), heading_deg=-25.0),
        replace(LISTENING_WOMAN, position_m=(-0.85, 3.50), heading_deg=30.0),
    ),
    crf=CRF,
)
