"""Verdicts: nothing moves and the camera only turns, about its own centre: there is no depth to be had."""

from __future__ import annotations

from dataclasses import replace

from scene_types import Scene

from catalogue.mask_cast import CRF, FPS, LEANING_MAN, N_STILL_FRAMES, STANDING_WOMAN, camera
from catalogue.party_room import LIGHTING, party_room

SEED = 35
PLACE_M = (0.0, 0.0, 1.4)

SCENE = Scene(
    name="pan",
    seed=SEED,
    n_frames=N_STILL_FRAMES,
    fps=FPS,
    depth_every=0,
    camera=camera(PLACE_M, PLACE_M, (-0.9, 3.5, 1.05), (0.9, 3.5, 1.2)),
    room=party_room(SEED),
    lighting=LIGHTING,
    people=(
        replace(STANDING_WOMAN, position_m=(-0.55, 3.1), heading_deg=10.0),
        replace(LEANING_MAN, position_m=(0.70, 3.4), heading_deg=-20.0),
    ),
    crf=CRF,
)
