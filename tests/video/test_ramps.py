"""Ends of gradual changes from the energy of detail, worked out from shares that are known."""

import numpy as np
import pytest

from sfm_gt.video.ramps import fit_ramp


@pytest.mark.parametrize(("before", "after", "drift"), [(100.0, 40.0, 0.0), (30.0, 300.0, 0.01), (80.0, 0.0, -0.01)])
def test_ends_of_a_known_mixture(before: float, after: float, drift: float) -> None:
    positions = np.arange(70)
    share = np.clip((positions - 15) / 33, 0, 1)  # frame 15 is the last clear one, frame 48 the first one again
    noise = 1 + 0.01 * np.random.default_rng(0).standard_normal(70)
    energy = ((1 - share) ** 2 * before + share**2 * after) * (1 + drift * positions) * noise
    first, last = fit_ramp(energy)
    assert abs(first - 15) <= 1
    assert abs(last - 48) <= (1 if after else 3)  # nothing is left to measure where a fade ends in black
