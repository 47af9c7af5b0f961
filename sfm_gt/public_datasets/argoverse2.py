"""Argoverse 2 Sensor (Wilson et al. 2021), validation logs, front centre camera; without its API.

    val/<log>/sensors/cameras/ring_front_center/<ns>.jpg        1550x2048, undistorted
              sensors/lidar/<ns>.feather                        x y z, metres, in the frame of the car at that time
              calibration/intrinsics.feather                    sensor_name fx_px fy_px cx_px cy_px width_px height_px
              calibration/egovehicle_SE3_sensor.feather         sensor_name qw qx qy qz tx_m ty_m tz_m
              city_SE3_egovehicle.feather                       timestamp_ns, and the same

Source: the guide on the sensor data set and pinhole_camera.py of argoverse/av2-api. A frame is a sweep with the image nearest
in time; depth is the sweep, carried over by the car's poses at both times, as the API does; the nearest point counts.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError
from sfm_gt.geometry.transforms import inverse_rigid, transform_points
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions, Reader
from sfm_gt.public_datasets.files import camera_from_integer_centred, read_feather, read_image
from sfm_gt.public_datasets.lidar import depth_of_points, rigid

CONVENTIONS = Conventions((1e-3, 120.0), (), "UniDepth: 120 m")
CAMERA = "ring_front_center"
MAX_APART_NS = 25_000_000
"""Half the time between two images: a sweep farther from every image has lost its own."""
QUATERNION, TRANSLATION = ("qw", "qx", "qy", "qz"), ("tx_m", "ty_m", "tz_m")
INTRINSICS = ("fx_px", "fy_px", "cx_px", "cy_px", "width_px", "height_px")
NS = 1e-9
Table = dict[str, np.ndarray]


def _open(root: Path) -> Benchmark:
    frames = []
    for lidar in sorted({*root.glob("val/*/sensors/lidar"), *root.glob("sensor/val/*/sensors/lidar")}):
        frames += _log(lidar.parents[1])
    return Benchmark("argoverse2", CONVENTIONS, frames, root, f"val/<log> with sensors/lidar and images of {CAMERA}")


def _log(log: Path) -> list[BenchmarkFrame]:
    camera, ego_from_cam = _camera(log / "calibration")
    path = log / "city_SE3_egovehicle.feather"
    poses = read_feather(path, ("timestamp_ns", *QUATERNION, *TRANSLATION))
    rows = {int(time): row for row, time in enumerate(poses["timestamp_ns"])}
    images = {int(image.stem): image for image in (log / "sensors" / "cameras" / CAMERA).glob("*.jpg")}
    frames = []
    for index, sweep in enumerate(sorted((log / "sensors" / "lidar").glob("*.feather"))):
        time = int(sweep.stem)
        nearest = min(images, key=lambda of_image: abs(of_image - time), default=None)
        if nearest is None or abs(nearest - time) > MAX_APART_NS:
            continue
        if time not in rows or nearest not in rows:
            raise InputError(
                f"{path}: no pose at {time} or {nearest} ns, where a sweep and its image are; download the log again"
            )
        cam_from_world = inverse_rigid(_pose(poses, rows[nearest]) @ ego_from_cam)
        depth = partial(_depth, sweep, camera, cam_from_world @ _pose(poses, rows[time]))
        frames.append(BenchmarkFrame(log.name, log.name, index, nearest * NS, camera, cam_from_world,
                                     partial(read_image, images[nearest]), depth))  # fmt: skip
    return frames


def _camera(calibration: Path) -> tuple[PinholeCamera, Float[np.ndarray, "4 4"]]:
    """The camera, and ego_from_cam."""
    lenses = read_feather(calibration / "intrinsics.feather", ("sensor_name", *INTRINSICS))
    mounts = read_feather(calibration / "egovehicle_SE3_sensor.feather", ("sensor_name", *QUATERNION, *TRANSLATION))
    found = [np.flatnonzero(table["sensor_name"] == CAMERA) for table in (lenses, mounts)]
    if any(rows.size != 1 for rows in found):
        raise InputError(f"{calibration}: needed one row of {CAMERA} in each table; download the log again")
    lens, mount = (int(rows[0]) for rows in found)
    fx, fy, cx, cy, width, height = (float(lenses[name][lens]) for name in INTRINSICS)
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    return camera_from_integer_centred(matrix, int(width), int(height)), _pose(mounts, mount)


def _pose(table: Table, row: int) -> Float[np.ndarray, "4 4"]:
    return rigid([table[name][row] for name in QUATERNION], [table[name][row] for name in TRANSLATION])


def _depth(path: Path, camera: PinholeCamera, cam_from_ego: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "h w"]:
    points = np.stack(list(read_feather(path, ("x", "y", "z")).values()), axis=1).astype(np.float64)
    return depth_of_points(camera, transform_points(cam_from_ego, points))


BENCHMARKS: dict[str, Reader] = {"argoverse2": _open}
