"""What an evaluation takes from a published frame."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from sfm_gt.datasets.frames import open_dataset
from sfm_gt.evaluation.evaluated_frames import loaded
from sfm_gt.evaluation.own_cameras import camera_rows
from sfm_gt.formats import dataset_layout as layout
from sfm_gt.models.shared.cameras import OwnCameras, write_cameras
from tests.datasets.small_tree import HEIGHT, WIDTH, write_tree


def test_depth_is_carried_to_other_frames_where_it_is_known_and_neither_moves_nor_lies_under_print(
    tmp_path: Path,
) -> None:
    tree = write_tree(tmp_path, {"a": 1})
    printed = np.zeros((HEIGHT, WIDTH), np.uint8)
    printed[2:5, 10:20] = 255
    assert cv2.imwrite(str(layout.layer_path(tree, "a-000", "overlay", 0)), printed)
    view = loaded(open_dataset(tree)[0], {}).view
    assert view is not None
    expected = np.ones((HEIGHT, WIDTH), dtype=bool)
    expected[:2] = False  # row 0 has no depth, row 1 moves
    expected[2:5, 10:20] = False
    np.testing.assert_array_equal(view.still, expected)


@pytest.mark.parametrize(("sigma", "judges"), [(0.02, True), (0.0, True), (None, True), (0.2, False)])
def test_a_focal_length_that_is_hardly_known_judges_depth_alone(
    tmp_path: Path, sigma: float | None, judges: bool
) -> None:
    tree = write_tree(tmp_path, {"a": 1})
    index = pd.read_parquet(tree / layout.INDEX_NAME)
    index["focal_sigma_rel"] = sigma
    index.to_parquet(tree / layout.INDEX_NAME, index=False)
    own = tmp_path / "own" / "a-000"
    own.mkdir(parents=True)
    write_cameras(own, OwnCameras({0: np.array([[50.0, 0, 32], [0, 50, 24], [0, 0, 1]])}))
    dataset = open_dataset(tree)
    frame = loaded(dataset[0], {})
    assert (frame.gt.camera is not None) == judges
    assert frame.view is not None
    assert frame.view.camera is not None
    assert bool(camera_rows(dataset, {"own": tmp_path / "own"})) == judges


def test_a_data_set_from_before_sigma_of_the_focal_length_was_stated_reads_as_before(tmp_path: Path) -> None:
    tree = write_tree(tmp_path, {"a": 1})
    index = pd.read_parquet(tree / layout.INDEX_NAME).drop(columns="focal_sigma_rel")
    index.to_parquet(tree / layout.INDEX_NAME, index=False)
    frame = open_dataset(tree)[0]
    assert frame.focal_sigma_rel is None
    assert loaded(frame, {}).gt.camera == frame.camera
