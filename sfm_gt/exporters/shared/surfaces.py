"""Coloured points and triangles of depth maps, in the world frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int, UInt8

from sfm_gt.datasets.frames import Frame
from sfm_gt.geometry.camera import pixel_grid, unproject
from sfm_gt.geometry.transforms import inverse_rigid, transform_points

# A triangle whose corners differ more in depth than this share spans two surfaces.
MAX_DEPTH_STEP = 0.05


def evenly(frames: Sequence[Frame], at_most: int) -> list[Frame]:
    """At most so many frames, from the first to the last."""
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), at_most)).astype(int))
    return [frames[number] for number in chosen.tolist()]


def world_grid(
    frame: Frame, depth: Float[np.ndarray, "h w"], step_px: int
) -> tuple[Float[np.ndarray, "r c 3"], UInt8[np.ndarray, "r c 3"]]:
    """World points, NaN where depth is invalid, and colours of every ``step_px``-th pixel."""
    grid = pixel_grid(frame.camera.width, frame.camera.height)[::step_px, ::step_px]
    points = unproject(frame.camera, grid, depth[::step_px, ::step_px].astype(np.float64))
    return transform_points(inverse_rigid(frame.cam_from_world), points), frame.image[::step_px, ::step_px]


def triangles(depth: Float[np.ndarray, "r c"]) -> Int[np.ndarray, "f 3"]:
    """Corners of triangles between neighbouring pixels of a depth grid, as row-major pixel numbers.

    Counter-clockwise seen from the camera (+x right, +y down); those with an invalid corner or across a depth step are left
    out.
    """
    number = np.arange(depth.size).reshape(depth.shape)
    a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]
    faces = np.concatenate([np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)])
    corners = depth.ravel()[faces]
    with np.errstate(invalid="ignore"):
        whole = np.isfinite(corners).all(axis=1) & (np.ptp(corners, axis=1) < MAX_DEPTH_STEP * corners.min(axis=1))
    return faces[whole]
