"""The baselines: constant and ground plane."""

from __future__ import annotations

import numpy as np
import pytest

from sfm_gt.errors import ConfigError, InputError
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.models.constant import ConstantModel
from sfm_gt.models.ground_plane import CAP_M, HEIGHT_M, GroundPlaneModel
from sfm_gt.models.shared.prediction import FrameKey
from sfm_gt.models.shared.settings import ModelConfig

KEY = FrameKey("clip", 0)
IMAGE = np.zeros((8, 4, 3), np.uint8)
CAMERA = PinholeCamera(4, 8, 10.0, 10.0, 2.0, 4.0)


def _config(method, kind=None):
    return ModelConfig(name="baseline", method=method, kind=kind)


def test_plane_by_hand():
    values = GroundPlaneModel(_config("ground_plane")).predict(IMAGE, CAMERA, KEY).values
    # Row 7 has its centre 3.5 px below the horizon: 1.5 m * 10 px / 3.5 px.
    assert values[7] == pytest.approx(HEIGHT_M * 10 / 3.5)
    assert (values[:4] == CAP_M).all()
    assert (np.diff(values[4:, 0]) <= 0).all()


def test_plane_as_disparity_is_its_inverse():
    depth = GroundPlaneModel(_config("ground_plane")).predict(IMAGE, CAMERA, KEY).values
    disparity = GroundPlaneModel(_config("ground_plane", "affine_invariant_disparity")).predict(IMAGE, CAMERA, KEY)
    np.testing.assert_allclose(disparity.values, 1 / depth, rtol=1e-6)
    assert disparity.kind == "affine_invariant_disparity"


def test_plane_needs_a_camera():
    with pytest.raises(InputError, match="has no camera"):
        GroundPlaneModel(_config("ground_plane")).predict(IMAGE, None, KEY)


@pytest.mark.parametrize("kind", [None, "affine_invariant_depth", "affine_invariant_disparity"])
def test_constant(kind):
    prediction = ConstantModel(_config("constant", kind)).predict(IMAGE, None, KEY)
    assert (prediction.values == 1).all()
    assert prediction.kind == (kind or "scale_invariant_depth")


@pytest.mark.parametrize("model", [ConstantModel, GroundPlaneModel])
def test_no_baseline_knows_metres(model):
    with pytest.raises(ConfigError, match="baseline"):
        model(_config("m", "metric_depth"))
