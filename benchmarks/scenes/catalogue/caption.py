"""Overlay masks: nothing moves; a caption comes and goes, and a logo drifts over the picture."""

from __future__ import annotations

from dataclasses import replace

from scene_types import Overlay, Scene

from catalogue.mask_cast import CRF, FPS, LEANING_MAN, N_STILL_FRAMES, STANDING_WOMAN, camera
from catalogue.party_room import LIGHTING, party_room

SEED = 34

SCENE = Scene(
    name="caption",
    seed=SEED,
    n_frames=N_STILL_FRAMES,
    fps=FPS,
    depth_every=0,
    camera=camera((-0.50, 0.05, 1.40), (0.50, 0.0, 1.35), (0.0, 3.5, 1.05)),
    room=party_room(SEED),
    lighting=LIGHTING,
    people=(
        replace(STANDING_WOMAN, position_m=(-0.75, 3.3), heading_deg=10.0),
        replace(LEANING_MAN, position_m=(0.55, 3.1), heading_deg=-20.0),
    ),
    overlays=(
        Overlay("WAIT FOR IT...", 0.5, 0.93, 0.55, shown_frames=(8, 22)),
        Overlay("@still", 0.82, 0.12, 0.45, drift_px=(-2.0, 0.5)),
    ),
    crf=CRF,
)
