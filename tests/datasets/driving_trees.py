"""Small folders in the official layouts of driving benchmarks, each with one thing known by hand: a wall, a point, a pose."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from tests.datasets.tree_parts import HEIGHT, POINTS, WIDTH, matrix, wall, write_depth_png, write_image, write_matrix

DRIVE = "2011_09_26_drive_0002_sync"
SEGMENT = "10023947602400723454_1120_000_1140_000"
CAM_FROM_VELO = np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0]])


def _row(key: str, values: np.ndarray) -> str:
    return f"{key}: {' '.join(f'{value:e}' for value in np.ravel(values))}\n"


def kitti(root: Path) -> Path:
    """Raw drive with frames 5, 7 and 9; annotated depth for 5 (val) and 7 (train); the selection; one object frame."""
    day = root / "2011_09_26"
    day.mkdir(parents=True)
    projection = np.hstack([matrix(), [[0], [0], [0]]])
    (day / "calib_cam_to_cam.txt").write_text(
        "calib_time: 09-Jan-2012 13:57:47\n" + _row("R_rect_00", np.eye(3)) + _row("P_rect_02", projection)
    )
    (day / "calib_velo_to_cam.txt").write_text(_row("R", CAM_FROM_VELO) + _row("T", np.zeros(3)))
    for number in (5, 7, 9):
        write_image(day / DRIVE / "image_02" / "data" / f"{number:010d}.png", seed=number)
        points = day / DRIVE / "velodyne_points" / "data" / f"{number:010d}.bin"
        points.parent.mkdir(parents=True, exist_ok=True)
        POINTS.tofile(points)
    for part, number in (("val", 5), ("train", 7)):
        path = root / part / DRIVE / "proj_depth" / "groundtruth" / "image_02" / f"{number:010d}.png"
        write_depth_png(path, wall(), 1 / 256)
    (root / "eigen_test_files.txt").write_text(
        f"2011_09_26/{DRIVE}/image_02/data/0000000005.png {DRIVE}/proj_depth/groundtruth/image_02/0000000005.png 721.5377\n"
        f"2011_09_26/{DRIVE} 0000000007 l\n"
        f"2011_09_26/{DRIVE}/image_02/data/0000000009.png None 721.5377\n"
    )
    selection = root / "val_selection_cropped"
    write_image(selection / "image" / f"{DRIVE}_image_0000000005_image_02.png")
    write_depth_png(
        selection / "groundtruth_depth" / f"{DRIVE}_groundtruth_depth_0000000005_image_02.png", wall(), 1 / 256
    )
    write_matrix(selection / "intrinsics" / f"{DRIVE}_image_0000000005_image_02.txt", matrix().reshape(1, 9))
    write_image(root / "image_2" / "000000.png")
    (root / "velodyne").mkdir()
    POINTS.tofile(root / "velodyne" / "000000.bin")
    (root / "calib").mkdir()
    calibration = {
        "P2": projection,
        "R0_rect": np.eye(3),
        "Tr_velo_to_cam": np.hstack([CAM_FROM_VELO, np.zeros((3, 1))]),
    }
    (root / "calib" / "000000.txt").write_text("".join(_row(key, values) for key, values in calibration.items()) + "\n")
    return root


def ddad(root: Path) -> Path:
    """One scene in each split. The lidar stands 1 m behind the camera; both are turned to the world as a car's are."""
    scene = root / "000150"
    write_image(scene / "rgb" / "CAMERA_01" / "1.png")
    (scene / "point_cloud" / "LIDAR").mkdir(parents=True)
    np.savez(scene / "point_cloud" / "LIDAR" / "1.npz", data=POINTS)
    # cam -> world (x forward, y left, z up): columns are the camera's axes in the world.
    camera_pose = {"rotation": {"qw": 0.5, "qx": -0.5, "qy": 0.5, "qz": -0.5}, "translation": {"x": 1.0}}
    lidar_pose = {"rotation": {"qw": 1.0}}
    k = {"fx": 30.0, "fy": 30.0, "cx": 15.5, "cy": 11.5, "skew": 0.0}
    (scene / "calibration").mkdir()
    (scene / "calibration" / "c.json").write_text(json.dumps({"names": ["LIDAR", "CAMERA_01"], "intrinsics": [{}, k]}))
    image = {"filename": "rgb/CAMERA_01/1.png", "width": WIDTH, "height": HEIGHT, "pose": camera_pose}
    sweep = {"filename": "point_cloud/LIDAR/1.npz", "pose": lidar_pose}
    content = {
        "samples": [{"datum_keys": ["a", "b"], "calibration_key": "c"}],
        "data": [
            {"key": "a", "id": {"name": "LIDAR"}, "datum": {"point_cloud": sweep}},
            {"key": "b", "id": {"name": "CAMERA_01"}, "datum": {"image": image}},
        ],
    }
    (scene / "scene_0.json").write_text(json.dumps(content))
    splits = {"0": {"filenames": ["000000/scene_0.json"]}, "1": {"filenames": ["000150/scene_0.json"]}}
    (root / "ddad.json").write_text(json.dumps({"scene_splits": splits}))
    return root


