"""The predict stage writes one map a frame, whole or not at all, and passes on verdicts."""

from __future__ import annotations

import hashlib
import logging

import numpy as np
import pytest

from sfm_gt import registry
from sfm_gt.config import ModelConfig
from sfm_gt.datasets.frames import open_dataset
from sfm_gt.errors import ConfigError, InputError
from sfm_gt.formats.manifest import read_manifest
from sfm_gt.models.shared.cameras import read_cameras
from sfm_gt.models.shared.latency import read_latency
from sfm_gt.models.shared.stored import CONFIDENCE, FLIPPED, StoredPredictions, read_map
from sfm_gt.public_datasets import open_benchmark
from sfm_gt.stages import predict
from tests.datasets import benchmark_trees
from tests.models import views_stand_ins
from tests.models.tiny_video import write_tiny_video_model

SMALLNET_SIZE, TINY_VIDEO_SIZE = (192, 256), (6, 8)


def _digest(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def test_writes_every_frame_and_the_manifest_last(workspace, tiny):
    manifest = predict.run(workspace, ModelConfig(name="plane", method="ground_plane"), "near")
    folder = workspace.predictions("plane", "near")
    assert sorted(p.name for p in folder.iterdir()) == [*(f"{i:06d}.npz" for i in tiny.frames), "manifest.json"]
    values = read_map(folder, 7)
    assert values.dtype == np.float32
    assert values.shape == (tiny.height, tiny.width)
    assert manifest == read_manifest(folder)
    assert manifest.measures["kind"] == "scale_invariant_depth"
    assert manifest.measures["frames"] == 3


def test_the_same_bytes_when_run_again(workspace):
    model = ModelConfig(name="plane", method="ground_plane")
    predict.run(workspace, model, "near")
    first = _digest(workspace.predictions("plane", "near"))
    predict.run(workspace, model, "near")
    assert _digest(workspace.predictions("plane", "near")) == first


def test_rejected_clip_is_skipped_with_the_reason(workspace):
    manifest = predict.run(workspace, ModelConfig(name="c", method="constant"), "lost")
    assert (manifest.status, manifest.reason) == ("skipped", "no_parallax")
    assert [p.name for p in workspace.predictions("c", "lost").iterdir()] == ["manifest.json"]


def test_missing_predictions_are_counted(workspace, tiny, tmp_path):
    stored = tmp_path / "theirs" / "near"
    stored.mkdir(parents=True)
    np.save(stored / "000009.npy", np.full((tiny.height, tiny.width), 3.0))
    config = ModelConfig(name="theirs", method="on_disk", path=str(tmp_path / "theirs"), kind="metric_depth")
    manifest = predict.run(workspace, config, "near")
    assert manifest.measures["frames"] == 1
    assert manifest.measures["frames_missing"] == 2
    assert not (workspace.predictions("theirs", "near") / "000007.npz").exists()


def test_a_fault_leaves_nothing_half_written(workspace, tiny, tmp_path):
    stored = tmp_path / "theirs" / "near"
    stored.mkdir(parents=True)
    np.save(stored / "000007.npy", np.full((tiny.height, tiny.width), 3.0))
    (stored / "000009.npy").write_bytes(b"not an array")
    config = ModelConfig(name="theirs", method="on_disk", path=str(tmp_path / "theirs"), kind="metric_depth")
    with pytest.raises(InputError, match=r"000009\.npy: not a NumPy array"):
        predict.run(workspace, config, "near")
    assert not workspace.predictions("theirs", "near").exists()
    assert not list(workspace.predictions("theirs", "near").parent.iterdir())


def test_maps_keep_the_size_of_the_network_and_the_manifest_states_that_of_the_images(workspace, tiny):
    manifest = predict.run(workspace, ModelConfig(name="net", method="onnx", path="builtin:smallnet"), "near")
    assert manifest.measures["image_sizes"] == [[tiny.height, tiny.width]]
    stored = StoredPredictions.open(workspace.predictions("net", "near"))
    values, flipped = stored.read(7, (tiny.height, tiny.width))
    assert values.shape == SMALLNET_SIZE
    assert flipped is None
    with pytest.raises(InputError, match="predictions of images of 16x12 px, the ground truth has 32x24"):
        stored.read(7, (24, 32))


def test_unknown_method_names_the_nearest(workspace):
    with pytest.raises(ConfigError, match="did you mean 'constant'"):
        predict.run(workspace, ModelConfig(name="c", method="konstant"), "near")


def test_a_networks_clock_times_lie_apart_and_nothing_else_differs(workspace, tiny):
    model = ModelConfig(name="smallnet", method="onnx", path="builtin:smallnet")
    predict.run(workspace, model, "near")
    folder = workspace.predictions("smallnet", "near")
    first = _digest(folder)
    found = read_latency(folder)
    assert (found.passes, found.width, found.height) == (len(tiny.frames) - 1, tiny.width, tiny.height)
    assert 0 < found.forward_ms.median <= found.total_ms.median
    predict.run(workspace, model, "near")
    again = _digest(folder)
    assert first.pop("latency.json")
    assert again.pop("latency.json")
    assert again == first


def test_frames_without_a_finite_value_are_counted(workspace, tiny, tmp_path):
    stored = tmp_path / "theirs" / "near"
    stored.mkdir(parents=True)
    for frame_index, value in zip(tiny.frames, (np.nan, np.inf, 3.0), strict=True):
        np.save(stored / f"{frame_index:06d}.npy", np.full((tiny.height, tiny.width), value))
    config = ModelConfig(name="theirs", method="on_disk", path=str(tmp_path / "theirs"), kind="metric_depth")
    manifest = predict.run(workspace, config, "near")
    assert manifest.measures["frames_without_finite_value"] == 2
    assert manifest.message == "2 of 3 frames have no finite value"


def test_a_video_network_sees_the_clip(workspace, tiny, tmp_path):
    pytest.importorskip("onnx")
    path = write_tiny_video_model(tmp_path, kind="scale_invariant_depth")
    manifest = predict.run(workspace, ModelConfig(name="video", method="onnx_video", path=str(path)), "near")
    folder = workspace.predictions("video", "near")
    assert manifest.measures["frames"] == len(tiny.frames)
    assert all(read_map(folder, i).shape == TINY_VIDEO_SIZE for i in tiny.frames)
    found = read_latency(folder)
    assert (found.frames_per_pass, found.passes) == (5, 1)


def test_flipped_predictions_are_those_of_the_mirrored_image_mirrored_back(workspace):
    model = ModelConfig(name="smallnet", method="onnx", path="builtin:smallnet", flipped=True)
    predict.run(workspace, model, "near")
    folder = workspace.predictions("smallnet", "near")
    network = registry.load("models", "onnx")(model)
    for frame in open_dataset(workspace.root).frames_of("near"):
        mirrored = np.ascontiguousarray(frame.image[:, ::-1])
        expected = network.predict(mirrored, frame.camera, None).values[:, ::-1]
        stored = read_map(folder / FLIPPED, frame.frame_index)
        np.testing.assert_array_equal(stored, expected)
        assert not np.array_equal(stored, read_map(folder, frame.frame_index))


def test_flipped_baselines(workspace):
    """The floor below a level camera looks the same in a mirror."""
    predict.run(workspace, ModelConfig(name="plane", method="ground_plane", flipped=True), "near")
    folder = workspace.predictions("plane", "near")
    np.testing.assert_array_equal(read_map(folder / FLIPPED, 7), read_map(folder, 7))


def test_a_benchmark_is_predicted_like_our_own_data(tmp_path):
    benchmark = open_benchmark("sintel_final", benchmark_trees.sintel(tmp_path))
    model = ModelConfig(name="smallnet", method="onnx", path="builtin:smallnet")
    manifests = predict.run_benchmark(benchmark, model, tmp_path / "predicted")
    assert manifests["alley_1"].measures["frames"] == 2
    assert read_latency(tmp_path / "predicted" / "alley_1").passes == 1
    network = registry.load("models", "onnx")(model)
    for frame in benchmark:
        stored = read_map(tmp_path / "predicted" / frame.clip_id, frame.frame_index)
        np.testing.assert_array_equal(stored, network.predict(frame.image, frame.camera, None).values)


def test_a_benchmark_without_cameras(tmp_path):
    benchmark = open_benchmark("eth3d", benchmark_trees.eth3d(tmp_path))
    model = ModelConfig(name="smallnet", method="onnx", path="builtin:smallnet", flipped=True)
    assert predict.run_benchmark(benchmark, model, tmp_path / "predicted")["courtyard"].measures["frames"] == 1
    with pytest.raises(InputError, match="clip courtyard frame 0 has no camera"):
        predict.run_benchmark(benchmark, ModelConfig(name="plane", method="ground_plane"), tmp_path / "plane")


def test_a_models_own_cameras_and_confidence_lie_beside_its_maps(workspace, tiny, tmp_path, monkeypatch):
    with views_stand_ins.importable_views(tmp_path / "packages", monkeypatch):
        config = views_stand_ins.vggt(tmp_path).model_copy(update={"flipped": True})
        manifest = predict.run(workspace, config, "near")
    folder = workspace.predictions("mine", "near")
    cameras = read_cameras(folder)
    assert tuple(cameras.intrinsics) == tuple(cameras.cam_from_world) == tiny.frames
    np.testing.assert_allclose(cameras.cam_from_world[tiny.frames[2]][:3, 3], [-2, 0, 0], atol=1e-6)
    own = cameras.pinhole(tiny.frames[0], tiny.width, tiny.height)
    assert (own.fx, own.cy) == pytest.approx((0.8 * tiny.width, tiny.height / 2))
    for frame_index in tiny.frames:
        values = read_map(folder, frame_index)
        np.testing.assert_allclose(read_map(folder / CONFIDENCE, frame_index), values + 1, rtol=1e-6)
        assert read_map(folder / FLIPPED, frame_index).shape == values.shape
    assert manifest.measures["frames"] == len(tiny.frames)
    assert read_latency(folder).passes == 1


def test_an_error_of_the_library_is_one_line_and_its_traceback_goes_to_the_log(
    workspace, tmp_path, monkeypatch, caplog
):
    with views_stand_ins.importable_views(tmp_path / "packages", monkeypatch):
        config = views_stand_ins.vggt(tmp_path)
        from vggt.models.vggt import VGGT

        def broken(*_):
            raise RuntimeError("mat1 and mat2\n  cannot be multiplied")

        monkeypatch.setattr(VGGT, "forward", broken)
        message = "models: mine: its library failed with RuntimeError: mat1 and mat2 cannot be multiplied"
        with caplog.at_level(logging.DEBUG, "sfm_gt"), pytest.raises(InputError, match=message) as error:
            predict.run(workspace, config, "near")
    assert "\n" not in str(error.value)
    assert "in broken" in caplog.text
    assert not workspace.predictions("mine", "near").exists()
