"""Booster (Zama Ramirez et al. 2022), training scenes of the balanced split, left camera: transparent and mirroring objects.

    train/balanced/Bathroom/camera_00/im0.png ...   rectified, one image an illumination
                            disp_00.npy             float, pixels of these images; 0 = none
                            calib_00-02.xml         OpenCV: proj_matL (3x4) and baselineLR in millimetres

Depth is fx times the baseline over disparity (the authors' Depth4ToM). Images of a scene share GT and camera, and ``video_id``.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError
from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions, Reader
from sfm_gt.public_datasets.files import camera_from_integer_centred, image_size, read_image, read_npy

CONVENTIONS = Conventions((1e-3, 10.0), (), "no common one; 10 m as of rooms")
MM = 1e-3


def _open(root: Path) -> Benchmark:
    frames = []
    for disparity in sorted({*root.glob("train/balanced/*/disp_00.npy"), *root.glob("balanced/*/disp_00.npy")}):
        scene = disparity.parent
        matrix, baseline_m = _calibration(scene / "calib_00-02.xml")
        for index, image in enumerate(sorted((scene / "camera_00").glob("*.png"))):
            camera = camera_from_integer_centred(matrix, *image_size(image))
            frames.append(BenchmarkFrame(
                scene.name, scene.name, index, None, camera, None, partial(read_image, image),
                partial(_read_depth, disparity, matrix[0, 0] * baseline_m),
            ))  # fmt: skip
    return Benchmark("booster", CONVENTIONS, frames, root, "train/balanced/*/{camera_00,disp_00.npy,calib_00-02.xml}")


def _calibration(path: Path) -> tuple[Float[np.ndarray, "3 3"], float]:
    """K of the rectified left camera and the baseline in metres."""
    file = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ) if path.is_file() else None
    projection = file.getNode("proj_matL").mat() if file is not None else None
    baseline = float(file.getNode("baselineLR").real()) if file is not None else 0.0
    if projection is None or projection.shape != (3, 4) or baseline <= 0:
        raise InputError(f"{path}: holds no proj_matL (3x4) and baselineLR; unpack the scene again")
    return projection[:, :3], baseline * MM


def _read_depth(path: Path, metre_pixels: float) -> Float[np.ndarray, "h w"]:
    disparity = read_npy(path).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(disparity > 0, metre_pixels / disparity, np.nan).astype(np.float32)


BENCHMARKS: dict[str, Reader] = {"booster": _open}