def vkitti2(root: Path) -> Path:
    """Frames 0 and 1 of one camera; the last row is sky."""
    clone = root / "Scene01" / "clone"
    rows = {"intrinsic": "frame cameraID K[0,0] K[1,1] K[0,2] K[1,2]\n", "extrinsic": "frame cameraID r1,1 r1,2 …\n"}
    for number in (0, 1):
        write_image(clone / "frames" / "rgb" / "Camera_0" / f"rgb_{number:05d}.jpg", seed=number)
        write_depth_png(
            clone / "frames" / "depth" / "Camera_0" / f"depth_{number:05d}.png", wall(), 0.01, invalid=65535
        )
        pose = np.eye(4)
        pose[:3, 3] = 1.0, 2.0, number
        rows["intrinsic"] += f"{number} 0 30 30 15.5 11.5\n"
        rows["extrinsic"] += f"{number} 0 {' '.join(map(str, pose.ravel()))}\n"
    for name, text in rows.items():
        (clone / f"{name}.txt").write_text(text)
    return root


# The camera's axes in a car's (x forward, y left, z up), as a quaternion w x y z.
CAR_FROM_CAM_WXYZ = (0.5, -0.5, 0.5, -0.5)
TURNED_WXYZ = (np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5))
"""A quarter turn to the left, about z."""
LEAN = (0.3, 0.2, 1.5)
"""Roll, pitch and yaw of a car."""


def nuscenes(root: Path) -> Path:
    """One validation and one training scene. The camera stands 1 m before the lidar, which is turned to the left: what lies
    ahead of it lies to its own right. Between sweep and image the car drives 2 m; in the world it looks along y."""
    x, y, z, one = POINTS.T
    points = np.stack([y, -x, z, one, one], axis=1)
    (root / "samples" / "LIDAR_TOP").mkdir(parents=True)
    rows: dict[str, list[dict]] = {"scene": [], "sample": [], "sample_data": [], "ego_pose": []}
    rows["sensor"] = [{"token": f"s{name}", "channel": name} for name in ("CAM_FRONT", "CAM_BACK", "LIDAR_TOP")]
    rows["calibrated_sensor"] = [
        {"token": "cCAM_FRONT", "sensor_token": "sCAM_FRONT", "translation": [1, 0, 0], "rotation": CAR_FROM_CAM_WXYZ,
         "camera_intrinsic": matrix().tolist()},
        {"token": "cCAM_BACK", "sensor_token": "sCAM_BACK", "translation": [0, 0, 0], "rotation": CAR_FROM_CAM_WXYZ,
         "camera_intrinsic": matrix().tolist()},
        {"token": "cLIDAR_TOP", "sensor_token": "sLIDAR_TOP", "translation": [0, 0, 0], "rotation": TURNED_WXYZ,
         "camera_intrinsic": []},
    ]  # fmt: skip
    for name in ("scene-0103", "scene-0061"):
        rows["scene"].append({"token": name, "name": name, "log_token": "drive"})
        # The second sample stands first in the table.
        for number in (1, 0):
            sample = f"{name}_{number}"
            rows["sample"].append({"token": sample, "scene_token": name, "timestamp": 1_500_000_000_000_000 + number})
            for channel, driven_m in (("CAM_FRONT", 2.0), ("CAM_BACK", 2.0), ("LIDAR_TOP", 0.0)):
                file = f"samples/{channel}/{sample}.{'pcd.bin' if channel == 'LIDAR_TOP' else 'jpg'}"
                if channel == "LIDAR_TOP":
                    points.astype("<f4").tofile(root / file)
                else:
                    write_image(root / file, seed=number)
                rows["ego_pose"].append(
                    {
                        "token": f"{sample}_{channel}",
                        "rotation": TURNED_WXYZ,
                        "translation": [100.0, 200.0 + driven_m, 0.0],
                    }
                )
                rows["sample_data"].append(
                    {"token": f"{sample}_{channel}", "sample_token": sample, "ego_pose_token": f"{sample}_{channel}",
                     "calibrated_sensor_token": f"c{channel}", "filename": file, "width": WIDTH, "height": HEIGHT,
                     "timestamp": 1_500_000_000_500_000 + number, "is_key_frame": True}
                )  # fmt: skip
                # Between key frames, which nobody scores.
                rows["sample_data"].append(rows["sample_data"][-1] | {"is_key_frame": False, "filename": "sweeps/x"})
    (root / "v1.0-trainval").mkdir()
    for name, content in rows.items():
        (root / "v1.0-trainval" / f"{name}.json").write_text(json.dumps(content))
    return root


