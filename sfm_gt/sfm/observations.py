"""A COLMAP model as flat arrays: one row an observation, the form that the maths on residuals wants."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pycolmap
from jaxtyping import Float, Int

from sfm_gt.formats.scratch import scratch_folder


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
        keypoints = _keypoints(model)
        of_points = [np.flatnonzero(keypoints[image.image_id]["point"] != _NO_POINT) for image in images]
        table = np.concatenate(
            [keypoints[image.image_id][rows] for image, rows in zip(images, of_points, strict=True)] or [_NONE]
        )
        poses = [np.vstack([image.cam_from_world().matrix(), [0.0, 0.0, 0.0, 1.0]]) for image in images]
        return cls(
            camera=next(iter(model.cameras.values())),
            names=[image.name for image in images],
            image_ids=[image.image_id for image in images],
            cam_from_world=np.array(poses).reshape(-1, 4, 4),
            point_ids=point_ids,
            xyz=np.array([model.points3D[point_id].xyz for point_id in point_ids.tolist()]).reshape(-1, 3),
            views=np.repeat(np.arange(len(images)), [len(rows) for rows in of_points]),
            points=np.searchsorted(point_ids, table["point"]),
            keypoints=np.concatenate([*of_points, np.zeros(0, dtype=np.int64)]),
            xy=table["xy"].copy(),
        )

    @cached_property
    def rows_by_view(self) -> list[Int[np.ndarray, " _"]]:
        """Rows of the observations of each view, ascending."""
        order = np.argsort(self.views, kind="stable")
        return np.split(order, np.searchsorted(self.views[order], np.arange(1, len(self.image_ids))))

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
        mine = seen.rows_by_view[view]
        for keypoint, position in zip(seen.keypoints[mine].tolist(), xy[mine], strict=True):
            points[keypoint].xy = position


_KEYPOINT = np.dtype([("xy", "<f8", 2), ("point", "<i8")])
_NONE, _NO_POINT = np.zeros(0, dtype=_KEYPOINT), -1


def _keypoints(model: pycolmap.Reconstruction) -> dict[int, np.ndarray]:
    """Keypoints of each registered image, by way of COLMAP's binary format: one by one through its Python objects they take a
    microsecond a field, which for all frames of a clip is seconds."""
    with scratch_folder() as folder:
        model.write_binary(folder)
        content = (folder / "images.bin").read_bytes()
        # COLMAP does not look whether its bytes reached the disk.
        if len(content) < _KEYPOINT.itemsize * sum(model.images[i].num_points2D() for i in model.reg_image_ids()):
            raise OSError("images.bin was cut short")
    found, offset = {}, 8
    for _ in range(int.from_bytes(content[:8], "little")):
        image_id = int.from_bytes(content[offset : offset + 4], "little")
        # Number, pose (7 doubles), camera, name with a closing zero, count of keypoints.
        offset = content.index(b"\0", offset + 64) + 1
        count = int.from_bytes(content[offset : offset + 8], "little")
        found[image_id] = np.frombuffer(content, _KEYPOINT, count, offset + 8)
        offset += 8 + count * _KEYPOINT.itemsize
    return found
