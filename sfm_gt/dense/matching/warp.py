"""Depth maps warped from one view into another: the first hypotheses of a frame between two anchors."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float
from numba import njit

from sfm_gt.dense.matching.pyramid import Pyramid, pair_geometry

_ZERO = np.float32(0.0)
_HALF = np.float32(0.5)
# Holes of splatting narrower than this are closed.
CLOSED_PX = 3


def warp(source: Pyramid, target: Pyramid, inverse_depth: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """The inverse depth map of ``source`` as seen by ``target``, float32, 0 where nothing of it is seen.

    Forward warp with a z-buffer; exact to half a pixel, which is within reach of the refinement.
    """
    a, b = pair_geometry(source, target, 0)
    warped = _splat(inverse_depth, a.astype(np.float32), b.astype(np.float32))
    # A view that comes closer spreads the pixels: cracks are closed from what surrounds them.
    closed = cv2.morphologyEx(warped, cv2.MORPH_CLOSE, np.ones((CLOSED_PX, CLOSED_PX), dtype=np.uint8))
    return np.where(warped > 0, warped, closed)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _splat(inverse_depth, a, b):
    height, width = inverse_depth.shape
    out = np.zeros((height, width), dtype=np.float32)
    for y in range(height):
        for x in range(width):
            w = inverse_depth[y, x]
            if not w > _ZERO:
                continue
            fx, fy = np.float32(x), np.float32(y)
            z = a[2, 0] * fx + a[2, 1] * fy + a[2, 2] + b[2] * w
            if not z > _ZERO:
                continue
            px = (a[0, 0] * fx + a[0, 1] * fy + a[0, 2] + b[0] * w) / z + _HALF
            py = (a[1, 0] * fx + a[1, 1] * fy + a[1, 2] + b[1] * w) / z + _HALF
            if px >= _ZERO and py >= _ZERO and px < np.float32(width) and py < np.float32(height):
                column, row = np.int32(px), np.int32(py)
                out[row, column] = max(out[row, column], w / z)
    return out
