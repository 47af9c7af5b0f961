"""What is exported is read again, by the format's own consumer where it installs here, and means the same scene."""

from __future__ import annotations

import io
import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import sfm_gt
from sfm_gt.commands import export
from sfm_gt.exporters.shared.normals import normals_from_depth
from sfm_gt.formats.dataset_layout import FORMAT_VERSION, layer_path
from sfm_gt.formats.frame_index import vouch_for_index
from sfm_gt.formats.log_depth_png import read_log_depth
from sfm_gt.formats.pose_text import read_pose_text
from sfm_gt.formats.shards import decode_png16
from sfm_gt.formats.tum_trajectory import read_trajectory
from sfm_gt.geometry.camera import project, unproject
from sfm_gt.geometry.transforms import inverse_rigid, transform_points
from tests.exporters.small_dataset import (
    CAMERA,
    DEPTH_UNIT,
    FIRST_TIMESTAMP_S,
    FPS,
    FRAMES,
    OUTLIER_STEPS,
    assert_on_wall,
    exported_depth,
    pose,
    wall_depth,
    write_dataset,
)  # fmt: skip

# The data set's own rounding; every format below adds at most half a step of its own.
OWN_ERROR = 0.51 * DEPTH_UNIT


def assert_depth(depth: np.ndarray, frame_index: int, step: float) -> None:
    expected = exported_depth(frame_index)
    assert (np.isfinite(depth) == np.isfinite(expected)).all(), "invalid, moving and overlay pixels stay invalid"
    assert np.nanmax(abs(depth - expected)) <= OWN_ERROR + 0.51 * step


def read_steps(path: Path, step: float) -> np.ndarray:
    steps = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert steps.dtype == np.uint16
    return np.where(steps > 0, steps * step, np.nan)


def test_colmap_text_and_binary_hold_the_same_scene(exported):
    import pycolmap

    folder = exported("colmap")
    binary = pycolmap.Reconstruction(folder / "near-000" / "sparse")
    for suffix in ("cameras", "images", "points3D"):
        (folder / "near-000" / "sparse" / f"{suffix}.bin").unlink()
    text = pycolmap.Reconstruction(folder / "near-000" / "sparse")
    for model in (binary, text):
        assert model.num_reg_images() == len(FRAMES)
        by_name = {image.name: image for image in model.images.values()}
        assert by_name["000007.jpg"].cam_from_world().matrix() == pytest.approx(pose(7)[:3])
        assert model.num_points3D() > 20
        assert_on_wall(np.array([point.xyz for point in model.points3D.values()]), 2e-3)
        model.update_point_3d_errors()
        assert model.compute_mean_reprojection_error() < 0.01, "tracks lie where the points project"
    consumed = pycolmap.DepthMap()
    consumed.read(folder / "near-000/stereo/depth_maps/000005.jpg.geometric.bin")
    depth = np.asarray(consumed.to_array())
    assert_depth(np.where(depth > 0, depth, np.nan), 5, 0)


def test_nerfstudio_frames_lie_where_the_scene_is(exported):
    folder = exported("nerfstudio") / "near-000"
    content = json.loads((folder / "transforms.json").read_text())
    frame = content["frames"][3]
    depth = read_steps(folder / frame["depth_file_path"], 1e-3)
    assert_depth(depth, 6, 1e-3)
    assert_on_wall(nerfstudio_points(folder, frame, content), 2e-3)
    mask = cv2.imread(str(folder / frame["mask_path"]), cv2.IMREAD_GRAYSCALE)
    assert (mask[1:3] == 0).all()
    assert (mask[3:] == 255).all()


