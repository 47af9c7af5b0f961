"""What small folders of benchmarks are made of: a wall, images, matrices, points of a lidar."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from sfm_gt.errors import InputError
from sfm_gt.public_datasets import open_benchmark

HEIGHT, WIDTH = 24, 32


def wall(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """2 m on the left half, 4 m on the right, none in the first row."""
    depth = np.full((height, width), 2.0, np.float32)
    depth[:, width // 2 :] = 4.0
    depth[0] = np.nan
    return depth


def write_image(path: Path, height: int = HEIGHT, width: int = WIDTH, seed: int = 0) -> np.ndarray:
    """A random image; returned as RGB."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bgr = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    assert cv2.imwrite(str(path), bgr)
    return bgr[..., ::-1]


def write_depth_png(path: Path, depth: np.ndarray, unit_m: float, invalid: int = 0) -> None:
    """16 bit, NaN as ``invalid``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = np.where(np.isfinite(depth), np.nan_to_num(depth) / unit_m, invalid)
    assert cv2.imwrite(str(path), np.round(stored).astype(np.uint16))


def write_matrix(path: Path, matrix: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, matrix)


def matrix(focal: float = 30.0, cx: float = 15.5, cy: float = 11.5) -> np.ndarray:
    """K with pixel centres on integers, its principal point in the middle of the image."""
    return np.array([[focal, 0, cx], [0, focal, cy], [0, 0, 1]])


# Lidar: x forward, y left, z up. One point straight ahead, a nearer one in the same pixel, one to the left, one behind.
POINTS = np.array([[10, 0, 0, 1], [8, 0, 0, 1], [5, 1, 0.5, 1], [-5, 0, 0, 1]], np.float32)


def assert_fault(
    tree: Path, scratch: Path, name: str, file: str, spoil: Callable[[Path], object], message: str
) -> None:
    """A copy of a benchmark's folder with one spoilt file is refused in one line that matches ``message``."""
    folder = Path(shutil.copytree(tree, scratch / name))
    spoil(folder / file)
    with pytest.raises(InputError, match=message) as error:
        [frame.z_depth_m for frame in open_benchmark(name, folder)]
    assert "\n" not in str(error.value)
