"""MoGe and UniDepth: what is said without their packages, and the plug-ins on stand-ins for them."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sfm_gt.errors import ConfigError, InputError
from sfm_gt.models.moge import MogeModel
from sfm_gt.models.shared.prediction import FrameKey
from sfm_gt.models.shared.settings import ModelConfig
from sfm_gt.models.shared.torch_runtime import check_complete
from sfm_gt.models.unidepth import UnidepthModel
from tests.models.stand_ins import importable, moge_checkpoint, unidepth_folder

KEY = FrameKey("clip", 0)
IMAGE = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    """Both packages, importable for one test."""
    with importable(tmp_path / "packages", monkeypatch):
        yield


@pytest.mark.parametrize(
    ("encoder", "heads", "kind"),
    [
        ("dinov2_vitl14", {}, "scale_invariant_depth"),
        ({"backbone": "dinov2_vitl14"}, {"scale_head": {"dims": [1]}}, "metric_depth"),
        ({"backbone": "dinov2_vitl14"}, {}, "scale_invariant_depth"),
    ],
)
def test_moge(stand_ins, tmp_path, encoder, heads, kind):
    model = MogeModel(moge_checkpoint(tmp_path, encoder, **heads))
    image = IMAGE.copy()
    image[0] = 0
    prediction = model.predict(image, None, KEY)
    assert prediction.kind == kind
    assert np.isnan(prediction.values[0]).all(), "outside of the mask there is no answer"
    np.testing.assert_allclose(prediction.values[1:], 3 * IMAGE[1:].mean(axis=2) / 255, rtol=1e-5)
    assert model.facts.parameters == 1
    np.testing.assert_allclose(prediction.intrinsics, [[12.8, 0, 8], [0, 13.2, 6], [0, 0, 1]], rtol=1e-6)


def test_moge_with_weights_that_are_not_there(stand_ins, tmp_path):
    config = moge_checkpoint(tmp_path, "dinov2_vitl14")
    torch.save({"model_config": {"encoder": "dinov2_vitl14"}, "model": {}}, config.path)
    with pytest.raises(InputError, match=r"model\.pt: lacks 1 weights of the network \(scale\)"):
        MogeModel(config)


def test_moge_3_is_not_run_as_another_version(stand_ins, tmp_path):
    config = moge_checkpoint(tmp_path, {"backbone": "dinov2_vitl14"}, scale_head={"dims": [1]}, refiner={"steps": 3})
    with pytest.raises(InputError, match=r"model\.pt: a checkpoint of MoGe 3, .* grade them with method on_disk"):
        MogeModel(config)


def test_unidepth(stand_ins, tmp_path):
    model = UnidepthModel(unidepth_folder(tmp_path))
    prediction = model.predict(IMAGE, None, KEY)
    assert prediction.kind == "metric_depth"
    np.testing.assert_allclose(prediction.values, 3 * IMAGE.mean(axis=2), rtol=1e-5)


def test_unidepth_with_weights_that_are_not_there(stand_ins, tmp_path):
    config = unidepth_folder(tmp_path)
    save_file({"other": torch.tensor(3.0)}, tmp_path / "model.safetensors")
    with pytest.raises(InputError, match=r"model\.safetensors: lacks 1 weights of the network \(scale\)"):
        UnidepthModel(config)
    (tmp_path / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(InputError, match=r"model\.safetensors: no weights of UniDepth") as error:
        UnidepthModel(config)
    assert "\n" not in str(error.value)
    (tmp_path / "model.safetensors").unlink()
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"pytorch_model\.bin: lacks 1 weights"):
        UnidepthModel(config)


def test_weights_that_layers_share_are_stored_once(tmp_path):
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    network[1].weight = network[0].weight
    check_complete(network, {"1.weight", "0.bias", "1.bias"}, tmp_path)
    with pytest.raises(InputError, match=r"lacks 1 weights of the network \(1\.bias\)"):
        check_complete(network, {"1.weight", "0.bias"}, tmp_path)


def test_unidepth_of_another_version(stand_ins, tmp_path):
    with pytest.raises(InputError, match="model name 'UniDepthV9', which the installed unidepth does not have"):
        UnidepthModel(unidepth_folder(tmp_path, "UniDepthV9"))


@pytest.mark.parametrize("package", ["moge", "unidepth"])
def test_without_the_package_one_line_says_so(tmp_path, package):
    if importlib.util.find_spec(package):
        pytest.skip(f"{package} is installed here")
    config = moge_checkpoint(tmp_path, "dinov2") if package == "moge" else unidepth_folder(tmp_path)
    with pytest.raises(ConfigError, match=f"mine: method {package} needs the package {package}.*install it") as error:
        (MogeModel if package == "moge" else UnidepthModel)(config)
    assert "\n" not in str(error.value)


def test_files_that_are_not_there_or_nonsense(tmp_path):
    with pytest.raises(InputError, match=r"no\.pt: no such file; download the checkpoint first"):
        MogeModel(ModelConfig(name="m", method="moge", path=str(tmp_path / "no.pt")))
    (tmp_path / "bad.pt").write_bytes(b"nonsense")
    with pytest.raises(InputError, match=r"bad\.pt: no MoGe checkpoint") as error:
        MogeModel(ModelConfig(name="m", method="moge", path=str(tmp_path / "bad.pt")))
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match=r"config\.json: no configuration of UniDepth"):
        UnidepthModel(ModelConfig(name="m", method="unidepth", path=str(tmp_path)))
    (tmp_path / "config.json").write_text('{"model": {"name": "UniDepthV2"}}')
    with pytest.raises(InputError, match=r"holds neither .* nor .*; download it first"):
        UnidepthModel(ModelConfig(name="m", method="unidepth", path=str(tmp_path)))
