"""Choice of neighbours and of the depths to search."""

from __future__ import annotations

import numpy as np
import pytest

from sfm_gt.dense.shared.neighbours import choose_neighbours, depth_range
from sfm_gt.errors import InputError
from sfm_gt.geometry.types import PinholeCamera, SparseModel

CAMERA = PinholeCamera(640, 480, 500.0, 500.0, 320.0, 240.0)
N_VIEWS = 60
# Cameras this far apart see a point at depth 5 under 0.23 degrees: like neighbouring frames of a video.
STEP = 0.02


@pytest.fixture(scope="module")
def model() -> SparseModel:
    """A camera that moves sideways slowly; every point is seen by all views, but for the last ones."""
    rng = np.random.default_rng(0)
    points = np.column_stack([rng.uniform(-1, 2, 200), rng.uniform(-1, 1, 200), rng.uniform(4, 6, 200)])
    poses = np.tile(np.eye(4), (N_VIEWS, 1, 1))
    poses[:, 0, 3] = -STEP * np.arange(N_VIEWS)
    rows = [row for row in range(N_VIEWS) for _ in range(200) if row != N_VIEWS - 1]
    observations = np.column_stack([rows, np.tile(np.arange(200), N_VIEWS - 1)])
    return SparseModel(
        CAMERA, np.arange(0, 3 * N_VIEWS, 3), poses, points, observations, np.zeros((len(observations), 2))
    )


def _angle_deg(model: SparseModel, first: int, second: int) -> float:
    return float(np.degrees(np.arctan(abs(first - second) * STEP / 5.0)))


def test_neighbours_stand_at_useful_angles_and_apart(model: SparseModel) -> None:
    rows = choose_neighbours(model, 30, 6)
    assert len(rows) == 6
    assert 30 not in rows
    angles = [_angle_deg(model, 30, row) for row in rows]
    # Not the frames next door, which have hardly any baseline; the first is the best and stands near the ideal 5 degrees.
    assert min(angles) > 1.0
    assert 3.5 < angles[0] < 6.5
    assert min(abs(a - b) for i, a in enumerate(rows) for b in rows[:i]) > 2
    assert {bool(row > 30) for row in rows[:2]} == {True, False}


def test_candidates_limit_the_choice(model: SparseModel) -> None:
    assert set(choose_neighbours(model, 30, 6, candidates=[0, 10, 30, 50])) <= {0, 10, 50}


def test_view_without_common_points_has_no_neighbours(model: SparseModel) -> None:
    assert choose_neighbours(model, N_VIEWS - 1, 6).size == 0
    assert N_VIEWS - 1 not in choose_neighbours(model, N_VIEWS - 2, 8)


def test_range_holds_the_points_with_a_margin(model: SparseModel) -> None:
    near, far = depth_range(model, 30)
    assert 2.0 < near < 4.0
    assert 6.0 < far < 12.0


def test_range_ignores_single_wild_points(model: SparseModel) -> None:
    points = model.points_sfm.copy()
    points[0] = [0.0, 0.0, 1e4]
    wild = SparseModel(
        CAMERA, model.frame_indices, model.cam_from_world, points, model.observations, model.observation_px
    )
    assert depth_range(wild, 30)[1] < 12.0


def test_too_few_points_for_a_range(model: SparseModel) -> None:
    with pytest.raises(InputError, match="sees 0 sparse points"):
        depth_range(model, N_VIEWS - 1)
