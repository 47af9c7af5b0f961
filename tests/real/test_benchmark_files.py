"""Readers of benchmarks on real files: KITTI's lidar, a TUM frame, and the kitchen of 7-Scenes."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from sfm_gt import registry
from sfm_gt.geometry.camera import pixel_grid, unproject
from sfm_gt.geometry.transforms import inverse_rigid, transform_points
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.metrics.resizing import resized
from sfm_gt.models.shared.prediction import FrameKey
from sfm_gt.models.shared.settings import ModelConfig
from sfm_gt.public_datasets import open_benchmark
from sfm_gt.public_datasets.lidar import depth_of_points
from sfm_gt.public_datasets.seven_scenes import COLOUR_FOCAL_PX, COLOUR_FROM_DEPTH, DEPTH_FOCAL_PX

CAMERA_HEIGHT_M = 1.65  # above the road, from KITTI's sensor setup
# The road is neither flat nor level, and cars and kerbs stand on it.
HEIGHT_TOLERANCE_M = 0.25


def test_kittis_lidar_lies_on_the_road(shared_data):
    benchmark = open_benchmark("kitti_object", shared_data / "kitti")
    assert len(benchmark) == 3
    for frame in benchmark:
        # 64 beams over half of a turn that the camera sees a quarter of: 3 to 5 % of the pixels.
        assert 0.02 < frame.valid.mean() < 0.06
        points = unproject(
            frame.camera, pixel_grid(frame.camera.width, frame.camera.height), frame.z_depth_m.astype(float)
        )
        road = frame.valid & (np.abs(points[..., 0]) < 1.5) & (frame.z_depth_m < 12)
        road[: frame.camera.height * 3 // 4] = False
        below = points[..., 1][road]
        assert below.size > 200
        assert np.median(below) == pytest.approx(CAMERA_HEIGHT_M, abs=HEIGHT_TOLERANCE_M)


def test_kittis_projection_is_that_of_its_matrices(shared_data):
    """P2 R0 Tr applied to homogeneous points in one product, as the development kit's readme writes it."""
    frame = open_benchmark("kitti_object", shared_data / "kitti")[0]
    rows = dict(line.split(":") for line in (shared_data / "kitti/calib/000000.txt").read_text().splitlines() if line)
    p2, r0, tr = (np.array(rows[key].split(), float) for key in ("P2", "R0_rect", "Tr_velo_to_cam"))
    rectify, carry = np.eye(4), np.eye(4)
    rectify[:3, :3], carry[:3] = r0.reshape(3, 3), tr.reshape(3, 4)
    points = np.fromfile(shared_data / "kitti/velodyne/000000.bin", "<f4").reshape(-1, 4).astype(float)
    points = points[points[:, 0] >= 0]
    points[:, 3] = 1
    u, v, z = p2.reshape(3, 4) @ rectify @ carry @ points.T
    column, row = np.rint(u / z).astype(int), np.rint(v / z).astype(int)
    height, width = frame.valid.shape
    inside = (z > 0) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    expected = np.full((height, width), np.inf)
    np.minimum.at(expected, (row[inside], column[inside]), z[inside])
    differs = np.isfinite(expected) != frame.valid
    assert differs.mean() < 1e-5, "a point on the edge of two pixels may round either way"
    both = frame.valid & np.isfinite(expected)
    assert (np.abs(frame.z_depth_m[both] - expected[both]) < 1e-3).mean() > 0.999


def test_a_tum_frame(shared_data, tmp_path):
    sequence = tmp_path / "rgbd_dataset_freiburg3_office"
    for kind, name in (("rgb", "TUM_color.png"), ("depth", "TUM_depth.png")):
        (sequence / kind).mkdir(parents=True)
        shutil.copy(shared_data / "formats" / name, sequence / kind / "1.png")
        (sequence / f"{kind}.txt").write_text(f"1.0 {kind}/1.png\n")
    (sequence / "groundtruth.txt").write_text("# none\n")
    frame = open_benchmark("tum_rgbd", tmp_path)[0]
    assert frame.image.shape == (480, 640, 3)
    # What a Kinect can measure.
    assert 0.4 < np.nanmin(frame.z_depth_m) < np.nanmax(frame.z_depth_m) < 10
    assert 0.5 < frame.valid.mean() < 1


