"""What is mounted on the camera is an overlay; the scene, near or far, is none."""

from __future__ import annotations

import cv2
import numpy as np

from sfm_gt.video.overlay import find_overlays, working_image
from tests.video.framed import HEIGHT, WIDTH, hand_held

N_FRAMES = 36
REFLECTED = 0.04  # of the picture above, in the bonnet


def with_bonnet(frames: list[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    """A bonnet over the lower border, and where it is."""
    bonnet = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(bonnet, (WIDTH // 2, HEIGHT + 12), (170, 52), 0, 0, 360, 255, -1)
    noise = np.random.default_rng(0).normal(0, 1, (HEIGHT, WIDTH)).astype(np.float32)
    paint = np.clip(90 + 120 * cv2.GaussianBlur(noise, (0, 0), 2), 0, 255)[..., None] * [1.0, 0.6, 0.5]
    share = cv2.GaussianBlur(bonnet, (0, 0), 0.8)[..., None] / 255.0
    shown = [
        (frame * (1 - share) + share * ((1 - REFLECTED) * paint + REFLECTED * frame[::-1])).astype(np.uint8)
        for frame in frames
    ]
    return shown, bonnet > 0


def covered_by(frames: list[np.ndarray]) -> np.ndarray:
    greys = [working_image(frame) for frame in frames]
    found = find_overlays(greys, range(len(greys)), HEIGHT, WIDTH)
    whole = [one.mask for one in found if (one.first_frame, one.last_frame) == (0, len(greys) - 1)]
    return np.any([np.zeros((HEIGHT, WIDTH), dtype=bool), *whole], axis=0)


def test_a_bonnet_is_an_overlay_of_the_whole_clip() -> None:
    frames, bonnet = with_bonnet(hand_held(N_FRAMES, 1))
    covered = covered_by(frames)
    assert covered[bonnet].mean() > 0.9
    assert covered[~bonnet].mean() < 0.02


def test_a_scene_without_one_has_none() -> None:
    assert not covered_by(hand_held(N_FRAMES, 1)).any()
