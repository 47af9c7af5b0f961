"""Depth metrics: numbers worked by hand, an independent implementation, and exact invariance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from sfm_gt.metrics import depth
from sfm_gt.metrics.alignment import Affine, DepthRange
from sfm_gt.metrics.pixel_sums import BOUNDS, pixel_sums

# Both sides are float64 sums of a few thousand terms in another order.
REFERENCE_TOLERANCE = 1e-9


def _maps(seed: int, shape=(40, 50)):
    rng = np.random.default_rng(seed)
    gt = rng.uniform(0.5, 20, shape)
    return gt * np.exp(rng.normal(0, 0.3, shape)), gt, rng.random(shape) < 0.7


def test_by_hand():
    p, g = np.array([1.0, 3.0, 8.0]), np.array([2.0, 3.0, 4.0])
    every = np.ones(3, bool)
    expected = {
        "abs_rel": (1 / 2 + 0 + 4 / 4) / 3,
        "sq_rel_eigen": (1 / 2 + 0 + 16 / 4) / 3,
        "sq_rel": (1 / 4 + 0 + 1) / 3,
        "mae": 5 / 3,
        "rmse": math.sqrt(17 / 3),
        "rmse_log": math.log(2) * math.sqrt(2 / 3),
        "log10": math.log10(2) * 2 / 3,
        "silog": 100 * math.log(2) * math.sqrt(2 / 3),  # the errors -ln 2, 0, ln 2 have mean zero
        "irmse": math.sqrt((1 / 4 + 0 + 1 / 64) / 3),
        "silog_loss": math.log(2) * math.sqrt(2 / 3),
        "si_rmse": math.log(2)
        * math.sqrt((2 + 2 + 8) / 9),  # nine pairs: |differences| 1 and 1 twice, 2 twice, 0 thrice
        "d_auc": (1 + 2 * (1 - math.log(2) / (5 * math.log(1.25)))) / 3,
        **dict.fromkeys(("delta1", "delta2", "delta3", "delta_quarter", "delta_half"), 1 / 3),
        **dict.fromkeys(("delta_1_03", "delta_1_05", "delta_1_10"), 1 / 3),
    }
    assert set(expected) == set(depth.METRICS)
    for name, value in expected.items():
        assert depth.score(name, p, g, every) == pytest.approx(value, rel=1e-12), name


def test_delta_is_strict_at_its_bounds():
    g, every = np.array([4.0, 4.0]), np.ones(2, bool)
    at_bound = np.array([5.0, 3.2])  # 5/4 and 4/3.2 are 1.25
    assert depth.score("delta1", at_bound, g, every) == 0.0
    assert depth.score("delta1", np.nextafter(at_bound, g), g, every) == 1.0
    assert depth.score("delta2", np.array([6.25, 4.0]), g, every) == 0.5
    assert depth.score("delta3", np.array([7.8125, 6.25]), g, every) == 0.5


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_scikit_learn_and_scipy(seed):
    prediction, gt, valid = _maps(seed)
    p, g = prediction[valid], gt[valid]
    reference = {
        "mae": sk.mean_absolute_error(g, p),
        "rmse": sk.root_mean_squared_error(g, p),
        "rmse_log": sk.root_mean_squared_error(np.log(g), np.log(p)),
        "log10": sk.mean_absolute_error(np.log10(g), np.log10(p)),
        "irmse": sk.root_mean_squared_error(1 / g, 1 / p),
        "abs_rel": sk.mean_absolute_percentage_error(g, p),
        "sq_rel_eigen": sk.mean_squared_error(g, p, sample_weight=1 / g) * np.mean(1 / g),
        "sq_rel": sk.mean_squared_error(g, p, sample_weight=1 / g**2) * np.mean(1 / g**2),
        "silog": 100 * stats.tstd(np.log(p) - np.log(g)) * math.sqrt((p.size - 1) / p.size),
        "silog_loss": math.sqrt(np.mean((np.log(p) - np.log(g)) ** 2) - 0.5 * np.mean(np.log(p) - np.log(g)) ** 2),
        "si_rmse": math.sqrt(np.mean(np.subtract.outer(np.log(p / g), np.log(p / g)) ** 2)),
        **{name: np.mean(np.maximum(p / g, g / p) < bound) for name, bound in BOUNDS.items()},
    }
    for name, value in reference.items():
        assert depth.score(name, prediction, gt, valid) == pytest.approx(value, rel=REFERENCE_TOLERANCE), name


@pytest.mark.parametrize("name", depth.METRICS)
def test_nothing_valid_is_nan(name):
    prediction, gt, valid = _maps(0)
    assert math.isnan(depth.score(name, prediction, gt, np.zeros_like(valid)))


@pytest.mark.parametrize("name", depth.METRICS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_missing_value_is_no_small_error(name, value):
    prediction, gt, valid = _maps(0)
    prediction[np.flatnonzero(valid.ravel())[0] // 50, np.flatnonzero(valid.ravel())[0] % 50] = value
    with np.errstate(invalid="ignore"):
        result = depth.score(name, prediction, gt, valid)
    assert not math.isfinite(result) or (name == "irmse" and value == np.inf)


@pytest.mark.parametrize("name", depth.METRICS)
def test_what_is_not_valid_does_not_matter(name):
    prediction, gt, valid = _maps(1)
    before = depth.score(name, prediction, gt, valid)
    prediction[~valid], gt[~valid] = np.nan, np.nan
    assert depth.score(name, prediction, gt, valid) == before


@pytest.mark.parametrize("name", depth.METRICS)
def test_perfect_prediction(name):
    _, gt, valid = _maps(2)
    assert depth.score(name, gt.copy(), gt, valid) == (1.0 if name in depth.HIGHER_IS_BETTER else 0.0)


@settings(deadline=None)  # the first call compiles
@given(seed=st.integers(0, 50), factor=st.sampled_from([0.125, 0.5, 2.0, 64.0]))
def test_unitless_metrics_do_not_know_the_unit_and_the_others_do(seed, factor):
    prediction, gt, valid = _maps(seed, (8, 9))
    for name in depth.UNITLESS:
        before = depth.score(name, prediction, gt, valid)
        assert depth.score(name, prediction * factor, gt * factor, valid) == pytest.approx(before, rel=1e-9)
        # Silog and si-RMSE alone also forgive a scale between prediction and GT.
        if name not in ("silog", "si_rmse", "d_auc") and not name.startswith("delta"):
            assert depth.score(name, prediction * factor, gt, valid) != pytest.approx(before, rel=1e-3)
    assert depth.score("silog", prediction * factor, gt, valid) == pytest.approx(
        depth.score("silog", prediction, gt, valid), rel=1e-9
    )
    for name in depth.IN_METRES:
        grows = 1 / factor if name == "irmse" else factor
        before = depth.score(name, prediction, gt, valid)
        assert depth.score(name, prediction * factor, gt * factor, valid) == pytest.approx(grows * before)


def test_prediction_that_is_not_positive_is_never_inside():
    g, every = np.array([1.0, 1.0]), np.ones(2, bool)
    assert depth.score("delta3", np.array([-1.0, 0.0]), g, every) == 0.0
    assert math.isnan(depth.score("rmse_log", np.array([-1.0, 1.0]), g, every))


def test_d_auc_is_the_area_under_the_accuracy_curve():
    prediction, gt, valid = _maps(3)
    p, g = prediction[valid], gt[valid]
    exponents = np.linspace(0, 5, 20_001)
    inside = np.sort(np.abs(np.log(p / g)) / math.log(1.25))
    area = np.trapezoid(np.searchsorted(inside, exponents) / inside.size, exponents) / 5
    # The trapezoid rule is off by at most half a step of the curve over one step of the exponent.
    assert depth.score("d_auc", prediction, gt, valid) == pytest.approx(area, abs=5 / 20_000)


@settings(deadline=None)  # the first call compiles
@given(st.floats(1e-300, 1e300))
def test_logarithm_of_the_kernel(ratio):
    # Through the metric, with a GT of one; the relative rounding of float64 is 1e-16.
    found = depth.score("rmse_log", np.array([ratio]), np.ones(1), np.ones(1, bool))
    assert found == pytest.approx(abs(math.log(ratio)), rel=4e-16, abs=1e-300)


def test_pairs_between_two_sets():
    e = np.array([0.3, -0.2, 0.7, 0.1, 0.4])
    offsets, free = np.array([0, 2, 5]), DepthRange(-np.inf, np.inf, 0.0)
    one, other = pixel_sums(np.exp(e), np.ones(5), offsets, Affine(1.0, 0.0), free)
    expected = math.sqrt(np.mean(np.subtract.outer(e[:2], e[2:]) ** 2))
    assert depth.si_rmse_between(one, other) == pytest.approx(expected, rel=1e-12)
