"""The recording of a clip for Rerun, read back: its entities, and values and cameras as they are in the data set."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest

from sfm_gt.commands import view
from sfm_gt.config import EvaluateConfig, ModelConfig
from sfm_gt.errors import InputError, NotMetricError
from sfm_gt.stages import evaluate

ALWAYS = {
    "/world", "/world/points", "/world/path", "/world/camera", "/world/camera/image", "/world/camera/depth",
    "/layers/sigma", "/layers/outlier", "/layers/masks", "/plots/share_with_depth", "/plots/median_relative_sigma",
}  # fmt: skip
STEP = 4.0 / 4095
"""Depth is recorded in 4,095 steps up to what is farthest."""


def _read(path) -> dict[str, list[dict]]:
    """By entity, one row for all that is static and for each frame, in the order of frames."""
    chunk = pytest.importorskip("rerun.chunk", reason="no rerun-sdk: recordings not tried")
    found: dict[str, dict[int, dict]] = {}
    for one in chunk.RrdReader(path).stream().to_chunks():
        for row in one.to_record_batch().to_pylist():
            found.setdefault(one.entity_path, {}).setdefault(row.get("frame", -1), {}).update(row)
    return {entity: [rows[frame] for frame in sorted(rows)] for entity, rows in found.items()}


def _map(row: dict) -> np.ndarray:
    (blob,), (meter,) = row["EncodedDepthImage:blob"], row["EncodedDepthImage:meter"]
    return cv2.imdecode(np.array(blob, np.uint8), cv2.IMREAD_UNCHANGED) / meter


@pytest.fixture
def predicted(workspace, predict_by_hand, tiny):
    """The run with a model that is a tenth too far and misses frame 30."""
    pytest.importorskip("rerun", reason="no rerun-sdk: recordings not tried")
    gt = np.nan_to_num(tiny.gt, nan=1.0)
    for clip in ("near", "far"):
        predict_by_hand("net", clip, "metric_depth", lambda i: None if i == 30 else gt * 1.1)
    evaluate.run(
        workspace, EvaluateConfig(min_pixels=20), [ModelConfig(name="net", method="constant")], ("far", "near")
    )
    return workspace


@pytest.fixture
def recording(predicted, tiny, tmp_path):
    """What is recorded of ``near`` with that model and a truth a quarter farther."""
    (tmp_path / "truth" / "near").mkdir(parents=True)
    np.save(tmp_path / "truth" / "near" / "000009.npy", 1.25 * tiny.gt)
    said = view.run(predicted.root, "near", tmp_path / "near.rrd", tmp_path / "truth")
    assert said == f"view: 3 of 3 frames of near in {tmp_path / 'near.rrd'}"
    return _read(tmp_path / "near.rrd")


def test_entities(recording):
    assert set(recording) == ALWAYS | {"/models/net/depth", "/models/net/error", "/truth/error"}
    assert [row["frame"] for row in recording["/world/camera/depth"]] == [7, 9, 30]
    assert [row["frame"] for row in recording["/models/net/depth"]] == [7, 9]
    assert [row["frame"] for row in recording["/truth/error"]] == [9]


def test_depth_is_that_of_the_data_set_and_has_none_under_masks(recording, tiny):
    depth = _map(recording["/world/camera/depth"][1])
    np.testing.assert_allclose(depth[3:], tiny.gt[3:], atol=STEP)
    assert (depth[:3] == 0).all(), "invalid, moving, overlay"
    np.testing.assert_allclose(_map(recording["/layers/sigma"][1])[3:], 0.01, rtol=0.1)
    (masks,) = recording["/layers/masks"][2]["SegmentationImage:buffer"]
    classes = np.array(masks, np.uint8).reshape(tiny.height, tiny.width)
    assert (classes[1] == 1).all()
    assert (classes[2] == 2).all()
    assert (classes[3:, 12:] == 3).all()
    assert (classes[3:, :12] == 0).all()


def test_predictions_and_errors(recording, tiny):
    np.testing.assert_allclose(_map(recording["/models/net/depth"][0])[3:], 1.1 * tiny.gt[3:], atol=2 * STEP)
    np.testing.assert_allclose(_map(recording["/models/net/error"][0])[3:], 0.1, atol=2e-4)
    np.testing.assert_allclose(_map(recording["/truth/error"][0])[3:], 0.2, atol=2e-4)


def test_predictions_are_aligned_where_the_clip_has_no_metres(predicted, tmp_path):
    view.run(predicted.root, "far", tmp_path / "far.rrd")
    np.testing.assert_allclose(_map(_read(tmp_path / "far.rrd")["/models/net/error"][0])[3:], 0.0, atol=2e-3)


def test_the_camera_moves_through_the_points(recording):
    row = recording["/world/camera"][1]
    np.testing.assert_allclose(row["Transform3D:translation"][0], [0.9, 0.0, 0.18], atol=1e-6)
    (path,) = recording["/world/path"][0]["LineStrips3D:strips"]
    np.testing.assert_allclose(path[1], [0.9, 0.0, 0.18], atol=1e-6)
    points = np.array(recording["/world/points"][0]["Points3D:positions"])
    assert len(points) == 3 * 9 * 16, "all that is neither invalid, moving nor overlaid"


def test_a_clip_without_metres_is_shown_in_its_own_unit_and_takes_no_truth(workspace, tmp_path):
    pytest.importorskip("rerun", reason="no rerun-sdk: recordings not tried")
    view.run(workspace.root, None, tmp_path / "far.rrd")
    assert set(_read(tmp_path / "far.rrd")) == ALWAYS, "the first clip; nothing was predicted"
    with pytest.raises(NotMetricError):
        view.run(workspace.root, "far", tmp_path / "far_again.rrd", tmp_path)
    assert not (tmp_path / "far_again.rrd").exists()


def test_long_and_large_clips_are_sampled(workspace, tmp_path, monkeypatch):
    pytest.importorskip("rerun", reason="no rerun-sdk: recordings not tried")
    monkeypatch.setattr("sfm_gt.exporters.rerun.MAX_FRAMES", 2)
    monkeypatch.setattr("sfm_gt.exporters.rerun.LONG_SIDE_PX", 8)
    assert view.run(workspace.root, "near", tmp_path / "near.rrd").startswith("view: 2 of 3 frames")
    found = _read(tmp_path / "near.rrd")
    assert [row["frame"] for row in found["/world/camera"]] == [7, 30]
    assert _map(found["/world/camera/depth"][0]).shape == (6, 8)
    assert found["/world/camera"][0]["Pinhole:image_from_camera"][0][0] == pytest.approx(10.0), "half of 20 px"
    assert len(np.array(found["/world/path"][0]["LineStrips3D:strips"][0])) == 3, "the path has all frames"


def test_unknown_clips_and_a_missing_package_are_named(workspace, tmp_path, monkeypatch):
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "rerun", None)
        with pytest.raises(InputError, match=r"pip install 'sfm-gt\[view\]'"):
            view.run(workspace.root, "near", tmp_path / "near.rrd")
    pytest.importorskip("rerun", reason="no rerun-sdk: recordings not tried")
    with pytest.raises(InputError, match="no clip 'nowhere'; known are far, near"):
        view.run(workspace.root, "nowhere", tmp_path / "near.rrd")
