"""PyDNet, a real trained network in TFLite, graded on real images against a depth sensor."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from sfm_gt import registry
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.metrics.depth import METRICS, metrics_of
from sfm_gt.metrics.grading import FrameGrader, FramePrediction, GtFrame
from sfm_gt.metrics.protocol import load_protocols
from sfm_gt.models.shared.prediction import FrameKey
from sfm_gt.models.shared.settings import ModelConfig

PROTOCOLS = load_protocols(["sfm_gt"], 1e-3, 10.0, 1000)
# Every tenth frame that has truth: spread over the whole clip, and quick.
FRAMES = range(0, 500, 100)
# Measured over these frames: PyDNet 0.180, the best baseline (ground plane as disparity) 0.235; the bound lies between.
WORST_ABS_REL = 0.20


@pytest.fixture(scope="module")
def kitchen(shared_data: Path):
    """(image, sensor depth) of the frames that are graded."""
    folder = shared_data / "kitchen"
    pairs = []
    for frame_index in FRAMES:
        image = cv2.imread(str(folder / "images" / f"frame-{frame_index:06d}.color.jpg"))
        truth = cv2.imread(str(folder / "truth" / f"{frame_index:06d}.png"), cv2.IMREAD_UNCHANGED)
        z_depth_m = np.where(truth > 0, truth / 1000.0, np.nan).astype(np.float32)
        pairs.append((cv2.cvtColor(image, cv2.COLOR_BGR2RGB), z_depth_m))
    return pairs


def _pydnet(shared_data: Path, tmp_path: Path) -> ModelConfig:
    pytest.importorskip("ai_edge_litert")
    path = tmp_path / "pydnet.yaml"
    path.write_text(
        f"name: pydnet\nfile: {shared_data / 'models' / 'mobile_pydnet_pruned35.tflite'}\n"
        "kind: affine_invariant_disparity\ninput: {height: 192, width: 640}\noutput: {negate: true}\nlicense: MIT\n"
    )
    return ModelConfig(name="pydnet", method="tflite", path=str(path))


def _abs_rel(config: ModelConfig, kitchen) -> float:
    model = registry.load("models", config.method)(config)
    errors = []
    for frame_index, (image, z_depth_m) in zip(FRAMES, kitchen, strict=True):
        camera = PinholeCamera(640, 480, 523.0, 523.0, 320.0, 240.0)
        values = model.predict(image, camera, FrameKey("kitchen", frame_index)).values
        nowhere = np.zeros(z_depth_m.shape, bool)
        grader = FrameGrader(GtFrame(z_depth_m, nowhere, nowhere, None, True), PROTOCOLS)
        graded = next(iter(grader.grade(FramePrediction(model.kind, values), None, PROTOCOLS)))
        errors.append(metrics_of(graded.sums)[0, METRICS.index("abs_rel")])
    return float(np.mean(errors))


def test_a_trained_network_beats_every_baseline(shared_data, tmp_path, kitchen):
    pydnet = _abs_rel(_pydnet(shared_data, tmp_path), kitchen)
    baselines = {
        f"{method} {kind or ''}": _abs_rel(ModelConfig(name="b", method=method, kind=kind), kitchen)
        for method in ("constant", "ground_plane")
        for kind in (None, "affine_invariant_disparity")
    }
    print(f"AbsRel: PyDNet {pydnet:.3f}, {', '.join(f'{name} {value:.3f}' for name, value in baselines.items())}")
    assert pydnet < WORST_ABS_REL
    assert pydnet < min(baselines.values())


def test_a_flip_is_worse(shared_data, tmp_path, kitchen):
    config = _pydnet(shared_data, tmp_path)
    right = _abs_rel(config, kitchen)
    mirrored = [(image, np.ascontiguousarray(z_depth_m[:, ::-1])) for image, z_depth_m in kitchen]
    upside_down = [(image, np.ascontiguousarray(z_depth_m[::-1])) for image, z_depth_m in kitchen]
    # Measured 4 % and 25 %: indoors PyDNet mostly knows that lower means nearer, and the fit may turn that around.
    assert _abs_rel(config, mirrored) > 1.02 * right
    assert _abs_rel(config, upside_down) > 1.15 * right
