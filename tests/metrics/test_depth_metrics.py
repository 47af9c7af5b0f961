"""Depth metrics: numbers worked by hand, an independent implementation, and exact invariance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from sfm_gt.metrics import depth

ALL_METRICS = depth.UNITLESS | depth.IN_METRES
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
        "delta1": 1 / 3,
        "delta2": 1 / 3,
        "delta3": 1 / 3,
    }
    assert set(expected) == set(ALL_METRICS)
    for name, value in expected.items():
        assert ALL_METRICS[name](p, g, every) == pytest.approx(value, rel=1e-12), name


def test_delta_is_strict_at_its_bounds():
    g, every = np.array([4.0, 4.0]), np.ones(2, bool)
    at_bound = np.array([5.0, 3.2])  # 5/4 and 4/3.2 are 1.25
    assert depth.delta1(at_bound, g, every) == 0.0
    assert depth.delta1(np.nextafter(at_bound, g), g, every) == 1.0
    assert depth.delta2(np.array([6.25, 4.0]), g, every) == 0.5
    assert depth.delta3(np.array([7.8125, 6.25]), g, every) == 0.5


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
        **{f"delta{k}": np.mean(np.maximum(p / g, g / p) < 1.25**k) for k in (1, 2, 3)},
    }
    for name, value in reference.items():
        assert ALL_METRICS[name](prediction, gt, valid) == pytest.approx(value, rel=REFERENCE_TOLERANCE), name


@pytest.mark.parametrize("name", ALL_METRICS)
def test_nothing_valid_is_nan(name):
    prediction, gt, valid = _maps(0)
    assert math.isnan(ALL_METRICS[name](prediction, gt, np.zeros_like(valid)))


@pytest.mark.parametrize("name", ALL_METRICS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_missing_value_is_no_small_error(name, value):
    prediction, gt, valid = _maps(0)
    prediction[np.flatnonzero(valid.ravel())[0] // 50, np.flatnonzero(valid.ravel())[0] % 50] = value
    with np.errstate(invalid="ignore"):
        result = ALL_METRICS[name](prediction, gt, valid)
    assert not math.isfinite(result) or (name == "irmse" and value == np.inf)


@pytest.mark.parametrize("name", ALL_METRICS)
def test_what_is_not_valid_does_not_matter(name):
    prediction, gt, valid = _maps(1)
    before = ALL_METRICS[name](prediction, gt, valid)
    prediction[~valid], gt[~valid] = np.nan, np.nan
    assert ALL_METRICS[name](prediction, gt, valid) == before


@pytest.mark.parametrize("name", ALL_METRICS)
def test_perfect_prediction(name):
    _, gt, valid = _maps(2)
    assert ALL_METRICS[name](gt.copy(), gt, valid) == (1.0 if name.startswith("delta") else 0.0)


@given(seed=st.integers(0, 50), factor=st.sampled_from([0.125, 0.5, 2.0, 64.0]))
def test_unitless_metrics_do_not_know_the_unit_and_the_others_do(seed, factor):
    prediction, gt, valid = _maps(seed, (8, 9))
    for name, metric in depth.UNITLESS.items():
        assert metric(prediction * factor, gt * factor, valid) == pytest.approx(metric(prediction, gt, valid), rel=1e-9)
        # Silog alone also forgives a scale between prediction and GT.
        if name != "silog" and not name.startswith("delta"):
            assert metric(prediction * factor, gt, valid) != pytest.approx(metric(prediction, gt, valid), rel=1e-3)
    assert depth.silog(prediction * factor, gt, valid) == pytest.approx(depth.silog(prediction, gt, valid), rel=1e-9)
    for name, metric in depth.IN_METRES.items():
        grows = 1 / factor if name == "irmse" else factor
        assert metric(prediction * factor, gt * factor, valid) == pytest.approx(grows * metric(prediction, gt, valid))


def test_prediction_that_is_not_positive_is_never_inside():
    g, every = np.array([1.0, 1.0]), np.ones(2, bool)
    assert depth.delta3(np.array([-1.0, 0.0]), g, every) == 0.0
    assert math.isnan(depth.rmse_log(np.array([-1.0, 1.0]), g, every))
