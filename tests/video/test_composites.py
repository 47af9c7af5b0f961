"""Split screens, mirrored halves and pictures in pictures are refused by name; what stands still in a scene is not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from sfm_gt.errors import Rejected
from sfm_gt.video.composites import judge_composition
from sfm_gt.video.displacement import Displacements
from sfm_gt.video.overlay import working_image
from sfm_gt.video.picture_area import find_picture, sampled
from tests.video.framed import HEIGHT, WIDTH, fitted, hand_held, inset, placed, tone

N_FRAMES = 40


@pytest.fixture(scope="module")
def takes() -> tuple[list[np.ndarray], list[np.ndarray]]:
    return hand_held(N_FRAMES, 1), hand_held(N_FRAMES, 2)


def judged(frames: list[np.ndarray]) -> dict[str, float]:
    greys = [working_image(frame) for frame in frames]
    chosen, displacements = sampled(greys), Displacements(greys)
    return judge_composition(chosen, find_picture(chosen, displacements), displacements)


def assert_refused(frames: list[np.ndarray], reason: str) -> None:
    with pytest.raises(Rejected) as verdict:
        judged(frames)
    assert verdict.value.reason == reason
    assert verdict.value.measured is not None
    assert verdict.value.threshold is not None


def side_by_side(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.concatenate([fitted(first, 144, 162), fitted(second, 144, 162)], axis=1)


def test_two_takes_side_by_side(takes) -> None:
    assert_refused([side_by_side(*pair) for pair in zip(*takes, strict=True)], "split_screen")


def test_two_takes_one_above_the_other_in_bars(takes) -> None:
    stacked = [np.concatenate(pair) for pair in zip(*takes, strict=True)]
    assert_refused(placed(stacked, (400, 324), (56, 0, 344, 324), tone(0, 0, 0)), "split_screen")


def test_two_takes_with_a_gap(takes) -> None:
    gap = np.full((HEIGHT, 8, 3), 255, np.uint8)
    frames = [np.concatenate([a[:, :140], gap, b[:, :140]], axis=1) for a, b in zip(*takes, strict=True)]
    assert_refused(frames, "split_screen")


@pytest.mark.parametrize("axis", [0, 1])
def test_mirrored_halves(takes, axis: int) -> None:
    halves = [frame[: HEIGHT // 2] if axis == 0 else frame[:, : WIDTH // 2] for frame in takes[0]]
    assert_refused([np.concatenate([half, np.flip(half, axis)], axis=axis) for half in halves], "mirrored_picture")


@pytest.mark.parametrize("rectangle", [(380, 180, 540, 290), (416, 216, 576, 324)], ids=["inset", "corner"])
def test_a_picture_in_the_picture(takes, rectangle: tuple[int, int, int, int]) -> None:
    large, small = ([fitted(frame, 576, 324) for frame in take] for take in takes)
    darker = [(0.5 * frame).astype(np.uint8) for frame in small]
    assert_refused(inset(large, darker, rectangle), "picture_in_picture")


def test_a_small_picture_on_a_still_page(takes) -> None:
    page = np.full((324, 576, 3), 250, np.uint8)
    cv2.putText(page, "a page about something", (20, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (0, 0, 0), 2)
    assert_refused(placed(takes[0], (576, 324), (380, 200, 540, 290), lambda *_: page), "picture_in_picture")


def test_a_whole_take_is_accepted(takes) -> None:
    for take in takes:
        assert judged(take)["picture_share"] == 1.0


def test_a_banner_on_the_picture_is_print(takes) -> None:
    frames = [frame.copy() for frame in takes[0]]
    for frame in frames:
        frame[118:142, 24:264] = (20, 30, 140)
        cv2.putText(frame, "LIVE: nothing moves", (34, 136), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 2)
    assert judged(frames)["picture_share"] == 1.0


def test_a_post_that_moves_with_the_scene_is_no_seam(takes) -> None:
    frames = [frame.copy() for frame in takes[0]]
    for number, frame in enumerate(frames):
        frame[:, 100 + number : 112 + number] = (90, 70, 50)
    assert judged(frames)["picture_share"] == 1.0


def test_the_edge_of_a_wall_that_passes_by_is_no_seam() -> None:
    # Few of the frames that are looked at show it in one place, and there alone anything stands out.
    dim = [(90 + 0.1 * frame).astype(np.uint8) for frame in hand_held(N_FRAMES, 1)]
    for number, frame in enumerate(dim):
        frame[:, : max(200 - 5 * number, 0)] = (230, 220, 210)
    assert judged(dim)["picture_share"] == 1.0


def test_a_camera_on_a_tripod_before_a_door_frame_is_no_split_screen() -> None:
    rng = np.random.default_rng(0)
    still = hand_held(1, 1)[0]
    still[:, 140:148] = 240
    noisy = [np.clip(still + rng.normal(0, 2, still.shape), 0, 255).astype(np.uint8) for _ in range(20)]
    assert judged(noisy)["picture_share"] == 1.0
