"""What the cameras leave open reaches depth and scale; verdicts name what is behind them."""

from __future__ import annotations

import numpy as np
import pytest

from sfm_gt.dense.shared.estimate import empty_estimate
from sfm_gt.errors import Rejected
from sfm_gt.formats.frame_folder import FrozenInterval
from sfm_gt.scale.shared.estimate import ScaleEstimate
from sfm_gt.stages.scale import _with_focal_length
from sfm_gt.stages.sfm import MIN_REST_SHARE, _for_want_of_rest


def test_an_error_that_all_pixels_share_joins_their_own_in_quadrature() -> None:
    alone = empty_estimate(1, 2)
    alone.z_depth_sfm[0, 0], alone.sigma_sfm[0, 0] = 2.0, 0.03
    joined = alone.with_shared_error(0.02)
    assert joined.sigma_sfm[0, 0] == pytest.approx(0.05)  # 3, 4, 5
    assert np.isnan(joined.sigma_sfm[0, 1])
    assert joined.z_depth_sfm[0, 0] == 2.0


def test_the_scale_of_depth_is_no_surer_than_the_focal_length() -> None:
    found = _with_focal_length(ScaleEstimate(0.5, 0.03, 2, ("a ruler",)), 0.04)
    assert (found.log_scale, found.sigma_log_scale) == pytest.approx((0.5, 0.05))
    assert found.notes[-1] == "sigma of the scale: 3 % by the cues, 4 % by the focal length"


def test_where_most_of_a_clip_moves_that_is_the_reason() -> None:
    verdict = Rejected("small_parallax", "too short a way", 0.08, 0.05)
    assert _for_want_of_rest(verdict, FrozenInterval(0, 59, {}), 100, 100) is verdict
    # What could not be registered is no rest either.
    named = _for_want_of_rest(verdict, FrozenInterval(0, 14, {}), 20, 100)
    assert (named.reason, named.measured, named.threshold) == ("scene_not_frozen", 0.15, MIN_REST_SHARE)
    assert "small_parallax: too short a way" in str(named)
