"""Moving masks: a man walks through the room, the way the camera goes too; a woman behind him stands still."""

from __future__ import annotations

from dataclasses import replace

from scene_types import Scene

from catalogue.mask_cast import CRF, FPS, N_FRAMES, STANDING_WOMAN, WALKER, camera, walk
from catalogue.party_room import LIGHTING, party_room

SEED = 31

SCENE = Scene(
    name="walker",
    seed=SEED,
    n_frames=N_FRAMES,
    fps=FPS,
    depth_every=0,
    camera=camera((-0.50, 0.0, 1.35), (0.50, -0.05, 1.45), (0.0, 3.4, 1.05)),
    room=party_room(SEED),
    lighting=LIGHTING,
    people=(
        replace(WALKER, position_m=(-1.45, 2.95), motion=walk(-3, N_FRAMES, (2.9, 0.1, 0.0))),
        replace(STANDING_WOMAN, position_m=(0.45, 3.75), heading_deg=-20.0),
    ),
    crf=CRF,
)
