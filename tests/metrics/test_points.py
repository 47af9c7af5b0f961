"""Errors of points: by hand, against plain distances, and their identity with depth metrics on one camera."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sfm_gt.geometry.camera import pixel_grid, unproject
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.metrics import depth
from sfm_gt.metrics.points import point_delta1, point_rel

CAMERA = PinholeCamera(20, 15, 25.0, 24.0, 10.5, 7.0)


def test_by_hand():
    gt = np.array([[0.0, 3.0, 4.0], [0.0, 0.0, 2.0]])
    prediction = np.array([[0.0, 3.0, 5.0], [0.0, 0.0, 2.5]])
    assert point_rel(prediction, gt) == pytest.approx((1 / 5 + 0.5 / 2) / 2)
    # 1 < 0.25 * 5, but 0.5 is not below 0.25 * 2: strictly.
    assert point_delta1(prediction, gt) == 0.5


def test_depth_on_the_camera_of_the_gt_is_the_same_as_its_points():
    rng = np.random.default_rng(0)
    gt = rng.uniform(1, 5, (15, 20))
    prediction, valid = gt * np.exp(rng.normal(0, 0.2, gt.shape)), rng.random(gt.shape) < 0.8
    pixels = pixel_grid(20, 15)[valid]
    clouds = [unproject(CAMERA, pixels, each[valid]) for each in (prediction, gt)]
    assert point_rel(*clouds) == pytest.approx(depth.score("abs_rel", prediction, gt, valid), rel=1e-9)
    assert point_delta1(*clouds) == depth.score("delta1", prediction, gt, valid)


def test_nothing_to_match():
    none = np.empty((0, 3))
    assert math.isnan(point_rel(none, none))
    assert math.isnan(point_delta1(none, none))
