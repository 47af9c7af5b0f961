"""From frames as filmed to undistorted pinhole images of the same size, and the sparse model on those images."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import pycolmap
from jaxtyping import Bool, Float, UInt8

from sfm_gt.geometry.camera import pixel_grid
from sfm_gt.geometry.conventions import integer_centred_from_pixel
from sfm_gt.geometry.types import PinholeCamera, SparseModel
from sfm_gt.sfm.observations import Observations

# A pinhole image has no room for the rim of a fisheye's, where a pixel of error becomes many. Observations farther outside
# than this share of its size are of no use to it; nearer ones are those of a common lens.
OUTSIDE = 0.1


class Undistortion:
    """The mapping between frames as filmed (any lens of COLMAP's) and pinhole images of equal size and focal length.

    Keeping size and focal length keeps the resolution in the middle of the image; where the pinhole image looks past
    the border of the filmed frame, ``inside`` is False.
    """

    def __init__(self, model: str, width: int, height: int, params: list[float]):
        self._camera = pycolmap.Camera(model=model, width=width, height=height, params=params)
        focal, (cx, cy) = (
            self._camera.mean_focal_length(),
            (self._camera.principal_point_x, self._camera.principal_point_y),
        )
        self.camera = PinholeCamera(width, height, focal, focal, cx, cy)

    @classmethod
    def of(cls, camera: pycolmap.Camera) -> Undistortion:
        """The undistortion of a COLMAP camera."""
        return cls(camera.model.name, camera.width, camera.height, list(camera.params))

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Undistortion:
        """Inverse of :meth:`to_dict`."""
        return cls(**content)

    def to_dict(self) -> dict[str, Any]:
        """What JSON needs to build it again."""
        return {"model": self._camera.model.name, "width": self._camera.width, "height": self._camera.height,
                "params": [float(value) for value in self._camera.params]}  # fmt: skip

    def undistorted_px(self, filmed_px: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
        """Pixels of a filmed frame, where they lie in the pinhole image."""
        rays = np.asarray(self._camera.cam_from_img(np.asarray(filmed_px, dtype=np.float64).reshape(-1, 2)))
        return rays[:, :2] * self.camera.fx + np.array([self.camera.cx, self.camera.cy])

    def filmed_px(self, undistorted_px: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
        """Pixels of the pinhole image, where they lie in the filmed frame."""
        rays = (undistorted_px - np.array([self.camera.cx, self.camera.cy])) / self.camera.fx
        rays = np.concatenate([rays, np.ones((len(rays), 1))], axis=1)
        return np.asarray(self._camera.img_from_cam(rays))

    @cached_property
    def _maps(self) -> tuple[np.ndarray, np.ndarray]:
        grid = pixel_grid(self.camera.width, self.camera.height)
        source = integer_centred_from_pixel(self.filmed_px(grid.reshape(-1, 2))).reshape(grid.shape).astype(np.float32)
        return source[..., 0], source[..., 1]

    @cached_property
    def inside(self) -> Bool[np.ndarray, "h w"]:
        """True where a pixel of the pinhole image lies inside the filmed frame."""
        x, y = self._maps
        return (x >= 0) & (x <= self.camera.width - 1) & (y >= 0) & (y <= self.camera.height - 1)

    def image(self, filmed: UInt8[np.ndarray, "h w *c"]) -> UInt8[np.ndarray, "h w *c"]:
        """A filmed frame, undistorted; black outside."""
        # Cubic keeps the fine texture that dense matching lives on; bilinear blurs it.
        return cv2.remap(filmed, *self._maps, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)

    def mask(self, filmed: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
        """A mask on a filmed frame, undistorted; False outside."""
        return cv2.remap(filmed.astype(np.uint8), *self._maps, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT) > 0


def sparse_model(
    model: pycolmap.Reconstruction, undistortion: Undistortion, frame_index_of: Callable[[str], int]
) -> SparseModel:
    """A COLMAP model as our SparseModel on undistorted images; what falls far outside of these is left out.

    Args:
        frame_index_of: index in the source video of an image name.
    """
    seen = Observations.of(model)
    indices = np.array([frame_index_of(name) for name in seen.names])
    order = np.argsort(indices)
    views = np.argsort(order)[seen.views]
    pixels = undistortion.undistorted_px(seen.xy)
    size = np.array([undistortion.camera.width, undistortion.camera.height])
    kept = (np.abs(pixels / size - 0.5) <= 0.5 + OUTSIDE).all(axis=1)
    return SparseModel(
        camera=undistortion.camera,
        frame_indices=indices[order],
        cam_from_world=seen.cam_from_world[order],
        points_sfm=seen.xyz,
        observations=np.stack([views, seen.points], axis=1)[kept],
        observation_px=pixels[kept],
    )
