"""No frame between two takes is kept, in whatever shape the second one arrives, and a continuous take stays whole."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import numpy as np
import pytest

from sfm_gt.video.pushes import find_pushes
from sfm_gt.video.shots import Stretch, find_stretches
from tests.video.framed import HEIGHT, WIDTH, hand_held
from tests.video.make_videos import panning

BEFORE, LENGTH, AFTER = 22, 14, 22
N = BEFORE + LENGTH + AFTER
MAX_OFF = 2  # frames
Y, X = np.mgrid[:HEIGHT, :WIDTH]


@pytest.fixture(scope="module")
def takes() -> tuple[list[np.ndarray], list[np.ndarray]]:
    return hand_held(N, 1), panning(N, WIDTH, HEIGHT, 1.5)


def edge(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    return np.where((share * WIDTH > X)[..., None], b, a)


def iris(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    return np.where((np.hypot(X - WIDTH / 2, Y - HEIGHT / 2) < share * np.hypot(WIDTH, HEIGHT) / 2)[..., None], b, a)


def push(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    return np.concatenate([b, a], axis=1)[:, WIDTH - round(share * WIDTH) :][:, :WIDTH]


def joined(takes: tuple[list[np.ndarray], list[np.ndarray]], mixed: Callable[..., np.ndarray]) -> list[np.ndarray]:
    """The first take, LENGTH frames of both, the second take."""
    shares = np.clip((np.arange(N) + 1 - BEFORE) / (LENGTH + 1), 0, 1)
    return [mixed(a, b, share) for a, b, share in zip(*takes, shares, strict=True)]


def stretches(frames: list[np.ndarray]) -> tuple[Stretch, ...]:
    return find_stretches(((i, i / 30, frame) for i, frame in zip(count(), frames, strict=False)), 27.0, 1000)


@pytest.mark.parametrize("mixed", [edge, iris, push])
def test_what_lies_between_two_takes_is_cut_out(takes, mixed: Callable[..., np.ndarray]) -> None:
    kinds = [(each.kind, each.first_frame, each.last_frame) for each in stretches(joined(takes, mixed))]
    assert [kind for kind, _, _ in kinds] == ["shot", "transition", "shot"]
    _, first, last = kinds[1]
    assert BEFORE - MAX_OFF <= first <= BEFORE
    assert BEFORE + LENGTH - 1 <= last <= BEFORE + LENGTH - 1 + MAX_OFF


def test_a_figure_that_crosses_a_take_is_no_wipe(takes) -> None:
    frames = [frame.copy() for frame in takes[0]]
    for number, frame in enumerate(frames):
        left = round(WIDTH * (number - 15) / 20)
        frame[:, max(left, 0) : max(left + 90, 0)] = takes[1][0][
            :, : frame[:, max(left, 0) : max(left + 90, 0)].shape[1]
        ]
    assert [each.kind for each in stretches(frames)] == ["shot"]


def test_a_pan_over_a_picture_s_width_is_no_push() -> None:
    still, moving = panning(8, WIDTH, HEIGHT, 0.0), panning(LENGTH, WIDTH, HEIGHT, WIDTH / LENGTH)
    world = panning(1, 2 * WIDTH + 1, HEIGHT)[0]
    shown = [world[:, round(i * WIDTH / LENGTH) :][:, :WIDTH] for i in range(len(moving) + 1)]
    frames = [shown[0]] * len(still) + shown + [shown[-1]] * len(still)
    assert find_pushes([np.ascontiguousarray(frame[::2, ::2, 1]) for frame in frames]) == []
