"""Correlation length of known fields, likelihood of known errors, and bins that part a frame."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.accuracy.sigma_quality import autocorrelation, bins, correlation_length_px, log_likelihood

RNG = np.random.default_rng(0)


def test_independent_errors_are_uncorrelated() -> None:
    # 1/e is reached on the way from 1 at lag 0 to about 0 at lag 1.
    assert correlation_length_px(autocorrelation([RNG.standard_normal((200, 200))])) == pytest.approx(0.63, abs=0.02)


def test_a_smoothed_field_has_its_correlation_length() -> None:
    smooth = cv2.GaussianBlur(RNG.standard_normal((400, 400)), (0, 0), 5.0)
    # White noise under a Gaussian of sigma s correlates as exp(-lag^2 / 4 s^2): 1/e at 2 s.
    assert correlation_length_px(autocorrelation([smooth / smooth.std()])) == pytest.approx(10.0, rel=0.1)


def test_holes_do_not_break_the_correlation() -> None:
    smooth = cv2.GaussianBlur(RNG.standard_normal((400, 400)), (0, 0), 5.0)
    smooth[RNG.random(smooth.shape) < 0.3] = np.nan
    assert correlation_length_px(autocorrelation([smooth / np.nanstd(smooth)])) == pytest.approx(10.0, rel=0.1)


def test_the_right_sigma_is_the_most_likely() -> None:
    error, outlier = 0.01 * RNG.standard_normal(20000), np.full(20000, 0.01)
    likely = [log_likelihood(error, np.full(error.shape, sigma), outlier) for sigma in (0.005, 0.01, 0.02)]
    assert min(likely) == likely[1]


def test_bins_part_the_pixels_that_have_truth() -> None:
    truth = np.full((60, 80), 2.0)
    truth[:, 40:], truth[:5] = 3.0, np.nan
    grey = np.full(truth.shape, 90, np.uint8)
    grey[::2, ::2] = 200
    found = bins(grey, truth)
    for kind in ("texture", "range", "step"):
        count = sum(mask.astype(int) for name, mask in found.items() if name.startswith(kind))
        np.testing.assert_array_equal(count, np.isfinite(truth))
    assert found["texture, strong"][30, 20]
    assert found["step, at most 5 px"][30, 42]
    assert found["step, beyond 20 px"][50, 5]
