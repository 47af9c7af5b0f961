"""The scale stage on geometry alone: cues that agree, that contradict, and that are stated in another unit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy.scale_draws import CAMERA, FPS, METRIC_FROM_SFM, model_of, skeleton_m, walk
from sfm_gt.config import ScaleConfig
from sfm_gt.formats.dense_maps import write_dense_maps
from sfm_gt.formats.frame_folder import FrameList, FrameRecord, read_frame_list, write_frame_list
from sfm_gt.formats.manifest import Manifest, write_json, write_manifest
from sfm_gt.formats.overlay_folder import Overlay, write_overlays
from sfm_gt.formats.sparse_model import write_sparse_model
from sfm_gt.formats.workspace import Workspace
from sfm_gt.geometry.camera import project
from sfm_gt.geometry.transforms import camera_centres, transform_points
from sfm_gt.sfm.clip_views import write_mask
from sfm_gt.stages import scale

CLIP, N_FRAMES = "room-000", 24
CONFIG = ScaleConfig(cues=("positions", "people"))
Run = Callable[..., dict]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the stage on a clip with a metric track and a person of stated stature; lengths are stated times a factor."""
    rng = np.random.default_rng(12)
    poses = walk(rng, N_FRAMES, np.zeros(3), 3.0, 2.0)
    skeleton = skeleton_m(rng, 1.7, child=False, seated=False)
    workspace = Workspace(tmp_path / "out")
    frames, sfm = workspace.clip_stage(CLIP, "frames"), workspace.clip_stage(CLIP, "sfm")
    for folder in (frames, sfm):
        folder.mkdir(parents=True)
        write_manifest(folder, Manifest(folder.name, 1))
    records = tuple(FrameRecord(number, number / FPS, 1.0, True) for number in range(N_FRAMES))
    write_frame_list(frames, FrameList(640, 480, 640, 480, records))
    write_sparse_model(sfm / "model.npz", model_of(poses, rng.uniform(-0.5, 0.5, (40, 3))))
    lens = {"model": "SIMPLE_RADIAL", "width": 640, "height": 480, "params": [CAMERA.fx, CAMERA.cx, CAMERA.cy, 0.0]}
    write_json(sfm / "undistortion.json", lens)
    rows = ["frame_index,person,joint,x,y"]
    for number, pose in enumerate(poses):
        for joint, position in skeleton.items():
            x, y = project(CAMERA, transform_points(pose, position[None]))[0]
            rows.append(f"{number},anna,{joint},{x:.2f},{y:.2f}")
    (tmp_path / "joints.csv").write_text("\n".join(rows))

    def go(track_factor: float, config: ScaleConfig = CONFIG) -> dict:
        track = np.column_stack([np.arange(N_FRAMES) / FPS, track_factor * camera_centres(poses)])
        np.savetxt(tmp_path / "track.csv", track, delimiter=",", header="timestamp_s,x_m,y_m,z_m", comments="")
        (tmp_path / "room.yaml").write_text(
            "scale:\n  positions: [{file: track.csv, sigma_m: 0.005}]\n"
            "  people: {joints: joints.csv, statures: [{person: anna, stature_m: 1.7, sigma_m: 0.01}]}\n"
        )
        manifest = scale.run(workspace, CLIP, tmp_path / "room.yaml", config)
        assert manifest.ok
        found = json.loads((workspace.clip_stage(CLIP, "scale") / scale.SCALE_NAME).read_text())
        return found | {"stated_in_vain": manifest.measures["stated_in_vain"]}

    return go


def test_cues_that_agree_make_the_clip_metric_with_both_noted(run):
    found = run(1.0)
    assert found["metric"]
    assert found["contradictions"] == []
    assert found["stated_in_vain"] == []
    assert set(found["cues"]) == {"positions", "people"}
    assert abs(np.log(found["metric_from_sfm"] / METRIC_FROM_SFM)) < 3 * found["sigma_log_scale"]
    assert found["sigma_log_scale"] < min(cue["sigma_log_scale"] for cue in found["cues"].values()) + 1e-12


def test_a_contradiction_by_a_factor_of_one_point_three_is_flagged_and_the_clip_is_not_metric(run):
    found = run(1.3)
    assert (found["metric"], found["metric_from_sfm"], found["sigma_log_scale"]) == (False, None, None)
    assert found["contradictions"] == ["people", "positions"]
    assert found["notes"][0].startswith("metric: false, cues contradict: people says")
    assert found["stated_in_vain"][0].startswith("cues contradict: people says")


def test_a_track_in_centimetres_is_refused_with_the_likely_cause_and_the_other_cue_stays(run):
    found = run(100.0)
    assert found["metric"]
    assert set(found["cues"]) == {"people"}
    assert any("positions: the scene would lie" in note and "not in centimetres?" in note for note in found["notes"])


def test_a_scale_that_is_too_wide_leaves_the_clip_without_metres(run):
    found = run(100.0, CONFIG.model_copy(update={"max_sigma_log_scale": 0.001}))
    assert not found["metric"]
    assert "scale.max_sigma_log_scale" in found["notes"][0]
    assert found["stated_in_vain"][0].startswith("positions: the scene would lie")


def test_pixels_of_a_source_that_was_shrunk_mean_the_same_lengths(run, tmp_path):
    config = CONFIG.model_copy(update={"cues": ("people",)})
    expected = run(1.0, config)["metric_from_sfm"]
    # The same film at twice the width and half as much again of the height: pixels of the source are not square.
    frames = Workspace(tmp_path / "out").clip_stage(CLIP, "frames")
    write_frame_list(frames, replace(read_frame_list(frames), source_width=1280, source_height=720))
    header, *rows = (tmp_path / "joints.csv").read_text().splitlines()
    apart = [row.split(",") for row in rows]
    stretched = [[*rest, f"{2.0 * float(x):.2f}", f"{1.5 * float(y):.2f}"] for *rest, x, y in apart]
    (tmp_path / "joints.csv").write_text("\n".join([header, *map(",".join, stretched)]))
    # Joints are written to 0.01 px of limbs of tens of pixels, and a clip has hundreds of them.
    assert run(1.0, config)["metric_from_sfm"] == pytest.approx(expected, rel=1e-3)


def test_cues_see_no_depth_of_what_the_clean_stage_dropped_nor_of_print(run, tmp_path):
    workspace, config = Workspace(tmp_path / "out"), ScaleConfig(cues=("camera_height",))
    frames, dense, clean = (workspace.clip_stage(CLIP, stage) for stage in ("frames", "dense", "clean"))
    for folder in (dense, clean):
        folder.mkdir(parents=True)
        write_manifest(folder, Manifest(folder.name, 1))
    write_dense_maps(dense, 3, {"z_depth_sfm": np.full((480, 640), 2.0, np.float32)})
    dropped, printed = np.zeros((2, 480, 640), dtype=bool)
    dropped[:20], printed[440:470, 100:300] = True, True
    write_mask(clean / "000003.png", dropped)
    write_overlays(frames, [Overlay(2, 4, printed)])
    evidence = scale.evidence_of_clip(workspace, CLIP, None, config)
    assert evidence.depth_frames == (3,)
    np.testing.assert_array_equal(np.isnan(evidence.load_depth_sfm(3)), dropped | printed)
