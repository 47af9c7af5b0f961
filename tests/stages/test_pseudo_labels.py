"""A teacher's labels: aligned to the ground truth, beside it, with what they are worth."""

from __future__ import annotations

import numpy as np
import pytest

from sfm_gt.commands import pseudo_labels
from sfm_gt.errors import InputError
from sfm_gt.formats.manifest import Manifest, files_of, write_manifest
from sfm_gt.formats.pseudo_labels import labels_folder, read_label, read_labels
from tests.e2e.workflow import tree_digest

QUANTISED = 1e-3  # half a step of 16 bits over 4 m, and single precision


@pytest.fixture
def few_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds for frames of 12 x 16 pixels."""
    monkeypatch.setattr(pseudo_labels, "MIN_PIXELS", 20)
    monkeypatch.setattr(pseudo_labels, "BLOCK_PX", 3)


@pytest.mark.usefixtures("few_pixels")
def test_a_teacher_that_is_right_up_to_what_its_kind_leaves_open_agrees(workspace, predict_by_hand, tiny) -> None:
    filled = np.nan_to_num(tiny.gt, nan=3.0)
    predict_by_hand("teacher", "near", "affine_invariant_disparity", lambda _: 5.0 / filled - 0.3)
    before = tree_digest(workspace.dataset)
    labels = pseudo_labels.run(workspace, "near", "teacher")
    folder = labels_folder(workspace.dataset, "teacher", "near")
    assert read_labels(folder) == labels
    assert (labels.teacher, labels.alignment) == ("teacher", "ls_affine_disparity")
    assert labels.agreement == pytest.approx(dict.fromkeys(tiny.frames, 1.0))
    label = read_label(folder, tiny.frames[0], labels.depth_unit)
    assert label == pytest.approx(filled, rel=QUANTISED), "also where there is no ground truth"
    after = tree_digest(workspace.dataset)
    assert {name: after[name] for name in before} == before, "no value of the ground truth is touched"


@pytest.mark.usefixtures("few_pixels")
def test_a_teacher_that_is_wrong_on_half_the_picture_says_so(workspace, predict_by_hand, tiny) -> None:
    wrong = np.nan_to_num(tiny.gt, nan=3.0).copy()
    wrong[:, 8:] = 8.0
    predict_by_hand("teacher", "near", "metric_depth", lambda index: wrong if index != tiny.frames[0] else None)
    labels = pseudo_labels.run(workspace, "near", "teacher")
    assert set(labels.agreement) == set(tiny.frames[1:]), "a frame without a prediction has no label"
    assert all(0.4 < share < 0.6 for share in labels.agreement.values())


def test_ground_truth_that_was_changed_later_is_no_teacher_s_measure(workspace, predict_by_hand, tiny) -> None:
    predict_by_hand("teacher", "near", "metric_depth", lambda _: np.nan_to_num(tiny.gt, nan=3.0))
    clip = workspace.clip_stage("near", "dataset")
    write_manifest(clip, Manifest("dataset", 1, files=files_of(clip)))
    (clip / "depth" / "000007.png").unlink()
    with pytest.raises(InputError, match=r"depth/000007\.png: is missing after the data set was complete"):
        pseudo_labels.run(workspace, "near", "teacher")


def test_no_predictions_no_labels(workspace) -> None:
    with pytest.raises(InputError, match="nobody"):
        pseudo_labels.run(workspace, "near", "nobody")
