"""Waymo Open Dataset, Perception v2 (Sun et al. 2020), validation segments, front camera; without its library.

    validation/{camera_image,camera_calibration,lidar,lidar_calibration,lidar_camera_projection,lidar_pose}/<segment>.parquet

Source: waymo-research/waymo-open-dataset: src/waymo_open_dataset/v2 (columns of these tables), utils/range_image_utils.py
(points of a range image), dataset.proto and third_party/camera/camera_model.cc (axes, times of a rolling shutter).

Depth is the first returns of the top lidar at the pixels that ``lidar_camera_projection`` states, which counts from the left
edge of the first pixel and knows lens and shutter; the nearest counts. z is that at the time when the pixel was read, by the
velocities of the car. Images have distortion, so ``camera`` is None; ``cam_from_world`` is the pose that is stated for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from scipy.spatial.transform import Rotation

from sfm_gt.errors import InputError
from sfm_gt.geometry.transforms import inverse_rigid, transform_points
from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions, Reader
from sfm_gt.public_datasets.lidar import depth_at

CONVENTIONS = Conventions((1e-3, 70.0), (), "UniDepth: 70 m; the lidar ends at 75 m")
FRONT, TOP = 1, 1
"""Numbers of the camera and of the lidar."""
AXES = np.array([[0.0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
"""Their camera looks along its x with y to the left; ours along z with x to the right."""
READOUT = {1: (0, 1, 0), 2: (1, 0, 0), 3: (0, -1, 1), 4: (-1, 0, 1), 5: (0, 0, 0)}
"""Share of the readout that has gone at (x, y), both as shares of the image: their factors, and what is added."""
IMAGE, LENS = "[CameraImageComponent]", "[CameraCalibrationComponent]"
SHUTTER = f"{IMAGE}.rolling_shutter_params"
SPEED, TURN = ([f"{IMAGE}.velocity.{kind}_velocity.{axis}" for axis in "xyz"] for kind in ("linear", "angular"))
"""Metres a second in the world; radians a second in the car."""
MOTION = (
    f"{IMAGE}.pose.transform", f"{IMAGE}.pose_timestamp", f"{SHUTTER}.shutter", f"{SHUTTER}.camera_trigger_time",
    f"{SHUTTER}.camera_readout_done_time", *SPEED, *TURN,
)  # fmt: skip
Row = dict[str, Any]


@dataclass(frozen=True)
class _Shot:
    """An image of the front camera: its segment, and the rows of its tables."""

    split: Path
    segment: str
    time_us: int
    image: Row
    lens: Row

    @property
    def car_from_cam(self) -> Float[np.ndarray, "4 4"]:
        return _matrix(self.lens[f"{LENS}.extrinsic.transform"]) @ AXES

    @property
    def cam_from_world(self) -> Float[np.ndarray, "4 4"]:
        return inverse_rigid(_matrix(self.image[f"{IMAGE}.pose.transform"]) @ self.car_from_cam)

    def of_sweep(self, component: str, *columns: str) -> Row:
        """The row of the top lidar at this time."""
        keys = {"laser_name": TOP, "frame_timestamp_micros": self.time_us}
        return _row(self.split / component / f"{self.segment}.parquet", columns, keys)


def _open(root: Path) -> Benchmark:
    frames = []
    for path in sorted((root / "validation" / "camera_image").glob("*.parquet")):
        split, segment = path.parents[1], path.stem
        lens = _lens(split / "camera_calibration" / path.name)
        rows = _rows(path, ("key.frame_timestamp_micros", *MOTION), {"camera_name": FRONT})
        rows.sort(key=lambda row: row["key.frame_timestamp_micros"])
        for index, row in enumerate(rows):
            shot = _Shot(split, segment, row["key.frame_timestamp_micros"], row, lens)
            frames.append(BenchmarkFrame(
                segment, segment, index, row[f"{IMAGE}.pose_timestamp"], None, shot.cam_from_world,
                partial(_read_image, path, shot.time_us), partial(_depth, shot),
            ))  # fmt: skip
    return Benchmark("waymo", CONVENTIONS, frames, root, "validation/camera_image/*.parquet and its five neighbours")


def _lens(path: Path) -> Row:
    columns = [f"{LENS}.{name}" for name in ("extrinsic.transform", "width", "height", "rolling_shutter_direction")]
    row = _row(path, columns, {"camera_name": FRONT})
    if row[columns[-1]] not in READOUT:
        raise InputError(
            f"{path}: rolling_shutter_direction is {row[columns[-1]]}, needed 1 to 5; download the segment again"
        )
    return row


def _read_image(path: Path, time_us: int) -> UInt8[np.ndarray, "h w 3"]:
    row = _row(path, (f"{IMAGE}.image",), {"camera_name": FRONT, "frame_timestamp_micros": time_us})
    pixels = cv2.imdecode(np.frombuffer(row[f"{IMAGE}.image"], np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise InputError(f"{path}: the image at {time_us} us is unreadable; download the segment again")
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def _depth(shot: _Shot) -> Float[np.ndarray, "h w"]:
    projected = _range_image(shot, "lidar_camera_projection", "LiDARCameraProjectionComponent")
    distance = _range_image(shot, "lidar", "LiDARComponent")[..., 0]
    first, second = projected[..., 0] == FRONT, projected[..., 3] == FRONT
    seen = (distance > 0) & (first | second)
    pixels = np.where(first[..., None], projected[..., 1:3], projected[..., 4:6])[seen].astype(np.float64)
    points_cam = transform_points(shot.cam_from_world, _points_world(shot, distance)[seen])
    width, height = shot.lens[f"{LENS}.width"], shot.lens[f"{LENS}.height"]
    late_s = _since_pose_s(shot, pixels / [width, height])
    return depth_at(height, width, pixels, points_cam[:, 2] - late_s * _approach(shot, points_cam))


def _approach(shot: _Shot, points_cam: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
    """By how many metres a second the z of still points falls: what the camera drives, and what it turns."""
    speed, turn = (np.array([shot.image[name] for name in names]) for names in (SPEED, TURN))
    cam_from_car = shot.car_from_cam[:3, :3].T
    turn_cam, arm_cam = cam_from_car @ turn, cam_from_car @ shot.car_from_cam[:3, 3]
    speed_cam = shot.cam_from_world[:3, :3] @ speed + np.cross(turn_cam, arm_cam)
    return speed_cam[2] + np.cross(turn_cam, points_cam)[:, 2]


def _since_pose_s(shot: _Shot, places: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, " n"]:
    """The middle of the exposure of pixels, by their place as shares of the image, after the time of the pose."""
    _, pose_s, exposure_s, trigger_s, done_s = (shot.image[name] for name in MOTION[:5])
    x, y, start = READOUT[shot.lens[f"{LENS}.rolling_shutter_direction"]]
    gone = places @ [x, y] + start
    return trigger_s + exposure_s / 2 + gone * (done_s - trigger_s - exposure_s) - pose_s


def _points_world(shot: _Shot, distance: Float[np.ndarray, "beams steps"]) -> Float[np.ndarray, "beams steps 3"]:
    """Ends of all beams: columns turn from back to left, front and right; the last inclination is that of the first row."""
    lidar, path = "[LiDARCalibrationComponent]", shot.split / "lidar_calibration" / f"{shot.segment}.parquet"
    row = _row(path, (f"{lidar}.extrinsic.transform", f"{lidar}.beam_inclination.values"), {"laser_name": TOP})
    car_from_lidar = _matrix(row[f"{lidar}.extrinsic.transform"])
    beams, steps = distance.shape
    stated = row[f"{lidar}.beam_inclination.values"]
    if stated is None or len(stated) != beams:
        raise InputError(
            f"{path}: no inclination for each of the {beams} beams of the top lidar; download the segment again"
        )
    inclination = np.asarray(stated, dtype=np.float64)[::-1, None]
    turn = np.pi * (1 - (2 * np.arange(steps) + 1) / steps) - np.arctan2(car_from_lidar[1, 0], car_from_lidar[0, 0])
    level = np.cos(inclination)
    rays = np.stack([np.cos(turn) * level, np.sin(turn) * level, np.sin(inclination) + 0 * turn], axis=-1)
    points_car = transform_points(car_from_lidar, distance[..., None] * rays)
    pose = _range_image(shot, "lidar_pose", "LiDARPoseComponent").astype(np.float64)
    roll_pitch_yaw = pose[..., :3].reshape(-1, 3)
    world_from_car = Rotation.from_euler("xyz", roll_pitch_yaw)
    return world_from_car.apply(points_car.reshape(-1, 3)).reshape(points_car.shape) + pose[..., 3:]


def _range_image(shot: _Shot, component: str, name: str) -> Float[np.ndarray, "beams steps c"]:
    values, shape = (f"[{name}].range_image_return1.{column}" for column in ("values", "shape"))
    row = shot.of_sweep(component, values, shape)
    return row[values].astype(np.float32).reshape(row[shape])


def _matrix(values: np.ndarray) -> Float[np.ndarray, "4 4"]:
    return np.array(values, dtype=np.float64).reshape(4, 4)


def _row(path: Path, columns: Sequence[str], keys: dict[str, int]) -> Row:
    rows = _rows(path, columns, keys)
    if len(rows) != 1:
        said = ", ".join(f"{key} {value}" for key, value in keys.items())
        raise InputError(f"{path}: {len(rows)} rows of {said}, needed one; download the segment again")
    return rows[0]


def _rows(path: Path, columns: Sequence[str], keys: dict[str, int]) -> list[Row]:
    """Rows of a table whose keys have these values, lists as arrays. Raises InputError."""
    from pyarrow import ArrowException, parquet

    try:
        wanted = [(f"key.{key}", "=", value) for key, value in keys.items()]
        table = parquet.read_table(path, columns=list(columns), filters=wanted)
    except (OSError, ArrowException, KeyError) as error:
        said = " ".join(str(error).split())
        raise InputError(f"{path}: no such table of Waymo v2 ({said}); download the segment again") from None
    rows: list[Row] = table.to_pandas().to_dict("records")
    return rows


BENCHMARKS: dict[str, Reader] = {"waymo": _open}
