"""What is exported is read again, by the format's own consumer where it installs here, and means the same scene."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest

import sfm_gt
from sfm_gt.commands import export
from sfm_gt.exporters.shared.surfaces import triangles
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
    exported_depth,
    pose,
    write_dataset,
)  # fmt: skip

# The data set's own rounding; every format below adds at most half a step of its own.
OWN_ERROR = 0.51 * DEPTH_UNIT


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("out"))


@pytest.fixture
def exported(out, tmp_path):
    def run(name: str) -> Path:
        export.run(out, name, tmp_path / name)
        return tmp_path / name

    return run


def assert_depth(depth: np.ndarray, frame_index: int, step: float) -> None:
    expected = exported_depth(frame_index)
    assert (np.isfinite(depth) == np.isfinite(expected)).all(), "invalid, moving and overlay pixels stay invalid"
    assert np.nanmax(abs(depth - expected)) <= OWN_ERROR + 0.51 * step


def read_steps(path: Path, step: float) -> np.ndarray:
    steps = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert steps.dtype == np.uint16
    return np.where(steps > 0, steps * step, np.nan)


def assert_on_wall(points: np.ndarray, tolerance: float) -> None:
    assert abs(points[:, 2] - 4.0 - 0.2 * points[:, 0]).max() < tolerance


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
    # As nerfstudio makes its rays: OpenGL camera, -z forward.
    row, column = 20, 50
    x, y = (column + 0.5 - content["cx"]) / content["fl_x"], -(row + 0.5 - content["cy"]) / content["fl_y"]
    world = np.array(frame["transform_matrix"]) @ [*(np.array([x, y, -1.0]) * depth[row, column]), 1.0]
    assert_on_wall(world[None, :3], 2e-3)
    mask = cv2.imread(str(folder / frame["mask_path"]), cv2.IMREAD_GRAYSCALE)
    assert (mask[1:3] == 0).all()
    assert (mask[3:] == 255).all()


def test_tum_sequence(exported):
    folder = exported("tum_rgbd") / "near-000"
    times, poses = read_trajectory(folder / "groundtruth.txt")
    assert times == pytest.approx([FIRST_TIMESTAMP_S + index / FPS for index in FRAMES])
    assert poses == pytest.approx(np.stack([pose(index) for index in FRAMES]), abs=1e-9)
    line = (folder / "depth.txt").read_text().splitlines()[2]
    assert line == "0.620000 depth/000003.png"
    assert_depth(read_steps(folder / "depth/000003.png", 1 / 5000), 3, 1 / 5000)


def test_kitti_png_and_depth_anything_lists(exported):
    assert_depth(read_steps(exported("kitti") / "groundtruth_depth/near-000/000009.png", 1 / 256), 9, 1 / 256)
    folder = exported("depth_anything")
    lists = {split: (folder / f"{split}.txt").read_text().splitlines() for split in ("train", "val", "test")}
    assert sum(len(lines) for lines in lists.values()) == len(FRAMES)
    assert sorted(len(lines) for lines in lists.values()) == [0, 0, len(FRAMES)], "a video lies in one split"
    image, depth = max(lists.values(), key=len)[0].split()
    assert (folder / image).is_file()
    assert_depth(read_steps(folder / depth, 1 / 256), 3, 1 / 256)


def test_kitti_intrinsics_give_every_pixel_its_ray(exported):
    matrix = np.loadtxt(exported("kitti") / "intrinsics/near-000/000009.txt").reshape(3, 3)
    column, row = 50, 20
    # Integers are pixel centres in KITTI's kit, ours lie at +0.5. Nine digits are written.
    expected = unproject(CAMERA, np.array([[column + 0.5, row + 0.5]]), np.array([1.0]))[0]
    assert np.linalg.solve(matrix, [column, row, 1.0]) == pytest.approx(expected, abs=1e-7)


def test_depth_beyond_the_range_of_a_format_is_counted_and_invalid(tmp_path):
    out = write_dataset(tmp_path / "out")
    import pandas as pd

    path = out / "dataset" / "index.parquet"
    index = pd.read_parquet(path)
    index["depth_unit"] *= 10  # the wall stands 40 m away now: too far for 1/5000 m in 16 bits
    index.to_parquet(path, index=False)
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


def test_dust3r_views_and_pairs(exported):
    folder = exported("dust3r")
    with np.load(folder / "all_metadata.npz") as metadata:
        scenes, images, pairs = metadata["scenes"], metadata["images"], metadata["pairs"]
    scene, first, second, score = pairs[-1]
    split, clip = scenes[scene].split()
    assert (clip, split in ("train", "val", "test")) == ("near-000", True)
    assert images[first] < images[second]
    assert 0.2 <= score <= 0.95
    seen = {(int(images[a]), int(images[b])) for s, a, b, _ in pairs if s == scene}
    assert (3, 4) not in seen, "frames that share nearly all teach nothing"
    with np.load(folder / split / clip / "000006.npz") as camera:
        assert camera["intrinsics"][:2, 2] == pytest.approx([31.5, 23.5]), "integers are pixel centres there"
        assert camera["cam2world"] == pytest.approx(inverse_rigid(pose(6)))
    with OpenEXR.File(str(folder / split / clip / "000006.exr")) as file:
        depth = file.channels()["Y"].pixels
    assert depth.shape == (48, 64)
    assert_depth(np.where(depth > 0, depth, np.nan), 6, 0)


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
        assert {"jpg", "moving.png", "overlay.png", "person.png"} <= samples[2].keys()
    alone = next(iter(webdataset.WebDataset(shard, shardshuffle=False).decode("pil")))
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
    assert (np.asarray(rows[1]["person"])[:, 56:] == 255).all()
    far = next(row for split in loaded.values() for row in split if row["clip_id"] == "far-000")
    assert far["person"] is None, "nobody looked for people: that is not the same as none"
    assert far["metric"] is False


def test_trimesh_loads_points_and_triangles_where_the_wall_is(exported):
    import trimesh

    cloud = trimesh.load(exported("ply") / "near-000.ply")
    assert len(cloud.vertices) > 500
    assert_on_wall(np.asarray(cloud.vertices), 2e-3)
    scene = trimesh.load(exported("glb") / "near-000.glb")
    mesh = scene.geometry["000005"]
    points = np.asarray(mesh.vertices) * [1, -1, -1]  # glTF has +y up
    assert_on_wall(points, 2e-3)
    centre = inverse_rigid(pose(5))[:3, 3]
    towards = (np.asarray(mesh.face_normals) * [1, -1, -1] * (centre - points[mesh.faces].mean(axis=1))).sum(axis=1)
    assert (towards > 0).all(), "faces look at the camera"


def test_no_triangle_spans_a_depth_step_or_a_hole():
    depth = np.array([[1.0, 1.0, 2.0], [1.0, np.nan, 2.0], [1.0, 1.0, 2.0]])
    assert triangles(depth).tolist() == [[0, 3, 1]]
    assert len(triangles(np.full((3, 3), 2.0))) == 8, "two for every square of pixels"


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
