"""Depth maps fused into a truncated signed distance, and its surface as a cloud (Curless & Levoy 1996).

What Open3D's ScalableTSDFVolume computes, which DA3-BENCH fuses with: blocks of 16^3 voxels where a map comes within the
truncation, weight 1 a map, signed distance along the ray, points where the distance changes sign between neighbouring voxels.
Own code because Open3D brings a web server and 400 MB for these two loops.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from numba import njit

from sfm_gt.geometry.camera import pixel_grid, unproject
from sfm_gt.geometry.transforms import inverse_rigid, transform_points
from sfm_gt.geometry.types import PinholeCamera

BLOCK = 16
"""Voxels along an edge; a block of 0.125 m at the usual voxel takes 32 KB."""
STRIDE_PX = 4
"""Of the pixels that say which blocks exist (Open3D)."""
SURE = 0.98
"""Beyond this share of the truncation a voxel is far from any surface (Open3D)."""

Cloud = Float[np.ndarray, "n 3"]


class TsdfVolume:
    """Grows where depth is; lengths in the unit of depth and poses."""

    def __init__(self, voxel: float, truncation: float):
        self._voxel, self._truncation = voxel, truncation
        self._numbers: dict[tuple[int, int, int], int] = {}
        self._distance = np.zeros((0, BLOCK, BLOCK, BLOCK), np.float32)
        self._weight = np.zeros_like(self._distance)

    def integrate(
        self, z_depth: Float[np.ndarray, "h w"], camera: PinholeCamera, cam_from_world: Float[np.ndarray, "4 4"]
    ) -> None:
        """Adds one map; NaN or not positive = nothing there."""
        usable = np.isfinite(z_depth) & (z_depth > 0)
        depth = np.where(usable, z_depth, 0).astype(np.float32)
        pixels, sparse = (grid[::STRIDE_PX, ::STRIDE_PX] for grid in (pixel_grid(camera.width, camera.height), depth))
        points = unproject(camera, pixels[sparse > 0], sparse[sparse > 0].astype(np.float64))
        touched = self._touched(transform_points(inverse_rigid(cam_from_world), points))
        if touched.size:
            numbers = self._numbers_of(touched)
            intrinsics = (camera.fx, camera.fy, camera.cx, camera.cy)
            pose = np.ascontiguousarray(cam_from_world[:3], dtype=np.float64)
            _integrate(
                depth, intrinsics, pose, touched, numbers, self._voxel, self._truncation, self._distance, self._weight
            )

    def surface(self) -> Cloud:
        """Points where the signed distance changes sign along an edge of the grid, in the world."""
        blocks = np.array(list(self._numbers), dtype=np.int64).reshape(-1, 3)
        beside = np.array(
            [
                [self._numbers.get(tuple((block + step).tolist()), -1) for step in np.eye(3, dtype=np.int64)]
                for block in blocks
            ],
            dtype=np.int64,
        ).reshape(-1, 3)
        n_points = _surface(blocks, beside, self._voxel, self._distance, self._weight, np.empty((0, 3)))
        points = np.empty((n_points, 3))
        _surface(blocks, beside, self._voxel, self._distance, self._weight, points)
        return points

    def _touched(self, points: Cloud) -> Int[np.ndarray, "blocks 3"]:
        """Blocks that come within the truncation of a point, along each axis."""
        length = BLOCK * self._voxel
        low, high = (np.floor((points + side * self._truncation) / length).astype(np.int64) for side in (-1, 1))
        steps = np.stack(np.meshgrid(*(np.arange(int((high - low).max(initial=0)) + 1),) * 3), axis=-1).reshape(-1, 3)
        around = low[:, None] + steps
        inside = (around <= high[:, None]).all(axis=-1)
        return np.unique(around[inside], axis=0)

    def _numbers_of(self, blocks: Int[np.ndarray, "blocks 3"]) -> Int[np.ndarray, " blocks"]:
        numbers = np.array([self._numbers.setdefault(tuple(block), len(self._numbers)) for block in blocks.tolist()])
        missing = len(self._numbers) - len(self._distance)
        if missing > 0:
            # Half again as many, so that growing is rare.
            more = np.zeros((missing + len(self._numbers) // 2, BLOCK, BLOCK, BLOCK), np.float32)
            self._distance = np.concatenate([self._distance, more])
            self._weight = np.concatenate([self._weight, more])
        return numbers


def thinned(points: Cloud, voxel: float) -> Cloud:
    """One point a voxel, the mean of those in it."""
    _, voxels, counts = np.unique(
        np.floor(points / voxel).astype(np.int64), axis=0, return_inverse=True, return_counts=True
    )
    sums = np.stack([np.bincount(voxels.reshape(-1), points[:, axis], counts.size) for axis in range(3)], axis=1)
    return sums / counts[:, None]


@njit(cache=True, nogil=True, error_model="numpy")
def _integrate(depth, intrinsics, pose, blocks, numbers, voxel, truncation, distance, weight):
    fx, fy, cx, cy = intrinsics
    height, width = depth.shape
    for b in range(len(blocks)):
        number = numbers[b]
        for i in range(BLOCK):
            for j in range(BLOCK):
                for k in range(BLOCK):
                    x = (blocks[b, 0] * BLOCK + i + 0.5) * voxel
                    y = (blocks[b, 1] * BLOCK + j + 0.5) * voxel
                    w = (blocks[b, 2] * BLOCK + k + 0.5) * voxel
                    z = pose[2, 0] * x + pose[2, 1] * y + pose[2, 2] * w + pose[2, 3]
                    if z <= 0:
                        continue
                    u = (pose[0, 0] * x + pose[0, 1] * y + pose[0, 2] * w + pose[0, 3]) / z
                    v = (pose[1, 0] * x + pose[1, 1] * y + pose[1, 2] * w + pose[1, 3]) / z
                    column, row = int(np.floor(fx * u + cx)), int(np.floor(fy * v + cy))
                    if not (0 <= row < height and 0 <= column < width) or depth[row, column] <= 0:
                        continue
                    behind = (depth[row, column] - z) * np.sqrt(u * u + v * v + 1.0)
                    if behind > -truncation:
                        known = weight[number, i, j, k]
                        share = min(1.0, behind / truncation)
                        distance[number, i, j, k] = (distance[number, i, j, k] * known + share) / (known + 1)
                        weight[number, i, j, k] = known + 1


@njit(cache=True, nogil=True, error_model="numpy")
def _surface(blocks, beside, voxel, distance, weight, points):
    """Number of points; they are written where there is room."""
    found = 0
    for b in range(len(blocks)):
        for i in range(BLOCK):
            for j in range(BLOCK):
                for k in range(BLOCK):
                    here = distance[b, i, j, k]
                    if weight[b, i, j, k] == 0 or abs(here) >= SURE:
                        continue
                    for axis in range(3):
                        ni, nj, nk = i + (axis == 0), j + (axis == 1), k + (axis == 2)
                        other = b
                        if max(ni, nj, nk) == BLOCK:
                            other = beside[b, axis]
                            ni, nj, nk = ni % BLOCK, nj % BLOCK, nk % BLOCK
                        if other < 0 or weight[other, ni, nj, nk] == 0:
                            continue
                        there = distance[other, ni, nj, nk]
                        if abs(there) >= SURE or here * there >= 0:
                            continue
                        if found < len(points):
                            points[found, 0] = (blocks[b, 0] * BLOCK + i + 0.5) * voxel
                            points[found, 1] = (blocks[b, 1] * BLOCK + j + 0.5) * voxel
                            points[found, 2] = (blocks[b, 2] * BLOCK + k + 0.5) * voxel
                            points[found, axis] += voxel * abs(here) / (abs(here) + abs(there))
                        found += 1
    return found
