"""What an evaluation takes from a published frame."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from sfm_gt.datasets.frames import open_dataset
from sfm_gt.evaluation.evaluated_frames import loaded
from sfm_gt.formats import dataset_layout as layout
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
