"""From the frames of a rolling shutter to the pinhole images of a global one, at the middle of each frame's readout.

The displacement of a pixel hangs on the depth of what it shows. Sparse points give that depth smoothly over the image;
where the scene stands out from it, a remainder stays: the share of the displacement that translation causes, times the
relative difference of inverse depth.
"""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Float
from scipy.ndimage import map_coordinates

from sfm_gt.geometry.camera import pixel_grid
from sfm_gt.sfm.observations import Observations
from sfm_gt.sfm.rolling_shutter import Readout, image_velocities_px_s
from sfm_gt.sfm.undistortion import Undistortion

GRID_HEIGHT, GRID_WIDTH = 13, 17
# Width of the weights with which sparse points give the inverse depth of a node, as a share of the image width.
DEPTH_SMOOTHING = 0.1
# Weight of the frame's median inverse depth: it decides only where no point is near.
PRIOR_WEIGHT = 0.05
# p = p0 + shift(p): each round shrinks the error by the shift's slope, some per cent.
INVERSION_ROUNDS = 4


def shift_fields(
    seen: Observations, times_s: Float[np.ndarray, " n"], readout: Readout
) -> Float[np.ndarray, "n g h 2"]:
    """(N, GRID_HEIGHT, GRID_WIDTH, 2) displacement in pixels at nodes spread evenly over each frame as filmed.

    Args:
        seen: the adjusted model.
        times_s: presentation time of each of its images.
    """
    camera = seen.camera
    nodes = _nodes(camera.width, camera.height)
    rays = np.asarray(camera.cam_from_img(nodes))[:, :2]
    delay = readout.time_s(nodes, camera.width, camera.height)[:, None]
    depths = seen.points_cam(seen.views)[:, 2]
    fields = []
    for view in range(len(seen.image_ids)):
        mine = seen.rows_by_view[view]
        mine = mine[depths[mine] > 0]
        inverse = _inverse_depth(nodes, seen.xy[mine], 1.0 / depths[mine], DEPTH_SMOOTHING * camera.width)
        in_cam = np.concatenate([rays, np.ones((len(rays), 1))], axis=1) / inverse[:, None]
        fields.append(delay * image_velocities_px_s(_seen_at(seen, view, in_cam), times_s))
    return np.array(fields).reshape(-1, GRID_HEIGHT, GRID_WIDTH, 2)


def _nodes(width: int, height: int) -> Float[np.ndarray, "k 2"]:
    x, y = np.meshgrid(np.linspace(0, width, GRID_WIDTH), np.linspace(0, height, GRID_HEIGHT))
    return np.stack([x.ravel(), y.ravel()], axis=1)


def _inverse_depth(
    nodes: Float[np.ndarray, "k 2"], xy: Float[np.ndarray, "m 2"], inverse: Float[np.ndarray, " m"], sigma_px: float
) -> Float[np.ndarray, " k"]:
    """Normalised convolution (Knutsson & Westin 1993) of the points' inverse depths."""
    squared = ((nodes[:, None] - xy[None]) ** 2).sum(axis=-1)
    weight = np.exp(-0.5 * squared / sigma_px**2)
    return (weight @ inverse + PRIOR_WEIGHT * np.median(inverse)) / (weight.sum(axis=1) + PRIOR_WEIGHT)


def _seen_at(seen: Observations, view: int, in_cam: Float[np.ndarray, "k 3"]) -> Observations:
    """Observations, by one view, of points given in its camera frame."""
    pose = seen.cam_from_world[view]
    rows = np.arange(len(in_cam))
    return Observations(
        camera=seen.camera, names=seen.names, image_ids=seen.image_ids, cam_from_world=seen.cam_from_world,
        point_ids=rows, xyz=(in_cam - pose[:3, 3]) @ pose[:3, :3], views=np.full(len(rows), view), points=rows,
        keypoints=rows, xy=np.zeros((len(rows), 2)),
    )  # fmt: skip


class ShutterUndistortion(Undistortion):
    """The undistortion of one frame: lens and readout.

    Args:
        lens: the clip's undistortion.
        shift_px: (Gh, Gw, 2) displacement, see :func:`shift_fields`.
    """

    def __init__(self, lens: Undistortion, shift_px: Float[np.ndarray, "gh gw 2"]):
        super().__init__(**lens.to_dict())
        self._lens, self._shift_px = lens, shift_px

    def undistorted_px(self, filmed_px: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
        """Pixels of the filmed frame, where they lie in the pinhole image."""
        filmed = np.asarray(filmed_px, dtype=np.float64).reshape(-1, 2)
        return self._lens.undistorted_px(filmed - self._shift_at(filmed))

    def filmed_px(self, undistorted_px: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
        """Pixels of the pinhole image, where they lie in the filmed frame."""
        unshifted = self._lens.filmed_px(undistorted_px)
        filmed = unshifted
        for _ in range(INVERSION_ROUNDS):
            filmed = unshifted + self._shift_at(filmed)
        return filmed

    def _shift_at(self, filmed_px: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
        height, width = self._shift_px.shape[:2]
        column = filmed_px[:, 0] / self.camera.width * (width - 1)
        row = filmed_px[:, 1] / self.camera.height * (height - 1)
        return np.stack(
            [map_coordinates(self._shift_px[..., axis], [row, column], order=1, mode="nearest") for axis in (0, 1)],
            axis=1,
        )

    @cached_property
    def _maps(self) -> tuple[np.ndarray, np.ndarray]:
        # Solved on the coarse nodes only: between them the shift is as smooth as the field itself.
        nodes = _nodes(self.camera.width, self.camera.height)
        shift = (self.filmed_px(nodes) - self._lens.filmed_px(nodes)).reshape(GRID_HEIGHT, GRID_WIDTH, 2)
        place = pixel_grid(self.camera.width, self.camera.height)
        place = place / [self.camera.width, self.camera.height] * [GRID_WIDTH - 1, GRID_HEIGHT - 1]
        x, y = place.astype(np.float32)[..., 0], place.astype(np.float32)[..., 1]
        full = cv2.remap(shift.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        base_x, base_y = self._lens._maps
        return base_x + full[..., 0], base_y + full[..., 1]
