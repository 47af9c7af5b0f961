"""The normal equations of a plane against plain linear algebra."""

from __future__ import annotations

import numpy as np
import pytest

from sfm_gt.dense.matching.refine import N_VIEWS, RESIDUAL, VARIANCE_FACTOR, _solve

# float32 against float64 for matrices of a condition number below a few hundred.
ROUNDING_REL = 1e-4


@pytest.mark.parametrize("damping", [0.0, 0.02])
@pytest.mark.parametrize("seed", range(4))
def test_step_and_variance_are_those_of_the_damped_system(seed: int, damping: float) -> None:
    rng = np.random.default_rng(seed)
    # Derivatives whose columns have much in common, as where a patch has texture on one side only: what the slopes could
    # explain as well makes depth less certain.
    columns = rng.normal(size=(25, 3)) + rng.normal(size=(25, 1))
    matrix, gradient = columns.T @ columns, rng.normal(size=3)
    system = np.zeros(N_VIEWS + 1, np.float32)
    system[:6], system[6:RESIDUAL] = matrix[np.triu_indices(3)], gradient
    answer = np.empty(VARIANCE_FACTOR + 1, np.float32)
    assert _solve(system, np.float32(damping), answer)
    inverse = np.linalg.inv(matrix + damping * np.diag(np.diag(matrix)))
    np.testing.assert_allclose(
        answer[:VARIANCE_FACTOR], inverse @ gradient, atol=ROUNDING_REL * np.abs(inverse @ gradient).max()
    )
    assert answer[VARIANCE_FACTOR] == pytest.approx(inverse[0, 0], rel=ROUNDING_REL)


def test_a_system_that_leaves_a_slope_open_is_refused() -> None:
    columns = np.repeat(np.random.default_rng(0).normal(size=(25, 2)), [2, 1], axis=1)
    system = np.zeros(N_VIEWS + 1, np.float32)
    system[:6] = (columns.T @ columns)[np.triu_indices(3)]
    assert not _solve(system, np.float32(0.0), np.empty(VARIANCE_FACTOR + 1, np.float32))
