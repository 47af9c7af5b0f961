"""The nouns that all layers share: cameras, views and sparse models. Plain frozen data, no behaviour beyond lookup."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8


@dataclass(frozen=True)
class PinholeCamera:
    """Undistorted pinhole camera, in pixels; pixel centres at +0.5."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    @property
    def matrix(self) -> Float[np.ndarray, "3 3"]:
        """Intrinsic matrix K, in pixels."""
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])

    def resized(self, width: int, height: int) -> PinholeCamera:
        """The camera of the same image resized to ``width`` x ``height`` pixels."""
        # With pixel centres at +0.5 a resize is a pure scaling of coordinates, without an offset.
        sx, sy = width / self.width, height / self.height
        return PinholeCamera(width, height, self.fx * sx, self.fy * sy, self.cx * sx, self.cy * sy)


@dataclass(frozen=True)
class View:
    """One undistorted frame with its camera: what dense matching reads.

    Attributes:
        image: (H, W, 3) uint8, RGB.
        usable: (H, W), True where the pixel may be matched (inside the source image, not moving, no overlay).
        cam_from_world: (4, 4), SfM units.
        z_depth_sfm: (H, W) float32, the frame's current depth map when one exists (NaN = unknown), else None.
    """

    frame_index: int
    image: UInt8[np.ndarray, "h w 3"]
    usable: Bool[np.ndarray, "h w"]
    camera: PinholeCamera
    cam_from_world: Float[np.ndarray, "4 4"]
    z_depth_sfm: Float[np.ndarray, "h w"] | None = None

    def with_depth(self, z_depth_sfm: Float[np.ndarray, "h w"]) -> View:
        """The same view carrying a depth map in SfM units."""
        return replace(self, z_depth_sfm=z_depth_sfm)


@dataclass(frozen=True)
class SparseModel:
    """A sparse reconstruction on undistorted images with one shared camera, in SfM units.

    Attributes:
        camera: the pinhole camera of the undistorted frames.
        frame_indices: (N,) index in the source video of each registered frame, ascending.
        cam_from_world: (N, 4, 4).
        points_sfm: (P, 3) in the world frame.
        observations: (M, 2) int: row into ``frame_indices`` and row into ``points_sfm``.
        observation_px: (M, 2) undistorted pixel position of each observation.
        depth_sigma_rel: relative standard deviation of depth, apart from its scale, due to uncertain poses and focal length:
            whole regions share the error, so that matching does not show it.
        focal_sigma_rel: relative standard deviation of the focal length, 0 where it was given.
    """

    camera: PinholeCamera
    frame_indices: Int[np.ndarray, " n"]
    cam_from_world: Float[np.ndarray, "n 4 4"]
    points_sfm: Float[np.ndarray, "p 3"]
    observations: Int[np.ndarray, "m 2"]
    observation_px: Float[np.ndarray, "m 2"]
    depth_sigma_rel: float = 0.0
    focal_sigma_rel: float = 0.0
    _rows: dict[int, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rows", {int(f): row for row, f in enumerate(self.frame_indices)})

    def row_of(self, frame_index: int) -> int:
        """Row of a registered frame. Raises KeyError when the frame is not registered."""
        return self._rows[frame_index]

    @property
    def median_depth_sfm(self) -> float:
        """Median z-depth of all observations, in SfM units."""
        poses = self.cam_from_world[self.observations[:, 0]]
        depths = np.einsum("mi,mi->m", poses[:, 2, :3], self.points_sfm[self.observations[:, 1]]) + poses[:, 2, 3]
        return float(np.median(depths))

    def points_seen_by(self, row: int) -> Int[np.ndarray, " k"]:
        """Rows into ``points_sfm`` of the points that view ``row`` observes."""
        return self.observations[self.observations[:, 0] == row, 1]
