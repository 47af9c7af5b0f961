"""Temporal error on scenes whose carried depth is known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from sfm_gt.geometry.splatting import splat
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.metrics.temporal import FramePair, TemporalView

CAMERA = PinholeCamera(40, 30, 40.0, 40.0, 20.0, 15.0)


def _view(z_depth, forward=0.0, right=0.0, still=None):
    cam_from_world = np.eye(4)
    cam_from_world[:3, 3] = [-right, 0.0, -forward]
    still = np.isfinite(z_depth) if still is None else still
    return TemporalView(z_depth.astype(np.float32), still, CAMERA, cam_from_world)


def _wall(depth):
    return np.full((30, 40), depth)


def test_consistent_depth_has_no_error():
    pair = FramePair(_view(_wall(4.0)), _view(_wall(3.0), forward=1.0))
    assert pair.tae(_wall(4.0), _wall(3.0)) == pytest.approx(0.0, abs=1e-4)


def test_error_by_hand():
    # 4.4 m carried 1 m forward is 3.4 m beside 3.0 m, and 3.0 m carried back is 4.0 m beside 4.4 m.
    pair = FramePair(_view(_wall(4.0)), _view(_wall(3.0), forward=1.0))
    expected = 100 * (0.4 / 3.0 + 0.4 / 4.4) / 2
    assert pair.tae(_wall(4.4), _wall(3.0)) == pytest.approx(expected, rel=1e-5)
    assert pair.tae_unmasked(_wall(4.4), _wall(3.0)) == pytest.approx(expected, rel=1e-5)


def test_moving_and_occluded_pixels_do_not_count():
    # A box hides part of the wall in the second frame only: it came in, so it is neither still nor seen before.
    second = _wall(4.0)
    second[10:20, 10:20] = 2.0
    still = second == 4.0
    pair = FramePair(_view(_wall(4.0)), _view(second, still=still))
    assert pair.tae(_wall(4.0), second) == pytest.approx(0.0, abs=1e-4)
    # The GT alone says so, too, when no mask does.
    assert FramePair(_view(_wall(4.0)), _view(second)).tae(_wall(4.0), second) == pytest.approx(0.0, abs=1e-4)
    assert pair.tae_unmasked(_wall(4.0), second) > 1.0


def test_unmasked_error_is_over_every_pixel_of_the_predictions_as_in_the_original():
    # Half of the GT is missing, and there the predictions disagree.
    rng = np.random.default_rng(0)
    hole = np.where(np.arange(40) < 20, np.nan, 4.0) * np.ones((30, 1))
    pair = FramePair(_view(hole, right=0.3), _view(hole))
    one, other = (rng.uniform(3, 5, (30, 40)).astype(np.float32) for _ in range(2))
    assert pair.tae_unmasked(one, other) == pytest.approx(_original_tae(one, other, 0.3), rel=1e-5)


def _original_tae(one, other, right):
    """Both directions by plain numpy, for cameras that are ``right`` metres apart; integer pixel centres as there."""
    errors = []
    for source, target, step in ((one, other, right), (other, one, -right)):
        rows, columns = np.mgrid[:30, :40]
        projected = np.zeros((30, 40), np.float32)
        landed = np.rint(columns + CAMERA.fx * step / source).astype(int)
        inside = (landed >= 0) & (landed < 40)
        projected[rows[inside], landed[inside]] = source[inside]  # the last one wins
        seen = projected > 0
        errors.append(np.mean(np.abs(target[seen] - projected[seen]) / target[seen]))
    return 100 * np.mean(errors)


def test_nothing_in_common_is_nan_and_no_perfect_score():
    pair = FramePair(_view(_wall(4.0)), _view(_wall(4.0), right=100.0))
    assert np.isnan(pair.tae(_wall(4.0), _wall(4.0)))
    assert pair.tae_unmasked(_wall(4.0), _wall(4.0)) == 0.0, "what the original gives"


def test_the_nearest_surface_wins():
    depth = np.full((1, 40), np.nan)
    depth[0, 10], depth[0, 30] = 2.0, 4.0
    camera = PinholeCamera(40, 1, 40.0, 40.0, 20.0, 0.5)
    # No camera moves like this, but it brings both onto the optical axis.
    squeeze = np.diag([0.0, 1.0, 1.0, 1.0])
    np.testing.assert_array_equal(np.flatnonzero(np.isfinite(splat(depth, camera, camera, squeeze, True))), [20])
    assert splat(depth, camera, camera, squeeze, True)[0, 20] == 2.0
    assert splat(depth, camera, camera, squeeze, False)[0, 20] == 4.0, "the last in reading order"


def test_pixel_centres_stay_where_they_are():
    depth = np.random.default_rng(0).uniform(1, 5, (30, 40)).astype(np.float32)
    np.testing.assert_array_equal(splat(depth, CAMERA, CAMERA, np.eye(4), True), depth)


def test_behind_the_camera_nothing_lands():
    assert np.isnan(splat(_wall(1.0), CAMERA, CAMERA, _view(_wall(1.0), forward=2.0).cam_from_world, True)).all()


def test_depth_of_what_moves_is_not_scored_where_its_surface_stays_the_same():
    # Somebody slides along the wall: no step of depth gives the motion away, the mask alone does.
    still = np.ones((30, 40), bool)
    still[10:20, 10:20] = False
    predicted = _wall(4.0)
    predicted[~still] = 3.0
    pair = FramePair(_view(_wall(4.0)), _view(_wall(4.0), still=still))
    # Exact: camera and wall stay, so every still pixel is compared with itself.
    assert pair.tae(_wall(4.0), predicted) == pytest.approx(0.0, abs=1e-4)
