"""What a network costs: numbers by hand, and a real network that is timed where it runs."""

from __future__ import annotations

import numpy as np
import pytest

from sfm_gt.errors import InputError
from sfm_gt.models.constant import ConstantModel
from sfm_gt.models.onnx import OnnxModel
from sfm_gt.models.shared import latency
from sfm_gt.models.shared.latency import PassTime
from sfm_gt.models.shared.network import NetworkFacts, NetworkModel
from sfm_gt.models.shared.prediction import FrameKey
from sfm_gt.models.shared.settings import ModelConfig

IMAGE = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)


@pytest.fixture(scope="module")
def smallnet() -> OnnxModel:
    return OnnxModel(ModelConfig(name="s", method="onnx", path="builtin:smallnet"))


def test_median_and_quartiles_by_hand_without_the_first_pass():
    times = [PassTime(9.0, 10.0)] + [PassTime(t / 1000, 2 * t / 1000) for t in (1, 2, 3, 4, 5)]
    summary = latency.summary(NetworkFacts(7), times, 16, 12)
    assert summary.passes == 5
    assert (summary.forward_ms.p25, summary.forward_ms.median, summary.forward_ms.p75) == pytest.approx((2, 3, 4))
    assert (summary.total_ms.p25, summary.total_ms.median, summary.total_ms.p75) == pytest.approx((4, 6, 8))
    assert (summary.parameters, summary.batch, summary.width, summary.height) == (7, 1, 16, 12)


def test_a_single_pass_counts_and_none_is_refused():
    assert latency.summary(NetworkFacts(7), [PassTime(0.5, 1.0)], 16, 12).forward_ms.median == pytest.approx(500)
    with pytest.raises(ValueError, match="no pass"):
        latency.summary(NetworkFacts(7), [], 16, 12)


def test_a_real_network(smallnet, tmp_path):
    timed = [latency.timed_prediction(smallnet, IMAGE, None) for _ in range(3)]
    np.testing.assert_array_equal(timed[0][0].values, smallnet.predict(IMAGE, None, FrameKey("clip", 0)).values)
    assert all(0 < time.forward_s < time.total_s for _, time in timed)
    summary = latency.summary(smallnet.facts, [time for _, time in timed], 160, 120)
    assert (summary.device, summary.precision, summary.threads, summary.frames_per_pass) == ("cpu", "float32", 1, 1)
    assert summary.device_name
    # A process with NumPy and onnxruntime holds tens of MB, and this one runs in a machine of less than a TB.
    assert 30 < summary.peak_memory_mb < 1e6
    latency.write_latency(tmp_path, summary)
    assert latency.read_latency(tmp_path) == summary


def test_parameters_are_those_of_the_file(smallnet):
    pytest.importorskip("onnx")
    # Training counted 647,105; the exporter folds normalisations into weights and stores a grid of pixel positions.
    assert smallnet.facts.parameters == pytest.approx(647_105, rel=0.01)


def test_parameters_of_tflite(shared_data, tmp_path):
    pytest.importorskip("ai_edge_litert")
    from sfm_gt.models.tflite import TfliteModel

    network = shared_data / "models" / "mobile_pydnet_pruned35.tflite"
    path = tmp_path / "pydnet.yaml"
    path.write_text(
        f"name: pydnet\nfile: {network}\nkind: affine_invariant_disparity\ninput: {{height: 192, width: 640}}\n"
    )
    facts = TfliteModel(ModelConfig(name="p", method="tflite", path=str(path))).facts
    # Weights are one byte each in this file, and make up nearly all of it.
    assert facts.precision == "int8"
    assert 0.9 * network.stat().st_size < facts.parameters < network.stat().st_size


def test_baselines_have_no_latency(tmp_path):
    assert not isinstance(ConstantModel(ModelConfig(name="c", method="constant")), NetworkModel)
    assert latency.read_latency(tmp_path) is None


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / latency.LATENCY_NAME).write_text("{")
    with pytest.raises(InputError, match=r"latency\.json: not valid JSON"):
        latency.read_latency(tmp_path)
