"""The picture's rectangle is found to the pixel inside of whatever frames it, and a whole picture stays whole."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from sfm_gt.video.decode import iterate_frames
from sfm_gt.video.displacement import Displacements
from sfm_gt.video.overlay import working_image
from sfm_gt.video.picture_area import Rectangle, find_picture, picture_of, refined, sampled
from tests.masks.scenes import film
from tests.video.framed import HEIGHT, WIDTH, blurred, gradient, hand_held, placed, tone, written
from tests.video.make_videos import write_video

ROOM = Path(__file__).resolve().parents[2] / "examples" / "rooms" / "videos" / "bricks.mp4"
N_FRAMES = 40
UPRIGHT = (288, 512)
IN_UPRIGHT = (0, 176, 288, 338)  # 34 % of the height above and below
MAX_OFF_PX = 1  # coding smears a line by as much


@pytest.fixture(scope="module")
def take() -> list[np.ndarray]:
    return hand_held(N_FRAMES, 1)


def found(frames: list[np.ndarray], path: Path | None = None) -> Rectangle:
    if path is not None:
        frames = [rgb for _, _, rgb in iterate_frames(write_video(path, frames))]
    greys = [working_image(frame) for frame in frames]
    return find_picture(sampled(greys), Displacements(greys))


def assert_found(frames: list[np.ndarray], rectangle: tuple[int, int, int, int], path: Path) -> None:
    assert np.abs(np.array(found(frames, path)) - rectangle).max() <= MAX_OFF_PX


@pytest.mark.parametrize(
    "fill", [tone(0, 0, 0), tone(190, 40, 90), gradient, blurred], ids=["black", "coloured", "gradient", "blurred"]
)
def test_bars_of_34_percent_a_side(take: list[np.ndarray], tmp_path: Path, fill) -> None:
    assert_found(placed(take, UPRIGHT, IN_UPRIGHT, fill), IN_UPRIGHT, tmp_path / "a.mp4")


def test_blurred_fill_left_and_right(take: list[np.ndarray], tmp_path: Path) -> None:
    upright = [frame[:, 90:200] for frame in take]
    assert_found(placed(upright, (288, 162), (89, 0, 199, 162), blurred), (89, 0, 199, 162), tmp_path / "a.mp4")


@pytest.mark.parametrize("border", [cv2.BORDER_REFLECT, cv2.BORDER_REFLECT_101])
@pytest.mark.parametrize("upright", [False, True])
def test_sides_filled_with_the_mirrored_edge(
    take: list[np.ndarray], tmp_path: Path, border: int, upright: bool
) -> None:
    top, left = (40, 0) if upright else (0, 50)
    framed = [cv2.copyMakeBorder(frame, top, top, left, left, border) for frame in take]
    assert_found(framed, (left, top, left + WIDTH, top + HEIGHT), tmp_path / "a.mp4")


@pytest.mark.parametrize("fill", [tone(255, 255, 255), blurred], ids=["white", "blurred"])
def test_heading_and_subtitles_on_bars(take: list[np.ndarray], tmp_path: Path, fill) -> None:
    frames = written(placed(take, UPRIGHT, IN_UPRIGHT, fill), [("WHEN NOBODY MOVES", (20, 80)), ("at all", (90, 120))])
    for first, text in ((0, "look at this"), (20, "nobody blinks")):
        frames[first : first + 20] = written(frames[first : first + 20], [(text, (60, 420))])
    assert_found(frames, IN_UPRIGHT, tmp_path / "a.mp4")


def test_a_bar_on_one_side(take: list[np.ndarray], tmp_path: Path) -> None:
    frames = written(placed(take, (288, 200), (0, 0, 288, 162), tone(20, 40, 130)), [("BREAKING NEWS", (20, 188))])
    assert_found(frames, (0, 0, 288, 162), tmp_path / "a.mp4")


@pytest.mark.parametrize("size", [0.75, 0.95], ids=["of two thirds", "of nearly all its length"])
def test_a_caption_across_the_edge_of_a_bar_does_not_hide_it(tmp_path: Path, size: float) -> None:
    room = [rgb for _, _, rgb in iterate_frames(ROOM, 0, N_FRAMES - 1)]
    frames = placed(room, (416, 312), (0, 39, 416, 273), tone(0, 0, 0))
    for number, frame in enumerate(frames):
        text = "BREAKING: NOBODY MOVED" if number < N_FRAMES // 2 else "more after the break"
        cv2.putText(frame, text, (8, 273 + round(10 * size)), cv2.FONT_HERSHEY_DUPLEX, size, (255, 220, 60), 2)
    assert_found(frames, (0, 39, 416, 273), tmp_path / "a.mp4")


def test_a_caption_on_a_whole_picture_is_no_bar(take: list[np.ndarray]) -> None:
    frames = [frame.copy() for frame in take]
    for frame in frames:
        cv2.putText(frame, "NOBODY MOVED AT ALL", (4, 140), cv2.FONT_HERSHEY_DUPLEX, 0.8, (255, 230, 80), 2)
    assert found(frames) == (0, 0, WIDTH, HEIGHT)


def test_bars_all_round(take: list[np.ndarray], tmp_path: Path) -> None:
    assert_found(placed(take, (400, 300), (60, 70, 348, 232), tone(16, 16, 16)), (60, 70, 348, 232), tmp_path / "a.mp4")


def test_a_still_background_with_detail(take: list[np.ndarray], tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    paper = cv2.resize(rng.integers(60, 200, (64, 36, 3), dtype=np.uint8), UPRIGHT, interpolation=cv2.INTER_CUBIC)
    assert_found(placed(take, UPRIGHT, IN_UPRIGHT, lambda *_: paper), IN_UPRIGHT, tmp_path / "a.mp4")


def vignetted(frame: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    return (frame * np.clip(1.3 - x**2 - y**2, 0, 1)[..., None]).astype(np.uint8)


def at_night(frame: np.ndarray) -> np.ndarray:
    """Dark throughout, its upper part black but for what stands in the light."""
    shade = np.clip(np.arange(HEIGHT) / 80 - 0.5, 0, 1)[:, None, None]
    return np.clip((frame.astype(float) - 90) * shade, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("change", [np.copy, vignetted, at_night])
def test_a_whole_picture_stays_whole(take: list[np.ndarray], change) -> None:
    assert found([change(frame) for frame in take]) == (0, 0, WIDTH, HEIGHT)


def test_a_wall_at_the_edge_that_comes_and_goes_is_no_bar(take: list[np.ndarray]) -> None:
    frames = [frame.copy() for frame in take]
    for number, frame in enumerate(frames):
        frame[:, : max(80 - 3 * number, 0)] = (190, 180, 160)
    assert found(frames) == (0, 0, WIDTH, HEIGHT)


def test_a_level_horizon_passed_sideways_is_no_bar() -> None:
    # Under an even sky, a line that keeps its place over most of its length, as its trees do not.
    frames = film(N_FRAMES).frames
    for number, frame in enumerate(frames):
        frame[:80] = (200, 210, 230)
        for tree in range(0, 700, 60):
            left = tree - 4 * number
            frame[60:80, max(left, 0) : max(left + 18, 0)] = (30, 60, 20)
    assert found(frames) == (0, 0, 320, 240)


def test_a_camera_on_a_tripod_has_no_bars() -> None:
    rng = np.random.default_rng(0)
    still = film(1).frames[0]
    still[:60] = 200
    noisy = [np.clip(still + rng.normal(0, 2, still.shape), 0, 255).astype(np.uint8) for _ in range(20)]
    assert found(noisy) == (0, 0, 320, 240)


def test_lines_are_refined_on_large_frames(take: list[np.ndarray]) -> None:
    large = [cv2.resize(frame, (1152, 648)) for frame in take[::5]]
    frames = placed(large, (1152, 1000), (0, 171, 1152, 819), tone(0, 0, 0))
    greys = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    canvas = (round(1000 * 640 / 1152), 640)
    rough = Rectangle(0, round(171 * 640 / 1152) + 1, 640, round(819 * 640 / 1152) - 1)
    assert refined(rough, canvas, greys) == (0, 171, 1152, 819)


def test_the_part_of_a_smaller_image_holds_no_bar() -> None:
    canvas = np.zeros((100, 200), np.uint8)
    canvas[31:77, 13:171] = 255
    small = cv2.resize(canvas, (80, 40), interpolation=cv2.INTER_AREA)
    assert picture_of(small, Rectangle(13, 31, 171, 77), 200).min() == 255
