"""Coloured points and triangles of depth maps, in the world frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from sfm_gt.datasets.frames import Frame
from sfm_gt.geometry.camera import pixel_grid, unproject
from sfm_gt.geometry.transforms import inverse_rigid, transform_points

# Neighbours that differ in depth by more than this share lie on two surfaces, however slanted; and those that differ from what
# the slope beside them says by more than the other: 5 cm at 5 m, several sigmas of good pixels.
MAX_DEPTH_STEP, MAX_BREAK = 0.05, 0.01


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
    across, down = _unbroken(depth), _unbroken(depth.T).T
    upper, lower = across[:-1] & down[:, :-1], across[1:] & down[:, 1:]
    return np.concatenate([np.stack([a, c, b], -1)[upper], np.stack([b, c, d], -1)[lower]])


def vertex_normals(positions: Float[np.ndarray, "v 3"], faces: Int[np.ndarray, "f 3"]) -> Float[np.ndarray, "v 3"]:
    """Unit normals of the corners of triangles, weighted by area; every vertex belongs to a triangle."""
    a, b, c = (positions[faces[:, corner]] for corner in range(3))
    doubled_area = np.cross(b - a, c - a)
    total = np.stack(
        [np.bincount(faces.ravel(), np.repeat(doubled_area[:, axis], 3), len(positions)) for axis in range(3)], 1
    )
    return total / np.linalg.norm(total, axis=1, keepdims=True)


def _unbroken(depth: Float[np.ndarray, "r c"]) -> Bool[np.ndarray, "r d"]:
    """Whether a pixel and the next one of its row lie on one surface.

    Inverse depth changes evenly along a plane, however slanted: a step is where it changes by more than on either side.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1 / depth
        change = np.abs(np.diff(inverse, axis=1))
        beside = np.nan_to_num(np.pad(change, ((0, 0), (1, 1))))
        slope = np.maximum(beside[:, :-2], beside[:, 2:])
        between = np.fmin(inverse[:, :-1], inverse[:, 1:])
        return (change - slope < MAX_BREAK * between) & (change < MAX_DEPTH_STEP * between)