def test_colmap_fuses_the_workspace_as_it_is_to_the_wall(exported):
    import pycolmap

    workspace = exported("colmap") / "near-000"
    assert (workspace / "stereo" / "patch-match.cfg").read_text().splitlines()[::2] == [
        f"{index:06d}.jpg" for index in FRAMES
    ]
    (workspace / "fused").mkdir()
    options = pycolmap.StereoFusionOptions(min_num_pixels=3, num_threads=1)
    fused = pycolmap.stereo_fusion(workspace / "fused", workspace, options=options)
    points = np.array([point.xyz for point in fused.points3D.values()])
    assert len(points) > 400, "a point stands for the pixels round it in all images"
    # COLMAP's fusion takes whole numbers for pixel centres, unlike its model: half a pixel of this wall is 7 mm.
    assert_on_wall(points, 9e-3)
    assert np.ptp(points[:, 0]) > 3.0, "all of the wall that three frames see"


def test_normals_of_a_depth_map_are_those_of_the_wall_and_span_no_step():
    depth = wall_depth(3)
    depth[:, 30:] += 1.0
    normal = normals_from_depth(depth, CAMERA)
    expected = np.array([0.2, 0.0, -1.0]) / np.hypot(0.2, 1.0)
    assert normal[5:40, :30] == pytest.approx(np.broadcast_to(expected, (35, 30, 3)), abs=1e-6)
    depth[20, 20] = np.nan
    assert np.isnan(normals_from_depth(depth, CAMERA)[20, 20]).all()


def nerfstudio_points(folder: Path, frame: dict, content: dict) -> np.ndarray:
    """World points of a frame's depth as nerfstudio makes its rays: OpenGL camera, -z forward; in the units of the file."""
    depth = cv2.imread(str(folder / frame["depth_file_path"]), cv2.IMREAD_UNCHANGED) * 1e-3
    rows, columns = np.nonzero(depth)
    z = depth[rows, columns]
    x, y = (columns + 0.5 - content["cx"]) / content["fl_x"] * z, -(rows + 0.5 - content["cy"]) / content["fl_y"] * z
    return (np.array(frame["transform_matrix"]) @ np.stack([x, y, -z, np.ones_like(z)]))[:3].T


def test_a_nerfstudio_scene_without_metres_is_scaled_as_a_whole_and_loses_nothing(tmp_path):
    import trimesh

    out = write_dataset(tmp_path / "out")
    path = out / "dataset" / "index.parquet"
    index = pd.read_parquet(path)
    # The world of `far` is 100 times as large: depth up to 600 of its lengths.
    far = index["clip_id"] == "far-000"
    index.loc[far, ["depth_unit", "sigma_unit"]] *= 100
    index.loc[far, "cam_from_world"] = index.loc[far, "cam_from_world"].map(
        lambda m: m * np.where(np.arange(16) == 3, 100, 1)
    )
    index.to_parquet(path, index=False)
    vouch_for_index(out / "dataset", {"format_version": FORMAT_VERSION})
    measures = export.run(out, "nerfstudio", tmp_path / "to", ["far-000"])["measures"]
    assert measures["pixels_out_of_range"] == 0
    unit = measures["units_a_sfm_length"]["far-000"]
    folder = tmp_path / "to" / "far-000"
    content = json.loads((folder / "transforms.json").read_text())
    assert "applied_scale" not in content, "the reader would multiply depth by it once more"
    points = np.concatenate([nerfstudio_points(folder, frame, content) for frame in content["frames"]])
    assert len(points) == len(FRAMES) * 45 * 64
    assert_on_wall(points / unit / 100, 2e-3)
    cloud = trimesh.load(folder / content["ply_file_path"])
    assert len(cloud.vertices) > 20
    assert_on_wall(np.asarray(cloud.vertices) / unit / 100, 2e-3)


def test_tum_sequence(exported):
    folder = exported("tum_rgbd") / "near-000"
    times, poses = read_trajectory(folder / "groundtruth.txt")
    assert times == pytest.approx([FIRST_TIMESTAMP_S + index / FPS for index in FRAMES])
    assert poses == pytest.approx(np.stack([pose(index) for index in FRAMES]), abs=1e-9)
    line = (folder / "depth.txt").read_text().splitlines()[2]
    assert line == "0.620000 depth/000003.png"
    assert_depth(read_steps(folder / "depth/000003.png", 1 / 5000), 3, 1 / 5000)


def test_kitti_png(exported):
    assert_depth(read_steps(exported("kitti") / "groundtruth_depth/near-000/000009.png", 1 / 256), 9, 1 / 256)