def argoverse2(root: Path) -> Path:
    """One log of two sweeps, each 10 ms before its image, and a third sweep without one. The camera stands 1 m before the
    middle of the car, which drives 2 m between the first sweep and its image."""
    log = root / "val" / "00a6ffc1"
    quaternion, place = ("qw", "qx", "qy", "qz"), ("tx_m", "ty_m", "tz_m")
    for folder in ("calibration", "sensors/lidar"):
        (log / folder).mkdir(parents=True)
    lens = {
        "fx_px": 30.0,
        "fy_px": 30.0,
        "cx_px": 15.5,
        "cy_px": 11.5,
        "k1": -0.2,
        "height_px": HEIGHT,
        "width_px": WIDTH,
    }
    pd.DataFrame(
        [{"sensor_name": "ring_rear_left"} | lens | {"fx_px": 99.0}, {"sensor_name": "ring_front_center"} | lens]
    ).to_feather(log / "calibration" / "intrinsics.feather")
    names = [*quaternion, *place]
    mounts = {"ring_front_center": (*CAR_FROM_CAM_WXYZ, 1.0, 0.0, 0.0), "up_lidar": (1.0, 0.0, 0.0, 0.0, 9.0, 9.0, 9.0)}
    pd.DataFrame(
        [{"sensor_name": sensor} | dict(zip(names, pose, strict=True)) for sensor, pose in mounts.items()]
    ).to_feather(log / "calibration" / "egovehicle_SE3_sensor.feather")
    first = 315_000_000_000_000_000
    sweeps = [first, first + 100_000_000, first + 200_000_000]
    images = [first + 10_000_000, first + 60_000_000, first + 110_000_000]
    for number, time in enumerate(images):
        write_image(log / "sensors" / "cameras" / "ring_front_center" / f"{time}.jpg", seed=number)
    for time in sweeps:
        # Half precision, as in the data set.
        pd.DataFrame(POINTS[:, :3].astype(np.float16), columns=["x", "y", "z"]).to_feather(
            log / "sensors" / "lidar" / f"{time}.feather"
        )
    poses = [(time, *TURNED_WXYZ, 100.0, 200.0 + 2.0 * (time > first), 0.0) for time in sorted([*sweeps, *images])]
    pd.DataFrame(poses, columns=["timestamp_ns", *names]).to_feather(log / "city_SE3_egovehicle.feather")
    return root


