"""Readers of public benchmarks on small folders in their layouts: numbers by hand, and what every reader keeps."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from sfm_gt.errors import ConfigError, InputError
from sfm_gt.geometry.camera import project
from sfm_gt.metrics.crops import CropName
from sfm_gt.public_datasets import Benchmark, names, open_benchmark
from tests.datasets.benchmark_trees import TREES
from tests.datasets.driving_trees import DRIVE, SEGMENT
from tests.datasets.tree_parts import HEIGHT, WIDTH, assert_fault, wall, write_depth_png, write_image

pytest.importorskip("h5py")

# Steps of the stored depth: 1/256 m is the coarsest (KITTI).
DEPTH_STEP_M = 1 / 256


@pytest.fixture(scope="module")
def trees(tmp_path_factory) -> dict[str, Path]:
    return {name: build(tmp_path_factory.mktemp(name)) for name, build in TREES.items()}


def _open(trees, name) -> Benchmark:
    return open_benchmark(name, trees[name])


@pytest.mark.parametrize("name", names())
def test_what_every_reader_keeps(trees, name):
    assert name in TREES, f"{name} needs a small folder in its layout in benchmark_trees.py"
    benchmark = _open(trees, name)
    assert benchmark.name == name
    assert len(benchmark) == sum(len(benchmark.frames_of(clip)) for clip in benchmark.clip_ids) > 0
    assert set(benchmark.conventions.crops) <= set(get_args(CropName))
    assert 0 < benchmark.conventions.gt_range_m[0] < benchmark.conventions.gt_range_m[1]
    for frame in benchmark:
        height, width = frame.z_depth_m.shape
        assert frame.image.shape == (height, width, 3)
        assert (frame.image.dtype, frame.z_depth_m.dtype) == (np.uint8, np.float32)
        assert frame.valid.any() == (frame.nearer_farther is None)
        np.testing.assert_array_equal(frame.valid, np.isfinite(frame.z_depth_m))
        assert np.isnan(frame.sigma_m).all()
        assert frame.moving.shape == frame.overlay.shape == (height, width)
        assert "/" not in frame.clip_id, "a folder of predictions is named after it"
        assert frame.camera is None or (frame.camera.width, frame.camera.height) == (width, height)
        if frame.cam_from_world is not None:
            np.testing.assert_allclose(np.linalg.det(frame.cam_from_world[:3, :3]), 1.0, atol=1e-6)


# Lidar readers hold three points, 7-Scenes a flat wall, DA-2K none.
OTHERS = ("kitti_eigen_raw", "kitti_object", "seven_scenes", "ddad", "da2k", "nuscenes", "argoverse2", "waymo")
MAPS = [name for name in TREES if name not in OTHERS]


@pytest.mark.parametrize("name", MAPS)
def test_depth_is_in_metres_and_holes_are_nan(trees, name):
    for frame in _open(trees, name):
        expected = wall(*frame.z_depth_m.shape)
        if name == "nyuv2_filled":
            expected[0] = 3.0
        np.testing.assert_allclose(frame.z_depth_m, expected, atol=DEPTH_STEP_M)


def test_frames_and_their_names(trees):
    found = {name: [(frame.clip_id, frame.frame_index) for frame in _open(trees, name)] for name in TREES}
    assert found["kitti_eigen"] == [(DRIVE, 5), (DRIVE, 7)], "frame 9 has no annotated depth"
    assert found["kitti_eigen_raw"] == [(DRIVE, 5), (DRIVE, 7), (DRIVE, 9)]
    assert found["kitti_official"] == [(f"{DRIVE}_02", 5)]
    assert found["nyuv2"] == [("office_0001", 2), ("office_0001", 3)]
    assert found["sintel_final"] == [("alley_1", 1), ("alley_1", 2)]
    assert found["eth3d"] == [("courtyard", 0)]
    assert found["diode"] == [("indoors_scene_00019_scan_00183", 0), ("outdoor_scene_00019_scan_00183", 0)]
    assert found["scannet"] == [("scene0707_00", 0), ("scene0707_00", 10)]
    assert found["tum_rgbd"] == [("rgbd_dataset_freiburg1_xyz", 0), ("rgbd_dataset_freiburg1_xyz", 1)]
    assert found["seven_scenes"] == [("redkitchen_seq-03", 0)]
    assert found["ddad"] == [("000150", 0)]
    assert found["vkitti2"] == [("Scene01_clone_0", 0), ("Scene01_clone_0", 1)]
    assert found["tartanair"] == [("office_Easy_P000", 0)]
    assert found["hypersim"] == [("ai_001_002_cam_00", 3)]
    assert found["spring"] == [("0001", 1)]
    assert found["ibims1"] == [("corridor_01", 0)]
    assert found["booster"] == [("Bathroom", 0), ("Bathroom", 1)]
    assert found["dtu"] == [("scan9", 4)]
    assert found["syns_patches"] == [("01", 7)]
    assert found["nuscenes"] == [("scene-0103", 0), ("scene-0103", 1)]
    assert found["argoverse2"] == [("00a6ffc1", 0), ("00a6ffc1", 1)], "the third sweep has no image"
    assert found["waymo"] == [(SEGMENT, 0), (SEGMENT, 1)]
    assert found["hammer"] == [("scene12_traj1_1", 3)]
    assert found["da2k"] == [("aerial", 0), ("indoor", 0), ("indoor", 1)]
    assert found["scannetpp_iphone"] == found["scannetpp_dslr"] == [("036bce3393", 0)]


def test_frames_that_papers_on_video_score(trees, tmp_path):
    assert {(f.clip_id, f.frame_index) for f in _open(trees, "bonn_monst3r")} == {
        ("rgbd_bonn_crowd2", n) for n in range(30, 140)
    }
    assert _open(trees, "sintel_monst3r").clip_ids == ("temple_3",)
    # Of frames 0 and 10, 10 is none of every third.
    assert [f.frame_index for f in _open(trees, "scannet_monst3r")] == [0]
    kitti = TREES["kitti_monst3r"](tmp_path)
    annotated = kitti / "val" / DRIVE / "proj_depth" / "groundtruth" / "image_02"
    for number in range(6, 200):
        shutil.copy(annotated / "0000000005.png", annotated / f"{number:010d}.png")
        image = kitti / "2011_09_26" / DRIVE / "image_02" / "data" / f"{number:010d}.png"
        if not image.exists():
            shutil.copy(image.with_name("0000000005.png"), image)
    assert [f.frame_index for f in open_benchmark("kitti_depthcrafter", kitti)] == list(range(5, 115))
    assert [f.frame_index for f in open_benchmark("kitti_monst3r", kitti)] == list(range(5, 115, 2))


@pytest.mark.parametrize(
    "name",
    [
        "kitti_object",
        "kitti_official",
        "sintel_final",
        "ddad",
        "scannet",
        "vkitti2",
        "spring",
        "ibims1",
        "booster",
        "dtu",
        "hammer",
        "nuscenes",
        "argoverse2",
    ],
)
def test_principal_points_move_by_half_a_pixel(trees, name):
    camera = _open(trees, name)[0].camera
    # Written with the centre of the first pixel at 0, the middle of 32 x 24 px is (15.5, 11.5); here it is (16, 12).
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == pytest.approx((30, 30, 16, 12))


def test_the_virtual_camera_of_syns_patches(trees):
    camera = _open(trees, "syns_patches")[0].camera
    assert 2 * math.degrees(math.atan(camera.width / 2 / camera.fx)) == pytest.approx(84.10)
    assert 2 * math.degrees(math.atan(camera.height / 2 / camera.fy)) == pytest.approx(25.46)


def test_kitti_has_a_name_for_each_way_to_crop_and_diode_scores_all_of_its_mask(trees):
    crops = {name: _open(trees, name).conventions.crops[0] for name in ("kitti_eigen", "kitti_eigen_bts")}
    assert crops == {"kitti_eigen": "kitti_garg_352x1216", "kitti_eigen_bts": "kitti_garg"}
    assert _open(trees, "diode").conventions.gt_range_m[0] < 0.5, "the devkit's only bound is 0"


def test_poses_by_hand(trees):
    tum = _open(trees, "tum_rgbd")
    # 90 degrees about y, as world_from_cam: the camera at (1, 2, 3) looks along the world's x.
    np.testing.assert_allclose(tum[0].cam_from_world @ [1 + 5, 2, 3, 1], [0, 0, 5, 1], atol=1e-6)
    assert tum[1].cam_from_world is None, "the next pose is 25 ms away"
    assert [frame.timestamp_s for frame in tum] == [1.0, 1.03]
    assert _open(trees, "bonn")[0].cam_from_world is None
    np.testing.assert_allclose(_open(trees, "sintel_clean")[1].cam_from_world[:3, 3], [0.5, 0, 2])
    np.testing.assert_allclose(_open(trees, "vkitti2")[1].cam_from_world[:3, 3], [1, 2, 1])
    for name in ("spring", "dtu", "scannetpp_iphone"):
        np.testing.assert_allclose(_open(trees, name)[0].cam_from_world[:3, 3], [1, 2, 3])
    # 5 m ahead, 6 to the right and 7 below a camera that looks north.
    tartanair = _open(trees, "tartanair")[0].cam_from_world
    np.testing.assert_allclose(tartanair @ [1 + 5, 2 + 6, 3 + 7, 1], [6, 7, 5, 1], atol=1e-12)
    np.testing.assert_allclose(_open(trees, "hammer")[0].cam_from_world[:3, 3], [-1, -2, -3])
    scannet = _open(trees, "scannet")
    assert scannet[0].cam_from_world is None, "tracking was lost"
    np.testing.assert_allclose(scannet[1].cam_from_world[:3, 3], [-1, -2, -3])
    # COLMAP's images.txt is cam_from_world already: 90 degrees about y takes the world's z to x.
    np.testing.assert_allclose(_open(trees, "eth3d")[0].cam_from_world @ [0, 0, 1, 1], [2, 2, 3, 1], atol=1e-6)


def test_the_first_end_of_a_pair_is_the_nearer(trees):
    pairs = [frame.nearer_farther.tolist() for frame in _open(trees, "da2k")]
    assert pairs == [
        [[[1, 1], [1, 2]]],
        [[[5, 1], [6, 30]], [[0, 0], [23, 31]], [[3, 4], [3, 5]]],
        [[[20, 2], [2, 20]]],
    ]


def test_images_are_rgb_as_stored(trees, tmp_path):
    expected = write_image(tmp_path / "same.png", seed=1)
    np.testing.assert_array_equal(_open(trees, "sintel_final")[0].image, expected)
    nyu = _open(trees, "nyuv2")[0].image
    np.testing.assert_array_equal(nyu, np.random.default_rng(0).integers(0, 256, (3, 480, 640, 3), np.uint8)[1])


def test_seven_scenes_depth_is_registered_to_the_colour_camera(trees):
    frame = _open(trees, "seven_scenes")[0]
    valid = frame.valid
    np.testing.assert_allclose(frame.z_depth_m[valid], 2.0, atol=1e-6)
    rows, columns = np.nonzero(valid)
    # x' = 525 (x/585 - 0.025/2): the edges -320 and 320 px of the depth image land at -293.7 and 280.6 px from the middle.
    assert columns.min() == pytest.approx(320 - 293.7, abs=1)
    assert columns.max() == pytest.approx(320 + 280.6, abs=1)
    # The ten invalid rows end at -230 px, which is -206.4 px here.
    assert rows.min() == pytest.approx(240 - 206.4, abs=1)
    assert valid[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].all(), "the image shrinks, so no holes"
    # The colour camera stands 25 mm right of the depth camera, which stands at (1, 0, 0).
    centre = -frame.cam_from_world[:3, :3].T @ frame.cam_from_world[:3, 3]
    np.testing.assert_allclose(centre, [1.025, 0, 0], atol=1e-12)


def test_reading_leaves_nothing_behind(trees):
    benchmark = _open(trees, "sintel_final")
    assert benchmark[0].image is not benchmark[0].image, "a second reading: the first frame's arrays went with it"


def test_reading_needs_no_runtime():
    heavy = ("torch", "h5py", "pandas", "scipy.io", "matplotlib")
    code = f"import sys, sfm_gt.datasets as d; d.open_benchmark; print([m for m in {heavy!r} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"


def test_unknown_name_and_wrong_folder(tmp_path):
    with pytest.raises(ConfigError, match=r"no 'nyu2', known are .*; did you mean 'nyuv2'"):
        open_benchmark("nyu2", tmp_path)
    with pytest.raises(InputError, match="no such folder; give the one that holds the files of diode"):
        open_benchmark("diode", tmp_path / "gone")


@pytest.mark.parametrize("name", names())
def test_an_empty_folder_is_one_clear_line(tmp_path, name):
    with pytest.raises(InputError) as error:
        open_benchmark(name, tmp_path)
    assert "\n" not in str(error.value)
    assert str(tmp_path) in str(error.value)


def _tag(path: Path) -> None:
    path.write_bytes(b"\0" * 40)


@pytest.mark.parametrize(
    ("name", "file", "spoil", "message"),
    [
        ("kitti_eigen", "eigen_test_files.txt", lambda p: p.write_text("nonsense\n"), "names no drive and frame"),
        ("kitti_eigen", "eigen_test_files.txt", lambda p: p.write_text(f"2011_09_26/{DRIVE} 0000000005 r\n"), "left camera"),
        ("kitti_eigen", f"val/{DRIVE}/proj_depth/groundtruth/image_02/0000000005.png",
         lambda p: write_depth_png(p, wall(5, 7), 1 / 256), "depth is 7x5 px, the image 32x24"),
        ("kitti_object", "velodyne/000000.bin", lambda p: p.write_bytes(b"\0" * 12), "3 numbers, needed 4 a point"),
        ("kitti_object", "calib/000000.txt", lambda p: p.write_text("P0: 1 2\n"), "holds no numbers P2"),
        ("nyuv2", "splits.mat", lambda p: p.unlink(), r"splits\.mat: not there"),
        ("nyuv2", "nyu_depth_v2_labeled.mat", lambda p: p.write_bytes(b"x"), "not an HDF5 file"),
        ("sintel_final", "training/depth/alley_1/frame_0001.dpt", _tag, "does not begin with Sintel's tag"),
        ("sintel_final", "training/final/alley_1/frame_0001.png", lambda p: p.unlink(), r"frame_0001\.png: missing"),
        ("eth3d", "courtyard/ground_truth_depth/dslr_images/DSC_0286.JPG", _tag, "10 values for 32x24 px"),
        ("scannet", "scans/scene0707_00/pose/10.txt", lambda p: p.write_text("1 2 3\n"), "holds 3 numbers, needed 4 x 4"),
        ("scannet", "scans/scene0707_00/depth/10.png", lambda p: write_image(p), "found uint8 of shape"),
        ("tum_rgbd", "rgbd_dataset_freiburg1_xyz/depth.txt", lambda p: p.write_text("1.0 a b\n"), r"depth\.txt: a line has"),
        ("syns_patches", "splits/test_files.txt", lambda p: p.write_text("01\n"), "names no scene and numbered item"),
        ("syns_patches", "01/depths/07.npy", lambda p: p.unlink(), r"07\.npy: not there"),
        ("booster", "train/balanced/Bathroom/calib_00-02.xml", lambda p: p.unlink(), "holds no proj_matL"),
        ("dtu", "Cameras/00000004_cam.txt", lambda p: p.write_text("extrinsic 1 2\n"), "no extrinsic"),
        ("dtu", "Depths_raw/scan9/depth_map_0004.pfm", _tag, "no readable PFM of the size of depth_visual_0004"),
        ("scannetpp_dslr", "data/036bce3393/dslr/colmap/images.txt", lambda p: p.write_text("1 2 3\n"), "no poses of COLMAP"),
        ("da2k", "DA-2K/annotations.json", lambda p: p.write_text('{"images/indoor/a.png": [{"point1": [0, 0]}]}'),
         r"annotations\.json: images/indoor/a\.png: no pairs of point1.*'closer_point'"),
        ("da2k", "DA-2K/annotations.json", lambda p: p.write_text(p.read_text().replace("[23, 31]", "[31, 23]")),
         r"no pixel \(row, column\) of its 32x24 px"),
        ("hammer", "scene12_traj1_1/polarization/intrinsics.txt", lambda p: p.unlink(), r"intrinsics\.txt: cannot be read"),
        ("hammer", "scene12_traj1_1/polarization/_pose/000003.txt", lambda p: p.write_text("1 0 0"), "needed 4 x 4"),
        ("da2k", "DA-2K/annotations.json", lambda p: p.write_text("[1"), "missing or no JSON"),
        ("ddad", "000150/scene_0.json", lambda p: p.write_text('{"data": []}'), "'samples' is missing"),
    ],
)  # fmt: skip
def test_faults_name_the_file_and_the_fix(trees, tmp_path, name, file, spoil, message):
    assert_fault(trees[name], tmp_path, name, file, spoil, message)


def test_a_tum_sequence_that_was_renamed(tmp_path):
    TREES["tum_rgbd"](tmp_path)
    (tmp_path / "rgbd_dataset_freiburg1_xyz").rename(tmp_path / "mine")
    with pytest.raises(InputError, match=r"mine: the name holds none of freiburg1, .* rename it back"):
        open_benchmark("tum_rgbd", tmp_path)
    # One sequence alone is a benchmark folder too.
    (tmp_path / "mine").rename(tmp_path / "rgbd_dataset_freiburg3_x")
    assert open_benchmark("tum_rgbd", tmp_path / "rgbd_dataset_freiburg3_x")[0].camera.fx == 535.4


def test_projection_and_camera_agree(trees):
    """A point of the map, carried out and back through the frame's own camera, lands in its own pixel."""
    frame = _open(trees, "kitti_object")[0]
    row, column = 9, 10
    point = np.array([[-1.0, -0.5, 5.0]])
    assert np.floor(project(frame.camera, point)[0]).tolist() == [column, row]
    assert frame.valid.shape == (HEIGHT, WIDTH)
