"""Signs of a surface that has grown over its outline: the step beside it."""

from __future__ import annotations

import numpy as np

from sfm_gt.dense.matching.overgrowth import STEP_REACH_PX, step_down
from tests.dense.halo import FAR, HALO_PX, NEAR, PERSON, SHAPE, with_halo


def test_as_deep_as_the_surface_behind_within_reach_and_none_beyond() -> None:
    step = step_down(with_halo(FAR), with_halo(FAR))
    edge = PERSON.start - HALO_PX
    np.testing.assert_allclose(step[60, edge : edge + STEP_REACH_PX - 1], np.log(NEAR / FAR), rtol=1e-5)
    assert (step[60, edge + STEP_REACH_PX + 1 : PERSON.stop - HALO_PX] == 0).all()
    assert (step[:, : edge - 1] == 0).all(), "what lies behind has nothing to fall down to"


def test_nothing_known_behind_is_no_step() -> None:
    assert (step_down(with_halo(np.float32(0.0)), with_halo(np.float32(0.0))) == 0).all()


def test_a_lone_mistaken_pixel_is_no_step() -> None:
    inverse = np.full(SHAPE, NEAR, np.float32)
    mistaken = inverse.copy()
    mistaken[60, 80] = FAR
    assert (step_down(mistaken, inverse) == 0).all()
