"""The background behind people, from other frames, by geometry alone.

What stands behind a person in one frame is seen in others, since the camera moves. Its depth there, warped by the poses,
is the plate's depth; its colour is the median over the frames that see that very surface. Where no two frames do, the plate
is invalid: nothing is painted in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from sfm_gt.geometry.camera import pixel_grid, project, unproject
from sfm_gt.geometry.conventions import integer_centred_from_pixel
from sfm_gt.geometry.transforms import inverse_rigid, transform_points
from sfm_gt.geometry.types import PinholeCamera

# Frames that must see a surface before it is taken for background: one alone could be wrong unseen.
MIN_WITNESSES = 2
# Depths that differ by less are the same surface: twice the relative sigma of good pixels.
SAME_DEPTH = 0.02
# Masks end a little inside of what they cover; its shadowy rim is no background.
RIM_PX = 4


@dataclass(frozen=True)
class PlateView:
    """One frame.

    Attributes:
        z_depth: (H, W), NaN where invalid, moving or overlaid.
        covered: (H, W), True where something else than background shows: people, what moves, overlays.
    """

    image: UInt8[np.ndarray, "h w 3"]
    z_depth: Float[np.ndarray, "h w"]
    covered: Bool[np.ndarray, "h w"]
    camera: PinholeCamera
    cam_from_world: Float[np.ndarray, "4 4"]

    @cached_property
    def hidden(self) -> Bool[np.ndarray, "h w"]:
        """Covered pixels with their rim."""
        kernel = np.ones((2 * RIM_PX + 1, 2 * RIM_PX + 1), np.uint8)
        return cv2.dilate(self.covered.astype(np.uint8), kernel) > 0


@dataclass(frozen=True)
class Plate:
    """A frame without people and other cover.

    Attributes:
        image: (H, W, 3), the frame itself where nothing covers it, black where invalid.
        z_depth: (H, W), in the unit of the frame, NaN where unknown; the frame's own where nothing covers it.
        valid: (H, W), True where ``image`` shows background: the frame's own pixel, or one that frames agree on.
    """

    image: UInt8[np.ndarray, "h w 3"]
    z_depth: Float[np.ndarray, "h w"]
    valid: Bool[np.ndarray, "h w"]


def background_plate(view: PlateView, others: Sequence[PlateView]) -> Plate:
    """The plate of ``view`` from ``others``; depth of all in one unit."""
    hidden = view.hidden
    depth = _warped_depth(view, others, hidden)
    colours, witnesses = _colours(view, depth, hidden, others)
    behind = hidden & (witnesses >= MIN_WITNESSES)
    image, z_depth = view.image.copy(), view.z_depth.astype(np.float32)
    image[hidden], z_depth[hidden] = 0, np.nan
    image[behind], z_depth[behind] = colours[behind], depth[behind]
    return Plate(image, z_depth, ~hidden | behind)


def _warped_depth(
    view: PlateView, others: Sequence[PlateView], hidden: Bool[np.ndarray, "h w"]
) -> Float[np.ndarray, "h w"]:
    """Nearest background that other frames put behind each pixel of ``hidden``, NaN where there is none."""
    height, width = hidden.shape
    nearest = np.full((height, width), np.inf)
    for other in others:
        usable = np.isfinite(other.z_depth) & ~other.hidden
        pixels = pixel_grid(other.camera.width, other.camera.height)[usable]
        points = unproject(other.camera, pixels, other.z_depth[usable].astype(np.float64))
        cam = transform_points(view.cam_from_world @ inverse_rigid(other.cam_from_world), points)
        xy = integer_centred_from_pixel(project(view.camera, cam))
        inside = np.isfinite(xy).all(axis=1)
        # Each sample covers the four pixels around it, which closes the gaps between samples of a view a little nearer.
        for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
            column, row = (np.floor(xy[inside]) + np.array([dx, dy])).astype(int).T
            z = cam[inside, 2]
            within = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            within[within] = hidden[row[within], column[within]]
            np.minimum.at(nearest, (row[within], column[within]), z[within])
    return np.where(hidden & np.isfinite(nearest), nearest, np.nan)


def _colours(
    view: PlateView, depth: Float[np.ndarray, "h w"], hidden: Bool[np.ndarray, "h w"], others: Sequence[PlateView]
) -> tuple[UInt8[np.ndarray, "h w 3"], np.ndarray]:
    """Median colour over the frames that see the surface at ``depth``, and how many do."""
    rows, columns = np.nonzero(hidden & np.isfinite(depth))
    seen = np.full((len(others), len(rows), 3), np.nan, np.float32)
    pixels = pixel_grid(view.camera.width, view.camera.height)[rows, columns]
    points = unproject(view.camera, pixels, depth[rows, columns])
    for number, other in enumerate(others):
        cam = transform_points(other.cam_from_world @ inverse_rigid(view.cam_from_world), points)
        # Maps of the whole frame, since OpenCV takes no longer side than 32767; -1 lies outside of every image.
        at = np.full((2, *hidden.shape), -1.0, np.float32)
        at[:, rows, columns] = integer_centred_from_pixel(project(other.camera, cam)).T
        own = cv2.remap(np.where(other.hidden, np.nan, other.z_depth).astype(np.float32), *at, cv2.INTER_NEAREST,
                        borderValue=float("nan"))[rows, columns]  # fmt: skip
        with np.errstate(invalid="ignore"):
            same = np.abs(own - cam[:, 2]) < SAME_DEPTH * cam[:, 2]
        seen[number, same] = cv2.remap(other.image, *at, cv2.INTER_LINEAR)[rows, columns][same]
    witnesses, colours = np.zeros(hidden.shape, int), np.zeros((*hidden.shape, 3), np.uint8)
    witnesses[rows, columns] = np.isfinite(seen[..., 0]).sum(axis=0)
    some = witnesses[rows, columns] > 0
    colours[rows[some], columns[some]] = np.rint(np.nanmedian(seen[:, some], axis=0)).astype(np.uint8)
    return colours, witnesses
