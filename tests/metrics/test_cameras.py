"""Figures of predicted cameras by hand, and what they do not depend on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sfm_gt.geometry.transforms import inverse_rigid
from sfm_gt.metrics import cameras


def _poses(rotations, centres):
    found = np.tile(np.eye(4), (len(centres), 1, 1))
    found[:, :3, :3], found[:, :3, 3] = rotations.as_matrix(), centres
    return inverse_rigid(found)


def _turned(axis, *degrees):
    return Rotation.from_euler(axis, np.array(degrees)[:, None], degrees=True)


@pytest.fixture
def trajectory():
    rng = np.random.default_rng(0)
    return _poses(Rotation.from_rotvec(0.2 * rng.normal(size=(12, 3))), rng.normal(size=(12, 3)))


def test_focal_length_and_field_of_view_by_hand():
    found = cameras.focal_figures(np.array([50.0, 100.0]), np.array([100.0, 100.0]), np.array([200.0, 200.0]))
    assert found["focal_rel"] == 0.25
    # 90 degrees for 2 atan 2.
    assert found["fov_deg"] == pytest.approx((math.degrees(2 * math.atan(2)) - 90) / 2)


def test_the_area_counts_whole_degrees_as_its_code_does():
    assert cameras.pose_auc(np.array([0.5, 1.0, 2.5, 40.0]), 3) == pytest.approx((1 / 4 + 2 / 4 + 3 / 4) / 3)
    assert math.isnan(cameras.pose_auc(np.empty(0), 3))


def test_world_and_scale_of_the_prediction_do_not_count(trajectory):
    world = _poses(Rotation.from_rotvec([[1.0, 2, 3]]), np.array([[4.0, 5, 6]]))[0]
    moved = trajectory @ world
    moved[:, :3, 3] *= 7
    found = cameras.pose_figures(moved, trajectory)
    assert found == pytest.approx(
        {f"pose_auc_{bound}": 1.0 for bound in (3, 5, 30)} | dict.fromkeys(("ate", "rpe_trans", "rpe_rot_deg"), 0.0),
        abs=1e-5,
    )


def test_pair_errors_by_hand():
    gt = _poses(Rotation.identity(2), np.array([[0.0, 0, 0], [1, 0, 0]]))
    turned = _poses(_turned("z", 0, 4), np.array([[0.0, 0, 0], [1, 0, 0]]))
    # Seen from the turned camera the way is turned, too.
    np.testing.assert_allclose(cameras.pair_errors_deg(turned, gt), [4.0])
    aside = _poses(Rotation.identity(2), np.array([[0.0, 0, 0], [-1, -math.tan(math.radians(6)), 0]]))
    np.testing.assert_allclose(cameras.pair_errors_deg(aside, gt), [6.0], atol=1e-9)
    still = _poses(Rotation.identity(2), np.zeros((2, 3)))
    np.testing.assert_allclose(cameras.pair_errors_deg(still, gt), [90.0])
    assert cameras.pair_errors_deg(gt, still).size == 0


def test_trajectory_errors_by_hand():
    centres = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0]])
    gt = _poses(Rotation.identity(4), centres)
    bent = _poses(_turned("x", 0, 3, 3, 3), centres)
    found = cameras.pose_figures(bent, gt)
    assert found["ate"] == pytest.approx(0.0, abs=1e-12)
    assert found["rpe_rot_deg"] == pytest.approx(3 / math.sqrt(3))
    still = cameras.pose_figures(_poses(Rotation.identity(4), np.zeros((4, 3))), gt)
    assert still["ate"] == pytest.approx(math.sqrt((1.5**2 + 0.5**2) / 2))
    assert still["rpe_trans"] == pytest.approx(1.0)


def test_long_clips_are_paired_evenly():
    n = 5 * cameras.MAX_VIEWS
    gt = _poses(Rotation.identity(n), np.arange(3.0 * n).reshape(n, 3))
    assert cameras.pair_errors_deg(gt, gt).size == cameras.MAX_VIEWS * (cameras.MAX_VIEWS - 1) // 2
