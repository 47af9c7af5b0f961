"""The dataset stage on a clip whose earlier stages are written by hand: what it takes over from them and from the sidecar."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from sfm_gt.config import Config, DatasetConfig, to_yaml
from sfm_gt.errors import InputError
from sfm_gt.formats.dataset_layout import SHUTTER_NPZ, layer_path
from sfm_gt.formats.dense_maps import frames_with_maps, read_dense_maps, rounded, write_dense_maps
from sfm_gt.formats.frame_folder import FrameList, FrameRecord, write_frame_list
from sfm_gt.formats.manifest import Manifest, read_json, write_json, write_manifest
from sfm_gt.formats.overlay_folder import Overlay, write_overlays
from sfm_gt.formats.shutter_shifts import ShutterShifts, write_shutter_shifts
from sfm_gt.formats.sources import hashed_uploader
from sfm_gt.formats.workspace import Workspace
from sfm_gt.sfm.clip_views import write_mask
from sfm_gt.sfm.rectification import GRID_HEIGHT, GRID_WIDTH
from sfm_gt.stages import dataset, maps
from tests.masks.scenes import film
from tests.stages.test_moving import CLIP, write_clip

N_FRAMES, SHIFT_PX = 3, 8.0


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Three frames of true depth that nothing was dropped from, in metres by a scale of 2."""
    workspace = Workspace(tmp_path / "out")
    write_clip(workspace, film(N_FRAMES))
    folder = {
        stage: workspace.clip_stage(CLIP, stage) for stage in ("frames", "sfm", "dense", "moving", "clean", "scale")
    }
    write_overlays(folder["frames"], [])
    records = tuple(FrameRecord(number, number / 25, 1.0, True) for number in range(N_FRAMES))
    write_frame_list(folder["frames"], FrameList(320, 240, 320, 240, records))
    for frame_index in frames_with_maps(folder["dense"]):
        (depth,) = read_dense_maps(folder["dense"], frame_index, "z_depth_sfm")
        maps = {"z_depth_sfm": depth, "sigma_sfm": 0.01 * depth, "outlier": np.full(depth.shape, 0.05)}
        write_dense_maps(folder["dense"], frame_index, maps)
        for stage in ("moving", "clean"):
            folder[stage].mkdir(exist_ok=True)
            cv2.imwrite(str(folder[stage] / f"{frame_index:06d}.png"), np.zeros(depth.shape, np.uint8))
    for stage in ("frames", "sfm", "dense", "moving", "clean", "scale"):
        write_manifest(folder[stage], Manifest(stage, 1))
    scale = {"metric": True, "metric_from_sfm": 2.0, "sigma_log_scale": 0.01, "notes": []}
    write_json(folder["scale"] / "scale.json", scale)
    video_id = CLIP.rsplit("-", 1)[0]
    write_json(workspace.ingest(video_id), {"video_id": video_id, "path": "a.mp4", "uploader_hash": "of another time"})
    (tmp_path / "salt").write_bytes(bytes(range(32)))
    config = Config(videos=tmp_path, out=workspace.root, provenance={"salt_file": tmp_path / "salt"})
    workspace.config.write_text(to_yaml(config))
    return workspace


def info(workspace: Workspace, sidecar: Path | None = None) -> dict:
    assert maps.run(workspace, CLIP, DatasetConfig()).ok
    assert dataset.run(workspace, CLIP, sidecar).ok
    return read_json(workspace.clip_stage(CLIP, "dataset") / "clip.json")


def test_the_shutter_of_a_clip_goes_on_with_it_and_is_in_its_pictures(workspace: Workspace) -> None:
    info(workspace)
    clip = workspace.clip_stage(CLIP, "dataset")
    assert not (clip / SHUTTER_NPZ).exists(), "a global shutter has none"
    straight = cv2.imread(str(layer_path(workspace.dataset, CLIP, "image", 1))).astype(int)
    shift_px = np.full((N_FRAMES, GRID_HEIGHT, GRID_WIDTH, 2), [SHIFT_PX, 0.0])
    written = workspace.clip_stage(CLIP, "sfm") / SHUTTER_NPZ
    write_shutter_shifts(written, ShutterShifts(np.arange(N_FRAMES), shift_px))
    info(workspace)
    assert (clip / SHUTTER_NPZ).read_bytes() == written.read_bytes()
    moved = cv2.imread(str(layer_path(workspace.dataset, CLIP, "image", 1))).astype(int)
    step = int(SHIFT_PX)
    # JPEG: blocks of eight by eight move by a whole block, so that the same pixels are encoded alike.
    assert np.abs(moved[:, : -2 * step] - straight[:, step:-step]).mean() < 0.2 * np.abs(moved - straight).mean()


def test_the_uploader_is_that_of_the_sidecar_now(workspace: Workspace, tmp_path: Path) -> None:
    sidecar = tmp_path / "a.yaml"
    sidecar.write_text("uploader: someone\nlicense: CC0-1.0\n")
    source = info(workspace, sidecar)["source"]
    assert (source["uploader_hash"], source["license"]) == (hashed_uploader("someone", tmp_path / "salt"), "CC0-1.0")
    sidecar.write_text("license: CC0-1.0\n")
    assert info(workspace, sidecar)["source"]["uploader_hash"] is None
    sidecar.write_text("uploader: someone\n")
    (tmp_path / "salt").unlink()
    with pytest.raises(InputError, match=r"a\.yaml: provenance\.salt_file .*cannot be read"):
        info(workspace, sidecar)


