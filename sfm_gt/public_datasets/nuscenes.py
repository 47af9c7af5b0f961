"""nuScenes (Caesar et al. 2020), key frames of the validation scenes, front camera; without its devkit.

    v1.0-trainval/{scene,sample,sample_data,sensor,calibrated_sensor,ego_pose}.json
    samples/CAM_FRONT/*.jpg             1600x900, undistorted
            LIDAR_TOP/*.pcd.bin         float32, five a point: x y z intensity ring, metres, in the lidar's frame

Where there is only v1.0-mini, its two validation scenes. Source: schema_nuscenes.md, splits.py and data_classes.py of
nutonomy/nuscenes-devkit: tables are joined by tokens, rotations are quaternions w x y z, sensors stand in the frame of the car,
the car in the world. Depth is the sweep of the same sample, carried over by the car's poses at both times, as the devkit does;
the nearest point of a pixel counts. Scenes of one drive share ``video_id``.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError
from sfm_gt.geometry.transforms import inverse_rigid, transform_points
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions, Reader
from sfm_gt.public_datasets.files import camera_from_integer_centred, read_image, read_json
from sfm_gt.public_datasets.lidar import depth_of_points, read_points, rigid

CONVENTIONS = Conventions((1.0, 80.0), (), "from 1 m as the devkit shows it (nearer is the car), to 80 m (UniDepth)")
CAMERA, LIDAR = "CAM_FRONT", "LIDAR_TOP"
VERSIONS = ("v1.0-trainval", "v1.0-mini")
VALIDATION = (
    "3 12-18 35-36 38-39 92-110 221 268-278 329-332 344-346 519-524 552-565 625-627 629-630 632-638 770-771 775 777-778 "
    "780-784 794-800 802 904-917 919-931 962-963 966-969 971-972 1059-1073"
)
"""Numbers of the 150 scenes."""
US = 1e-6
Row = dict[str, Any]


def _open(root: Path) -> Benchmark:
    folder = next((root / version for version in VERSIONS if (root / version).is_dir()), root / VERSIONS[0])
    try:
        frames = _frames(root, folder)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{folder}: tables that do not fit one another ({error}); unpack all of one version again"
        ) from None
    return Benchmark(
        "nuscenes", CONVENTIONS, frames, root, f"validation scenes in {folder.name}, samples/{CAMERA} and {LIDAR}"
    )


def _frames(root: Path, folder: Path) -> list[BenchmarkFrame]:
    names = _names_of_scenes()
    scenes = {scene["token"]: scene for scene in read_json(folder / "scene.json") if scene["name"] in names}
    by_scene: dict[str, list[Row]] = {token: [] for token in scenes}
    for sample in read_json(folder / "sample.json"):
        by_scene.get(sample["scene_token"], []).append(sample)
    sensors = {sensor["token"]: sensor["channel"] for sensor in read_json(folder / "sensor.json")}
    calibrations = {row["token"]: row for row in read_json(folder / "calibrated_sensor.json")}
    kept = {sample["token"]: dict[str, Row]() for samples in by_scene.values() for sample in samples}
    for row in read_json(folder / "sample_data.json"):
        channel = sensors[calibrations[row["calibrated_sensor_token"]]["sensor_token"]]
        if row["is_key_frame"] and channel in (CAMERA, LIDAR) and row["sample_token"] in kept:
            kept[row["sample_token"]][channel] = row
    wanted = {row["ego_pose_token"] for data in kept.values() for row in data.values()}
    egos = {row["token"]: row for row in read_json(folder / "ego_pose.json") if row["token"] in wanted}
    frames = []
    for token, samples in by_scene.items():
        for index, sample in enumerate(sorted(samples, key=lambda sample: sample["timestamp"])):
            image, sweep = kept[sample["token"]][CAMERA], kept[sample["token"]][LIDAR]
            calibration = calibrations[image["calibrated_sensor_token"]]
            matrix = np.array(calibration["camera_intrinsic"], dtype=np.float64)
            camera = camera_from_integer_centred(matrix, image["width"], image["height"])
            cam_from_world = inverse_rigid(_pose(egos[image["ego_pose_token"]]) @ _pose(calibration))
            world_from_lidar = _pose(egos[sweep["ego_pose_token"]]) @ _pose(
                calibrations[sweep["calibrated_sensor_token"]]
            )
            frames.append(BenchmarkFrame(
                scenes[token]["name"], scenes[token]["log_token"], index, image["timestamp"] * US, camera, cam_from_world,
                partial(read_image, root / image["filename"]),
                partial(_depth, root / sweep["filename"], camera, cam_from_world @ world_from_lidar),
            ))  # fmt: skip
    return frames


def _names_of_scenes() -> set[str]:
    ranges = [[int(end) for end in part.split("-")] for part in VALIDATION.split()]
    return {f"scene-{number:04d}" for ends in ranges for number in range(ends[0], ends[-1] + 1)}


def _pose(row: Row) -> Float[np.ndarray, "4 4"]:
    return rigid(row["rotation"], row["translation"])


def _depth(path: Path, camera: PinholeCamera, cam_from_lidar: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "h w"]:
    points = read_points(path, 5, "the part of nuScenes that holds it")
    return depth_of_points(camera, transform_points(cam_from_lidar, points))


BENCHMARKS: dict[str, Reader] = {"nuscenes": _open}
