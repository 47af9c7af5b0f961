"""SYNS-Patches (Spencer et al. 2022), the split ``test``: lidar patches of natural and urban scenes, of the size of KITTI's.

    splits/test_files.txt       "SCENE ITEM.png" a line
    01/images/00.png            1242x376
    01/depths/00.npy            metres; 0 = none

The camera is the virtual one of the authors' kit (monodepth_benchmark): 84.10 by 25.46 degrees, its centre in the middle.
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError
from sfm_gt.geometry.conventions import valid_from_depth
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions, Reader
from sfm_gt.public_datasets.files import image_size, read_image, read_npy

CONVENTIONS = Conventions((1e-3, 100.0), (), "no common one; 100 m, farther than most of its depth")
FIELD_OF_VIEW_DEG = (84.10, 25.46)


def _open(root: Path) -> Benchmark:
    split, frames = root / "splits" / "test_files.txt", []
    lines = split.read_text().splitlines() if split.is_file() else []
    for line in filter(str.strip, lines):
        try:
            scene, item = line.split()
            index = int(Path(item).stem)
        except ValueError:
            raise InputError(
                f"{split}: line {line!r} names no scene and numbered item; unpack the splits again"
            ) from None
        image, depth = root / scene / "images" / item, (root / scene / "depths" / item).with_suffix(".npy")
        frames.append(BenchmarkFrame(scene, scene, index, None, _camera(*image_size(image)), None,
                                     partial(read_image, image), partial(_read_depth, depth)))  # fmt: skip
    return Benchmark("syns_patches", CONVENTIONS, frames, root, "splits/test_files.txt and <scene>/{images,depths}")


def _camera(width: int, height: int) -> PinholeCamera:
    fx, fy = (
        0.5 * size / math.tan(math.radians(angle) / 2)
        for size, angle in zip((width, height), FIELD_OF_VIEW_DEG, strict=True)
    )
    return PinholeCamera(width, height, fx, fy, width / 2, height / 2)


def _read_depth(path: Path) -> Float[np.ndarray, "h w"]:
    depth = read_npy(path)
    return np.where(valid_from_depth(depth), depth, np.nan).astype(np.float32)


BENCHMARKS: dict[str, Reader] = {"syns_patches": _open}
