"""Readers of driving benchmarks whose depth is points of a lidar: where they fall, and when, by hand."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation

from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.public_datasets import Benchmark, nuscenes, open_benchmark
from sfm_gt.public_datasets.lidar import depth_of_points, depth_of_points_by_dgp
from tests.datasets.benchmark_trees import TREES
from tests.datasets.driving_trees import LEAN, SEGMENT
from tests.datasets.tree_parts import HEIGHT, WIDTH, assert_fault, write_image

NAMES = ("kitti_object", "kitti_eigen_raw", "ddad", "nuscenes", "argoverse2", "waymo")


@pytest.fixture(scope="module")
def trees(tmp_path_factory) -> dict[str, Path]:
    return {name: TREES[name](tmp_path_factory.mktemp(name)) for name in NAMES}


def _open(trees, name) -> Benchmark:
    return open_benchmark(name, trees[name])


def _valid_pixels(frame) -> dict[tuple[int, int], float]:
    return {(int(r), int(c)): float(frame.z_depth_m[r, c]) for r, c in np.argwhere(frame.valid)}


def test_lidar_by_hand(trees):
    # K (0, 0, z) is (15.5, 11.5) from the centre of the first pixel, on the corner of four pixels: 16, 12 by rounding up.
    # The point 5 m ahead, 1 m left, 0.5 m up: 15.5 - 6 = 9.5, 11.5 - 3 = 8.5, so column 10, row 9.
    points = {(12, 16): 8.0, (9, 10): 5.0}
    assert _valid_pixels(_open(trees, "kitti_object")[0]) == pytest.approx(points)
    shifted = {(row - 1, column - 1): z for (row, column), z in points.items()}
    assert _valid_pixels(_open(trees, "kitti_eigen_raw")[0]) == pytest.approx(shifted)


def test_lidar_is_carried_over_by_both_poses(trees):
    frame = _open(trees, "ddad")[0]
    # The camera stands 1 m before the lidar: 8 m ahead of the lidar is 7 m from it, 5 m is 4 m and 1 m left is 7.5 px. From the
    # centre of the first pixel these are (15.5, 11.5) and (8, 7.75), and DGP drops the decimals.
    assert _valid_pixels(frame) == pytest.approx({(11, 15): 7.0, (7, 8): 4.0})
    centre = -frame.cam_from_world[:3, :3].T @ frame.cam_from_world[:3, 3]
    np.testing.assert_allclose(centre, [1, 0, 0], atol=1e-12)


@pytest.mark.parametrize("name", ["nuscenes", "argoverse2"])
def test_lidar_is_carried_over_to_the_time_of_the_image(trees, name):
    frame = _open(trees, name)[0]
    # The camera stands 1 m before the lidar and the car has driven 2 m: of 10 m and 8 m ahead 7 m and 5 m are left, of which
    # the nearer counts. The point 5 m ahead, 1 m left and 0.5 m up is 2 m away: 15.5 - 15 = 0.5 and 11.5 - 7.5 = 4 from the
    # centre of the first pixel.
    assert _valid_pixels(frame) == pytest.approx({(12, 16): 5.0, (4, 1): 2.0})
    # The car looks along the world's y at (100, 202, 0).
    np.testing.assert_allclose(frame.cam_from_world @ [100 + 6, 203 + 5, -7, 1], [6, 7, 5, 1], atol=1e-9)


def test_waymos_range_image_by_hand(trees):
    frame = _open(trees, "waymo")[0]
    ahead, left = math.cos(math.pi / 6), math.sin(math.pi / 6)

    def z(x: float, y: float, late_s: float) -> float:
        # In the car, the camera stands 3 m ahead of where the lidar stood at its time, and looks 30 degrees to the left. It
        # drives at 20 m/s, and at 0.5 m/s to the left, as it stands 1 m before what it turns about by 0.5 rad/s: what lies to
        # its right comes nearer in a turn to the left.
        right = (x - 3) * left - y * ahead
        return (x - 3) * ahead + y * left - late_s * (20 * ahead + 0.5 * left + 0.5 * right)

    # A quarter of the image takes 8 ms. Columns of the sweep are 72 degrees apart; the upper beam points up by 0.1.
    side = math.radians(72)
    points = {
        (12, 16): z(10, 0, 0),
        (4, 24): z(10 * math.cos(0.1), 0, 0.008),
        (20, 8): z(20 * math.cos(side), 20 * math.sin(side), -0.008),  # of two points there the nearer
    }
    assert _valid_pixels(frame) == pytest.approx(points, abs=1e-4)
    assert frame.camera is None
    assert [f.timestamp_s for f in _open(trees, "waymo")] == pytest.approx([11.017, 10.017]), (
        "in order of the sweeps' times"
    )
    rotation = Rotation.from_euler("xyz", LEAN).as_matrix()
    centre = rotation @ [2 + 1, 0, 0] + [100, 200, 3]
    np.testing.assert_allclose(frame.cam_from_world @ [*centre, 1], [0, 0, 0, 1], atol=1e-9)
    np.testing.assert_allclose(frame.cam_from_world[:3, :3] @ rotation @ [ahead, left, 0], [0, 0, 1], atol=1e-9)
    np.testing.assert_array_equal(
        frame.image[..., ::-1], np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    )


def test_every_sweep_has_the_image_nearest_in_time(trees, tmp_path):
    argoverse2 = _open(trees, "argoverse2")
    assert [frame.timestamp_s for frame in argoverse2] == pytest.approx([315e6 + 0.01, 315e6 + 0.11], abs=1e-6)
    write_image(tmp_path / "third.jpg", seed=2)
    np.testing.assert_array_equal(argoverse2[1].image, cv2.imread(str(tmp_path / "third.jpg"))[..., ::-1])


def test_nuscenes_scores_its_150_validation_scenes_and_mini_those_it_has(trees, tmp_path):
    names = nuscenes._names_of_scenes()
    assert len(names) == 150
    assert {"scene-0003", "scene-0103", "scene-0916", "scene-1073"} <= names
    assert not {"scene-0037", "scene-0061", "scene-0918", "scene-1074"} & names
    mini = Path(shutil.copytree(trees["nuscenes"], tmp_path / "mini"))
    (mini / "v1.0-trainval").rename(mini / "v1.0-mini")
    assert open_benchmark("nuscenes", mini).clip_ids == ("scene-0103",)
    assert {frame.video_id for frame in open_benchmark("nuscenes", mini)} == {"drive"}


def test_the_last_point_wins_where_the_kit_has_it_so():
    camera = PinholeCamera(32, 24, 30.0, 30.0, 16.0, 12.0)
    points = np.array([[0.0, 0.0, 4.0], [0.0, 0.0, 8.0]])
    assert depth_of_points(camera, points)[12, 16] == 4.0
    assert depth_of_points_by_dgp(camera, points)[11, 15] == 8.0


@pytest.mark.parametrize(
    ("name", "file", "spoil", "message"),
    [
        ("waymo", f"validation/lidar/{SEGMENT}.parquet", lambda p: p.unlink(), r"parquet: no such table of Waymo v2 \("),
        ("waymo", f"validation/lidar_pose/{SEGMENT}.parquet", lambda p: p.write_bytes(b"x"), "no such table of Waymo v2"),
        ("waymo", f"validation/lidar/{SEGMENT}.parquet", lambda p: pd.read_parquet(p)[2:].to_parquet(p),
         "0 rows of laser_name 1, frame_timestamp_micros 1100000, needed one"),
        ("waymo", f"validation/lidar_calibration/{SEGMENT}.parquet",
         lambda p: pd.read_parquet(p).assign(**{"key.laser_name": [1, 2]}).to_parquet(p), "no inclination for each"),
        ("nuscenes", "samples/LIDAR_TOP/scene-0103_0.pcd.bin", lambda p: p.write_bytes(b"\0" * 12), "needed 5 a point"),
        ("nuscenes", "samples/LIDAR_TOP/scene-0103_0.pcd.bin", lambda p: p.unlink(), r"pcd\.bin: missing"),
        ("nuscenes", "v1.0-trainval/ego_pose.json", lambda p: p.write_text("[]"), "v1.0-trainval: tables that do not fit"),
        ("nuscenes", "v1.0-trainval/scene.json", lambda p: p.unlink(), r"scene\.json: missing or no JSON"),
        ("argoverse2", "val/00a6ffc1/calibration/intrinsics.feather", lambda p: p.write_bytes(b"x"), "no Feather table with"),
        ("argoverse2", "val/00a6ffc1/calibration/intrinsics.feather", lambda p: pd.read_feather(p)[:1].to_feather(p),
         "needed one row of ring_front_center"),
        ("argoverse2", "val/00a6ffc1/city_SE3_egovehicle.feather", lambda p: pd.read_feather(p)[1:].to_feather(p),
         "no pose at 315000000000000000 or 315000000010000000 ns"),
    ],
)  # fmt: skip
def test_faults_name_the_file_and_the_fix(trees, tmp_path, name, file, spoil, message):
    assert_fault(trees[name], tmp_path, name, file, spoil, message)
