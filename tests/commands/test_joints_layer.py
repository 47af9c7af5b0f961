"""The layer of joints: of one who held still and one who walked, named in the sidecar's file, in a metric and another clip."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy.scale_draws import CAMERA, METRIC_FROM_SFM, model_of, skeleton_m, walk
from sfm_gt.commands import layers
from sfm_gt.config import Config, to_yaml
from sfm_gt.datasets.frames import open_dataset
from sfm_gt.errors import InputError
from sfm_gt.formats.frame_folder import FrameList, FrameRecord, write_frame_list
from sfm_gt.formats.manifest import write_json
from sfm_gt.formats.people_joints import JOINTS_JSON
from sfm_gt.formats.sparse_model import write_sparse_model
from sfm_gt.formats.workspace import Workspace
from sfm_gt.geometry.camera import project
from sfm_gt.geometry.transforms import transform_points
from tests.exporters.small_dataset import FRAMES, write_dataset

N_FRAMES, PIXEL_NOISE = 24, 0.5
# Half a pixel at 3 m and 600 px of focal length is 2.5 mm sideways; depth is worse by distance over baseline, 1.5.
MAX_OFF_M = 0.01


@pytest.fixture
def out(tmp_path: Path) -> tuple[Path, dict[str, np.ndarray]]:
    """A run whose clip ``near-000`` shows anna, who stands, and bob, who walks; and anna's joints in metres."""
    rng = np.random.default_rng(3)
    poses = walk(rng, N_FRAMES, np.zeros(3), 3.0, 2.0)
    skeleton = skeleton_m(rng, 1.7, child=False, seated=False)
    rows = ["frame_index,person,joint,x,y"]
    for number, pose in enumerate(poses):
        for person, step in (("anna", 0.0), ("bob", 0.05)):
            for joint, position in skeleton.items():
                place = position + step * number * np.array([0.0, 0.0, 1.0])
                x, y = project(CAMERA, transform_points(pose, place[None]))[0] + PIXEL_NOISE * rng.normal(size=2)
                rows.append(f"{number},{person},{joint},{max(x, 0):.2f},{max(y, 0):.2f}")
    videos = tmp_path / "videos"
    videos.mkdir()
    (videos / "near.mp4").touch()
    (videos / "joints.csv").write_text("\n".join(rows))
    (videos / "near.yaml").write_text("scale: {people: {joints: joints.csv}}\n")
    run = write_dataset(tmp_path / "out")
    workspace = Workspace(run)
    _write_work(workspace, poses, rng)
    workspace.config.write_text(to_yaml(Config(videos=videos, out=run)))
    return run, skeleton


def _write_work(workspace: Workspace, poses: np.ndarray, rng: np.random.Generator) -> None:
    frames, sfm = workspace.clip_stage("near-000", "frames"), workspace.clip_stage("near-000", "sfm")
    for folder in (frames, sfm):
        folder.mkdir(parents=True)
    records = tuple(FrameRecord(number, number / 25, 1.0, True) for number in range(N_FRAMES))
    write_frame_list(frames, FrameList(CAMERA.width, CAMERA.height, CAMERA.width, CAMERA.height, records))
    write_sparse_model(sfm / "model.npz", model_of(poses, rng.uniform(-0.5, 0.5, (40, 3))))
    write_json(sfm / "undistortion.json", {"model": "SIMPLE_RADIAL", "width": CAMERA.width, "height": CAMERA.height,
                                           "params": [CAMERA.fx, CAMERA.cx, CAMERA.cy, 0.0]})  # fmt: skip


def test_joints_of_the_sidecar_are_published_in_pixels_and_those_who_stood_in_metres(out) -> None:
    run, skeleton = out
    manifest = layers.run(run, ["near-000"], seed=0)["near-000"]
    assert (manifest.measures["people"], manifest.measures["people_in_world"]) == (2, 1)
    dataset = open_dataset(run)
    joints = dataset.joints("near-000")
    assert (joints.metric, joints.origin, set(joints.people)) == (True, "sidecar", {"anna", "bob"})
    anna, bob = joints.people["anna"], joints.people["bob"]
    assert set(anna.seen_px) == set(bob.seen_px) == set(FRAMES), "published frames only"
    scale = dataset.frames_of("near-000")[0].metric_from_sfm
    assert len(anna.world) >= 10
    for name, joint in anna.world.items():
        # The model is in SfM units; the data set states its own metres per unit.
        off = np.abs(joint.position * METRIC_FROM_SFM / scale - skeleton[name])
        assert off.max() < MAX_OFF_M, name
        assert (off < 5 * joint.sigma * METRIC_FROM_SFM / scale).all(), name
    assert bob.world == {}
    assert "the person moved" in bob.refusal
    assert anna.refusal is None


def test_without_joints_or_without_the_run_the_manifest_says_so(out) -> None:
    run, _ = out
    sidecar = run.parent / "videos" / "near.yaml"
    sidecar.write_text("{}")
    absent = layers.run(run, ["near-000"], seed=0)["near-000"].measures["absent"]["joints"]
    assert "no pose network is configured (scale.pose_network)" in absent
    assert open_dataset(run).joints("near-000") is None
    shutil.rmtree(run / "work")
    assert "work/" in layers.run(run, ["near-000"], seed=0)["near-000"].measures["absent"]["joints"]


def test_a_damaged_file_of_joints_is_named(out) -> None:
    run, _ = out
    layers.run(run, ["near-000"], seed=0)
    path = run / "dataset" / "layers" / "near-000" / JOINTS_JSON
    path.write_text('{"metric": true, "origin": "sidecar", "people": {"anna": {"seen_px": {"3": {"left_knee": [1]}}}}}')
    with pytest.raises(InputError, match=r"joints\.json: not a file of joints"):
        open_dataset(run).joints("near-000")
