"""Moving masks: nothing moves, but one still figure is so near the lens that she slides past everything behind her."""

from __future__ import annotations

from dataclasses import replace

from scene_types import Scene

from catalogue.corridor_room import LIGHTING, corridor_room
from catalogue.mask_cast import CRF, FPS, LEANING_MAN, LISTENING_WOMAN, N_STILL_FRAMES, camera

SEED = 33

SCENE = Scene(
    name="close_up",
    seed=SEED,
    n_frames=N_STILL_FRAMES,
    fps=FPS,
    depth_every=0,
    camera=camera((-0.30, -0.25, 1.45), (0.30, -0.20, 1.50), (0.0, 2.2, 1.35)),
    room=corridor_room(SEED),
    lighting=LIGHTING,
    people=(
        replace(LISTENING_WOMAN, position_m=(0.12, 0.75), heading_deg=-15.0),
        replace(LEANING_MAN, position_m=(-0.55, 3.9), heading_deg=20.0),
    ),
    crf=CRF,
)
