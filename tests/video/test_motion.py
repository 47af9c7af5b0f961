"""What tracks alone say of a clip: a camera that stands, one that only turns, and a sound one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from sfm_gt.errors import Rejected
from sfm_gt.video.motion import judge_parallax, measure_motion, motion_image
from tests.masks.scenes import film
from tests.video.make_videos import panning

NOTHING = np.zeros((240, 320), dtype=bool)
MIN_MOTION, MAX_BY_HOMOGRAPHY = 0.004, 0.95
N_FRAMES = 12


def judged(frames: list[np.ndarray]) -> tuple[str | None, float | None]:
    greys = [motion_image(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)) for frame in frames]
    try:
        pairs = measure_motion(greys, NOTHING)
        judge_parallax(pairs, MIN_MOTION, MAX_BY_HOMOGRAPHY)
    except Rejected as verdict:
        return verdict.reason, verdict.measured
    return None, None


def test_a_camera_that_passes_a_frozen_scene_goes_on() -> None:
    assert judged(film(N_FRAMES).frames) == (None, None)


def test_a_camera_that_stands_is_named() -> None:
    rng = np.random.default_rng(0)
    still = panning(1)[0]
    noisy = [np.clip(still + rng.normal(scale=2, size=still.shape), 0, 255).astype(np.uint8) for _ in range(N_FRAMES)]
    found, motion = judged(noisy)
    assert found == "static_camera"
    assert motion < 0.002


def test_print_that_keeps_its_place_does_not_make_a_camera_stand() -> None:
    frames = [image.copy() for image in panning(N_FRAMES, step_px=3.0)]
    print_ = np.zeros_like(NOTHING)
    print_[60:] = True  # most of the picture: its own texture would outvote the scene's
    for image in frames[1:]:
        image[print_] = frames[0][print_]
    pairs = measure_motion([cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in frames], print_)
    assert pairs
    for pair in pairs:
        # Tracks are good to a tenth of a pixel a frame; the slide is 3.
        assert pair.motion * 320 == pytest.approx(3.0 * (pair.last - pair.first), rel=0.05)


def test_a_camera_that_only_turns_is_named() -> None:
    found, share = judged(film(N_FRAMES, step=0.0, turn_rad=0.006).frames)
    assert found == "rotation_only"
    assert share > 0.95


def test_a_flat_scene_has_no_parallax_either() -> None:
    assert judged(panning(N_FRAMES))[0] == "rotation_only"


def test_nothing_to_follow_is_no_verdict() -> None:
    assert measure_motion([np.full((240, 320), 90, np.uint8)] * 8, NOTHING) == []
    assert judge_parallax([], MIN_MOTION, MAX_BY_HOMOGRAPHY) == {}
