"""Pairs of frames for formats that list them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from sfm_gt.exporters.shared.covisibility import covisible_pairs
from sfm_gt.geometry.types import PinholeCamera

CAMERA = PinholeCamera(320, 240, 300.0, 300.0, 160.0, 120.0)


def before_the_wall(distance: float) -> tuple[SimpleNamespace, np.ndarray]:
    """A frame that looks straight at the plane z = 4, and its depth."""
    cam_from_world = np.eye(4)
    cam_from_world[2, 3] = distance - 4.0
    return SimpleNamespace(camera=CAMERA, cam_from_world=cam_from_world), np.full((240, 320), distance)


@pytest.mark.parametrize("distances", [(4.0, 2.0), (2.0, 4.0)], ids=["whole first", "close-up first"])
def test_a_close_up_makes_a_pair_by_the_part_of_the_whole_that_it_shows(distances: tuple[float, float]) -> None:
    # At half the distance a camera sees a quarter of the picture. All of the close-up is seen by the other frame: judged by
    # that alone, the two would be too much alike to be a pair.
    ((one, other, share),) = covisible_pairs(*zip(*map(before_the_wall, distances), strict=True))
    assert (one, other) == (0, 1)
    # Points are counted on a grid of 15 rows: one row more or less of the half that is seen is 0.5 / 15.
    assert share == pytest.approx(0.25, abs=0.034)
