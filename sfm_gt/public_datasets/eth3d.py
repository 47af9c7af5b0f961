"""ETH3D high-resolution multi-view, training scenes (Schöps et al. 2017).

    courtyard/images/dslr_images/DSC_0286.JPG
    courtyard/ground_truth_depth/dslr_images/DSC_0286.JPG    raw float32 metres, row by row, no header; inf = none
    courtyard/dslr_calibration_jpg/{cameras,images}.txt      COLMAP text

The depth belongs to the images as taken, whose camera has distortion (THIN_PRISM_FISHEYE): ``camera`` is None, since no
pinhole camera describes them. Poses are the benchmark's.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError
from sfm_gt.geometry.conventions import valid_from_depth
from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions, Reader
from sfm_gt.public_datasets.files import image_size, read_colmap_poses, read_image

CONVENTIONS = Conventions((1e-5, np.inf), (), "Ke et al. 2024 (Marigold): everything that has depth")


def _open(root: Path) -> Benchmark:
    frames = []
    for scene in sorted({path.parents[1] for path in root.glob("*/ground_truth_depth/dslr_images")}):
        poses = read_colmap_poses(scene / "dslr_calibration_jpg" / "images.txt")
        for index, depth in enumerate(sorted((scene / "ground_truth_depth" / "dslr_images").glob("*.JPG"))):
            image = scene / "images" / "dslr_images" / depth.name
            frames.append(BenchmarkFrame(scene.name, scene.name, index, None, None, poses.get(depth.name),
                                         partial(read_image, image), partial(_read_depth, depth, image)))  # fmt: skip
    needed = "<scene>/ground_truth_depth/dslr_images, images/dslr_images and dslr_calibration_jpg"
    return Benchmark("eth3d", CONVENTIONS, frames, root, needed)


def _read_depth(path: Path, image: Path) -> Float[np.ndarray, "h w"]:
    width, height = image_size(image)
    values = np.fromfile(path, "<f4")
    if values.size != width * height:
        raise InputError(f"{path}: {values.size} values for {width}x{height} px; unpack the depth of the scene again")
    depth = values.reshape(height, width)
    return np.where(valid_from_depth(depth), depth, np.nan).astype(np.float32)


BENCHMARKS: dict[str, Reader] = {"eth3d": _open}
