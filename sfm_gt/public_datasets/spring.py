"""Spring (Mehl et al. 2023), training sequences, left camera; needs h5py.

    spring/train/0001/frame_left/frame_left_0001.png      1920x1080
                      disp1_left/disp1_left_0001.dsp5     "disparity", 3840x2160, in pixels of the image; NaN or 0 = none
                      cam_data/intrinsics.txt             "fx fy cx cy" a frame, pixels of the image
                      cam_data/extrinsics.txt             cam_from_world (4x4) a frame, row by row

Depth is fx times the baseline of 0.065 m over disparity. Disparity has twice the size of the image, so that every second row
and column is taken: depth is not resized.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError
from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions, Reader
from sfm_gt.public_datasets.files import camera_from_integer_centred, image_size, read_hdf5, read_image, read_table

CONVENTIONS = Conventions((1e-3, 80.0), (), "no common one; 80 m as on KITTI")
BASELINE_M = 0.065


def _open(root: Path) -> Benchmark:
    train = next((path for path in (root / "spring" / "train", root / "train") if path.is_dir()), root)
    frames = []
    for sequence in sorted(path.parent for path in train.glob("*/disp1_left")):
        intrinsics = read_table(sequence / "cam_data" / "intrinsics.txt", 4)
        extrinsics = read_table(sequence / "cam_data" / "extrinsics.txt", 16)
        for disparity in sorted(sequence.glob("disp1_left/disp1_left_*.dsp5")):
            number = int(disparity.stem.removeprefix("disp1_left_"))
            if not 0 < number <= min(len(intrinsics), len(extrinsics)):
                raise InputError(
                    f"{sequence / 'cam_data'}: holds no camera of frame {number}; unpack the sequence again"
                )
            fx, fy, cx, cy = intrinsics[number - 1]
            image = sequence / "frame_left" / f"frame_left_{number:04d}.png"
            matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
            camera = camera_from_integer_centred(matrix, *image_size(image))
            frames.append(BenchmarkFrame(
                sequence.name, sequence.name, number, None, camera, extrinsics[number - 1].reshape(4, 4),
                partial(read_image, image), partial(_read_depth, disparity, fx * BASELINE_M),
            ))  # fmt: skip
    return Benchmark("spring", CONVENTIONS, frames, root, "train/*/{frame_left,disp1_left,cam_data}")


def _read_depth(path: Path, metre_pixels: float) -> Float[np.ndarray, "h w"]:
    disparity = read_hdf5(path, "disparity")[::2, ::2].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(disparity > 0, metre_pixels / disparity, np.nan).astype(np.float32)


BENCHMARKS: dict[str, Reader] = {"spring": _open}
