"""The frozen interval: from scores by hand, and from frames of a figure that unfreezes half-way."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from sfm_gt.errors import Rejected
from sfm_gt.video.frozen import frozen_interval, frozen_scores
from sfm_gt.video.motion import motion_image
from tests.masks.scenes import Rectangle, film

NOWHERE = np.zeros((240, 320), dtype=bool)
# What the issue asks for.
MAX_FRAMES_OFF = 3


def interval(scores: np.ndarray, min_score: float, min_frames: int) -> tuple[int, int]:
    """Of frames that are all distinct."""
    return frozen_interval(scores, np.zeros(len(scores), dtype=bool), min_score, min_frames)


def test_the_longest_run_wins_and_flicker_does_not_end_it() -> None:
    scores = np.array([1, 1, 1, 0.5, 0.5, 0.5, 0.9, 0.9, 0.2, 0.9, 0.9, 0.9, 0.5])
    assert interval(scores, 0.85, 3) == (6, 11)
    assert interval(np.ones(4), 0.85, 4) == (0, 3)
    # A short frozen moment amid motion is none.
    assert interval(np.array([0.1, 0.1, 0.1, 1, 0.1, 0.1, 0.1, 1, 1, 1]), 0.85, 3) == (7, 9)


def test_of_two_equal_runs_the_first_is_taken() -> None:
    assert interval(np.array([1.0, 1, 1, 0, 0, 0, 1, 1, 1]), 0.85, 3) == (0, 2)


def test_a_picture_that_stands_still_does_not_win_over_a_scene_that_does() -> None:
    scores = np.array([1.0] * 8 + [0.0] * 3 + [1.0] * 5)
    repeated = np.zeros(16, dtype=bool)
    repeated[2:8] = True  # a freeze frame: eight frames, two distinct pictures
    assert frozen_interval(scores, repeated, 0.85, 4) == (11, 15)
    with pytest.raises(Rejected, match="at most 5 distinct frames"):
        frozen_interval(scores, repeated, 0.85, 8)


def test_too_short_a_run_is_refused_with_figure_and_bound() -> None:
    with pytest.raises(Rejected) as verdict:
        interval(np.array([0.1, 1, 1, 1, 0.1]), 0.85, 15)
    assert (verdict.value.reason, verdict.value.measured, verdict.value.threshold) == ("scene_not_frozen", 3, 15)


def test_a_figure_that_unfreezes_ends_the_interval_within_three_frames() -> None:
    # Across the epipolar lines of the sideways camera, about 3 px a frame; a quarter of the picture.
    starts = 16
    figure = Rectangle(
        (-0.6, -1.1, 2.6), (0.9, 0, 0), (0, 1.7, 0), 9, velocity=(0, 0.028, 0), moves_in=range(starts, 500)
    )
    greys = [motion_image(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)) for frame in film(30, (figure,)).frames]
    first, last = interval(frozen_scores(greys, NOWHERE), 0.85, 10)
    assert first == 0
    assert abs(last - (starts - 1)) <= MAX_FRAMES_OFF


def test_a_frozen_scene_is_frozen_throughout() -> None:
    greys = [motion_image(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)) for frame in film(14).frames]
    assert frozen_scores(greys, NOWHERE).min() > 0.95
