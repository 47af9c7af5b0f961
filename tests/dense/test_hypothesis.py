"""What verification reads of a keyframe is what was found, in fewer bytes."""

from __future__ import annotations

import numpy as np

from sfm_gt.dense.matching.hypothesis import Hypothesis, restore, store

SHAPE = (12, 16)
# Half a unit in the last of the 11 bits of half precision.
HALF_PRECISION = 2.0**-11


def test_a_stored_hypothesis_comes_back_in_its_own_unit() -> None:
    rng = np.random.default_rng(0)
    # A scene so large that a pixel is a ten thousandth of an inverse unit: half precision counts in steps for its sake.
    step = 1e-4
    planes = np.stack([rng.uniform(1e-3, 5e-3, SHAPE), *step * rng.uniform(-1.0, 1.0, (2, *SHAPE))], axis=-1)
    sigma = step * rng.uniform(0.05, 2.0, SHAPE)
    own = Hypothesis(
        planes.astype(np.float32), np.zeros(SHAPE, np.float32), sigma.astype(np.float32), step,
        np.zeros((*SHAPE, 4), np.int8),
    )  # fmt: skip
    back = restore(store(own))
    np.testing.assert_array_equal(back.planes[..., 0], own.planes[..., 0])
    # Slopes below a thousandth of a step are rounded to its millionths.
    np.testing.assert_allclose(back.planes[..., 1:], own.planes[..., 1:], rtol=1.01 * HALF_PRECISION, atol=1e-6 * step)
    np.testing.assert_allclose(back.sigma, own.sigma, rtol=1.01 * HALF_PRECISION)
    assert back.step == own.step


def test_what_was_not_matched_stays_so() -> None:
    planes = np.full((*SHAPE, 3), 0.25, np.float32)
    cost = np.zeros(SHAPE, np.float32)
    cost[:, :5] = 2.0
    own = Hypothesis(planes, cost, np.full(SHAPE, np.inf, np.float32), 0.01, np.zeros((*SHAPE, 4), np.int8))
    back = restore(store(own))
    np.testing.assert_array_equal(back.inverse_depth > 0, cost == 0)
    assert np.isinf(back.sigma).all()
