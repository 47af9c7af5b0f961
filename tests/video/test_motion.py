"""What tracks alone say of a clip: a camera that stands, one that only turns, a scene that moves, and a sound one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from sfm_gt.errors import Rejected
from sfm_gt.video.motion import judge_parallax, judge_rest, measure_motion, motion_image, sampson_distance_px
from tests.masks.scenes import Rectangle, film
from tests.video.make_videos import panning

NOTHING = np.zeros((240, 320), dtype=bool)
MIN_MOTION, MAX_BY_HOMOGRAPHY, MAX_OFF_EPIPOLAR = 0.004, 0.85, 0.12
N_FRAMES = 12


def judged(frames: list[np.ndarray]) -> tuple[str | None, float | None]:
    greys = [motion_image(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)) for frame in frames]
    try:
        pairs = measure_motion(greys, NOTHING)
        judge_parallax(pairs, MIN_MOTION, MAX_BY_HOMOGRAPHY)
        judge_rest(pairs, MAX_OFF_EPIPOLAR)
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


def test_a_camera_that_only_turns_is_named() -> None:
    found, share = judged(film(N_FRAMES, step=0.0, turn_rad=0.006).frames)
    assert found == "rotation_only"
    assert share > 0.95


def test_a_flat_scene_has_no_parallax_either() -> None:
    assert judged(panning(N_FRAMES))[0] == "rotation_only"


def test_a_crowd_that_moves_is_not_frozen() -> None:
    crowd = tuple(
        Rectangle((x, -0.9, 2.6), (0.45, 0, 0), (0, 1.8, 0), 20 + i, velocity=(0, (-1) ** i * 0.03, 0),
                  moves_in=range(100))
        for i, x in enumerate((-1.2, -0.6, 0.0, 0.6))
    )  # fmt: skip
    found, share = judged(film(N_FRAMES, crowd).frames)
    assert found == "scene_not_frozen"
    assert share > 0.12


def test_nothing_to_follow_is_no_verdict() -> None:
    assert measure_motion([np.full((240, 320), 90, np.uint8)] * 8, NOTHING) == []
    assert judge_parallax([], MIN_MOTION, MAX_BY_HOMOGRAPHY) == judge_rest([], MAX_OFF_EPIPOLAR) == {}


def test_sampson_distance_by_hand() -> None:
    # Pure sideways motion: epipolar lines are the rows, and two images share an error of 2 px.
    sideways = np.array([[0.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    start, end = np.array([[10.0, 20], [10, 20]]), np.array([[15.0, 20], [15, 22]])
    assert sampson_distance_px(sideways, start, end) == pytest.approx([0.0, 2 / np.sqrt(2)])
