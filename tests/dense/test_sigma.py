"""Sigma grows with everything that makes a depth doubtful, and scales with the unit of the scene."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sfm_gt.dense.matching.hypothesis import Hypothesis
from sfm_gt.dense.matching.sigma import MAX_MATCHING_PX, matching_sigma_px, sigma_of_inverse_depth

SHAPE = (20, 30)
STEP = 0.01


def _hypothesis(sigma_px: float = 0.1) -> Hypothesis:
    planes = np.zeros((*SHAPE, 3), dtype=np.float32)
    planes[..., 0] = 0.25
    flat = np.zeros(SHAPE, dtype=np.float32)
    return Hypothesis(planes, flat, flat + np.float32(sigma_px * STEP), STEP, np.zeros((*SHAPE, 4), dtype=np.int8))


def _sigma(own: Hypothesis, spread: float = 0.0, violations: int = 0) -> np.ndarray:
    return sigma_of_inverse_depth(own, np.full(SHAPE, spread, np.float32), np.full(SHAPE, violations, np.uint8))


def test_every_doubt_raises_sigma() -> None:
    least = _sigma(_hypothesis())
    for doubtful in (
        _sigma(_hypothesis(0.2)),
        _sigma(_hypothesis(), spread=0.002),
        _sigma(_hypothesis(), violations=1),
    ):
        assert (doubtful > 1.1 * least).all()


def test_a_scene_twice_as_large_has_half_the_sigma_of_inverse_depth() -> None:
    small = _hypothesis()
    large = replace(small, planes=small.planes / 2, sigma=small.sigma / 2, step=STEP / 2)
    np.testing.assert_allclose(_sigma(large, spread=0.001), _sigma(small, spread=0.002) / 2, rtol=1e-5)


def test_pixels_beside_unmatched_ones_are_doubtful() -> None:
    own = _hypothesis()
    own.cost[:, :10] = 2.0
    matching_px = matching_sigma_px(own)
    assert matching_px[10, 0] == pytest.approx(MAX_MATCHING_PX)
    assert matching_px[10, 11] > 5 * matching_px[10, 25]
    assert matching_px[10, 25] == pytest.approx(0.1, rel=1e-4)
