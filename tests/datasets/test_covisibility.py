"""Shares of surface that two frames have in common."""

from __future__ import annotations

import numpy as np
import pytest

from sfm_gt.datasets.covisibility import PosedDepth, covisibility
from sfm_gt.geometry.types import PinholeCamera

CAMERA = PinholeCamera(320, 240, 300.0, 300.0, 160.0, 120.0)


def before_the_wall(distance: float) -> PosedDepth:
    """A frame that looks straight at the plane z = 4."""
    cam_from_world = np.eye(4)
    cam_from_world[2, 3] = distance - 4.0
    return PosedDepth(np.full((240, 320), distance), CAMERA, cam_from_world)


def test_a_frame_and_a_close_up_of_it_share_what_the_close_up_shows() -> None:
    # At half the distance a camera sees half of the picture each way: all of the close-up, a quarter of the whole.
    for frames in ([before_the_wall(4.0), before_the_wall(2.0)], [before_the_wall(2.0), before_the_wall(4.0)]):
        shares = covisibility(frames, 1)
        # Points are counted on a grid of 15 rows: one row more or less of the half that is seen is 0.5 / 15.
        assert shares[0, 1] == pytest.approx(0.25, abs=0.034)
        assert shares[1, 0] == shares[0, 1], "the smaller of both ways, whichever frame comes first"
