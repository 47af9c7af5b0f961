"""Reading the files that several benchmarks share: images, depth PNGs, text matrices, cameras of integer-centred pixels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from sfm_gt.errors import ConfigError, InputError
from sfm_gt.formats.array_file import read_array
from sfm_gt.geometry.conventions import PIXEL_CENTRE, nan_from_zero
from sfm_gt.geometry.types import PinholeCamera


def read_image(path: Path) -> UInt8[np.ndarray, "h w 3"]:
    """RGB, as stored: no rotation by EXIF, which would part the image from its depth. Raises InputError."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        raise InputError(f"{path}: missing or unreadable; unpack the benchmark again")
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def read_depth_png(path: Path, unit_m: float, invalid: int = 0) -> Float[np.ndarray, "h w"]:
    """Metres from 16 bit with one channel: pixel x ``unit_m``; 0 and ``invalid`` become NaN. Raises InputError."""
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.ndim != 2 or pixels.dtype != np.uint16:
        found = "no readable image" if pixels is None else f"{pixels.dtype} of shape {pixels.shape}"
        raise InputError(f"{path}: found {found}, needed 16 bit and one channel; unpack the benchmark again")
    depth = nan_from_zero(pixels.astype(np.float32) * np.float32(unit_m))
    depth[pixels == invalid] = np.nan
    return depth


def read_mask(path: Path) -> Bool[np.ndarray, "h w"]:
    """True where an image is not 0, in any of its channels. Raises InputError."""
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise InputError(f"{path}: missing or unreadable; unpack the benchmark again")
    return pixels != 0 if pixels.ndim == 2 else (pixels[..., :3] != 0).any(axis=2)


def read_matrix(path: Path, rows: int, columns: int) -> Float[np.ndarray, "r c"]:
    """A matrix of numbers in a text file, row by row. Raises InputError."""
    try:
        values = np.array(path.read_text().split(), dtype=np.float64)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as numbers ({error}); unpack the benchmark again") from None
    if values.size != rows * columns:
        raise InputError(f"{path}: holds {values.size} numbers, needed {rows} x {columns}")
    return values.reshape(rows, columns)


def read_table(path: Path, columns: int, skip: int = 0) -> Float[np.ndarray, "rows c"]:
    """Numbers of a text file, parted by blanks or commas, without its first ``skip`` lines. Raises InputError."""
    try:
        lines = path.read_text().replace(",", " ").splitlines()[skip:]
        return np.array([line.split() for line in lines if line.strip()], dtype=np.float64).reshape(-1, columns)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read as lines of {columns} numbers ({error}); unpack the benchmark again"
        ) from None


def read_json(path: Path) -> Any:
    """Content of a JSON file. Raises InputError."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: missing or no JSON ({error}); unpack the benchmark again") from None


def read_colmap_poses(path: Path) -> dict[str, Float[np.ndarray, "4 4"]]:
    """cam_from_world by file name, of COLMAP's ``images.txt``. Raises InputError.

    Two lines an image; the second, its key points, is not needed.
    """
    from scipy.spatial.transform import Rotation

    poses = {}
    try:
        lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
        for line in lines[::2]:
            _, qw, qx, qy, qz, tx, ty, tz, _, name = line.split()
            cam_from_world = np.eye(4)
            cam_from_world[:3, :3] = Rotation.from_quat([float(q) for q in (qx, qy, qz, qw)]).as_matrix()
            cam_from_world[:3, 3] = float(tx), float(ty), float(tz)
            poses[Path(name).name] = cam_from_world
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: no poses of COLMAP ({error}); unpack the calibration of the scene again") from None
    return poses


def read_npy(path: Path) -> Float[np.ndarray, "h w"]:
    """A map in an .npy file. Raises InputError."""
    try:
        return read_array(path)
    except FileNotFoundError:
        raise InputError(f"{path}: not there; unpack the benchmark again") from None


def read_hdf5(path: Path, key: str) -> np.ndarray:
    """An array of an HDF5 file. Raises InputError, and ConfigError without h5py."""
    try:
        import h5py
    except ImportError:
        raise ConfigError(f"{path}: reading it needs h5py; pip install 'sfm-gt[benchmarks]'") from None
    try:
        with h5py.File(path, "r") as content:
            return np.asarray(content[key])
    except (OSError, KeyError) as error:
        said = " ".join(str(error).split())
        raise InputError(f"{path}: holds no {key} ({said}); unpack the benchmark again") from None


def read_feather(path: Path, columns: Sequence[str]) -> dict[str, np.ndarray]:
    """Columns of a Feather file. Raises InputError."""
    from pyarrow import ArrowException, feather

    try:
        table = feather.read_table(path)
        return {name: table[name].to_numpy() for name in columns}
    except (OSError, ArrowException, KeyError) as error:
        said = " ".join(str(error).split())
        raise InputError(f"{path}: no Feather table with {', '.join(columns)} ({said}); unpack it again") from None


def camera_from_integer_centred(matrix: Float[np.ndarray, "3 c"], width: int, height: int) -> PinholeCamera:
    """Our camera from a K of OpenCV's convention, where the centre of the first pixel is (0, 0)."""
    return PinholeCamera(
        width, height, float(matrix[0, 0]), float(matrix[1, 1]),
        float(matrix[0, 2]) + PIXEL_CENTRE, float(matrix[1, 2]) + PIXEL_CENTRE,
    )  # fmt: skip


def image_size(path: Path) -> tuple[int, int]:
    """(width, height) of an image, from its header alone. Raises InputError."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            return image.size
    except (OSError, UnidentifiedImageError):
        raise InputError(f"{path}: missing or unreadable; unpack the benchmark again") from None
