"""A model's own uncertainty against its errors: figures by hand, calibrated noise, and what alignments do to sigma."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sfm_gt.metrics.evaluation import EvaluatedFrame, Evaluation
from sfm_gt.metrics.grading import FramePrediction, GtFrame
from sfm_gt.metrics.leaderboard import rows
from sfm_gt.metrics.protocol import load_protocol
from sfm_gt.metrics.uncertainty import STEPS, ause, sigma_coverage, sigma_nll

SHAPE = (60, 80)
OURS = load_protocol("sfm_gt").completed(0.1, 1000.0, 10)


def _ause_by_loops(error, uncertainty):
    """Without ties: as the definition has it."""

    def curve(order):
        kept = [math.ceil(len(error) * (1 - step / STEPS)) for step in range(STEPS)]
        return [np.mean(error[order[len(error) - n :]]) for n in kept] + [0.0]

    by_own, by_error = curve(np.argsort(-uncertainty)), curve(np.argsort(-error))
    gaps = np.subtract(by_own, by_error)
    return sum((gaps[1:] + gaps[:-1]) / 2) / STEPS


def test_ause_agrees_with_loops_and_is_zero_for_who_knows_the_error():
    rng = np.random.default_rng(0)
    error, uncertainty = rng.exponential(size=333), rng.normal(size=333)
    assert ause(error, uncertainty) == pytest.approx(_ause_by_loops(error, uncertainty))
    assert ause(error, 7 * error) == pytest.approx(0.0)
    assert ause(error, -error) > ause(error, uncertainty) > 0
    assert math.isnan(ause(error[:0], error[:0]))


def test_equal_uncertainties_say_nothing_in_any_order():
    error = np.random.default_rng(1).exponential(size=500)
    flat = np.zeros(500)
    assert ause(error, flat) == pytest.approx(ause(np.sort(error), flat))
    assert ause(np.sort(error), flat) > 0.1 * error.mean()


def test_coverage_and_likelihood_by_hand():
    error, sigma = np.array([0.5, -1.0, 3.0, 0.0]), np.array([1.0, 1.0, 1.0, 2.0])
    assert sigma_coverage(error, sigma) == 0.75
    assert sigma_nll(error, sigma) == pytest.approx((0.125 + 0.5 + 4.5 + math.log(2)) / 4 + 0.5 * math.log(2 * math.pi))


def _row(kind, prediction_of, alignment, metric=True, **maps):
    z = np.random.default_rng(2).uniform(2, 6, SHAPE)
    nowhere = np.zeros(SHAPE, bool)
    values, maps = prediction_of(z), {name: make(z) for name, make in maps.items()}
    prediction = FramePrediction(kind, values, **maps)
    frame = EvaluatedFrame("v", "v", 0, GtFrame(z, nowhere, nowhere, None, metric), None, None, None, {"m": prediction})
    evaluation = Evaluation([OURS], {"m": kind})
    evaluation.add(evaluation.grade(frame, evaluation.pools("clip", 1)))
    return next(row for row in rows(evaluation, "sfm_gt", 0) if row["alignment"] == alignment)


NOISE = np.random.default_rng(3).normal(size=SHAPE)


@pytest.mark.parametrize(
    ("kind", "alignment", "prediction", "sigma"),
    [
        ("metric_depth", "none", lambda z: z * (1 + 0.05 * NOISE), lambda z: 0.05 * z),
        ("scale_invariant_depth", "median", lambda z: 30 * z * (1 + 0.05 * NOISE), lambda z: 30 * 0.05 * z),
        ("affine_invariant_depth", "ls_affine_depth", lambda z: 3 * z * (1 + 0.05 * NOISE) - 7, lambda z: 0.15 * z),
        ("affine_invariant_disparity", "ls_affine_disparity", lambda z: 9 / z * (1 + 0.05 * NOISE), lambda z: 0.45 / z),
    ],
)
def test_a_sigma_that_is_right_covers_as_a_normal_one_does_under_every_alignment(kind, alignment, prediction, sigma):
    row = _row(kind, prediction, alignment, sigma=sigma)
    assert row["sigma_coverage"] == pytest.approx(0.683, abs=0.02)
    assert row["sigma_nll"] == pytest.approx(math.log(0.05) + 0.5 + 0.5 * math.log(2 * math.pi), abs=0.05)
    wrong = _row(kind, prediction, alignment, sigma=lambda z: 3 * sigma(z))
    assert wrong["sigma_coverage"] > 0.99
    assert wrong["sigma_nll"] > row["sigma_nll"]


def test_a_sigma_of_depth_is_turned_into_one_of_disparity():
    protocol_row = _row("scale_invariant_depth", lambda z: z * (1 + 0.02 * NOISE), "median", sigma=lambda z: 0.02 * z)
    disparity = load_protocol("midas").completed(0.1, 1000.0, 10)
    z = np.random.default_rng(2).uniform(2, 6, SHAPE)
    nowhere = np.zeros(SHAPE, bool)
    prediction = FramePrediction("scale_invariant_depth", z * (1 + 0.02 * NOISE), sigma=0.02 * z)
    frame = EvaluatedFrame("v", "v", 0, GtFrame(z, nowhere, nowhere, None, True), None, None, None, {"m": prediction})
    evaluation = Evaluation([disparity], {"m": "scale_invariant_depth"})
    evaluation.add(evaluation.grade(frame, evaluation.pools("clip", 1)))
    (row,) = rows(evaluation, "midas", 0)
    assert row["sigma_nll"] == pytest.approx(protocol_row["sigma_nll"], abs=0.02)


def test_confidence_orders_pixels_and_says_nothing_else():
    def biased(z):
        return z * (1 + 0.2 * (z > 4))

    known = _row("metric_depth", biased, "none", confidence=lambda z: np.where(z > 4, 1.0, 9.0))
    turned = _row("metric_depth", biased, "none", confidence=lambda z: np.where(z > 4, 9.0, 1.0))
    assert known["ause"] == pytest.approx(0.0, abs=1e-9)
    assert turned["ause"] > 0.05
    assert math.isnan(known["sigma_nll"])
    assert math.isnan(_row("metric_depth", biased, "none")["ause"])


def test_pixels_without_sigma_take_no_part():
    row = _row(
        "metric_depth", lambda z: np.where(z > 4, 9 * z, z), "none", sigma=lambda z: np.where(z > 4, np.nan, 0.1)
    )
    assert (row["ause"], row["sigma_coverage"]) == (0.0, 1.0)


def test_maps_of_another_size_come_along():
    def small(z):
        return z[::2, ::2]

    row = _row("metric_depth", small, "none", sigma=lambda z: 0.1 * small(z))
    assert math.isfinite(row["sigma_nll"])
