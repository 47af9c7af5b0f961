"""TartanAir (Wang et al. 2020), left camera.

    abandonedfactory/Easy/P001/image_left/000000_left.png          640x480
                               depth_left/000000_left_depth.npy    float32, metres along the optical axis
                               pose_left.txt    "tx ty tz qx qy qz qw" a frame: world_from_camera, axes forward, right, down

The camera is that of the data set's page: 320 px, its centre in the middle of the image, so no half pixel is added. An archive
may hold the environment's folder twice (``abandonedfactory/abandonedfactory/Easy``): give the inner one's parent.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from sfm_gt.errors import InputError
from sfm_gt.formats.array_file import read_array
from sfm_gt.geometry.conventions import valid_from_depth
from sfm_gt.geometry.transforms import inverse_rigid
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions, Reader
from sfm_gt.public_datasets.files import read_image, read_table

CONVENTIONS = Conventions((1e-3, 80.0), (), "no common one; 80 m as on KITTI leaves the rendered sky out")
CAMERA = PinholeCamera(640, 480, 320.0, 320.0, 320.0, 240.0)
CAM_FROM_NED = np.array([[0.0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])


def _open(root: Path) -> Benchmark:
    frames = []
    for sequence in sorted(path.parent for path in root.glob("*/*/P*/depth_left")):
        environment, level = sequence.parents[1].name, sequence.parent.name
        depths, poses = sorted(sequence.glob("depth_left/*_left_depth.npy")), _poses(sequence / "pose_left.txt")
        if len(depths) != len(poses):
            raise InputError(f"{sequence}: {len(depths)} depth maps and {len(poses)} poses; unpack it again")
        for depth, pose in zip(depths, poses, strict=True):
            number = depth.name.removesuffix("_left_depth.npy")
            image = sequence / "image_left" / f"{number}_left.png"
            frames.append(BenchmarkFrame(
                f"{environment}_{level}_{sequence.name}", environment, int(number), None, CAMERA, pose,
                partial(read_image, image), partial(_read_depth, depth),
            ))  # fmt: skip
    return Benchmark(
        "tartanair", CONVENTIONS, frames, root, "<environment>/<level>/P*/{image_left,depth_left,pose_left.txt}"
    )


def _poses(path: Path) -> list[Float[np.ndarray, "4 4"]]:
    rows = read_table(path, 7)
    world_from_ned = np.tile(np.eye(4), (len(rows), 1, 1))
    world_from_ned[:, :3, :3] = Rotation.from_quat(rows[:, 3:]).as_matrix()
    world_from_ned[:, :3, 3] = rows[:, :3]
    return list(CAM_FROM_NED @ inverse_rigid(world_from_ned))


def _read_depth(path: Path) -> Float[np.ndarray, "h w"]:
    depth = read_array(path)
    return np.where(valid_from_depth(depth), depth, np.nan).astype(np.float32)


BENCHMARKS: dict[str, Reader] = {"tartanair": _open}
