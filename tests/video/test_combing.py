"""Combed frames are told from patterns by what moves."""

from __future__ import annotations

from collections.abc import Callable

import av
import cv2
import numpy as np
import pytest

from sfm_gt.video.combing import MAX_COMBED, CombingMeter
from tests.video.make_videos import interlaced, panning, pulled_down

HEIGHT, WIDTH = 240, 320
N_FRAMES = 20


def meter(frames: list[np.ndarray]) -> CombingMeter:
    found = CombingMeter()
    for frame in frames:
        found.add(
            av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="gray" if frame.ndim == 2 else "rgb24")
        )
    return found


@pytest.mark.parametrize("step_px", [2.0, 4.0, 11.0])
def test_both_kinds_are_found_at_any_pace(step_px: float) -> None:
    film = panning(2 * N_FRAMES, WIDTH, HEIGHT, step_px)
    assert meter(film[:N_FRAMES]).combed_share == 0
    assert meter(film[:N_FRAMES]).n_judged >= 5
    assert meter(interlaced(film)).combed_share >= 0.9
    bottom_first = interlaced([film[0], *film[:-1]])[::-1]  # played backwards, the lower field comes first
    assert meter(bottom_first).combed_share >= 0.9
    # Two of five; the step between the two frames that share lines cannot be judged.
    assert 0.3 <= meter(pulled_down(film)).combed_share <= 0.7


def test_a_camera_at_rest_says_nothing() -> None:
    noise = np.random.default_rng(0)
    still = panning(1, WIDTH, HEIGHT)[0].astype(float)
    frames = [np.clip(still + noise.normal(0, 8, still.shape), 0, 255).astype(np.uint8) for _ in range(N_FRAMES)]
    assert meter(frames).combed_share == 0


def blinds() -> np.ndarray:
    y, x = np.mgrid[:700, :700]
    return np.where(x % 170 < 2, 0, np.where(y % 7 < 3, 200, 50)).astype(np.uint8)


def stripes() -> np.ndarray:
    y, x = np.mgrid[:700, :700]
    return ((y // 2 % 2) * 180 + 30 + 30 * (x // 53 % 2)).astype(np.uint8)


def bricks() -> np.ndarray:
    y, x = np.mgrid[:700, :700]
    joint = (y % 10 < 1) | ((x + 10 * (y // 10 % 2)) % 21 < 1)
    return (np.where(joint, 170, 80) + np.random.default_rng(0).integers(0, 40, y.shape)).astype(np.uint8)


def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (700, 700)).astype(np.uint8)


def print_() -> np.ndarray:
    page, letters = np.full((700, 700), 255, np.uint8), np.random.default_rng(0)
    for line in range(10, 700, 14):
        text = "".join(letters.choice(list("abcdef ghijklm"), 90))
        cv2.putText(page, text, (0, line), cv2.FONT_HERSHEY_PLAIN, 0.8, 0, 1)
    return page


@pytest.mark.parametrize("pattern", [blinds, stripes, bricks, noise, print_])
@pytest.mark.parametrize("step_px", [(0, 1), (3, 1), (1.3, 0), (2, -3)])
def test_patterns_of_the_scene_are_no_combing(pattern: Callable[[], np.ndarray], step_px: tuple[float, float]) -> None:
    world = pattern()
    frames = [
        cv2.warpAffine(
            world, np.array([[1.0, 0, -step_px[0] * i - 60], [0, 1, -step_px[1] * i - 60]]), (WIDTH, HEIGHT),
            flags=cv2.INTER_NEAREST,
        )
        for i in range(22)
    ]  # fmt: skip
    found = meter(frames)
    assert found.combed_share <= MAX_COMBED, found.n_judged
