"""A cloud of a clip that is small enough to look at: points sampled from its depth maps, with colour and σ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, UInt8

from sfm_gt.datasets.frames import Frame
from sfm_gt.exporters.shared.clip import static_depth
from sfm_gt.exporters.shared.surfaces import evenly
from sfm_gt.geometry.camera import pixel_grid, unproject
from sfm_gt.geometry.transforms import inverse_rigid, transform_points


@dataclass(frozen=True)
class Cloud:
    """Points in the world frame of the data set (+y down), in its unit.

    Attributes:
        relative_sigma: one standard deviation of depth over depth.
    """

    points: Float[np.ndarray, "n 3"]
    colours: UInt8[np.ndarray, "n 3"]
    relative_sigma: Float[np.ndarray, "n"]


def sampled_cloud(frames: Sequence[Frame], max_frames: int, max_points: int) -> Cloud:
    """The same number of random pixels of evenly spread frames, without what is invalid, moves or is overlaid.

    Random, since the grids of frames that follow one another would fall into stripes. The same frames give the same points.

    Args:
        frames: of one clip, at least one.
    """
    shown = evenly(frames, max_frames)
    random = np.random.default_rng(0)
    # Fresh ones: a frame keeps the layers that it has read.
    clouds = [_of_frame(replace(frame), max_points // len(shown), random) for frame in shown]
    return Cloud(
        np.concatenate([cloud.points for cloud in clouds]),
        np.concatenate([cloud.colours for cloud in clouds]),
        np.concatenate([cloud.relative_sigma for cloud in clouds]),
    )


def _of_frame(frame: Frame, n_points: int, random: np.random.Generator) -> Cloud:
    depth = static_depth(frame)
    valid = np.argwhere(np.isfinite(depth))
    rows, columns = valid[np.sort(random.permutation(len(valid))[:n_points])].T
    grid = pixel_grid(frame.camera.width, frame.camera.height)[rows, columns]
    points = unproject(frame.camera, grid, depth[rows, columns].astype(np.float64))
    world = transform_points(inverse_rigid(frame.cam_from_world), points)
    return Cloud(world, frame.image[rows, columns], (frame.sigma_sfm / frame.z_depth_sfm)[rows, columns])
