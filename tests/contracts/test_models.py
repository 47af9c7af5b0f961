"""What every plug-in in sfm_gt/models/ keeps. One that needs a file of its own gets a recipe below that writes a small one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sfm_gt import registry
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.models.shared.prediction import KINDS, FrameKey
from sfm_gt.models.shared.settings import ModelConfig
from tests.models import views_stand_ins
from tests.models.stand_ins import importable, moge_checkpoint, unidepth_folder
from tests.models.tiny_hub import write_hub_model, write_metric3d_model
from tests.models.tiny_marigold import write_tiny_marigold
from tests.models.tiny_transformers import write_tiny_model
from tests.models.tiny_video import write_tiny_video_model

HEIGHT, WIDTH = 30, 40
KEY = FrameKey("clip", 3)
CAMERA = PinholeCamera(WIDTH, HEIGHT, 35.0, 35.0, 20.0, 15.0)
METHODS = registry.names("models")
HEAVY = ("torch", "transformers", "onnxruntime", "onnx", "ai_edge_litert", "OpenEXR", "pandas", "matplotlib")


def _on_disk(tmp_path: Path) -> ModelConfig:
    (tmp_path / "clip").mkdir()
    np.save(tmp_path / "clip" / "000003.npy", np.linspace(1, 2, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH))
    return ModelConfig(name="m", method="on_disk", path=str(tmp_path), kind="metric_depth")


def _tflite(tmp_path: Path) -> ModelConfig:
    pytest.importorskip("ai_edge_litert")
    network = Path(__file__).resolve().parents[3] / "shared" / "data" / "models" / "mobile_pydnet_pruned35.tflite"
    if not network.is_file():
        pytest.skip("no TFLite depth network beside the repository (shared/data/models)")
    path = tmp_path / "pydnet.yaml"
    path.write_text(
        f"name: pydnet\nfile: {network}\nkind: affine_invariant_disparity\n"
        "input: {height: 192, width: 640}\noutput: {negate: true}\n"
    )
    return ModelConfig(name="m", method="tflite", path=str(path))


def _transformers(tmp_path: Path) -> ModelConfig:
    pytest.importorskip("transformers")
    return ModelConfig(name="m", method="transformers", path=str(write_tiny_model(tmp_path, "depth_anything")))


def _onnx_video(tmp_path: Path) -> ModelConfig:
    pytest.importorskip("onnx")
    return ModelConfig(name="m", method="onnx_video", path=str(write_tiny_video_model(tmp_path)))


def _torch_hub(tmp_path: Path) -> ModelConfig:
    return ModelConfig(name="m", method="torch_hub", path=str(write_hub_model(tmp_path)))


def _metric3d(tmp_path: Path) -> ModelConfig:
    return ModelConfig(name="m", method="metric3d", path=str(write_metric3d_model(tmp_path)))


def _marigold(tmp_path: Path) -> ModelConfig:
    pytest.importorskip("diffusers")
    return write_tiny_marigold(tmp_path)


RECIPES = {
    "cut3r": views_stand_ins.cut3r,
    "depth_anything_3": views_stand_ins.depth_anything_3,
    "depthcrafter": views_stand_ins.depthcrafter,
    "map_anything": views_stand_ins.map_anything,
    "marigold": _marigold,
    "pi3": views_stand_ins.pi3,
    "vggt": views_stand_ins.vggt,
    "video_depth_anything": views_stand_ins.video_depth_anything,
    "metric3d": _metric3d,
    "moge": lambda tmp_path: moge_checkpoint(tmp_path, "dinov2_vitl14"),
    "on_disk": _on_disk,
    "onnx": lambda tmp_path: ModelConfig(name="m", method="onnx", path="builtin:smallnet"),
    "onnx_video": _onnx_video,
    "tflite": _tflite,
    "torch_hub": _torch_hub,
    "transformers": _transformers,
    "unidepth": unidepth_folder,
}


@pytest.fixture(params=METHODS)
def config(request, tmp_path, monkeypatch):
    recipe = RECIPES.get(request.param, lambda _: ModelConfig(name="m", method=request.param))
    folder = tmp_path / "packages"
    with importable(folder, monkeypatch), views_stand_ins.importable_views(folder, monkeypatch):
        yield recipe(tmp_path)


def _image(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def test_contract(config):
    image = _image()
    before = image.copy()
    model = registry.load("models", config.method)(config)
    prediction = model.predict(image, CAMERA, KEY)
    assert prediction.values.ndim == 2
    assert prediction.values.dtype == np.float32
    assert np.isfinite(prediction.values).all()
    assert prediction.kind == model.kind
    assert model.kind in KINDS
    assert model.source_sha256 is None or len(model.source_sha256) == 64
    np.testing.assert_array_equal(image, before)


def test_the_same_bytes_for_the_same_image_whatever_came_before(config):
    model = registry.load("models", config.method)(config)
    first = model.predict(_image(), CAMERA, KEY).values.copy()
    model.predict(_image(1), CAMERA, KEY)
    np.testing.assert_array_equal(model.predict(_image(), CAMERA, KEY).values, first)
    again = registry.load("models", config.method)(config)
    np.testing.assert_array_equal(again.predict(_image(), CAMERA, KEY).values, first)


def test_plugins_import_without_any_runtime():
    modules = ", ".join(f"sfm_gt.models.{name}" for name in METHODS)
    code = f"import sys, {modules}; print([name for name in {HEAVY!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert eval(loaded) == []


def test_what_the_workflow_reads_before_it_runs_anything_is_light():
    code = f"import sys, sfm_gt.workflow.run_plan; print([name for name in {HEAVY!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert eval(loaded) == []
