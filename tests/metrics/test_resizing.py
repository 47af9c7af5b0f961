"""Resizing of predictions: torch's two bilinear rules, and nothing done where nothing is to do."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sfm_gt.metrics.grading import FrameGrader, FramePrediction, GtFrame
from sfm_gt.metrics.protocol import load_protocols
from sfm_gt.metrics.resizing import resized

MAP = np.random.default_rng(0).uniform(1, 5, (7, 9)).astype(np.float32)
# OpenCV's bilinear weights have five bits in remap and eleven in resize.
TOLERANCE = 4 / 2**5


@pytest.mark.parametrize("rule", ["bilinear", "bilinear_align_corners"])
def test_agrees_with_torch(rule):
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(MAP)[None, None], (21, 25), mode="bilinear", align_corners=rule.endswith("corners")
    )
    np.testing.assert_allclose(resized(MAP, 21, 25, rule), expected[0, 0].numpy(), atol=TOLERANCE)


def test_nearest_repeats_values():
    np.testing.assert_array_equal(resized(MAP, 21, 27, "nearest"), MAP.repeat(3, 0).repeat(3, 1))


def test_the_same_size_is_left_alone():
    for rule in ("bilinear", "bilinear_align_corners", "nearest"):
        np.testing.assert_array_equal(resized(MAP, 7, 9, rule), MAP)


def test_a_protocol_resizes_by_its_own_rule():
    ours, v2 = load_protocols(["sfm_gt", "depth_anything_v2"], 0.1, 50.0, 4)
    gt = resized(MAP, 21, 25, "bilinear")
    nowhere = np.zeros(gt.shape, bool)
    grader = FrameGrader(GtFrame(gt, nowhere, nowhere, None, True), [ours, v2])
    found = {
        (one.protocol.name, one.alignment): one.sums[0, 1] / one.sums[0, 0]
        for one in grader.grade(FramePrediction("metric_depth", MAP), None, [ours, v2])
    }
    assert found["sfm_gt", "none"] == pytest.approx(0.0, abs=1e-6)
    assert found["depth_anything_v2", "none"] > 0.01
