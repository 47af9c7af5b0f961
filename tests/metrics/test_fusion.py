"""Fused clouds: a sphere and planes that are known, figures by hand, and cameras of the model's own."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from sfm_gt.geometry.camera import pixel_grid, unproject
from sfm_gt.geometry.transforms import inverse_rigid
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.metrics.fusion import FusedClip, FusionSettings, cloud_figures, laid_on
from sfm_gt.metrics.tsdf import BLOCK, TsdfVolume, thinned

CAMERA = PinholeCamera(80, 60, 70.0, 70.0, 40.0, 30.0)
VOXEL, TRUNCATION = 0.05, 0.2
EVERYWHERE = np.ones((60, 80), bool)


def _pose(rotation, centre):
    world_from_cam = np.eye(4)
    world_from_cam[:3, :3], world_from_cam[:3, 3] = Rotation.from_euler("xyz", rotation).as_matrix(), centre
    return inverse_rigid(world_from_cam)


def _plane_depth(pose, normal, distance):
    """z-depth of the plane normal X = distance of the world."""
    rays = unproject(CAMERA, pixel_grid(80, 60), np.ones((60, 80))) @ pose[:3, :3]
    centre = -pose[:3, :3].T @ pose[:3, 3]
    return ((distance - centre @ normal) / (rays @ normal)).astype(np.float32)


POSES = [_pose((0.02 * k, -0.05 * k, 0.01), (0.15 * k, 0.05 * k, -0.1 * k)) for k in range(5)]
NORMAL = np.array([0.1, -0.2, 1.0]) / math.sqrt(1.05)
DISTANCE = 2.4 * NORMAL[2]  # so that the plane passes from block to block of 0.8 m along z before the cameras


def _fused(depth_of=lambda depth, k: depth, poses=POSES):
    volume = TsdfVolume(VOXEL, TRUNCATION)
    for k, pose in enumerate(poses):
        volume.integrate(depth_of(_plane_depth(POSES[k], NORMAL, DISTANCE), k), CAMERA, pose)
    return volume.surface()


def test_points_of_a_plane_lie_on_it_and_leave_no_gap():
    points = _fused()
    # Distances along rays to the depth of the nearest pixel, which is half of 2.4 m / 70 px away at most.
    assert np.abs(points @ NORMAL - DISTANCE).max() < 0.3 * VOXEL
    assert abs((points @ NORMAL - DISTANCE).mean()) < 0.02 * VOXEL
    # Lines of the grid along z cross the plane once each, also where blocks meet.
    on_lines = points[(np.abs(points[:, :2] / VOXEL - 0.5 - np.round(points[:, :2] / VOXEL - 0.5)) < 1e-9).all(axis=1)]
    lines = np.unique(np.round(on_lines[:, :2] / VOXEL - 0.5).astype(int), axis=0)
    middle = lines[(np.abs(lines * VOXEL) < 0.5).all(axis=1)]
    assert len(middle) == 19 * 19
    assert len(set(np.floor(points[:, 2] / VOXEL / BLOCK))) > 1, "a border of blocks is among them"


def test_maps_that_disagree_are_averaged():
    points = _fused(lambda depth, k: depth * np.float32(1.02 if k % 2 else 0.98), POSES[:4])
    seen_by_all = points[(np.abs(points[:, :2]) < 0.3).all(axis=1)]
    assert abs((seen_by_all @ NORMAL - DISTANCE).mean()) < 0.05 * VOXEL


def test_nothing_is_there_without_depth():
    volume = TsdfVolume(VOXEL, TRUNCATION)
    volume.integrate(np.full((60, 80), np.nan, np.float32), CAMERA, np.eye(4))
    assert volume.surface().shape == (0, 3)


def test_a_cloud_is_thinned_to_the_mean_of_each_voxel():
    found = thinned(np.array([[0.1, 0.1, 0.1], [0.3, 0.1, 0.1], [1.5, -0.5, 0.0]]), 1.0)
    np.testing.assert_allclose(found, [[0.2, 0.1, 0.1], [1.5, -0.5, 0.0]])


def test_figures_of_clouds_agree_with_all_distances():
    rng = np.random.default_rng(1)
    one, other = rng.uniform(0, 1, (200, 3)), rng.uniform(0.1, 1.1, (150, 3))
    distances = cdist(one, other)
    precision, recall = (distances.min(axis=1) < 0.1).mean(), (distances.min(axis=0) < 0.1).mean()
    assert cloud_figures(one, other, 0.1) == pytest.approx(
        {
            "f_score": 2 * precision * recall / (precision + recall),
            "precision": precision,
            "recall": recall,
            "overall_m": 0.5 * (distances.min(axis=1).mean() + distances.min(axis=0).mean()),
        }
    )


def test_figures_without_points():
    none, some = np.empty((0, 3)), np.ones((4, 3))
    assert math.isnan(cloud_figures(some, none, 0.1)["f_score"])
    assert cloud_figures(none, some, 0.1)["f_score"] == 0.0
    assert cloud_figures(some + 5, some, 0.1)["f_score"] == 0.0


def test_own_cameras_are_laid_on_those_of_the_gt_with_their_depth():
    gt = dict(enumerate(POSES))
    world = _pose((0.3, -0.4, 0.5), (1.0, 2.0, 3.0))
    own = {k: pose @ world for k, pose in gt.items()}
    for pose in own.values():
        pose[:3, 3] /= 4
    scale, laid = laid_on(own, gt)
    assert scale == pytest.approx(4.0)
    for k, pose in gt.items():
        np.testing.assert_allclose(laid[k], pose, atol=1e-9)
    assert laid_on({k: own[k] for k in (0, 1)}, gt) is None
    assert laid_on(dict.fromkeys(gt, np.eye(4)), gt) is None


def test_what_is_far_or_does_not_count_is_not_fused():
    clip = FusedClip(FusionSettings(VOXEL, TRUNCATION, 0.1, max_depth_m=2.0))
    depth, left = np.full((60, 80), 1.5, np.float32), EVERYWHERE.copy()
    depth[30:] = 3.0
    left[:, 40:] = False
    clip.add(depth, left, CAMERA, np.eye(4))
    cloud = clip.cloud()
    assert cloud[:, 2].max() < 1.6
    # The pixel beside the principal point still reaches the line x = 0 by half a voxel.
    assert cloud[:, 0].max() < VOXEL
    assert len(cloud) > 100
