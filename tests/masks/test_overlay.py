"""Print and bars are found while the scene moves, and nothing is claimed while it does not."""

import cv2
import numpy as np
import pytest

from sfm_gt.masks.overlay import find_bars, find_overlay
from tests.masks.scenes import Scene
from tests.video.make_videos import panning

CAPTION = (10, 225)


def with_caption(frames: list[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    printed = np.zeros(frames[0].shape[:2], np.uint8)
    cv2.putText(printed, "#frozen", CAPTION, cv2.FONT_HERSHEY_SIMPLEX, 0.9, 255, 2)
    return [np.where(printed[..., None] > 0, 255, frame).astype(np.uint8) for frame in frames], printed > 0


def test_a_caption_is_covered_and_little_else(frozen: Scene) -> None:
    frames, printed = with_caption(frozen.frames)
    found = find_overlay(frames)
    assert found[printed].mean() > 0.98
    x, y, width, height = cv2.boundingRect(printed.astype(np.uint8))
    outside = np.ones_like(found)
    outside[y - 10 : y + height + 10, max(x - 10, 0) : x + width + 10] = False
    assert found[outside].mean() < 0.005


def test_a_scene_without_overlay_has_none(frozen: Scene) -> None:
    assert not find_overlay(frozen.frames).any()


def test_nothing_is_claimed_while_the_camera_stands(standing: Scene) -> None:
    frames, _ = with_caption(standing.frames)
    assert not find_overlay(frames).any()


def test_a_single_frame_has_none() -> None:
    assert not find_overlay(panning(1)).any()


@pytest.mark.parametrize(("rows", "columns"), [((30, 30), (0, 0)), ((0, 0), (40, 25)), ((12, 0), (0, 0))])
def test_bars_are_found_to_the_row(rows: tuple[int, int], columns: tuple[int, int]) -> None:
    frames = panning(20, step_px=5)
    inside = np.zeros(frames[0].shape[:2], dtype=bool)
    inside[rows[0] : 240 - rows[1], columns[0] : 320 - columns[1]] = True
    boxed = [np.where(inside[..., None], frame, 16).astype(np.uint8) for frame in frames]
    assert (find_bars([cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in boxed]) == ~inside).all()
    assert find_overlay(boxed)[~inside].all()
