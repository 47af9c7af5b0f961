"""ONNX and TFLite plug-ins and their description: pre- and postprocessing by hand, errors in one clear line."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from sfm_gt.errors import ConfigError, InputError
from sfm_gt.metrics.resizing import resized
from sfm_gt.models.onnx import OnnxModel
from sfm_gt.models.shared.description import WEIGHTS, NetworkDescription
from sfm_gt.models.shared.prediction import FrameKey, file_sha256
from sfm_gt.models.shared.resizing import image_to_input
from sfm_gt.models.shared.settings import ModelConfig
from sfm_gt.models.tflite import TfliteModel

KEY = FrameKey("clip", 0)
GOLDEN_INPUTS = [
    (12, 16, 0.2172, 0.4614, -0.3725),
    (60, 80, 0.2157, 0.8565, 1.0455),
    (24, 32, 0.2173, 0.7648, 1.1856),
]


def _config(path, **more) -> ModelConfig:
    return ModelConfig(name="tiny", method="onnx", path=str(path), **more)


def _image(height=6, width=8, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_output_is_the_mean_of_the_normalised_channels(tiny_onnx):
    image = _image()
    model = OnnxModel(_config(tiny_onnx()))
    prediction = model.predict(image, None, KEY)
    np.testing.assert_allclose(prediction.values, image.mean(axis=2) / 255, rtol=1e-5)
    assert prediction.kind == "affine_invariant_disparity"
    assert prediction.values.dtype == np.float32


def test_hash_is_of_the_network_file(tiny_onnx):
    path = tiny_onnx()
    assert OnnxModel(_config(path)).source_sha256 == file_sha256(path.with_name("tiny.onnx"))


def test_negate(tiny_onnx):
    image = _image()
    plain = OnnxModel(_config(tiny_onnx())).predict(image, None, KEY).values
    negated = OnnxModel(_config(tiny_onnx(output={"negate": True}))).predict(image, None, KEY).values
    np.testing.assert_array_equal(negated, -plain)


def _description(**input_changes) -> NetworkDescription:
    size = {"height": 2, "width": 2} | input_changes
    return NetworkDescription.model_validate({"name": "n", "file": "f", "kind": "metric_depth", "input": size})


def test_tensor_by_hand():
    image = np.zeros((2, 2, 3), np.uint8)
    image[0, 1] = (255, 51, 0)
    tensor = _description(mean=[0.5, 0.2, 0.1], std=[0.5, 0.1, 0.2]).tensor(image)
    assert tensor.shape == (1, 3, 2, 2)
    np.testing.assert_allclose(tensor[0, :, 0, 1], [1.0, 0.0, -0.5], atol=1e-6)
    bgr = _description(mean=[0.5, 0.2, 0.1], std=[0.5, 0.1, 0.2], channels="BGR", layout="NHWC").tensor(image)
    assert bgr.shape == (1, 2, 2, 3)
    np.testing.assert_allclose(bgr[0, 0, 1], [-1.0, 0.0, 4.5], atol=1e-6)


def test_resizing_keeps_pixel_centres():
    # A ramp in pixel coordinates (centres at +0.5) stays the same ramp; only the border repeats.
    ramp = np.repeat((np.arange(8) + 0.5)[None], 6, axis=0).astype(np.float32)
    np.testing.assert_allclose(resized(ramp, 6, 16, "bilinear")[0, 1:-1], (np.arange(16)[1:-1] + 0.5) / 2, atol=1e-5)
    image = np.repeat(np.repeat((np.arange(16) * 16 + 8)[None, :, None], 12, 0), 3, 2).astype(np.uint8)
    np.testing.assert_array_equal(image_to_input(image, 8, 6)[0, :, 0], np.arange(8) * 32 + 16)


def test_described_preprocessing_is_what_it_was():
    """Shrunk (area), enlarged (bilinear) and kept in shape: mean, standard deviation and one value of each input."""
    imagenet = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    found = []
    for size in ({"height": 12, "width": 16}, {"height": 60, "width": 80},
                 {"height": 24, "width": 24, "fit": "cover", "multiple_of": 8}):  # fmt: skip
        tensor = _description(**size, **imagenet).tensor(_image(30, 44))
        found.append((*tensor.shape[2:], tensor.mean(), tensor.std(), tensor[0, 1, 7, 9]))
    assert found == [pytest.approx(golden, abs=1e-3) for golden in GOLDEN_INPUTS]


def test_prediction_has_the_size_of_the_network(tiny_onnx):
    values = OnnxModel(_config(tiny_onnx())).predict(_image(31, 47), None, KEY).values
    assert values.shape == (6, 8)


@pytest.mark.parametrize("shape", [(1, 1, 4, 5), (1, 4, 5, 1), (1, 4, 5), (4, 5)])
def test_output_layouts(shape):
    output = np.arange(20, dtype=np.float32).reshape(shape)
    np.testing.assert_array_equal(_description().prediction(output).values, np.arange(20).reshape(4, 5))


def test_output_that_is_no_map_is_refused():
    with pytest.raises(InputError, match=r"output of shape \(1, 2, 4, 5\), needed one map"):
        _description().prediction(np.zeros((1, 2, 4, 5), np.float32))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": {}}, "tiny.yaml: unknown key 'inputs'; did you mean 'input'"),
        ({"kind": "disparity"}, "tiny.yaml: kind = 'disparity'"),
        ({"file": "gone.onnx"}, "tiny.yaml: file: gone.onnx is not there"),
        ({"input": {"height": 6, "width": 9}}, r"input is \[1, 3, 6, 8\], the description says \[1, 3, 6, 9\]"),
        ({"input": {"height": 6, "width": 8, "layout": "NHWC"}}, r"the description says \[1, 6, 8, 3\]"),
        ({"input": {"height": 6, "width": 8, "std": [0, 1, 1]}}, r"input\.std\.0 = 0"),
        ({"input": {"name": "x", "height": 6, "width": 8}}, "no input 'x', it has image"),
        ({"output": {"name": "depth"}}, "no output 'depth', it has disparity"),
    ],
)
def test_faults_name_file_and_fix(tiny_onnx, changes, message):
    with pytest.raises(InputError, match=message) as error:
        OnnxModel(_config(tiny_onnx(**changes)))
    assert "\n" not in str(error.value)


def test_file_that_is_no_network(tiny_onnx):
    path = tiny_onnx()
    path.with_name("tiny.onnx").write_bytes(b"not a network")
    with pytest.raises(InputError, match=r"tiny\.onnx: onnxruntime cannot load it") as error:
        OnnxModel(_config(path))
    assert "\n" not in str(error.value)


def test_kind_in_the_configuration_must_agree(tiny_onnx):
    path = tiny_onnx()
    OnnxModel(_config(path, kind="affine_invariant_disparity"))
    with pytest.raises(ConfigError, match="kind: metric_depth disagrees with the model's own"):
        OnnxModel(_config(path, kind="metric_depth"))


def test_paths_that_lead_nowhere(tmp_path):
    with pytest.raises(ConfigError, match="tiny: method onnx needs path"):
        OnnxModel(ModelConfig(name="tiny", method="onnx"))
    with pytest.raises(InputError, match=r"no\.yaml: cannot be read"):
        OnnxModel(_config(tmp_path / "no.yaml"))
    with pytest.raises(ConfigError, match="no built-in model 'smalnet'; did you mean 'smallnet'"):
        OnnxModel(_config("builtin:smalnet"))
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(InputError, match=r"list\.yaml"):
        OnnxModel(_config(tmp_path / "list.yaml"))


@pytest.mark.parametrize("path", sorted(WEIGHTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_built_in_networks_load_and_answer(path: Path):
    model = OnnxModel(_config(f"builtin:{path.stem}"))
    values = model.predict(_image(120, 160), None, KEY).values
    assert np.isfinite(values).all()
    assert values.std() > 0


def test_tflite_without_its_runtime_names_the_extra(tiny_onnx, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(ConfigError, match=r"tiny: method tflite needs ai-edge-litert; pip install 'sfm-gt\[tflite\]'"):
        TfliteModel(_config(tiny_onnx()))


def test_tflite_file_that_is_no_network(tiny_onnx):
    pytest.importorskip("ai_edge_litert")
    with pytest.raises(InputError, match=r"tiny\.onnx: LiteRT cannot load it"):
        TfliteModel(_config(tiny_onnx()))