def waymo(root: Path) -> Path:
    """Two images of one segment. The camera stands 1 m before the lidar and looks 30 degrees to the left of the car, which has
    driven 2 m since the sweep and goes on at 20 m/s, turning left by 0.5 rad/s. The lidar is turned to the left in the car;
    the car leans in the world.
    """
    times_us = (1_100_000, 1_000_000)
    roll, pitch, yaw = LEAN
    world_from_car = np.eye(4)
    world_from_car[:3, :3] = _turn(2, yaw) @ _turn(1, pitch) @ _turn(0, roll)
    world_from_car[:3, 3] = 100.0, 200.0, 3.0
    later = np.eye(4)
    later[0, 3] = 2.0
    car_from_cam, car_from_lidar = np.eye(4), np.eye(4)
    car_from_cam[:3, :3], car_from_cam[0, 3] = _turn(2, np.pi / 6), 1.0
    car_from_lidar[:3, :3] = _turn(2, np.pi / 2)
    # Two beams, the upper one first; five steps from back to left, front and right. Cameras: 1 in front, 2 to its left.
    distance = np.array([[10, 40, 10, -1, -1], [-10, 20, 10, -1, -1]])
    seen = np.zeros((2, 5, 6))
    seen[0, 0], seen[0, 1], seen[0, 2] = (2, 3, 3, 0, 0, 0), (1, 8, 20, 0, 0, 0), (2, 1, 1, 1, 24, 4)
    seen[1, 0], seen[1, 1], seen[1, 2] = (1, 5, 5, 0, 0, 0), (1, 8, 20, 0, 0, 0), (1, 16, 12, 0, 0, 0)
    leaning = np.broadcast_to([roll, pitch, yaw, *world_from_car[:3, 3]], (2, 5, 6))
    speed = world_from_car[:3, :3] @ [20.0, 0, 0]

    def of_sweeps(name: str, values: np.ndarray) -> dict:
        image = f"[{name}].range_image_return1"
        return {f"{image}.values": values.astype(np.float32).ravel(), f"{image}.shape": list(values.shape)}

    lens, lidar = "[CameraCalibrationComponent]", "[LiDARCalibrationComponent]"
    of_lens = {f"{lens}.extrinsic.transform": car_from_cam.ravel(), f"{lens}.width": WIDTH, f"{lens}.height": HEIGHT,
               f"{lens}.rolling_shutter_direction": 2}  # fmt: skip
    of_lidar = {f"{lidar}.extrinsic.transform": car_from_lidar.ravel(), f"{lidar}.beam_inclination.values": [0.0, 0.1]}
    sweeps = {
        "lidar": ("LiDARComponent", np.repeat(distance[..., None], 4, axis=2)),
        "lidar_camera_projection": ("LiDARCameraProjectionComponent", seen),
        "lidar_pose": ("LiDARPoseComponent", leaning),
    }
    # Each table has rows of another sensor, and images do not lie in their order.
    rows = {
        "camera_image": [{"key.camera_name": camera, "key.frame_timestamp_micros": time} |
                         _waymo_image(number + 10 * (camera - 1), world_from_car @ later, speed)
                         for number, time in enumerate(times_us) for camera in (2, 1)],
        "camera_calibration": [{"key.camera_name": camera} | of_lens | {f"{lens}.width": camera * WIDTH} for camera in (1, 2)],
        "lidar_calibration": [{"key.laser_name": 2} | of_lidar | {f"{lidar}.beam_inclination.values": None},
                              {"key.laser_name": 1} | of_lidar],
        **{folder: [{"key.laser_name": laser, "key.frame_timestamp_micros": time} | of_sweeps(name, laser * values)
                    for time in times_us for laser in (1, 2)] for folder, (name, values) in sweeps.items()},
    }  # fmt: skip
    for folder, content in rows.items():
        (root / "validation" / folder).mkdir(parents=True)
        pd.DataFrame(content).to_parquet(root / "validation" / folder / f"{SEGMENT}.parquet")
    return root


def _waymo_image(number: int, world_from_car: np.ndarray, speed: np.ndarray) -> dict:
    """Columns of an image that was taken a second after the one before, by a car that turns left."""
    name = "[CameraImageComponent]"
    picture = np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    return {
        f"{name}.image": cv2.imencode(".png", picture)[1].tobytes(),
        f"{name}.pose.transform": world_from_car.ravel(), f"{name}.pose_timestamp": 10.017 + number,
        **{f"{name}.velocity.linear_velocity.{axis}": value for axis, value in zip("xyz", speed, strict=True)},
        **{f"{name}.velocity.angular_velocity.{axis}": value for axis, value in zip("xyz", (0, 0, 0.5), strict=True)},
        f"{name}.rolling_shutter_params.shutter": 0.002,
        f"{name}.rolling_shutter_params.camera_trigger_time": 10.0 + number,
        f"{name}.rolling_shutter_params.camera_readout_done_time": 10.034 + number,
    }  # fmt: skip


def _turn(axis: int, angle: float) -> np.ndarray:
    """Rotation about an axis, right-handed."""
    one, two = (axis + 1) % 3, (axis + 2) % 3
    found = np.eye(3)
    found[[one, two], [one, two]] = np.cos(angle)
    found[two, one], found[one, two] = np.sin(angle), -np.sin(angle)
    return found
