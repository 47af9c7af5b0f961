"""MoGe and UniDepth, whose packages are on no registry: what is said without them, and the plug-ins on stand-ins.

The stand-ins have the signatures of the real packages (``MoGeModel.from_pretrained`` and ``infer``, ``UniDepthV2`` likewise)
and real torch modules inside. That the real packages keep these signatures is not tested here.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sfm_gt.errors import ConfigError, InputError
from sfm_gt.models.moge import MogeModel
from sfm_gt.models.prediction import FrameKey
from sfm_gt.models.settings import ModelConfig
from sfm_gt.models.unidepth import UnidepthModel

KEY = FrameKey("clip", 0)
IMAGE = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)

MOGE = """
import torch


class MoGeModel(torch.nn.Module):
    def __init__(self, **config):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path, model_kwargs=None, **hf_kwargs):
        checkpoint = torch.load(pretrained_model_name_or_path, weights_only=True)
        model = cls(**checkpoint["model_config"])
        model.load_state_dict(checkpoint["model"])
        return model

    def infer(self, image, num_tokens=None, resolution_level=9, force_projection=True, apply_mask=True, fov_x=None,
              use_fp16=True):
        depth = image.mean(dim=0) * self.scale
        depth[0] = torch.inf
        return {"depth": depth}
"""
UNIDEPTH = """
import torch
from safetensors.torch import load_file


class UniDepthV2(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))

    @classmethod
    def from_pretrained(cls, folder, local_files_only=False):
        model = cls()
        model.load_state_dict(load_file(folder + "/model.safetensors"))
        return model

    def infer(self, rgb, camera=None, normalize=True):
        assert rgb.dtype == torch.uint8 and camera is None
        return {"depth": rgb.float().mean(dim=0)[None, None] * self.scale}
"""


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    """Both packages, importable for one test."""
    for name, source in (("moge/model/v1", MOGE), ("moge/model/v2", MOGE), ("unidepth/models/__init__", UNIDEPTH)):
        file = tmp_path / "packages" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    yield
    for name in [name for name in sys.modules if name.split(".")[0] in ("moge", "unidepth")]:
        del sys.modules[name]


def _moge_checkpoint(folder: Path, encoder, **heads) -> ModelConfig:
    content = {"model_config": {"encoder": encoder, **heads}, "model": {"scale": torch.tensor(3.0)}}
    torch.save(content, folder / "model.pt")
    return ModelConfig(name="mine", method="moge", path=str(folder / "model.pt"))


def _unidepth_folder(folder: Path, name: str = "UniDepthV2") -> ModelConfig:
    (folder / "config.json").write_text(json.dumps({"model": {"name": name}}))
    save_file({"scale": torch.tensor(3.0)}, folder / "model.safetensors")
    return ModelConfig(name="mine", method="unidepth", path=str(folder))


@pytest.mark.parametrize(
    ("encoder", "heads", "kind"),
    [
        ("dinov2_vitl14", {}, "scale_invariant_depth"),
        ({"backbone": "dinov2_vitl14"}, {"scale_head": {"dims": [1]}}, "metric_depth"),
        ({"backbone": "dinov2_vitl14"}, {}, "scale_invariant_depth"),
    ],
)
def test_moge(stand_ins, tmp_path, encoder, heads, kind):
    model = MogeModel(_moge_checkpoint(tmp_path, encoder, **heads))
    prediction = model.predict(IMAGE, None, KEY)
    assert prediction.kind == kind
    assert np.isnan(prediction.values[0]).all(), "outside of the mask there is no answer"
    np.testing.assert_allclose(prediction.values[1:], 3 * IMAGE[1:].mean(axis=2) / 255, rtol=1e-5)
    assert model.facts.parameters == 1


def test_unidepth(stand_ins, tmp_path):
    model = UnidepthModel(_unidepth_folder(tmp_path))
    prediction = model.predict(IMAGE, None, KEY)
    assert prediction.kind == "metric_depth"
    np.testing.assert_allclose(prediction.values, 3 * IMAGE.mean(axis=2), rtol=1e-5)


def test_unidepth_of_another_version(stand_ins, tmp_path):
    with pytest.raises(InputError, match="model name 'UniDepthV9', which the installed unidepth does not have"):
        UnidepthModel(_unidepth_folder(tmp_path, "UniDepthV9"))


@pytest.mark.parametrize("package", ["moge", "unidepth"])
def test_without_the_package_one_line_says_so(tmp_path, package):
    if importlib.util.find_spec(package):
        pytest.skip(f"{package} is installed here")
    config = _moge_checkpoint(tmp_path, "dinov2") if package == "moge" else _unidepth_folder(tmp_path)
    with pytest.raises(ConfigError, match=f"mine: method {package} needs the package {package}.*install it") as fault:
        (MogeModel if package == "moge" else UnidepthModel)(config)
    assert "\n" not in str(fault.value)


def test_files_that_are_not_there_or_nonsense(tmp_path):
    with pytest.raises(InputError, match=r"no\.pt: no such file; download the checkpoint first"):
        MogeModel(ModelConfig(name="m", method="moge", path=str(tmp_path / "no.pt")))
    (tmp_path / "bad.pt").write_bytes(b"nonsense")
    with pytest.raises(InputError, match=r"bad\.pt: no MoGe checkpoint") as fault:
        MogeModel(ModelConfig(name="m", method="moge", path=str(tmp_path / "bad.pt")))
    assert "\n" not in str(fault.value)
    with pytest.raises(InputError, match=r"config\.json: no configuration of UniDepth"):
        UnidepthModel(ModelConfig(name="m", method="unidepth", path=str(tmp_path)))
    (tmp_path / "config.json").write_text('{"model": {"name": "UniDepthV2"}}')
    with pytest.raises(InputError, match=r"holds neither .* nor .*; download it first"):
        UnidepthModel(ModelConfig(name="m", method="unidepth", path=str(tmp_path)))