def _camera(focal_px: float) -> PinholeCamera:
    return PinholeCamera(640, 480, focal_px, focal_px, 320.0, 240.0)


def test_the_kitchens_depth_survives_registration(shared_data, tmp_path):
    """The sensor's depth as seen by colour, put back into the depth camera, is what 7-Scenes stores; reading registers it."""
    truth = cv2.imread(str(shared_data / "kitchen/truth/000100.png"), cv2.IMREAD_UNCHANGED) / 1000.0
    points = unproject(_camera(COLOUR_FOCAL_PX), pixel_grid(640, 480), truth)[truth > 0]
    stored = depth_of_points(_camera(DEPTH_FOCAL_PX), transform_points(inverse_rigid(COLOUR_FROM_DEPTH), points))
    sequence = tmp_path / "redkitchen" / "seq-01"
    sequence.mkdir(parents=True)
    (tmp_path / "redkitchen" / "TestSplit.txt").write_text("sequence1\n")
    shutil.copy(Path(shared_data / "kitchen/images/frame-000100.color.jpg"), sequence / "frame-000100.color.png")
    cv2.imwrite(str(sequence / "frame-000100.depth.png"), np.round(np.nan_to_num(stored) * 1000).astype(np.uint16))
    np.savetxt(sequence / "frame-000100.pose.txt", np.eye(4))
    frame = open_benchmark("seven_scenes", tmp_path)[0]
    both = frame.valid & (truth > 0)
    # Rounding to whole pixels twice moves edges; the image grows by 585 / 525 in between, which leaves holes.
    assert both.sum() > 0.75 * (truth > 0).sum()
    errors = np.abs(frame.z_depth_m - truth)[both] / truth[both]
    assert np.median(errors) < 2e-3
    unregistered = (stored > 0) & (truth > 0)
    assert np.median(np.abs(stored - truth)[unregistered] / truth[unregistered]) > 5 * np.median(errors)


def _affine_disparity_abs_rel(disparity: np.ndarray, z_depth_m: np.ndarray) -> float:
    """Least squares of scale and shift to 1/z, then the mean relative error of depth within 80 m."""
    scored = (z_depth_m > 1e-3) & (z_depth_m < 80)
    p, g = disparity[scored].astype(np.float64), z_depth_m[scored].astype(np.float64)
    (scale, shift), *_ = np.linalg.lstsq(np.stack([p, np.ones_like(p)], axis=1), 1 / g, rcond=None)
    depth = 1 / np.clip(scale * p + shift, 1 / 80, None)
    return float((np.abs(depth - g) / g).mean())


def test_a_trained_network_explains_kittis_lidar(shared_data, tmp_path):
    """Reader, preprocessing and network together: a mirrored map, which breaks their agreement, is worse."""
    pytest.importorskip("ai_edge_litert")
    path = tmp_path / "pydnet.yaml"
    path.write_text(
        f"name: pydnet\nfile: {shared_data / 'models' / 'mobile_pydnet_pruned35.tflite'}\n"
        "kind: affine_invariant_disparity\ninput: {height: 192, width: 640}\noutput: {negate: true}\nlicense: MIT\n"
    )
    model = registry.load("models", "tflite")(ModelConfig(name="pydnet", method="tflite", path=str(path)))
    right, mirrored = [], []
    for frame in open_benchmark("kitti_object", shared_data / "kitti"):
        native = model.predict(frame.image, frame.camera, FrameKey(frame.clip_id, frame.frame_index)).values
        values = resized(native, *frame.z_depth_m.shape, "bilinear")
        right.append(_affine_disparity_abs_rel(values, frame.z_depth_m))
        mirrored.append(_affine_disparity_abs_rel(values[:, ::-1], frame.z_depth_m))
    print(f"PyDNet on KITTI: {np.mean(right):.3f}, mirrored {np.mean(mirrored):.3f}")
    # Measured 0.145 and 0.192; streets look alike mirrored, so the bounds lie between.
    assert np.mean(right) < 0.165
    assert np.mean(mirrored) > 0.175
