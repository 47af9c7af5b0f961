"""What a frame would show were nothing to move: drawn from another frame, its depth and the two poses.

The depth of the frame itself takes no part: what moves has a wrong one, and so has the background round it. What another
frame saw there, with a depth that its own neighbours confirmed, is known from another time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from sfm_gt.geometry.camera import pixel_grid
from sfm_gt.geometry.conventions import integer_centred_from_pixel
from sfm_gt.geometry.splatting import splat
from sfm_gt.geometry.transforms import inverse_rigid
from sfm_gt.geometry.types import PinholeCamera, View
from sfm_gt.imaging import flow
from sfm_gt.imaging.types import Frame

CRACK_PX = 3  # a view that comes closer spreads the pixels of the other one; cracks of this width are closed


@dataclass(frozen=True)
class Shot:
    """A view at working size.

    Attributes:
        z_depth: NaN = unknown, in the unit of the poses.
        clear: where the whole patch round a pixel may be used.
    """

    frame_index: int
    grey: UInt8[np.ndarray, "h w"]
    camera: PinholeCamera
    cam_from_world: Float[np.ndarray, "4 4"]
    z_depth: Float[np.ndarray, "h w"]
    clear: UInt8[np.ndarray, "h w"]

    @classmethod
    def of(cls, frame: Frame, view: View, max_long_side_px: int, patch_px: int) -> Shot:
        """The view with a long side of at most ``max_long_side_px``, patches being ``patch_px`` wide."""
        (grey,) = flow.working_images([frame], max_long_side_px)
        height, width = grey.shape
        z = np.full((height, width), np.nan, np.float32)
        if view.z_depth_sfm is not None:
            z = cv2.resize(view.z_depth_sfm.astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST)
        usable = cv2.resize(view.usable.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        clear = cv2.erode(usable, np.ones((patch_px, patch_px), np.uint8))
        return cls(view.frame_index, grey, view.camera.resized(width, height), view.cam_from_world, z, clear)


@dataclass(frozen=True)
class RenderedView:
    """A frame as another one expects it.

    Attributes:
        grey: what is expected; the frame's own pixels where nothing is.
        z_depth: of what is expected; NaN where nothing is.
        parallax_px: how far the depth moves a pixel between the two frames: what an error of depth is a share of.
        seen: where both frames may be used and the other one saw something.
    """

    grey: UInt8[np.ndarray, "h w"]
    z_depth: Float[np.ndarray, "h w"]
    parallax_px: Float[np.ndarray, "h w"]
    seen: Bool[np.ndarray, "h w"]


def render_view(shot: Shot, partner: Shot) -> RenderedView:
    """``shot`` as ``partner`` expects it: its depth warped with a z-buffer, its image sampled at that depth."""
    shot_from_partner = shot.cam_from_world @ inverse_rigid(partner.cam_from_world)
    z = _without_cracks(splat(partner.z_depth, partner.camera, shot.camera, shot_from_partner, nearest_wins=True))
    pixel, _, at_infinity = project(z, shot.camera, inverse_rigid(shot_from_partner))
    place = integer_centred_from_pixel(np.nan_to_num(pixel, nan=-1.0))
    usable = flow.sample(partner.clear, place) > 0
    seen = np.isfinite(z) & flow.inside(place) & usable & (shot.clear > 0)
    grey = np.where(seen, flow.sample(partner.grey, place), shot.grey)
    parallax = np.nan_to_num(np.hypot(*np.moveaxis(pixel - at_infinity, -1, 0)))
    return RenderedView(grey, z, parallax, seen)


def _without_cracks(z: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    inverse = np.nan_to_num(1.0 / z, nan=0.0).astype(np.float32)
    closed = cv2.morphologyEx(inverse, cv2.MORPH_CLOSE, np.ones((CRACK_PX, CRACK_PX), np.uint8))
    filled = np.where(inverse > 0, inverse, closed)
    return np.where(filled > 0, 1.0 / np.maximum(filled, np.finfo(np.float32).tiny), np.nan).astype(np.float32)


def project(
    z_depth: Float[np.ndarray, "h w"], camera: PinholeCamera, b_from_a: Float[np.ndarray, "4 4"]
) -> tuple[Float[np.ndarray, "h w 2"], Float[np.ndarray, "h w"], Float[np.ndarray, "h w 2"]]:
    """Pixel position in view b and depth there, NaN behind camera b; and the position of the same ray at infinity."""
    # K R K^-1 (x, y, 1) z + K t: the turned ray comes first, since it is also the point at infinity.
    turn = (camera.matrix @ b_from_a[:3, :3] @ np.linalg.inv(camera.matrix)).astype(np.float32)
    shift = (camera.matrix @ b_from_a[:3, 3]).astype(np.float32)
    ray = cv2.transform(_homogeneous_grid(camera.width, camera.height), turn)
    point = ray * z_depth[..., None] + shift
    depth = np.where(point[..., 2] > 0, point[..., 2], np.nan)
    return point[..., :2] / depth[..., None], depth, ray[..., :2] / ray[..., 2:]


@lru_cache(maxsize=4)
def _homogeneous_grid(width: int, height: int) -> Float[np.ndarray, "h w 3"]:
    grid = np.concatenate([pixel_grid(width, height), np.ones((height, width, 1))], axis=-1).astype(np.float32)
    grid.setflags(write=False)
    return grid
