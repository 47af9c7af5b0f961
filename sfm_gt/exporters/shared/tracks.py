"""World points sampled from depth maps, with the frames that see the same point: what SfM formats call tracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8

from sfm_gt.datasets.frames import Frame
from sfm_gt.geometry.camera import project, unproject
from sfm_gt.geometry.transforms import inverse_rigid, transform_points

SAMPLED_FRAMES = 20
GRID_PX = 16
# A frame sees the point where its own depth says the same within this share: twice the relative sigma of good pixels.
SAME_DEPTH = 0.02


@dataclass(frozen=True)
class TrackedPoint:
    """A point in the world frame.

    Attributes:
        rows: (K,) frames that see it, by their number in the clip.
        pixels: (K, 2), centres at +0.5.
        rgb: (3,) colour in the frame it was sampled from.
    """

    world: Float[np.ndarray, "3"]
    rgb: UInt8[np.ndarray, "3"]
    rows: Int[np.ndarray, " k"]
    pixels: Float[np.ndarray, "k 2"]


def track_points(frames: Sequence[Frame], depths: Sequence[Float[np.ndarray, "h w"]]) -> list[TrackedPoint]:
    """Points on a grid of some frames that at least one other frame confirms.

    Args:
        depths: z-depth of each frame in the unit of its pose, NaN = invalid.
    """
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), SAMPLED_FRAMES)).astype(int)).tolist()
    points: list[TrackedPoint] = []
    for own in chosen:
        pixels, z = grid_points(depths[own])
        world = transform_points(inverse_rigid(frames[own].cam_from_world), unproject(frames[own].camera, pixels, z))
        seen = [sees(frames[row], depths[row], world) for row in chosen]
        colours = frames[own].image[pixels[:, 1].astype(int), pixels[:, 0].astype(int)]
        for number in range(len(world)):
            rows = np.array([row for row, (found, _) in zip(chosen, seen, strict=True) if found[number] or row == own])
            if len(rows) > 1:
                at = {
                    row: pixels[number] if row == own else xy[number] for row, (_, xy) in zip(chosen, seen, strict=True)
                }
                points.append(
                    TrackedPoint(world[number], colours[number], rows, np.stack([at[r] for r in rows.tolist()]))
                )
    return points


def grid_points(depth: Float[np.ndarray, "h w"]) -> tuple[Float[np.ndarray, "n 2"], Float[np.ndarray, " n"]]:
    """Valid pixels on a grid, centres at +0.5, and their z-depth."""
    rows, columns = np.mgrid[GRID_PX // 2 : depth.shape[0] : GRID_PX, GRID_PX // 2 : depth.shape[1] : GRID_PX]
    rows, columns = rows.ravel(), columns.ravel()
    valid = np.isfinite(depth[rows, columns])
    rows, columns = rows[valid], columns[valid]
    return np.stack([columns, rows], axis=1) + 0.5, depth[rows, columns].astype(np.float64)


def sees(
    frame: Frame, depth: Float[np.ndarray, "h w"], world: Float[np.ndarray, "n 3"]
) -> tuple[np.ndarray, Float[np.ndarray, "n 2"]]:
    """Where a frame's own depth puts the same point, and the pixels."""
    cam = transform_points(frame.cam_from_world, world)
    xy = project(frame.camera, cam)
    inside = np.isfinite(xy).all(axis=1) & (xy >= 0).all(axis=1)
    inside &= (xy[:, 0] < frame.camera.width) & (xy[:, 1] < frame.camera.height)
    column, row = np.where(inside[:, None], xy, 0).astype(int).T
    with np.errstate(invalid="ignore"):
        return inside & (np.abs(depth[row, column] - cam[:, 2]) < SAME_DEPTH * cam[:, 2]), xy
