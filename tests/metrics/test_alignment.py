"""Alignments: least squares of numpy and scikit-learn, exact invariance, degenerate input, and the clip rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

from sfm_gt.metrics import depth
from sfm_gt.metrics.alignment import (
    ALIGNMENTS,
    AlignmentError,
    DepthRange,
    depth_from,
    fit,
    fit_ls_affine,
    fit_ls_scale,
    fit_median,
)

WIDE = DepthRange(1e-3, 1e6)
REFERENCE_TOLERANCE = 1e-6


def aligned_depth(alignment, prediction, gt, valid, depth_range):
    return depth_from(alignment, fit(alignment, prediction, gt, valid), prediction, depth_range)


def _maps(seed: int, shape=(12, 15)):
    rng = np.random.default_rng(seed)
    gt = rng.uniform(0.5, 20, shape)
    return gt * np.exp(rng.normal(0, 0.2, shape)), gt, rng.random(shape) < 0.7


@pytest.mark.parametrize("seed", range(3))
def test_least_squares_agrees_with_numpy_and_scikit_learn(seed):
    prediction, gt, valid = _maps(seed)
    p, g = prediction[valid], gt[valid]
    (scale,), *_ = np.linalg.lstsq(p[:, None], g, rcond=None)
    assert fit_ls_scale(prediction, gt, valid).scale == pytest.approx(scale, rel=REFERENCE_TOLERANCE)
    line = LinearRegression().fit(p[:, None], g)
    found = fit_ls_affine(prediction, gt, valid)
    assert (found.scale, found.shift) == pytest.approx((line.coef_[0], line.intercept_), rel=REFERENCE_TOLERANCE)


def test_disparity_agrees_with_the_way_video_depth_anything_does_it():
    prediction, gt, valid = _maps(4)
    disparity = 3 / prediction - 0.4 - 0.5 * (gt > 18)  # pushes far pixels below zero disparity
    design = np.stack([disparity[valid], np.ones(valid.sum())], axis=1)
    scale, shift = np.linalg.lstsq(design, 1 / gt[valid], rcond=None)[0]
    expected = np.minimum(1 / np.clip(scale * disparity + shift, 1e-3, None), 80.0)
    found = aligned_depth("ls_affine_disparity", disparity, gt, valid, DepthRange(1e-3, 80.0))
    assert (expected == 80.0).any(), "the clip must be at work here"
    np.testing.assert_allclose(found, expected, rtol=REFERENCE_TOLERANCE)


def test_median_is_the_quotient_of_medians():
    p, g = np.array([1.0, 2.0, 30.0]), np.array([4.0, 5.0, 6.0])
    assert fit_median(p, g, np.ones(3, bool)).scale == 2.5  # the median of the quotients would be 2.5, 4 and 0.2: 2.5
    p = np.array([1.0, 2.0, 4.0])
    g = np.array([9.0, 4.0, 6.0])
    assert fit_median(p, g, np.ones(3, bool)).scale == 3.0  # not median(9, 2, 1.5) = 2


def test_pixels_that_are_not_valid_do_not_take_part():
    prediction, gt, valid = _maps(5)
    for alignment in ALIGNMENTS:
        before = aligned_depth(alignment, prediction, gt, valid, WIDE)[valid]
        odd, odd_gt = prediction.copy(), gt.copy()
        odd[~valid], odd_gt[~valid] = np.inf, np.nan
        after = aligned_depth(alignment, odd, odd_gt, valid, WIDE)
        np.testing.assert_array_equal(after[valid], before)
        assert np.isnan(after[~valid]).all()


scales = st.floats(0.05, 50)
shifts = st.floats(-20, 20)


@given(seed=st.integers(0, 30), scale=scales, shift=shifts)
def test_a_kind_forgives_exactly_what_it_leaves_open(seed, scale, shift):
    prediction, gt, valid = _maps(seed)

    def error(alignment, values):
        return depth.abs_rel(aligned_depth(alignment, values, gt, valid, WIDE), gt, valid)

    scaled, shifted = scale * prediction, scale * prediction + shift
    for alignment in ("median", "ls_scale", "ls_affine_depth"):
        assert error(alignment, scaled) == pytest.approx(error(alignment, prediction), rel=1e-6)
    assert error("ls_affine_depth", shifted) == pytest.approx(error("ls_affine_depth", prediction), rel=1e-6)
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
    assert fit_ls_affine(values, gt, valid).scale == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize("values", [-1.0, 0.0])
def test_no_scale_exists_for_depth_that_is_not_positive(values):
    _, gt, valid = _maps(9)
    with pytest.raises(AlignmentError, match="must be positive"):
        fit_median(np.full_like(gt, values), gt, valid)


def test_no_pixel_no_fit():
    prediction, gt, valid = _maps(9)
    for alignment in ("median", "ls_scale", "ls_affine_depth", "ls_affine_disparity"):
        with pytest.raises(AlignmentError, match="no pixel"):
            aligned_depth(alignment, prediction, gt, np.zeros_like(valid), WIDE)


def test_zero_everywhere_has_no_least_squares_scale():
    _, gt, valid = _maps(9)
    with pytest.raises(AlignmentError, match="zero everywhere"):
        fit_ls_scale(np.zeros_like(gt), gt, valid)


def test_depth_ends_inside_the_range():
    values = np.array([[-5.0, 0.0, 3.0, 500.0, np.nan]])
    found = aligned_depth("none", values, np.ones((1, 5)), np.ones((1, 5), bool), DepthRange(0.1, 80.0))
    np.testing.assert_array_equal(found, [[0.1, 0.1, 3.0, 80.0, np.nan]])
