"""How much of one frame another sees, by ground-truth depth and poses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sfm_gt.geometry.camera import pixel_grid, project, unproject
from sfm_gt.geometry.types import PinholeCamera

STEP_PX = 16  # points a frame: one of so many pixels each way
MAX_REL_DIFFERENCE = 0.05  # depth of a point and of the surface seen there that still are one surface


@dataclass(frozen=True)
class PosedDepth:
    """One frame's depth: (H, W) NaN where invalid, its camera, and ``cam_from_world`` in the same unit of length."""

    z_depth: Float[np.ndarray, "h w"]
    camera: PinholeCamera
    cam_from_world: Float[np.ndarray, "4 4"]

    def points_world(self) -> Float[np.ndarray, "n 3"]:
        """World points of every STEP_PX-th pixel with depth."""
        half = STEP_PX // 2
        pixels = pixel_grid(self.camera.width, self.camera.height)[half::STEP_PX, half::STEP_PX].reshape(-1, 2)
        z = self.z_depth[half::STEP_PX, half::STEP_PX].ravel().astype(np.float64)
        seen = np.isfinite(z)
        points = unproject(self.camera, pixels[seen], z[seen])
        rotation, translation = self.cam_from_world[:3, :3], self.cam_from_world[:3, 3]
        return (points - translation) @ rotation

    def share_seen(self, points_world: Float[np.ndarray, "n 3"]) -> float:
        """Share of points that lie in this frame, on the surface that it sees; 0 for no points."""
        if not len(points_world):
            return 0.0
        points = points_world @ self.cam_from_world[:3, :3].T + self.cam_from_world[:3, 3]
        xy = project(self.camera, points)
        inside = (xy >= 0).all(axis=1) & (xy[:, 0] < self.camera.width) & (xy[:, 1] < self.camera.height)
        column, row = np.floor(xy[inside]).astype(int).T
        z, surface = points[inside, 2], self.z_depth[row, column]
        return float((np.abs(surface - z) < MAX_REL_DIFFERENCE * z).sum() / len(points))


def covisibility(frames: Sequence[PosedDepth], max_gap: int) -> Float[np.ndarray, "n n"]:
    """(N, N): the share of frame i's points that frame j sees, the smaller of both ways; 0 beyond ``max_gap`` positions.

    Occlusion counts: a point behind a nearer surface is not seen. Points on pixels without depth count as not seen.
    """
    shares = np.zeros((len(frames), len(frames)))
    for i, frame in enumerate(frames):
        points = frame.points_world()
        for j in range(max(0, i - max_gap), min(len(frames), i + max_gap + 1)):
            shares[i, j] = frames[j].share_seen(points)
    return np.minimum(shares, shares.T)
