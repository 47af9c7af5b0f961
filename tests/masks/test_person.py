"""Masks snap to people of whom most moves and leave frozen ones alone; the decoding of the detector by hand."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from sfm_gt.errors import InputError
from sfm_gt.masks.shared import person

MODELS = Path(__file__).resolve().parents[3] / "shared" / "data" / "models"


def rectangle(top: int, bottom: int, left: int, right: int) -> np.ndarray:
    found = np.zeros((60, 80), dtype=bool)
    found[top:bottom, left:right] = True
    return found


def test_a_moving_person_gives_the_mask_its_outline() -> None:
    body = rectangle(10, 50, 30, 50)
    ragged = rectangle(14, 48, 26, 48)  # misses some of the body, spills over its left
    assert (person.snapped(ragged, body) == body).all()


def test_a_frozen_person_and_what_moves_elsewhere_stay_as_they_are() -> None:
    body = rectangle(10, 50, 30, 50)
    arm, cat = rectangle(10, 16, 30, 50), rectangle(50, 58, 2, 12)
    moving = arm | cat
    found = person.snapped(moving, body)
    assert (found == moving).all()
    assert found is not moving


def test_the_rim_of_a_moving_person_is_not_cleared_where_another_person_stands() -> None:
    walking, waving = rectangle(10, 50, 30, 50), rectangle(10, 50, 53, 70)
    arm = rectangle(10, 20, 53, 70)
    assert (person.snapped(walking | arm, walking | waving) == walking | arm).all()


def test_anchors_are_the_centres_of_cells_in_the_order_of_strides() -> None:
    centres = person.anchor_centres(224)
    assert centres.shape == (28 * 28 * 2 + 14 * 14 * 2 + 7 * 7 * 6, 2)
    # The first cell of stride 8 twice, then the next one to its right.
    assert centres[:3] * 224 == pytest.approx(np.array([[4, 4], [4, 4], [12, 4]]))
    assert centres[-1] * 224 == pytest.approx(np.array([208, 208]))


def test_detections_of_one_person_are_one() -> None:
    people = np.array([[100, 100, 40, 0.6], [105, 98, 42, 0.9], [190, 100, 40, 0.7]])
    assert [list(p[:2]) for p in person.distinct(people)] == [[105, 98], [190, 100]]


def test_a_file_that_is_no_network_is_named(tmp_path: Path) -> None:
    (tmp_path / "selfie.tflite").write_bytes(b"no network")
    with pytest.raises(InputError, match=r"selfie\.tflite"):
        person.PersonFinder(tmp_path / "selfie.tflite")


def test_rendered_people_are_found_and_the_room_is_not() -> None:
    if not MODELS.is_dir():
        pytest.skip(f"no person networks: {MODELS} is missing")
    scenes = Path(__file__).resolve().parents[2] / "examples" / "masks"
    capture = cv2.VideoCapture(str(scenes / "videos" / "walker.mp4"))
    for _ in range(11):
        _, frame = capture.read()
    truth = cv2.imread(str(scenes / "truth" / "walker" / "person" / "000010.png"), cv2.IMREAD_GRAYSCALE)
    finder = person.PersonFinder(MODELS / "selfie_segmentation.tflite", MODELS / "pose_detection.tflite")
    found = finder.find(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
    # The networks know photographs: of rendered people they find most of the one that walks in front.
    assert found[truth == 1].mean() > 0.5
    assert found[truth == 0].mean() < 0.03
