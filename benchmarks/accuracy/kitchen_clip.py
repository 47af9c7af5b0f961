"""The kitchen clip as the dense stage sees it, with the registered depth sensor as truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pycolmap
from jaxtyping import Float

from sfm_gt.geometry.camera import pixel_grid, unproject
from sfm_gt.geometry.types import PinholeCamera, SparseModel, View
from sfm_gt.sfm.bundle import Bundle, LensPrior
from sfm_gt.sfm.camera_proof import PROOF_POINTS, PROOF_VIEWS
from sfm_gt.sfm.lens_noise import camera_sigma, lens_noise
from sfm_gt.sfm.observations import Observations

METRES_PER_UNIT = 0.18836
# Standard deviation of the sensor's depth, from the sensor against itself at different distances: sensor_noise.py.
SENSOR_ERROR_REL = 0.0066
# Where the sensor's optical axis meets the colour image as filmed (640 x 480), from the same comparison. Its depth is
# measured along that axis and not along the colour camera's, 2.3 degrees beside it.
SENSOR_AXIS_PX = (304.9, 225.9)
SCORED_FRAMES = tuple(range(20, 471, 30))


def sensor_depth_m(
    folder: Path,
    frame_index: int,
    filmed_px: Float[np.ndarray, "... 2"],
    camera: PinholeCamera,
    px: Float[np.ndarray, "... 2"],
    axis_px: tuple[float, float] = SENSOR_AXIS_PX,
) -> Float[np.ndarray, ...]:
    """Sensor depth along the optical axis of ``camera``, in metres, NaN = unknown.

    Args:
        folder: of the clip, with ``truth``.
        filmed_px: pixels of the image as filmed, 640 x 480; the nearest ones are read.
        px: the pixels of ``camera`` that show the same.
        axis_px: where the sensor's own optical axis meets the image as filmed.
    """
    stored = cv2.imread(str(folder / "truth" / f"{frame_index:06d}.png"), cv2.IMREAD_UNCHANGED)
    columns, rows = np.moveaxis(np.floor(filmed_px).astype(int), -1, 0)
    inside = (columns >= 0) & (rows >= 0) & (columns < stored.shape[1]) & (rows < stored.shape[0])
    reading = np.where(inside, stored[rows * inside, columns * inside], 0) / 1000.0
    # The lens bends little so near to the middle.
    axis = unproject(camera, np.array([axis_px]) * camera.width / stored.shape[1], np.ones(1))[0]
    along = unproject(camera, px.reshape(-1, 2), np.ones(px.size // 2)) @ (axis / np.linalg.norm(axis))
    return np.where(reading > 0, reading / along.reshape(reading.shape), np.nan)


def _depth_sigma_rel(model: pycolmap.Reconstruction) -> float:
    """What poses and lens leave open of depth: given ones have a sigma as well."""
    seen = Observations.of(model)
    bundle = Bundle.of(seen, PROOF_VIEWS, PROOF_POINTS)
    noise = lens_noise(bundle)
    return camera_sigma(replace(bundle, prior=LensPrior(None, 1.0, noise.error_px2)), noise).depth_rel


class Kitchen:
    """The kitchen clip: sparse model with the sigma of its cameras, undistorted views, sensor depth on the undistorted grid."""

    truth_noise_rel = SENSOR_ERROR_REL
    scored_frames = SCORED_FRAMES

    def __init__(self, folder: Path):
        self.folder = folder
        reconstruction = pycolmap.Reconstruction(str(folder / "sparse"))
        self.source = next(iter(reconstruction.cameras.values()))
        focal, cx, cy, _ = self.source.params
        self.camera = PinholeCamera(self.source.width, self.source.height, focal, focal, cx, cy)
        self.model = self._sparse_model(reconstruction)
        self.map_x, self.map_y = self._distorted_grid()

    def _sparse_model(self, reconstruction: pycolmap.Reconstruction) -> SparseModel:
        images = sorted(reconstruction.images.values(), key=lambda image: image.name)
        point_rows = {point: row for row, point in enumerate(sorted(reconstruction.points3D))}
        poses, observations, pixels = [], [], []
        for row, image in enumerate(images):
            pose = np.eye(4)
            pose[:3] = image.cam_from_world().matrix()
            poses.append(pose)
            for point in image.points2D:
                if point.has_point3D():
                    observations.append((row, point_rows[point.point3D_id]))
                    pixels.append(point.xy)
        rays = self.source.cam_from_img(np.array(pixels))
        focal = np.array([self.camera.fx, self.camera.fy])
        return SparseModel(
            camera=self.camera,
            frame_indices=np.array([int(image.name[6:12]) for image in images]),
            cam_from_world=np.array(poses),
            points_sfm=np.array([reconstruction.points3D[point].xyz for point in point_rows]),
            observations=np.array(observations),
            observation_px=rays * focal + np.array([self.camera.cx, self.camera.cy]),
            depth_sigma_rel=_depth_sigma_rel(reconstruction),
        )

    def _distorted_grid(self) -> tuple[np.ndarray, np.ndarray]:
        """Where each undistorted pixel lies in the image as filmed, integer-centred for OpenCV."""
        x, y = np.meshgrid(np.arange(self.camera.width) + 0.5, np.arange(self.camera.height) + 0.5)
        rays = np.stack([(x - self.camera.cx) / self.camera.fx, (y - self.camera.cy) / self.camera.fy], axis=-1)
        filmed = self.source.img_from_cam(np.concatenate([rays, np.ones_like(rays[..., :1])], -1).reshape(-1, 3))
        filmed = filmed.reshape(*x.shape, 2).astype(np.float32) - 0.5
        return filmed[..., 0], filmed[..., 1]

    def view(self, frame_index: int) -> View:
        image = cv2.imread(str(self.folder / "images" / f"frame-{frame_index:06d}.color.jpg"), cv2.IMREAD_COLOR_RGB)
        undistorted = cv2.remap(image, self.map_x, self.map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        height, width = undistorted.shape[:2]
        inside = (self.map_x >= 0) & (self.map_x <= width - 1) & (self.map_y >= 0) & (self.map_y <= height - 1)
        pose = self.model.cam_from_world[self.model.row_of(frame_index)]
        return View(frame_index, undistorted, inside, self.camera, pose)

    def truth_sfm(self, frame_index: int) -> np.ndarray:
        """Sensor z-depth on the undistorted grid in units of the model, NaN = unknown."""
        filmed = np.stack([self.map_x, self.map_y], axis=-1) + 0.5
        grid = pixel_grid(self.camera.width, self.camera.height)
        return sensor_depth_m(self.folder, frame_index, filmed, self.camera, grid) / METRES_PER_UNIT

    def regions(self, frame_index: int) -> dict[str, np.ndarray]:
        """Masks to score by: wherever the sensor answered."""
        return {"sensor": np.ones((self.camera.height, self.camera.width), dtype=bool)}
