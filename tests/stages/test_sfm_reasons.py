"""A clip that could not be joined is refused for what is behind it, where the tracks of the stage frames tell."""

from __future__ import annotations

import pytest

from sfm_gt.errors import Rejected
from sfm_gt.stages.sfm import LITTLE_PARALLAX, _named


@pytest.mark.parametrize("reason", ["sfm_failed", "few_registered"])
def test_what_one_homography_explains_lacks_parallax(reason: str) -> None:
    verdict = Rejected(reason, "of 75 frames 20 are registered", 0.27, 0.8)
    assert _named(verdict, {"homography_share": LITTLE_PARALLAX + 0.05}).reason == "rotation_only"
    assert _named(verdict, {"homography_share": LITTLE_PARALLAX - 0.05}) is verdict


def test_other_verdicts_stay() -> None:
    verdict = Rejected("zoom", "the focal length changes", 0.1, 0.015)
    assert _named(verdict, {"homography_share": 0.99}) is verdict
