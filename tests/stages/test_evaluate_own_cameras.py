"""What models say of their cameras and their confidence, and clouds fused on these cameras, in tables."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation

from sfm_gt.commands import evaluate_predictions
from sfm_gt.config import EvaluateConfig, ModelConfig
from sfm_gt.datasets.frames import open_dataset
from sfm_gt.errors import InputError
from sfm_gt.models.shared.cameras import OwnCameras, write_cameras
from sfm_gt.models.shared.stored import CONFIDENCE, write_prediction
from sfm_gt.stages import evaluate


def test_cameras_beside_predictions_have_a_table(workspace, tiny, tmp_path):
    folder = tmp_path / "theirs" / "near"
    folder.mkdir(parents=True)
    np.save(folder / "000007.npy", np.nan_to_num(tiny.gt, nan=5.0))
    run = (workspace.root, [str(tmp_path / "theirs")], ["metric_depth"], tmp_path / "found", ("sfm_gt",), 1)
    evaluate_predictions.run(*run)
    assert not (tmp_path / "found" / "cameras.csv").exists()
    frames = {frame.frame_index: frame for frame in open_dataset(workspace.root).frames_of("near")}
    own = np.stack([frame.camera.matrix * [[1.1], [1], [1]] for frame in frames.values()])
    np.savez(folder / "intrinsics.npz", own, frame_index=np.array(list(frames)))
    poses = np.stack([frame.cam_from_world for frame in frames.values()])
    np.savez(folder / "cam_from_world.npz", poses, frame_index=np.array(list(frames)))
    evaluate_predictions.run(*run)
    found = pd.read_csv(tmp_path / "found" / "cameras.csv", comment="#").iloc[0]
    assert (found.model, found.clips) == ("theirs", 1)
    assert found.focal_rel == pytest.approx(0.1)
    surfaces = pd.read_csv(tmp_path / "found" / "surfaces.csv", comment="#").iloc[0]
    assert surfaces.normal_mean_deg == pytest.approx(0, abs=0.1)
    assert 0.01 < surfaces.point_rel < 0.1, "of points beside the middle a longer lens moves x alone"
    assert "Cameras of the models" in (tmp_path / "found" / "tables.html").read_text()
    np.savez(folder / "cam_from_world.npz", 2 * poses, frame_index=np.array(list(frames)))
    with pytest.raises(InputError, match="the upper left 3 x 3 is no rotation"):
        evaluate_predictions.run(*run)


def test_the_workflow_grades_what_a_model_says_of_cameras_and_confidence(workspace, predict_by_hand, tiny):
    depth = np.nan_to_num(tiny.gt, nan=5.0).astype(np.float32)
    wrong = depth * np.where(np.arange(tiny.width) % 2, 1.5, 1.0).astype(np.float32)
    predict_by_hand("net", "near", "metric_depth", lambda _: wrong)
    folder = workspace.predictions("net", "near")
    (folder / CONFIDENCE).mkdir()
    frames = {frame.frame_index: frame for frame in open_dataset(workspace.root).frames_of("near")}
    for frame_index in frames:
        write_prediction(folder / CONFIDENCE, frame_index, -np.abs(wrong / depth - 1))
    write_cameras(folder, OwnCameras({n: f.camera.matrix for n, f in frames.items()}))
    config = EvaluateConfig(min_pixels=20, protocols=("sfm_gt",))
    evaluate.run(workspace, config, [ModelConfig(name="net", method="on_disk")], ("near",))
    rows = json.loads((workspace.evaluation / "summary.json").read_text())["rows"]
    row = next(row for row in rows if row["alignment"] == "none")
    assert row["ause"] == pytest.approx(0, abs=1e-6)
    assert row["point_rel"] == pytest.approx(row["abs_rel"], rel=1e-5)
    assert (workspace.evaluation / "cameras.csv").is_file()


@pytest.mark.parametrize("scale", [1.0, 1.1])
def test_fused_clouds_have_a_table(workspace, tiny, tmp_path, scale):
    folder = tmp_path / "theirs" / "near"
    folder.mkdir(parents=True)
    frames = open_dataset(workspace.root).frames_of("near")
    for frame in frames:
        np.save(
            folder / f"{frame.frame_index:06d}.npy", np.nan_to_num(scale * frame.z_depth_m, nan=5.0).astype(np.float32)
        )
    run = (workspace.root, [str(tmp_path / "theirs")], ["metric_depth"], tmp_path / "found", ("sfm_gt",), 1)
    evaluate_predictions.run(*run, fusion=True)
    (found,) = pd.read_csv(tmp_path / "found" / "clouds.csv", comment="#").itertuples()
    assert (found.model, found.cameras, found.clips) == ("theirs", "of the GT", 1)
    # Ten per cent of some metres is more than 5 cm, and where the GT has no depth nothing is fused.
    assert found.f_score == 1.0 if scale == 1 else found.f_score < 0.2
    assert "Fused at a voxel of 0.007812 m" in (tmp_path / "found" / "clouds.md").read_text()


def test_clouds_on_own_cameras_take_the_scale_of_these(workspace, tmp_path):
    folder = tmp_path / "theirs" / "near"
    folder.mkdir(parents=True)
    frames = {frame.frame_index: frame for frame in open_dataset(workspace.root).frames_of("near")}
    turn = np.eye(4)
    turn[:3, :3], turn[:3, 3] = Rotation.from_euler("xyz", [0.3, -0.4, 0.5]).as_matrix(), (1, 2, 3)
    poses = []
    for frame_index, frame in frames.items():
        np.save(folder / f"{frame_index:06d}.npy", np.nan_to_num(frame.z_depth_m / 4, nan=5.0).astype(np.float32))
        poses.append(frame.cam_from_world @ turn)
        poses[-1][:3, 3] /= 4
    run = (workspace.root, [str(tmp_path / "theirs")], ["scale_invariant_depth"], tmp_path / "found", ("sfm_gt",), 1)
    own = OwnCameras({n: f.camera.matrix for n, f in frames.items()}, dict(zip(frames, poses, strict=True)))
    write_cameras(folder, own)
    evaluate_predictions.run(*run, fusion=True)
    found = pd.read_csv(tmp_path / "found" / "clouds.csv", comment="#").set_index("cameras")
    assert set(found.index) == {"of the GT", "own"}
    assert (found.f_score == 1.0).all()
    # A focal length that is wrong by half puts the wall beside where it is, on the model's own cameras alone.
    write_cameras(
        folder, OwnCameras({n: f.camera.matrix * [[0.5], [0.5], [1]] for n, f in frames.items()}, own.cam_from_world)
    )
    evaluate_predictions.run(*run, fusion=True)
    found = pd.read_csv(tmp_path / "found" / "clouds.csv", comment="#").set_index("cameras")
    assert found.f_score["of the GT"] == 1.0
    assert found.f_score["own"] < 0.9
