"""7-Scenes (Shotton et al. 2013), test sequences.

    redkitchen/TestSplit.txt                       "sequence3" a line
    redkitchen/seq-03/frame-000000.color.png       640x480
                      frame-000000.depth.png       millimetres; 65535 and 0 = none
                      frame-000000.pose.txt        world_from_cam, 4x4

The depth is the infrared camera's and not registered to the colour image. Here each measurement is projected into the colour
camera: nominal focal lengths (585 px and 525 px, principal points in the middle, as the benchmark states) and the Kinect's
nominal distance between the two cameras. Pixels that no measurement falls into stay invalid. The benchmark's poses are the
depth camera's, and are carried over too.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError
from sfm_gt.geometry.camera import pixel_grid, unproject
from sfm_gt.geometry.conventions import valid_from_depth
from sfm_gt.geometry.transforms import inverse_rigid, transform_points
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions, Reader
from sfm_gt.public_datasets.files import image_size, read_depth_png, read_image, read_matrix
from sfm_gt.public_datasets.lidar import depth_of_points

CONVENTIONS = Conventions((1e-3, 10.0), (), "no common one; 10 m as on the other Kinect benchmarks")
DEPTH_UNIT_M = 1e-3
NO_DEPTH = 65535
DEPTH_FOCAL_PX, COLOUR_FOCAL_PX = 585.0, 525.0
COLOUR_FROM_DEPTH = np.eye(4)
COLOUR_FROM_DEPTH[0, 3] = -0.025  # the colour camera sits 25 mm to the right of the infrared one


def _open(root: Path) -> Benchmark:
    scenes = (
        [root] if (root / "TestSplit.txt").is_file() else sorted(path.parent for path in root.glob("*/TestSplit.txt"))
    )
    frames = []
    for scene in scenes:
        for number in re.findall(r"\d+", (scene / "TestSplit.txt").read_text()):
            sequence = scene / f"seq-{int(number):02d}"
            if not sequence.is_dir():
                raise InputError(f"{sequence}: not there, but {scene / 'TestSplit.txt'} names it; unpack all sequences")
            frames += [_frame(scene, sequence, image) for image in sorted(sequence.glob("frame-*.color.png"))]
    return Benchmark(
        "seven_scenes", CONVENTIONS, frames, root, "<scene>/TestSplit.txt and <scene>/seq-*/frame-*.color.png"
    )


def _frame(scene: Path, sequence: Path, image: Path) -> BenchmarkFrame:
    stem = image.name.removesuffix(".color.png")
    world_from_depth = read_matrix(sequence / f"{stem}.pose.txt", 4, 4)
    return BenchmarkFrame(
        f"{scene.name}_{sequence.name}", scene.name, int(stem.removeprefix("frame-")), None,
        _camera(COLOUR_FOCAL_PX, *image_size(image)), COLOUR_FROM_DEPTH @ inverse_rigid(world_from_depth),
        partial(read_image, image), partial(_registered_depth, sequence / f"{stem}.depth.png"),
    )  # fmt: skip


def _camera(focal_px: float, width: int, height: int) -> PinholeCamera:
    return PinholeCamera(width, height, focal_px, focal_px, width / 2, height / 2)


def _registered_depth(path: Path) -> Float[np.ndarray, "h w"]:
    stored = read_depth_png(path, DEPTH_UNIT_M, NO_DEPTH).astype(np.float64)
    height, width = stored.shape
    points = unproject(_camera(DEPTH_FOCAL_PX, width, height), pixel_grid(width, height), stored)
    colour = _camera(COLOUR_FOCAL_PX, width, height)
    return depth_of_points(colour, transform_points(COLOUR_FROM_DEPTH, points[valid_from_depth(stored)]))


BENCHMARKS: dict[str, Reader] = {"seven_scenes": _open}
