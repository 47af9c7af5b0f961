"""Copies are known again after what people do to them, and no other clip is taken for one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import cv2
import numpy as np
import pytest

from sfm_gt.formats.perceptual_hash import are_near_duplicates, copy_hashes, perceptual_hash
from tests.video.make_videos import panning, textured

Frames = list[np.ndarray]


def _encoded(frame: np.ndarray) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", np.ascontiguousarray(frame), [cv2.IMWRITE_JPEG_QUALITY, 50])[1], 1)


def _cropped(frame: np.ndarray, across: float, down: float) -> np.ndarray:
    height, width = (round(0.85 * side) for side in frame.shape[:2])
    top, left = round(down * (frame.shape[0] - height)), round(across * (frame.shape[1] - width))
    return frame[top : top + height, left : left + width]


def _padded(frame: np.ndarray, colour: int) -> np.ndarray:
    return cv2.copyMakeBorder(np.ascontiguousarray(frame), 0, 40, 50, 30, cv2.BORDER_CONSTANT, value=(colour,) * 3)


COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "smaller": lambda frame: cv2.resize(frame, None, fx=0.6, fy=0.6),
    "mirrored": lambda frame: frame[:, ::-1],
    "padded": lambda frame: _padded(frame, 0),
    "padded with white": lambda frame: _padded(frame, 255),
    "cropped in the middle": lambda frame: _cropped(frame, 0.5, 0.5),
    "cropped in a corner": lambda frame: _cropped(frame, 0, 1),
    "cropped anywhere": lambda frame: _cropped(frame, 0.3, 0.65),
    "mirrored and cropped": lambda frame: _cropped(frame[:, ::-1], 0.6, 0.2),
    "mirrored and padded": lambda frame: _padded(frame[:, ::-1], 0),
}


@pytest.mark.parametrize("edit", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("seed", range(3))
def test_a_copy_is_known_again(edit, seed):
    frames = panning(16, 320, 240, step_px=4, seed=seed)
    original, copy = copy_hashes(frames), copy_hashes([_encoded(edit(frame)) for frame in frames])
    assert are_near_duplicates(original, copy)
    assert are_near_duplicates(copy, original)


def test_a_part_is_known_again_and_so_are_hashes_of_earlier_versions():
    frames = panning(16, 320, 240, step_px=4)
    assert are_near_duplicates(copy_hashes(frames), copy_hashes([_encoded(frame) for frame in frames[3:9]]))
    assert are_near_duplicates(copy_hashes(frames), tuple(perceptual_hash(frame) for frame in frames))


def test_none_of_200_different_clips_is_taken_for_another():
    worlds = (textured(100 + seed, 160, 230) for seed in range(200))
    hashes = [copy_hashes([world[:, 3 * i : 3 * i + 200] for i in range(8)]) for world in worlds]
    assert [pair for pair in combinations(range(200), 2) if are_near_duplicates(*(hashes[k] for k in pair))] == []


def test_frames_that_show_nothing_make_no_copies():
    black = [np.zeros((90, 160, 3), np.uint8)] * 6
    assert copy_hashes(black) == ()
    assert not are_near_duplicates(copy_hashes(black), copy_hashes(black))
