"""The protocol: pixels, grants, clamping, means and the hash; grading of one frame by hand."""

from __future__ import annotations

import dataclasses
import math
from typing import get_args

import numpy as np
import pytest

from sfm_gt.metrics.alignment import ALIGNMENTS
from sfm_gt.metrics.grading import COVERAGE, GtFrame, Score, Unscored, grade
from sfm_gt.metrics.protocol import GRANTED, REASONS, Protocol, dataset_mean, image_mean
from sfm_gt.models.prediction import Kind

PROTOCOL = Protocol(min_depth_m=0.1, max_depth_m=10.0, min_pixels=4)


def _gt(metric: bool = True) -> GtFrame:
    z_depth = np.array([[1.0, 2.0, 4.0, 8.0], [1.0, 2.0, 4.0, np.nan]])
    return GtFrame(z_depth, np.isfinite(z_depth), metric, {})


def test_every_kind_is_granted_known_alignments():
    assert set(GRANTED) == set(get_args(Kind))
    assert {name for names in GRANTED.values() for name in names} <= set(ALIGNMENTS)


def test_only_a_metric_model_is_ever_unaligned():
    assert [kind for kind, names in GRANTED.items() if "none" in names] == ["metric_depth"]


def test_scored_pixels():
    z_depth = np.array([[0.05, 0.1, 10.0, 10.1, np.nan, 5.0, 5.0, 5.0]])
    moving, overlay = np.zeros((2, 1, 8), bool)
    moving[0, 6], overlay[0, 7] = True, True
    np.testing.assert_array_equal(
        PROTOCOL.scored(z_depth, moving, overlay, metric=True)[0], [False, True, True, False, False, True, False, False]
    )
    # Without metres a range in metres says nothing.
    np.testing.assert_array_equal(
        PROTOCOL.scored(z_depth, moving, overlay, metric=False)[0], [True, True, True, True, False, True, False, False]
    )


def test_without_metres_the_range_scales_with_the_unit():
    gt = _gt(metric=False)
    one = PROTOCOL.depth_range(gt.z_depth, gt.scored, metric=False)
    other = PROTOCOL.depth_range(gt.z_depth * 50, gt.scored, metric=False)
    assert (one.highest, other.highest, other.lowest) == (8.0, 400.0, pytest.approx(50 * one.lowest))


def test_figures_without_metres_do_not_hang_on_the_unit():
    rng = np.random.default_rng(0)
    z_depth = rng.uniform(1, 9, (6, 6))
    values = 1 / z_depth + rng.normal(0, 0.2, z_depth.shape)

    def figures(unit):
        gt = GtFrame(z_depth * unit, np.ones((6, 6), bool), False, {})
        return [s.value for kind in GRANTED for s in grade(PROTOCOL, gt, values, kind) if isinstance(s, Score)]

    assert figures(37.0) == pytest.approx(figures(1.0), rel=1e-9)


def test_grade_by_hand():
    gt = _gt()
    figures = {s.metric: s for s in grade(PROTOCOL, gt, gt.z_depth * 1.1, "scale_invariant_depth")}
    assert figures["abs_rel"].value == pytest.approx(0.0, abs=1e-12)
    assert figures["abs_rel"].n_pixels == 7
    unaligned = [s for s in grade(PROTOCOL, gt, gt.z_depth * 1.1, "metric_depth") if s.alignment == "none"]
    assert next(s.value for s in unaligned if s.metric == "abs_rel") == pytest.approx(0.1)


def test_holes_in_a_prediction_lower_the_coverage():
    gt = _gt()
    values = np.where(gt.z_depth == 1.0, np.inf, gt.z_depth)
    figures = {s.metric: s for s in grade(PROTOCOL, gt, values, "scale_invariant_depth")}
    assert figures[COVERAGE].value == pytest.approx(5 / 7)
    assert figures["abs_rel"].n_pixels == 5


@pytest.mark.parametrize(
    ("gt", "values", "kind", "reason"),
    [
        (_gt(metric=False), np.ones((2, 4)), "metric_depth", "not_metric"),
        (_gt(), None, "scale_invariant_depth", "missing_prediction"),
        (_gt(), np.full((2, 4), np.nan), "scale_invariant_depth", "non_finite_prediction"),
        (_gt(), -np.ones((2, 4)), "scale_invariant_depth", "alignment_failed"),
        (
            dataclasses.replace(_gt(), scored=np.eye(2, 4, dtype=bool)),
            np.ones((2, 4)),
            "metric_depth",
            "too_few_pixels",
        ),
    ],
)
def test_frames_that_cannot_be_graded_say_why(gt, values, kind, reason):
    first = next(iter(grade(PROTOCOL, gt, values, kind)))
    assert isinstance(first, Unscored)
    assert first.reason == reason
    assert reason in REASONS


def test_means():
    values, videos = [1.0, 3.0, 10.0], ["a", "a", "b"]
    assert dataset_mean(values, videos) == 6.0
    assert image_mean(values) == pytest.approx(14 / 3)
    assert math.isnan(dataset_mean([], []))


def test_hash_follows_every_setting():
    hashes = {PROTOCOL.hash} | {
        dataclasses.replace(PROTOCOL, **{field.name: type(getattr(PROTOCOL, field.name))(7)}).hash
        for field in dataclasses.fields(PROTOCOL)
    }
    assert len(hashes) == 4
    assert Protocol(0.1, 10.0, 4).hash == PROTOCOL.hash
