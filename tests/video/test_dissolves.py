"""Dissolves are proven by two scenes in one frame; what only looks like one from afar is none."""

import cv2
import numpy as np

from sfm_gt.video.dissolves import detail_fades, find_dissolves, working_image
from tests.video.make_videos import panning


def dissolve(before: list[np.ndarray], after: list[np.ndarray], length: int) -> list[np.ndarray]:
    """The last ``length`` frames of the one over the first of the other."""
    shares = np.arange(1, length + 1)[:, None, None, None] / (length + 1)
    mixed = (1 - shares) * np.stack(before[-length:]) + shares * np.stack(after[:length])
    return [*before[:-length], *np.round(mixed).astype(np.uint8), *after[length:]]


def test_a_dissolve_between_two_moving_takes_is_found_to_two_frames() -> None:
    frames = dissolve(panning(55, seed=3), panning(55, step_px=2, seed=4), 32)
    (found,) = find_dissolves([working_image(frame) for frame in frames])
    assert 23 - 2 <= found.first <= 23
    assert 54 <= found.last <= 54 + 2
    assert found.own_share > 0.2  # a quarter of the variance each in the middle, were the two as strong


def test_a_take_that_blurs_and_clears_again_is_whole() -> None:
    blurs = np.r_[np.zeros(20), np.linspace(0, 4, 10), np.linspace(4, 0, 10), np.zeros(20)]
    frames = [
        cv2.GaussianBlur(frame, (0, 0), blur) if blur > 0 else frame
        for frame, blur in zip(panning(60, seed=3), blurs, strict=True)
    ]
    greys = [working_image(frame) for frame in frames]
    assert detail_fades(greys).any()  # so that a proof is asked for
    assert find_dissolves(greys) == []


def test_a_quick_pan_is_whole() -> None:
    assert find_dissolves([working_image(frame) for frame in panning(50, step_px=10)]) == []
