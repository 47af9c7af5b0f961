"""COLMAP's own depth maps (``stereo/depth_maps/*.bin``): ``width&height&channels&``, then float32 by rows, 0 = invalid.

Source: the file format page of COLMAP's documentation and ``scripts/python/read_write_dense.py`` of colmap/colmap.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError
from sfm_gt.formats.atomic import replacing_file
from sfm_gt.geometry.conventions import nan_from_zero, zero_from_nan


def write_depth_map(path: Path, z_depth: Float[np.ndarray, "h w"]) -> None:
    """Writes a depth map, NaN = invalid."""
    height, width = z_depth.shape
    with replacing_file(path) as partial:
        partial.write_bytes(f"{width}&{height}&1&".encode() + zero_from_nan(z_depth).astype("<f4").tobytes())


def read_depth_map(path: Path) -> Float[np.ndarray, "h w"]:
    """Reads a depth map, NaN = invalid. Raises InputError when it is no such file or cut short."""
    content = path.read_bytes()
    try:
        width, height, channels = (int(word) for word in content.split(b"&", 3)[:3])
        values = np.frombuffer(content.split(b"&", 3)[3], dtype="<f4").reshape(channels, height, width)
    except (ValueError, IndexError):
        raise InputError(f"{path}: no depth map of COLMAP, or cut short ({len(content)} bytes)") from None
    return nan_from_zero(values[0].astype(np.float32))
