"""Alignments: least squares of numpy and scikit-learn, exact invariance, degenerate input, and the clip rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from sklearn.linear_model import LinearRegression

from sfm_gt.metrics import depth
from sfm_gt.metrics.alignment import (
    ALIGNMENTS,
    AlignmentError,
    DepthRange,
    fit,
    fit_moments,
)
from sfm_gt.metrics.moments import Moments
from sfm_gt.metrics.order_statistics import median, terciles, weighted_median

WIDE = DepthRange(1e-3, 1e6, 1e-6)
REFERENCE_TOLERANCE = 1e-6


def aligned_depth(alignment, prediction, gt, valid, depth_range):
    return fit(alignment, prediction, gt, valid).depth(prediction, depth_range)


def _maps(seed: int, shape=(12, 15)):
    rng = np.random.default_rng(seed)
    gt = rng.uniform(0.5, 20, shape)
    return gt * np.exp(rng.normal(0, 0.2, shape)), gt, rng.random(shape) < 0.7


@pytest.mark.parametrize("seed", range(3))
def test_least_squares_agrees_with_numpy_and_scikit_learn(seed):
    prediction, gt, valid = _maps(seed)
    p, g = prediction[valid], gt[valid]
    (scale,), *_ = np.linalg.lstsq(p[:, None], g, rcond=None)
    assert fit("ls_scale", prediction, gt, valid).scale == pytest.approx(scale, rel=REFERENCE_TOLERANCE)
    line = LinearRegression().fit(p[:, None], g)
    found = fit("ls_affine_depth", prediction, gt, valid)
    assert (found.scale, found.shift) == pytest.approx((line.coef_[0], line.intercept_), rel=REFERENCE_TOLERANCE)


def test_disparity_agrees_with_the_way_video_depth_anything_does_it():
    prediction, gt, valid = _maps(4)
    disparity = 3 / prediction - 0.4 - 0.5 * (gt > 18)  # pushes far pixels below zero disparity
    design = np.stack([disparity[valid], np.ones(valid.sum())], axis=1)
    scale, shift = np.linalg.lstsq(design, 1 / gt[valid], rcond=None)[0]
    expected = np.minimum(1 / np.clip(scale * disparity + shift, 1e-3, None), 80.0)
    found = aligned_depth("ls_affine_disparity", disparity, gt, valid, DepthRange(1e-3, 80.0, 1e-3))
    assert (expected == 80.0).any(), "the clip must be at work here"
    np.testing.assert_allclose(found, expected, rtol=REFERENCE_TOLERANCE)


def test_median_is_the_quotient_of_medians():
    p, g = np.array([1.0, 2.0, 30.0]), np.array([4.0, 5.0, 6.0])
    assert (
        fit("median", p, g, np.ones(3, bool)).scale == 2.5
    )  # the median of the quotients would be 2.5, 4 and 0.2: 2.5
    p = np.array([1.0, 2.0, 4.0])
    g = np.array([9.0, 4.0, 6.0])
    assert fit("median", p, g, np.ones(3, bool)).scale == 3.0  # not median(9, 2, 1.5) = 2


def test_pixels_that_are_not_valid_do_not_take_part():
    prediction, gt, valid = _maps(5)
    for alignment in ALIGNMENTS:
        before = aligned_depth(alignment, prediction, gt, valid, WIDE)[valid]
        odd, odd_gt = prediction.copy(), gt.copy()
        odd[~valid], odd_gt[~valid] = np.inf, np.nan
        after = aligned_depth(alignment, odd, odd_gt, valid, WIDE)
        np.testing.assert_array_equal(after[valid], before)
        assert np.isnan(after[~valid]).all()


SCALES = ("median", "ls_scale", "l1rel_scale", "weiszfeld_scale")
AFFINES = ("ls_affine_depth", "l1rel_affine_depth", "median_deviation")
FORGIVEN = dict.fromkeys(SCALES + AFFINES, 1e-6) | {"median_deviation": 1e-4}
"""MegaSaM adds 1e-6 to deviations from the median, in the unit of the prediction: a part in 10 000 of the small ones here."""
scales = st.floats(0.05, 50)
shifts = st.floats(-20, 20)


@settings(deadline=None)  # the first call compiles
@given(seed=st.integers(0, 30), scale=scales, shift=shifts)
def test_a_kind_forgives_exactly_what_it_leaves_open(seed, scale, shift):
    prediction, gt, valid = _maps(seed)

    def error(alignment, values):
        return depth.score("abs_rel", aligned_depth(alignment, values, gt, valid, WIDE), gt, valid)

    scaled, shifted = scale * prediction, scale * prediction + shift
    for alignment in SCALES + AFFINES:
        assert error(alignment, scaled) == pytest.approx(error(alignment, prediction), rel=FORGIVEN[alignment])
    for alignment in AFFINES:
        assert error(alignment, shifted) == pytest.approx(error(alignment, prediction), rel=FORGIVEN[alignment])
    disparity = 1 / prediction
    assert error("ls_affine_disparity", scale * disparity + shift) == pytest.approx(
        error("ls_affine_disparity", disparity), rel=1e-5
    )
    if not 0.99 < scale < 1.01:
        assert error("none", scaled) != pytest.approx(error("none", prediction), rel=1e-6)
    if shift > 0.1 * scale:
        assert error("median", shifted) != pytest.approx(error("median", prediction), rel=1e-6)


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_input_is_left_as_it_is(alignment):
    prediction, gt, valid = (array.copy() for array in _maps(6))
    before = prediction.copy(), gt.copy(), valid.copy()
    aligned_depth(alignment, prediction, gt, valid, WIDE)
    for now, then in zip((prediction, gt, valid), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_constant_prediction_gets_the_best_constant():
    _, gt, valid = _maps(7)
    flat = np.full_like(gt, 0.1)
    assert aligned_depth("ls_affine_depth", flat, gt, valid, WIDE) == pytest.approx(gt[valid].mean())
    assert aligned_depth("ls_affine_disparity", flat, gt, valid, WIDE) == pytest.approx(1 / (1 / gt[valid]).mean())


def test_affine_fit_holds_far_from_zero():
    # Plain normal equations lose all digits here: float32 disparity on a large offset.
    _, gt, valid = _maps(8)
    values = (1e6 + gt).astype(np.float64)
    assert fit("ls_affine_depth", values, gt, valid).scale == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize("values", [-1.0, 0.0])
def test_no_scale_exists_for_depth_that_is_not_positive(values):
    _, gt, valid = _maps(9)
    with pytest.raises(AlignmentError, match="must be positive"):
        fit("median", np.full_like(gt, values), gt, valid)


def test_no_pixel_no_fit():
    prediction, gt, valid = _maps(9)
    for alignment in ALIGNMENTS[1:]:
        with pytest.raises(AlignmentError, match="no pixel"):
            aligned_depth(alignment, prediction, gt, np.zeros_like(valid), WIDE)


def test_zero_everywhere_has_no_least_squares_scale():
    _, gt, valid = _maps(9)
    with pytest.raises(AlignmentError, match="zero everywhere"):
        fit("ls_scale", np.zeros_like(gt), gt, valid)


def test_depth_ends_inside_the_range():
    values = np.array([[-5.0, 0.0, 3.0, 500.0, np.nan]])
    found = aligned_depth("none", values, np.ones((1, 5)), np.ones((1, 5), bool), DepthRange(0.1, 80.0, 1 / 80))
    np.testing.assert_array_equal(found, [[0.1, 0.1, 3.0, 80.0, np.nan]])


@pytest.mark.parametrize("seed", range(5))
def test_l1_fits_agree_with_linear_programming(seed):
    prediction, gt, valid = _maps(seed)
    prediction = 0.3 * prediction + 0.7
    if seed % 2:
        # Many pixels on one line, as quantised depth has them.
        prediction, gt = np.round(prediction, 1), np.round(gt, 1)
    p, g = prediction[valid], gt[valid]
    for alignment, design in (("l1rel_scale", p[:, None]), ("l1rel_affine_depth", np.stack([p, np.ones_like(p)], 1))):
        n, k = design.shape
        # min sum w (u + v), design x + u - v = g, u, v >= 0
        found = linprog(np.r_[np.zeros(k), 1 / g, 1 / g], A_eq=np.c_[design, np.eye(n), -np.eye(n)], b_eq=g,
                        bounds=[(None, None)] * k + [(0, None)] * (2 * n))  # fmt: skip
        fitted = fit(alignment, prediction, gt, valid)
        error = np.sum(np.abs(fitted.scale * p + fitted.shift - g) / g)
        assert error == pytest.approx(found.fun, rel=REFERENCE_TOLERANCE), alignment


def _weiszfeld(p, g, scale):
    for _ in range(10):
        weights = 1 / (np.abs(scale * p - g) + 1e-8)
        scale = np.sum(weights * p * g) / np.sum(weights * p * p)
    return scale


def test_weiszfeld_starts_at_the_quotient_of_means_as_monst3r_does():
    # Half of the prediction is noise, so ten rounds keep a trace of where they started.
    rng = np.random.default_rng(0)
    gt = rng.uniform(0.5, 20, (40, 50))
    prediction, valid = np.where(rng.random(gt.shape) < 0.5, gt, rng.exponential(20, gt.shape)), np.ones(gt.shape, bool)
    p, g = prediction.ravel(), gt.ravel()
    scale = _weiszfeld(p, g, g.mean() / p.mean())
    assert fit("weiszfeld_scale", prediction, gt, valid).scale == pytest.approx(scale, rel=REFERENCE_TOLERANCE)
    from_least_squares = _weiszfeld(p, g, np.mean(p * g) / np.mean(p * p))
    assert abs(from_least_squares / scale - 1) > 1e-3, "else the start says nothing here"


def test_weiszfeld_scales_are_no_smaller_than_monst3r_lets_them_be():
    _, gt, valid = _maps(3)
    assert fit("weiszfeld_scale", 1e5 * gt, gt, valid).scale == 1e-3
    with pytest.raises(AlignmentError, match="mean of the prediction is zero"):
        fit("weiszfeld_scale", np.array([-1.0, 1.0]), np.ones(2), np.ones(2, bool))


def test_median_deviation_by_plain_numpy():
    prediction, gt, valid = _maps(3)
    prediction = np.clip(prediction, 4.0, None)  # a third of it ties
    p, g = prediction[valid], gt[valid]
    scale = np.median((g - np.median(g) + 1e-6) / (p - np.median(p) + 1e-6))
    found = fit("median_deviation", prediction, gt, valid)
    assert (found.scale, found.shift) == pytest.approx((scale, np.median(g - scale * p)), rel=REFERENCE_TOLERANCE)


@pytest.mark.parametrize("alignment", ["ls_scale", "ls_affine_depth", "ls_affine_disparity"])
def test_moments_of_parts_give_the_fit_of_the_whole(alignment):
    prediction, gt, valid = _maps(4)
    p, g = prediction[valid], gt[valid]
    parts = [Moments.of(p[rows], g[rows], "disparity" in alignment) for rows in np.array_split(np.arange(p.size), 7)]
    pooled, whole = fit_moments(alignment, sum(parts, Moments())), fit(alignment, prediction, gt, valid)
    assert (pooled.scale, pooled.shift) == pytest.approx((whole.scale, whole.shift), rel=1e-12)
    assert sum(parts, Moments()).correlation == pytest.approx(
        np.corrcoef(p, 1 / g if "disparity" in alignment else g)[0, 1], rel=1e-9
    )


@pytest.mark.parametrize("n", [1, 2, 3, 1025, 30_000, 30_001])
@pytest.mark.parametrize("draw", ["normal", "few values", "heavy tails", "constant", "sorted"])
def test_order_statistics_agree_with_numpy(n, draw):
    rng = np.random.default_rng(n)
    values = {
        "normal": rng.normal(size=n), "few values": rng.integers(0, 5, n).astype(float),
        "heavy tails": rng.standard_cauchy(n), "constant": np.full(n, 3.0), "sorted": np.arange(n, dtype=float),
    }[draw]  # fmt: skip
    assert median(values) == np.median(values)
    assert terciles(values) == (np.sort(values)[n // 3], np.sort(values)[2 * n // 3])
    weights = rng.random(n)
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    assert weighted_median(values, weights) == values[order][np.searchsorted(reached, reached[-1] / 2)]