def depth_anything_sample(line: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Depth in metres and the valid mask, as the training class (VKITTI2) and the validation class (KITTI) make them."""
    image, depth = (cv2.imread(path, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH) for path in line.split(" "))
    assert image.shape == (48, 64, 3)
    if split == "train":
        metres = depth / 100.0
        return metres, metres <= 80
    metres = depth.astype(np.float32) / 256.0
    return metres, metres > 0


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_depth_anything_trains_and_validates_on_metres(split, out, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "splits_of", lambda dataset: dict.fromkeys(("near", "far"), split))
    export.run(out, "depth_anything", tmp_path / "to")
    monkeypatch.chdir(tmp_path / "to")
    lists = {name: Path(f"{name}.txt").read_text().splitlines() for name in ("train", "val", "test")}
    assert [name for name, lines in lists.items() if lines] == [split], "a video lies in one split"
    for index, line in zip(FRAMES, lists[split], strict=True):
        metres, valid = depth_anything_sample(line, split)
        assert_depth(np.where(valid, metres, np.nan), index, 1 / 100)


def test_kitti_intrinsics_give_every_pixel_its_ray(exported):
    matrix = np.loadtxt(exported("kitti") / "intrinsics/near-000/000009.txt").reshape(3, 3)
    column, row = 50, 20
    # Integers are pixel centres in KITTI's kit, ours lie at +0.5. Nine digits are written.
    expected = unproject(CAMERA, np.array([[column + 0.5, row + 0.5]]), np.array([1.0]))[0]
    assert np.linalg.solve(matrix, [column, row, 1.0]) == pytest.approx(expected, abs=1e-7)


def test_depth_beyond_the_range_of_a_format_is_counted_and_invalid(tmp_path):
    out = write_dataset(tmp_path / "out")
    path = out / "dataset" / "index.parquet"
    index = pd.read_parquet(path)
    index["depth_unit"] *= 10  # the wall stands 40 m away now: too far for 1/5000 m in 16 bits
    index.to_parquet(path, index=False)
    vouch_for_index(out / "dataset", {"format_version": FORMAT_VERSION})
    manifest = export.run(out, "tum_rgbd", tmp_path / "to")
    assert manifest["measures"]["pixels_out_of_range"] == len(FRAMES) * 45 * 64
    assert np.isnan(read_steps(tmp_path / "to/near-000/depth/000003.png", 1 / 5000)).all()


def test_moge_instances(exported):
    folder = exported("moge")
    name = (folder / ".index.txt").read_text().splitlines()[2]
    assert name == "near-000/000005"
    depth = read_log_depth(folder / name / "depth.png")
    # The range spans a factor of 2 at most, in 65533 steps: a relative step of 1.1e-5.
    assert_depth(depth, 5, 6 * 1.1e-5)
    intrinsics = np.array(json.loads((folder / name / "meta.json").read_text())["intrinsics"])
    assert intrinsics * [[64], [48], [1]] == pytest.approx(CAMERA.matrix)


def megadepth_views(root: Path) -> list[tuple[str, list[tuple]]]:
    """Scene and views of every pair, as the MegaDepth loaders take it from a root, whatever split they are told."""
    with np.load(root / "all_metadata.npz") as metadata:
        scenes, images, pairs = metadata["scenes"], metadata["images"], metadata["pairs"]
    found = []
    for scene, first, second, _ in pairs:
        folder = root.joinpath(*scenes[scene].split())
        views = []
        for name in (images[first], images[second]):
            depth = cv2.imread(f"{folder / name}.exr", cv2.IMREAD_ANYDEPTH)
            with np.load(folder / f"{name}.npz") as camera:
                views.append((int(name), depth, camera["intrinsics"], camera["cam2world"]))
        found.append((scenes[scene], views))
    return found


def test_dust3r_views_and_pairs(exported):
    folder = exported("dust3r")
    roots = sorted(path.name for path in folder.iterdir() if path.is_dir())
    pairs = [pair for split in roots for pair in megadepth_views(folder / split)]
    near = [views for scene, views in pairs if scene.split()[1] == "near-000"]
    assert near
    assert all(first[0] < second[0] for first, second in near)
    assert (3, 4) not in {(first[0], second[0]) for first, second in near}, "frames that share nearly all teach nothing"
    for frame_index, depth, intrinsics, cam2world in near[-1]:
        assert (depth.dtype, depth.shape) == (np.float32, (48, 64))
        assert_depth(np.where(depth > 0, depth, np.nan), frame_index, 0)
        assert intrinsics[:2, 2] == pytest.approx([31.5, 23.5]), "integers are pixel centres there"
        # As the loaders make points of depth: columns and rows are whole numbers.
        column, row = 50, 20
        ray = np.linalg.solve(intrinsics, [column, row, 1.0])
        assert_on_wall((cam2world @ [*(ray * depth[row, column]), 1.0])[None, :3], 2e-3)


def test_a_root_of_dust3r_holds_videos_of_its_split_alone(tmp_path, monkeypatch):
    out = write_dataset(tmp_path / "out")
    monkeypatch.setattr(export, "splits_of", lambda dataset: {"near": "train", "far": "test"})
    export.run(out, "dust3r", tmp_path / "to")
    for split, clip_id in (("train", "near-000"), ("test", "far-000")):
        assert {scene.split()[1] for scene, _ in megadepth_views(tmp_path / "to" / split)} == {clip_id}
    assert not (tmp_path / "to" / "val").exists()


def test_webdataset_reads_the_shards(exported, out):
    import webdataset

    folder = exported("webdataset")
    shards = json.loads((folder / "shards.json").read_text())["shards"]
    near = next(entry for entry in shards if entry["clip_id"] == "near-000")
    shard = str(folder / near["shard"])
    frame = sfm_gt.open_dataset(out)[6 + 2]
    # The library's own decoders, which turn every picture into 8-bit colour.
    for decoders in (("pil",), ("rgb8",), ("torchrgb",), ("l8",), ()):
        samples = list(webdataset.WebDataset(shard, shardshuffle=False).decode(decode_png16, *decoders))
        assert [sample["__key__"] for sample in samples] == [f"near-000_{index:06d}" for index in FRAMES]
        facts = samples[2]["json"]
        assert (facts["frame_index"], facts["metric"], facts["license"]) == (5, True, "CC0-1.0")
        assert np.array(facts["cam_from_world"]).reshape(4, 4) == pytest.approx(frame.cam_from_world)
        assert samples[2]["depth.png16"] * facts["depth_unit"] == pytest.approx(np.nan_to_num(frame.z_depth_m))
        assert samples[2]["sigma.png16"] * facts["sigma_unit"] == pytest.approx(np.nan_to_num(frame.sigma_m))
        assert {"jpg", "outlier.png", "moving.png", "overlay.png", "person.png"} <= samples[2].keys()
    alone = next(iter(webdataset.WebDataset(shard, shardshuffle=False).decode("pil")))
    assert np.asarray(alone["outlier.png"])[5:8, 0, 0].tolist() == [0, OUTLIER_STEPS, 0]
    assert isinstance(alone["depth.png16"], bytes), "without our decoder nothing is decoded, rather than wrongly"
    mask = np.asarray(alone["moving.png"])
    assert (mask[1] == 255).all()
    assert (mask[2:] == 0).all()


def test_hugging_face_loads_the_folder(exported, tmp_path):
    import datasets

    folder = exported("huggingface")
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    rows = [row for split in loaded.values() for row in split if row["clip_id"] == "near-000"]
    assert [row["frame_index"] for row in rows] == list(FRAMES)
    steps = np.asarray(rows[1]["depth"])
    expected = exported_depth(4)
    assert abs(steps[3:] * rows[1]["depth_unit"] - expected[3:]).max() <= OWN_ERROR
    assert np.asarray(rows[1]["image"]).shape == (48, 64, 3)
    assert np.asarray(rows[1]["outlier"])[5:8, 0].tolist() == [0, OUTLIER_STEPS, 0]
    assert (np.asarray(rows[1]["person"])[:, 56:] == 255).all()
    far = next(row for split in loaded.values() for row in split if row["clip_id"] == "far-000")
    assert far["person"] is None, "nobody looked for people: that is not the same as none"
    assert far["metric"] is False


def pixel_of(camera: np.ndarray, point: np.ndarray) -> list[float]:
    """Where 18 numbers of RealEstate10K put a world point in a 64 x 48 picture, without distortion as its readers do."""
    fx, fy, cx, cy = camera[:4]
    u, v, w = camera[6:].reshape(3, 4) @ [*point, 1.0]
    return [(fx * u / w + cx) * 64, (fy * v / w + cy) * 48]


def test_undistorted_frames_of_realestate10k_fit_cameras_that_know_no_distortion(exported, out):
    (path,) = exported("realestate10k_frames").glob("*/near-000.txt")
    point = transform_points(inverse_rigid(pose(5)), unproject(CAMERA, np.array([[63.5, 0.5]]), np.array([4.0])))[0]
    lines = path.read_text().splitlines()[1:]
    for index, line in zip(FRAMES, lines, strict=True):
        time, *camera = line.split()
        assert np.array(camera[4:6], float).tolist() == [0, 0]
        expected = project(CAMERA, transform_points(pose(index), point[None]))[0]
        assert pixel_of(np.array(camera, float), point) == pytest.approx(expected, abs=1e-6)
        published = layer_path(out / "dataset", "near-000", "image", index)
        assert (path.with_suffix("") / f"{time}.jpg").read_bytes() == published.read_bytes()


def test_pixelsplat_reads_its_chunks(exported):
    folder = exported("pixelsplat")
    (root,) = (path for path in folder.iterdir() if path.is_dir())
    index = json.loads((root / "index.json").read_text())
    assert sorted(index) == ["far-000", "near-000"]
    # As the data set class does it: the chunk, the sequence of that key, intrinsics scaled by the picture, w2c inverted.
    (sequence,) = (s for s in torch.load(root / index["near-000"]) if s["key"] == "near-000")
    point = transform_points(inverse_rigid(pose(5)), unproject(CAMERA, np.array([[63.5, 0.5]]), np.array([4.0])))[0]
    cameras = sequence["cameras"].numpy()
    assert (cameras.dtype, cameras.shape) == (np.float32, (len(FRAMES), 18))
    for index, camera, encoded in zip(FRAMES, cameras, sequence["images"], strict=True):
        expected = project(CAMERA, transform_points(pose(index), point[None]))[0]
        assert pixel_of(camera, point) == pytest.approx(expected, abs=1e-4)
        assert Image.open(io.BytesIO(encoded.numpy().tobytes())).size == (64, 48)
    assert sequence["timestamps"].tolist() == [round(index / FPS * 1e6) for index in FRAMES]


@pytest.mark.parametrize("name", ["mannequin_challenge", "realestate10k"])
def test_pose_text_projects_scene_points_by_its_own_formula(name, exported):
    (path,) = exported(name).glob("*/near-000.txt")
    content = read_pose_text(path)
    assert content.url == "https://example.org/near"
    assert content.microseconds.tolist() == [round(index / FPS * 1e6) for index in FRAMES]
    line = np.array(path.read_text().splitlines()[3].split(), dtype=float)
    fx, fy, cx, cy, k1, _ = line[1:7]
    point = transform_points(inverse_rigid(pose(5)), unproject(CAMERA, np.array([[40.5, 30.5]]), np.array([4.0])))[0]
    # The formula of the data sets' pages: K [R|t] p, with K scaled by width and height, then our lens's distortion.
    u, v, w = line[7:].reshape(3, 4) @ [*point, 1.0]
    bend = 1 + k1 * ((u / w) ** 2 + (v / w) ** 2)
    assert k1 == -0.03
    assert [fx * 64 * u / w + cx * 64, fy * 48 * v / w + cy * 48] == pytest.approx(
        project(CAMERA, transform_points(pose(5), point[None]))[0], abs=1e-6
    )
    assert bend < 1
