"""Torch hub and Metric3D from a local clone: the real torch.hub loads them, by hand is what must come out."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml

from sfm_gt.errors import InputError
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.metrics.resizing import resized
from sfm_gt.models.metric3d import Metric3dModel
from sfm_gt.models.shared.description import InputDescription
from sfm_gt.models.shared.prediction import FrameKey, file_sha256
from sfm_gt.models.shared.settings import ModelConfig
from sfm_gt.models.torch_hub import TorchHubModel
from tests.models.tiny_hub import write_hub_model, write_metric3d_model

KEY = FrameKey("clip", 0)
# float32 through a 1x1 convolution.
ROUNDING = 1e-5


def _hub(path: Path) -> TorchHubModel:
    return TorchHubModel(ModelConfig(name="mine", method="torch_hub", path=str(path)))


def _metric3d(path: Path) -> Metric3dModel:
    return Metric3dModel(ModelConfig(name="mine", method="metric3d", path=str(path)))


def _image(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_hub_network_by_hand(tmp_path):
    path = write_hub_model(tmp_path)
    model = _hub(path)
    image = _image(32, 48)
    np.testing.assert_allclose(model.predict(image, None, KEY).values, image.mean(axis=2) / 255, rtol=ROUNDING)
    assert model.facts.parameters == 4
    assert model.source_sha256 == file_sha256(tmp_path / "tiny.pt")


@pytest.mark.parametrize(
    ("fit", "size", "step", "image", "expected"),
    [
        # MiDaS: DPT changes as little as it can (512x384 for VGA), the small one stays inside 256x256 (256x192).
        ("minimal", 384, 32, (480, 640), (384, 512)),
        ("cover", 384, 32, (480, 640), (384, 512)),
        ("inside", 256, 32, (480, 640), (192, 256)),
        ("inside", 256, 32, (1000, 1920), (128, 256)),  # 133.3 rounds to four times 32
        ("cover", 384, 32, (375, 1242), (384, 1280)),
        ("inside", 256, 32, (10, 640), (32, 256)),
        # Depth Anything on 640x360: its authors' rule and that of transformers.
        ("cover", 518, 14, (360, 640), (518, 924)),
        ("minimal", 518, 14, (360, 640), (294, 518)),
    ],
)
def test_size_of_the_input(fit, size, step, image, expected):
    described = InputDescription(height=size, width=size, fit=fit, multiple_of=step)
    assert described.size_for(*image) == expected


def test_hub_input_follows_the_image(tmp_path):
    model = _hub(write_hub_model(tmp_path))
    assert model.prepare(_image(60, 90), None).shape == (1, 3, 32, 48)
    assert model.predict(_image(60, 90), None, KEY).values.shape == (32, 48)


@pytest.mark.parametrize(
    ("hub", "message"),
    [
        ({"repository": "gone", "entry": "tiny"}, r"gone: holds no hubconf\.py; clone the repository there"),
        ({"repository": "clone", "entry": "tinny"}, "clone: tinny cannot be built"),
        ({"repository": "clone", "entry": "broken"}, r"clone: broken cannot be built \(two lines\)"),
        (
            {"repository": "clone", "entry": "tiny"},
            r"its loader wants to fetch something from 127\.0\.0\.1; put everything",
        ),
    ],
)
def test_faults_of_the_repository(tmp_path, hub, message):
    with pytest.raises(InputError, match=message) as error:
        _hub(write_hub_model(tmp_path, hub=hub))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"mix.weight": torch.zeros(1, 3, 1, 1)}, r"lacks 1 weights of the network \(mix\.bias\)"),
        ({"mix.weight": torch.zeros(2, 3, 1, 1), "mix.bias": torch.zeros(1)}, "not the weights of this network"),
        ([1, 2], "found list, needed a state dictionary"),
        (None, "torch cannot load it"),
    ],
)
def test_faults_of_the_weights(tmp_path, content, message):
    path = write_hub_model(tmp_path)
    weights = tmp_path / "tiny.pt"
    weights.write_bytes(b"nonsense") if content is None else torch.save(content, weights)
    with pytest.raises(InputError, match=message) as error:
        _hub(path)
    assert "\n" not in str(error.value)
    assert "tiny.pt" in str(error.value)


def test_an_answer_that_is_no_tensor(tmp_path):
    model = _hub(write_hub_model(tmp_path, hub={"repository": "clone", "entry": "two_outputs"}))
    with pytest.raises(InputError, match="two_outputs: returned dict, needed one tensor"):
        model.predict(_image(32, 32), None, KEY)


def test_a_network_of_fixed_size_is_not_described_as_free(tmp_path, tiny_onnx):
    from sfm_gt.models.onnx import OnnxModel

    path = tiny_onnx(input={"height": 6, "width": 8, "fit": "inside"})
    with pytest.raises(InputError, match=r"input is \[1, 3, 6, 8\], the description says \[1, 3, 'any', 'any'\]"):
        OnnxModel(ModelConfig(name="t", method="onnx", path=str(path)))
    with pytest.raises(InputError, match="multiple_of belongs to fit: inside, cover and minimal"):
        OnnxModel(
            ModelConfig(name="t", method="onnx", path=str(tiny_onnx(input={"height": 6, "width": 8, "multiple_of": 2})))
        )


@pytest.mark.parametrize(
    ("entry", "size"), [("metric3d_vit_small", (616, 1064)), ("metric3d_convnext_large", (544, 1216))]
)
def test_metric3d_depth_by_hand(tmp_path, entry, size):
    model = _metric3d(write_metric3d_model(tmp_path, mix=(0, 0, 0), bias=4.0, entry=entry))
    camera = PinholeCamera(640, 480, 500.0, 500.0, 320.0, 240.0)
    values = model.predict(_image(480, 640), camera, KEY).values
    # 4 m at 1000 px; the image is enlarged to the network's rows, and the focal length with it.
    assert values.shape == (size[0], int(640 * size[0] / 480))
    np.testing.assert_allclose(values, 4.0 * 500 * (size[0] / 480) / 1000, rtol=ROUNDING)
    assert model.prepare(_image(480, 640), camera).pixels.shape == (1, 3, *size)


def test_metric3d_puts_every_pixel_back_into_its_place(tmp_path):
    model = _metric3d(write_metric3d_model(tmp_path, mix=(1.0, 0.0, 0.0), bias=10.0))
    image = cv2.resize(_image(6, 9), (90, 60), interpolation=cv2.INTER_LINEAR)
    camera = PinholeCamera(90, 60, 1000.0, 1000.0, 45.0, 30.0)
    scale = min(616 / 60, 1064 / 90)
    expected = ((image[..., 0] - 123.675) / 58.395 + 10) * scale
    # Enlarged 10 times to whole grey levels and back, bilinear: about a level of 255, here 1/58 of a unit, times the scale.
    values = resized(model.predict(image, camera, KEY).values, 60, 90, "bilinear")
    np.testing.assert_allclose(values, expected, atol=3 * scale / 58)


def test_metric3d_needs_a_camera(tmp_path):
    with pytest.raises(InputError, match="the frame has no camera, and without a focal length there are no metres"):
        _metric3d(write_metric3d_model(tmp_path)).predict(_image(48, 64), None, KEY)


def test_metric3d_description(tmp_path):
    path = write_metric3d_model(tmp_path)
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"kind": "metric_depth"}))
    with pytest.raises(InputError, match=r"tiny\.yaml: unknown key 'kind'"):
        _metric3d(path)
