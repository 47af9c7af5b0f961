"""Hypersim (Roberts et al. 2021); needs h5py.

    ai_001_001/images/scene_cam_00_final_preview/frame.0000.tonemap.jpg            1024x768
                      scene_cam_00_geometry_hdf5/frame.0000.depth_meters.hdf5      "dataset", distance from the camera

Distances along the ray become z with the camera that Marigold and Depth Anything take for all scenes: 886.81 px, its centre in
the middle of the image. Scenes with a tilted camera or another angle (metadata_camera_parameters.csv) are not treated apart
there, nor here. Scenes share ``video_id`` by their first number, which is that of a room's model.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError
from sfm_gt.geometry.camera import pixel_grid, unproject
from sfm_gt.geometry.conventions import valid_from_depth
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions, Reader
from sfm_gt.public_datasets.files import read_hdf5, read_image

CONVENTIONS = Conventions((1e-3, 20.0), (), "Depth Anything v2 (metric, indoors): cap 20 m")
CAMERA = PinholeCamera(1024, 768, 886.81, 886.81, 512.0, 384.0)


def _open(root: Path) -> Benchmark:
    frames = []
    for distance in sorted(root.glob("ai_*/images/scene_cam_*_geometry_hdf5/frame.*.depth_meters.hdf5")):
        scene, shot, number = distance.parents[2].name, distance.parent.name, distance.name.split(".")[1]
        preview = shot.replace("_geometry_hdf5", "_final_preview")
        image = distance.parents[1] / preview / f"frame.{number}.tonemap.jpg"
        clip_id = f"{scene}_{shot.removeprefix('scene_').removesuffix('_geometry_hdf5')}"
        frames.append(BenchmarkFrame(clip_id, "_".join(scene.split("_")[:2]), int(number), None, CAMERA, None,
                                     partial(read_image, image), partial(_read_depth, distance)))  # fmt: skip
    return Benchmark("hypersim", CONVENTIONS, frames, root, "ai_*/images/scene_cam_*_{final_preview,geometry_hdf5}")


def _read_depth(path: Path) -> Float[np.ndarray, "h w"]:
    distance = read_hdf5(path, "dataset").astype(np.float64)
    if distance.shape != (CAMERA.height, CAMERA.width):
        raise InputError(f"{path}: shape {distance.shape}, needed {(CAMERA.height, CAMERA.width)}")
    rays = unproject(CAMERA, pixel_grid(CAMERA.width, CAMERA.height), np.ones(distance.shape))
    depth = distance / np.linalg.norm(rays, axis=-1)
    return np.where(valid_from_depth(depth), depth, np.nan).astype(np.float32)


BENCHMARKS: dict[str, Reader] = {"hypersim": _open}
