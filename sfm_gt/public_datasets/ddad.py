"""DDAD (Guizilini et al. 2020), validation scenes, front camera, in the DGP format of its archive.

    ddad.json                                scene_splits: "0" train, "1" val; file names of the scenes
    000150/scene_<hash>.json                 samples, data (images and lidar sweeps, each with its pose)
    000150/calibration/<key>.json            names, intrinsics
    000150/rgb/CAMERA_01/<time>.png          1936x1216
    000150/point_cloud/LIDAR/<time>.npz      "data": (N, 4), in the lidar's frame

Depth is the sweep of the same sample, transformed with the two poses (car and sensor move between the two times), as the
DGP library does it, and projected with its rounding and order.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from sfm_gt.errors import InputError
from sfm_gt.formats.manifest import read_json
from sfm_gt.geometry.transforms import inverse_rigid, transform_points
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions, Reader
from sfm_gt.public_datasets.files import camera_from_integer_centred, read_image
from sfm_gt.public_datasets.lidar import depth_of_points_by_dgp

CONVENTIONS = Conventions((1e-3, 200.0), (), "Guizilini et al. 2020: up to 200 m")
CAMERA, LIDAR = "camera_01", "lidar"
VALIDATION = "1"


def _open(root: Path) -> Benchmark:
    index = next(
        (f for f in (root / "ddad.json", root / "ddad_train_val" / "ddad.json") if f.is_file()), root / "ddad.json"
    )
    splits = read_json(index).get("scene_splits", {})
    frames = []
    for file in splits.get(VALIDATION, {}).get("filenames", []):
        frames += _scene(index.parent / file)
    return Benchmark("ddad", CONVENTIONS, frames, root, 'ddad.json with scene_splits: "1" and its scenes')


def _scene(file: Path) -> list[BenchmarkFrame]:
    folder, content = file.parent, read_json(file)
    try:
        data = {datum["key"]: datum for datum in content["data"]}
        frames = []
        for index, sample in enumerate(content["samples"]):
            by_sensor = {data[key]["id"]["name"].lower(): data[key]["datum"] for key in sample["datum_keys"]}
            image, sweep = by_sensor[CAMERA]["image"], by_sensor[LIDAR]["point_cloud"]
            camera = _camera(folder / "calibration" / f"{sample['calibration_key']}.json", image)
            cam_from_world = inverse_rigid(_pose(image["pose"]))
            depth = partial(_depth, folder / sweep["filename"], camera, cam_from_world @ _pose(sweep["pose"]))
            frames.append(BenchmarkFrame(folder.name, folder.name, index, None, camera, cam_from_world,
                                         partial(read_image, folder / image["filename"]), depth))  # fmt: skip
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{file}: no DGP scene with {CAMERA} and {LIDAR} ({error} is missing); unpack DDAD again"
        ) from None
    return frames


def _camera(file: Path, image: dict[str, Any]) -> PinholeCamera:
    calibration = read_json(file)
    number = [name.lower() for name in calibration["names"]].index(CAMERA)
    k = calibration["intrinsics"][number]
    matrix = np.array([[k["fx"], 0, k["cx"]], [0, k["fy"], k["cy"]], [0, 0, 1]])
    return camera_from_integer_centred(matrix, image["width"], image["height"])


def _pose(pose: dict[str, Any]) -> Float[np.ndarray, "4 4"]:
    """world_from_sensor. The format leaves zeros out."""
    rotation, translation = pose.get("rotation", {}), pose.get("translation", {})
    world_from_sensor = np.eye(4)
    world_from_sensor[:3, :3] = Rotation.from_quat([rotation.get(f"q{axis}", 0.0) for axis in "xyzw"]).as_matrix()
    world_from_sensor[:3, 3] = [translation.get(axis, 0.0) for axis in "xyz"]
    return world_from_sensor


def _depth(file: Path, camera: PinholeCamera, cam_from_lidar: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "h w"]:
    try:
        with np.load(file, allow_pickle=False) as archive:
            points = archive["data"][:, :3].astype(np.float64)
    except (OSError, ValueError, KeyError, EOFError):
        raise InputError(f"{file}: missing or no point cloud with 'data'; unpack DDAD again") from None
    return depth_of_points_by_dgp(camera, transform_points(cam_from_lidar, points))


BENCHMARKS: dict[str, Reader] = {"ddad": _open}
