"""The conventions of the whole package, with the only converters between them and other tools' conventions.

* camera frame: +x right, +y down, +z forward (OpenCV, COLMAP);
* transforms: ``target_from_source``, 4x4 float64, column vectors;
* depth: ``z_depth``, the z coordinate in the camera frame, never the length of the ray;
* pixels: the centre of pixel (row r, column c) is (x, y) = (c + 0.5, r + 0.5), as in COLMAP;
* invalid depth: NaN in memory, 0 on disk and in training batches.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

PIXEL_CENTRE = 0.5


def integer_centred_from_pixel(xy: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 2"]:
    """Our pixel coordinates to the convention of OpenCV and torch, where integers are pixel centres."""
    return xy - PIXEL_CENTRE


def pixel_from_integer_centred(xy: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 2"]:
    """Coordinates of OpenCV or torch (integers are pixel centres) to our pixel coordinates."""
    return xy + PIXEL_CENTRE


def zero_from_nan(depth: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Depth in memory (NaN = invalid) to depth as written to disk and batches (0 = invalid)."""
    return np.where(np.isfinite(depth), depth, 0).astype(depth.dtype)


def nan_from_zero(depth: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Depth from disk (0 = invalid) to depth in memory (NaN = invalid)."""
    return np.where(depth > 0, depth, np.nan).astype(depth.dtype)


def valid_from_depth(depth: Float[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Where depth in memory may be used: finite and in front of the camera."""
    with np.errstate(invalid="ignore"):
        return np.isfinite(depth) & (depth > 0)
