"""BurnedInText is found with the frames in which they are there, and nothing is claimed while nothing can be told."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from sfm_gt.formats.overlay_folder import Overlay, covered, covered_ever
from sfm_gt.video.decode import iterate_frames
from sfm_gt.video.overlay import find_overlays, working_image
from tests.masks.scenes import Scene, film
from tests.video.make_videos import panning

MASK_SCENES = Path(__file__).resolve().parents[2] / "examples" / "masks"
SHAPE = (240, 320)
# Against the exact pixels that the text changes.
MIN_IOU = 0.8
MAX_FRAMES_OFF = 2


@pytest.fixture(scope="module")
def long_scene() -> Scene:
    return film(40, step=0.05)


def print_text(text: str, origin: tuple[float, float], size: float = 1.2) -> np.ndarray:
    """(H, W, 4) float32: colour and opacity of a white caption with a black outline, placed to a fraction of a pixel."""
    white = np.zeros(SHAPE, np.uint8)
    cv2.putText(white, text, (20, 60), cv2.FONT_HERSHEY_SIMPLEX, size, 255, 3, cv2.LINE_AA)
    outline = cv2.dilate(white, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)))
    layer = np.stack([white, white, white, outline], axis=-1).astype(np.float32) / [1, 1, 1, 255]
    shift = np.float64([[1, 0, origin[0] - 20], [0, 1, origin[1] - 60]])
    return cv2.warpAffine(layer.astype(np.float32), shift, SHAPE[::-1])


def over(frame: np.ndarray, layer: np.ndarray, strength: float = 1.0) -> np.ndarray:
    opacity = strength * layer[..., 3:]
    return np.round((1 - opacity) * frame + strength * layer[..., :3]).astype(np.uint8)


def masks(frames: list[np.ndarray]) -> list[np.ndarray]:
    greys = [working_image(frame) for frame in frames]
    overlays = find_overlays(greys, list(range(len(frames))), *SHAPE)
    return [covered(overlays, i, SHAPE, 0) for i in range(len(frames))]


def iou(found: list[np.ndarray], truth: list[np.ndarray]) -> float:
    """Over all pixels of all frames."""
    return float(np.sum([a & b for a, b in zip(found, truth, strict=True)]) / np.sum(
        [a | b for a, b in zip(found, truth, strict=True)]
    ))  # fmt: skip


def test_a_caption_that_comes_and_goes_is_masked_while_it_is_there(long_scene: Scene) -> None:
    layer, there = print_text("#frozen", (40, 215)), range(9, 31)
    frames = [over(frame, layer) if i in there else frame for i, frame in enumerate(long_scene.frames)]
    found = masks(frames)
    shown = [i for i, mask in enumerate(found) if mask.any()]
    assert abs(shown[0] - there[0]) <= MAX_FRAMES_OFF
    assert abs(shown[-1] - there[-1]) <= MAX_FRAMES_OFF
    nothing = np.zeros(SHAPE, dtype=bool)
    assert iou(found, [layer[..., 3] > 0.5 if i in there else nothing for i in range(40)]) >= MIN_IOU


def test_a_drifting_logo_is_followed(long_scene: Scene) -> None:
    layers = [print_text("LOGO", (150 + 1.5 * i, 60 + 0.5 * i)) for i in range(40)]
    found = masks([over(frame, layer) for frame, layer in zip(long_scene.frames, layers, strict=True)])
    assert iou(found, [layer[..., 3] > 0.5 for layer in layers]) >= MIN_IOU


@pytest.mark.parametrize("speed", [1.5, 3.0])
def test_something_near_is_no_drifting_print_when_the_camera_slides_evenly(speed: float) -> None:
    rng = np.random.default_rng(5)
    wall, box = (
        cv2.GaussianBlur(rng.integers(0, 256, (240, 500, 3), np.uint8), (0, 0), 1.5).astype(float) for _ in range(2)
    )
    frames = []
    for i in range(40):
        shift = np.float32([[1, 0, -speed * i], [0, 1, 0]])
        frame = cv2.warpAffine(wall, shift, (320, 240), borderMode=cv2.BORDER_REFLECT)
        left, right = 200 - 2.0 * speed * i, 260 - 2.0 * speed * i
        inside = cv2.warpAffine(box, np.float32([[1, 0, left], [0, 1, 0]]), (320, 240), borderMode=cv2.BORDER_REFLECT)
        columns, rows = np.arange(320), np.arange(240)[:, None]
        here = (columns >= left) & (columns < right) & (rows >= 90) & (rows < 150)
        frames.append(np.where(here[..., None], inside, frame).clip(0, 255).astype(np.uint8))
    assert not np.any(masks(frames))


def test_print_over_a_rendered_scene_is_masked_to_the_pixel() -> None:
    """A small caption where the scene hardly moves, and a logo that drifts from whole pixel to whole pixel."""
    frames = [rgb for _, _, rgb in iterate_frames(MASK_SCENES / "videos" / "caption.mp4")]
    folder = MASK_SCENES / "truth" / "caption" / "overlay"
    truth = [cv2.imread(str(folder / f"{i:06d}.png"), cv2.IMREAD_GRAYSCALE) > 0 for i in range(len(frames))]
    overlays = find_overlays([working_image(frame) for frame in frames], list(range(len(frames))), *truth[0].shape)
    assert iou([covered(overlays, i, truth[0].shape, 0) for i in range(len(frames))], truth) >= MIN_IOU


def test_a_logo_that_fades_in_is_masked_before_it_is_clear(long_scene: Scene) -> None:
    layer = print_text("LOGO", (190, 50))
    strength = np.clip((np.arange(40) - 8) / 10, 0, 1)
    found = masks([over(f, layer, s) for f, s in zip(long_scene.frames, strength, strict=True)])
    shown = [i for i, mask in enumerate(found) if mask.any()]
    assert 8 <= shown[0] <= 8 + 5
    assert shown[-1] == 39


def test_the_standing_part_of_a_timer_is_covered(long_scene: Scene) -> None:
    frames = [over(f, print_text(f"0:{i // 15:02d}", (30, 40))) for i, f in enumerate(long_scene.frames)]
    found = masks(frames)
    truth = print_text("0:0", (30, 40))[..., 3] > 0.5
    assert np.mean([mask[truth].mean() for mask in found]) > 0.9


def test_a_scene_without_overlay_has_none(long_scene: Scene) -> None:
    assert not np.any(masks(long_scene.frames))


def test_nothing_is_claimed_while_the_camera_stands(standing: Scene) -> None:
    layer = print_text("#frozen", (40, 215))
    assert not np.any(masks([over(frame, layer) for frame in standing.frames]))


def test_a_single_frame_has_none() -> None:
    assert not np.any(masks(panning(1)))


def test_print_inside_of_the_picture_is_found_beside_print_on_a_bar(long_scene: Scene) -> None:
    # Half of the canvas is a bar full of letters that stand still, which would say that nothing moves.
    layer = print_text("LOGO", (30, 200))
    bar = np.full((120, 320, 3), 30, np.uint8)
    for row in range(20, 120, 12):
        cv2.putText(bar, "a heading of many words on it" * 2, (0, row), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255,) * 3)
    frames = [over(frame, layer) for frame in long_scene.frames]
    greys = [working_image(np.concatenate([bar, frame])) for frame in frames]
    overlays = find_overlays(greys, list(range(40)), 360, 320, (0, 120, 320, 360))
    found = [covered(overlays, i, (360, 320), 0) for i in range(40)]
    assert not np.any([mask[:120] for mask in found])
    assert iou([mask[120:] for mask in found], [layer[..., 3] > 0.5] * 40) >= MIN_IOU


def test_all_of_the_way_of_drifting_print_is_covered() -> None:
    mask = np.zeros((4, 12), bool)
    mask[1:3, 1:3] = True
    drifting, still = Overlay(2, 5, mask, (2.0, 0.0)), Overlay(2, 5, mask, (0.0, 0.0))
    # Two pixels a frame: columns 1-2 in frame 2, 7-8 in frame 5; frames outside of the interval count for nothing.
    assert np.flatnonzero(covered_ever([drifting], range(8), mask.shape, 0)[1]).tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert (covered_ever([still], range(8), mask.shape, 0) == mask).all()
    assert not covered_ever([drifting], [0, 1, 6], mask.shape, 0).any()