def test_shares_are_of_the_picture_and_not_of_the_bars_round_it(workspace: Workspace) -> None:
    # The picture is the left tenth of the canvas: all of it has depth, and with the canvas in mind nearly nothing has.
    frames = workspace.clip_stage(CLIP, "frames")
    bars = np.ones((240, 320), dtype=bool)
    bars[:, :32] = False
    records = tuple(FrameRecord(number, number / 25, 1.0, True) for number in range(N_FRAMES))
    write_frame_list(frames, FrameList(320, 240, 320, 240, records, (0, 0, 32, 240)))
    write_overlays(frames, [Overlay(0, N_FRAMES - 1, bars)])
    assert info(workspace)["frames"] == N_FRAMES
    rows = pq.read_table(workspace.clip_stage(CLIP, "dataset") / "frames.parquet").to_pylist()
    # All but the margin of 4 px beside the bar.
    assert [row["valid_fraction"] for row in rows] == pytest.approx([28 / 32] * N_FRAMES, abs=0.02)


def published(workspace: Workspace, layer: str, frame_index: int) -> np.ndarray:
    """A map in the unit of the data set, 0 where it is invalid."""
    unit = read_json(workspace.clip_stage(CLIP, "dataset") / "clip.json")[f"{layer}_unit"]
    return cv2.imread(str(layer_path(workspace.dataset, CLIP, layer, frame_index)), cv2.IMREAD_UNCHANGED) * unit


def true_depth(workspace: Workspace, frame_index: int) -> np.ndarray:
    """What the dense stage found, in SfM units."""
    return read_dense_maps(workspace.clip_stage(CLIP, "dense"), frame_index, "z_depth_sfm")[0]


def test_what_moves_and_what_is_printed_has_no_depth(workspace: Workspace) -> None:
    moves, printed = np.zeros((2, 240, 320), dtype=bool)
    moves[60:120, 30:90], printed[180:200, 200:300] = True, True
    write_mask(workspace.clip_stage(CLIP, "moving") / "000001.png", moves)
    write_overlays(workspace.clip_stage(CLIP, "frames"), [Overlay(0, N_FRAMES - 1, printed)])
    info(workspace)
    # The lens is none, so that masks stay where they are. Ten pixels are more than any margin around print.
    away = cv2.dilate(printed.astype(np.uint8), np.ones((21, 21))) == 0
    for frame_index in range(N_FRAMES):
        valid = published(workspace, "depth", frame_index) > 0
        held = moves if frame_index == 1 else np.zeros_like(moves)
        assert not valid[held | printed].any()
        np.testing.assert_array_equal(
            valid[~held & away], np.isfinite(true_depth(workspace, frame_index))[~held & away]
        )
        np.testing.assert_array_equal(published(workspace, "sigma", frame_index) > 0, valid)


def test_depth_and_its_sigma_are_metres(workspace: Workspace) -> None:
    units = info(workspace)
    depth, sigma = published(workspace, "depth", 1), published(workspace, "sigma", 1)
    metres = 2.0 * true_depth(workspace, 1)[depth > 0]
    # Both are rounded to whole steps, depth to 12 bits before that. Sigma has 6 bits: half of the last is 2^-7.
    to_12_bits = 2.0 * rounded(true_depth(workspace, 1), 12)[depth > 0]
    np.testing.assert_allclose(depth[depth > 0], to_12_bits, rtol=0, atol=0.51 * units["depth_unit"])
    np.testing.assert_allclose(to_12_bits, metres, rtol=2**-13)
    np.testing.assert_allclose(sigma[depth > 0], 0.01 * metres, rtol=2**-7, atol=0.51 * units["sigma_unit"])


def test_another_scale_moves_lengths_and_no_map(workspace: Workspace) -> None:
    before, clip = info(workspace), workspace.clip_stage(CLIP, "dataset")
    files = {path.relative_to(clip): path.read_bytes() for path in clip.glob("*/*")}
    rows = pq.read_table(clip / "frames.parquet").to_pylist()
    scale = workspace.clip_stage(CLIP, "scale") / "scale.json"
    write_json(scale, read_json(scale) | {"metric_from_sfm": 3.0})
    # What the maps were made of is gone by then.
    for stage in ("frames", "dense", "moving", "clean"):
        for path in workspace.clip_stage(CLIP, stage).glob("*[!n]"):
            if path.is_file():
                path.unlink()
    assert dataset.run(workspace, CLIP, None).ok
    after = read_json(clip / "clip.json")
    assert {path.relative_to(clip): path.read_bytes() for path in clip.glob("*/*")} == files
    assert after["depth_unit"] == pytest.approx(1.5 * before["depth_unit"])
    assert after["sigma_unit"] == pytest.approx(1.5 * before["sigma_unit"])
    for old, new in zip(rows, pq.read_table(clip / "frames.parquet").to_pylist(), strict=True):
        old_pose, new_pose = (np.reshape(row["cam_from_world"], (4, 4)) for row in (old, new))
        np.testing.assert_allclose(new_pose[:3, 3], 1.5 * old_pose[:3, 3])
        np.testing.assert_array_equal(new_pose[:3, :3], old_pose[:3, :3])
        assert new["depth_unit"] == after["depth_unit"]
