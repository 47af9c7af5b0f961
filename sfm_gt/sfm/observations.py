"""A COLMAP model as flat arrays: one row an observation, the form that the maths on residuals wants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pycolmap
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Observations:
    """All observations of the registered images of a model, images in the order of their names.

    Attributes:
        camera: the one camera that all images share.
        names, image_ids: (N,) of the images.
        cam_from_world: (N, 4, 4).
        point_ids: (P,) ascending; ``xyz``: (P, 3) in the world frame.
        views, points: (M,) rows into images and points of each observation.
        keypoints: (M,) row of each observation among its image's keypoints.
        xy: (M, 2) position as filmed, pixels with centres at +0.5.
    """

    camera: pycolmap.Camera
    names: list[str]
    image_ids: list[int]
    cam_from_world: Float[np.ndarray, "n 4 4"]
    point_ids: Int[np.ndarray, " p"]
    xyz: Float[np.ndarray, "p 3"]
    views: Int[np.ndarray, " m"]
    points: Int[np.ndarray, " m"]
    keypoints: Int[np.ndarray, " m"]
    xy: Float[np.ndarray, "m 2"]

    @classmethod
    def of(cls, model: pycolmap.Reconstruction) -> Observations:
        """The observations of ``model`` as they stand."""
        images = sorted((image for image in model.images.values() if image.has_pose), key=lambda image: image.name)
        point_ids = np.array(sorted(model.points3D), dtype=np.int64)
        rows = [
            (view, point.point3D_id, keypoint, *point.xy)
            for view, image in enumerate(images)
            for keypoint, point in enumerate(image.points2D)
            if point.has_point3D()
        ]
        table = np.array(rows, dtype=np.float64).reshape(-1, 5)
        poses = [np.vstack([image.cam_from_world().matrix(), [0.0, 0.0, 0.0, 1.0]]) for image in images]
        return cls(
            camera=next(iter(model.cameras.values())),
            names=[image.name for image in images],
            image_ids=[image.image_id for image in images],
            cam_from_world=np.array(poses).reshape(-1, 4, 4),
            point_ids=point_ids,
            xyz=np.array([model.points3D[point_id].xyz for point_id in point_ids.tolist()]).reshape(-1, 3),
            views=table[:, 0].astype(np.int64),
            points=np.searchsorted(point_ids, table[:, 1].astype(np.int64)),
            keypoints=table[:, 2].astype(np.int64),
            xy=table[:, 3:],
        )

    def points_cam(self, views: Int[np.ndarray, " m"]) -> Float[np.ndarray, "m 3"]:
        """The point of each observation in the camera frame of ``views``, which need not be the view that saw it."""
        pose = self.cam_from_world[views]
        return np.einsum("mij,mj->mi", pose[:, :3, :3], self.xyz[self.points]) + pose[:, :3, 3]

    def projected(self, points_cam: Float[np.ndarray, "m 3"]) -> Float[np.ndarray, "m 2"]:
        """Where points of the camera frame fall in the frame as filmed; NaN behind the camera."""
        pixels = np.asarray(self.camera.img_from_cam(points_cam), dtype=np.float64).reshape(-1, 2)
        return np.where(points_cam[:, 2:] > 0, pixels, np.nan)

    def residuals_px(self) -> Float[np.ndarray, "m 2"]:
        """Observed minus projected; NaN behind the camera."""
        return self.xy - self.projected(self.points_cam(self.views))

    def errors_px(self) -> Float[np.ndarray, " m"]:
        """Reprojection errors, infinite behind the camera."""
        return np.nan_to_num(np.linalg.norm(self.residuals_px(), axis=1), nan=np.inf)


def move_observations(model: pycolmap.Reconstruction, seen: Observations, xy: Float[np.ndarray, "m 2"]) -> None:
    """Writes the positions ``xy`` of the observations ``seen`` into ``model``."""
    for view, image_id in enumerate(seen.image_ids):
        points = model.images[image_id].points2D
        mine = np.flatnonzero(seen.views == view)
        for keypoint, position in zip(seen.keypoints[mine].tolist(), xy[mine], strict=True):
            points[keypoint].xy = position
