"""The background behind people, from other frames, by geometry alone.

What stands behind a person in one frame is seen in others, since the camera moves. Its depth there, warped by the poses,
is the plate's depth; its colour is the median over the frames that see that very surface. Where too few frames do, the plate
is invalid: nothing is painted in. Networks miss people, so cover is first agreed upon: a surface that enough frames call
covered is covered in all of them, and what lies no further than the frame itself sees is never taken for its background.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from sfm_gt.geometry.camera import project, unproject
from sfm_gt.geometry.conventions import PIXEL_CENTRE, integer_centred_from_pixel
from sfm_gt.geometry.splatting import splat
from sfm_gt.geometry.transforms import inverse_rigid, transform_points
from sfm_gt.geometry.types import PinholeCamera

# Frames that must see a surface before it is taken for background: two may share one fault of a network.
MIN_WITNESSES = 3
# A surface is covered in all frames where so many of those that see it, and this share of them, call it covered. Set on the
# demo clip with the networks of docs/masks.md, whose masks hold a third to nine tenths of a person: see docs/layers.md.
MIN_ACCUSERS, ACCUSED_SHARE = 3, 0.2
# Depths that differ by less are the same surface: twice the relative sigma of good pixels.
SAME_DEPTH = 0.02
# Background lies behind what the frame itself sees by more standard deviations of both than chance gives.
BEHIND_SIGMAS = 3.0
# Masks end a little inside of what they cover; its shadowy rim is no background.
RIM_PX = 4


@dataclass(frozen=True)
class PlateView:
    """One frame.

    Attributes:
        z_depth: (H, W), NaN where invalid, moving or overlaid.
        sigma: (H, W), one standard deviation of ``z_depth`` in its unit.
        covered: (H, W), True where something else than background shows: people, what moves, overlays.
        cam_from_world: (4, 4), in the unit of ``z_depth``.
    """

    image: UInt8[np.ndarray, "h w 3"]
    z_depth: Float[np.ndarray, "h w"]
    sigma: Float[np.ndarray, "h w"]
    covered: Bool[np.ndarray, "h w"]
    camera: PinholeCamera
    cam_from_world: Float[np.ndarray, "4 4"]

    @cached_property
    def hidden(self) -> Bool[np.ndarray, "h w"]:
        """Covered pixels with their rim."""
        kernel = np.ones((2 * RIM_PX + 1, 2 * RIM_PX + 1), np.uint8)
        return cv2.dilate(self.covered.astype(np.uint8), kernel) > 0

    def carried_to(self, other: PlateView, where: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "h2 w2"]:
        """Depth of the pixels ``where``, warped into another frame; NaN where none lands."""
        other_from_own = other.cam_from_world @ inverse_rigid(self.cam_from_world)
        return splat(np.where(where, self.z_depth, np.nan), self.camera, other.camera, other_from_own, True)


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


def with_agreed_cover(view: PlateView, others: Sequence[PlateView]) -> PlateView:
    """``view`` whose cover holds what its own masks missed, by the masks of ``others``; depth of all in one unit."""
    accusers, observers = np.zeros((2, *view.covered.shape), int)
    for other in others:
        covered, bare = other.carried_to(view, other.covered), other.carried_to(view, ~other.covered)
        nearest = np.fmin(covered, bare)
        # Where the frame itself has no depth, it is what others see there.
        same = np.abs(nearest - view.z_depth) < SAME_DEPTH * nearest
        seen = same | (np.isfinite(nearest) & np.isnan(view.z_depth))
        observers += seen
        accusers += seen & (covered == nearest)
    accused = (accusers >= MIN_ACCUSERS) & (accusers >= ACCUSED_SHARE * observers)
    return replace(view, covered=view.covered | accused)


def background_plate(view: PlateView, others: Sequence[PlateView]) -> Plate:
    """The plate of ``view`` from ``others``, all of them with agreed cover; depth of all in one unit."""
    hidden = view.hidden
    rows, columns = np.nonzero(hidden)
    own, own_sigma = (layer[rows, columns] for layer in _own_surface(view))
    candidates = np.array([other.carried_to(view, ~other.hidden)[rows, columns] for other in others])
    depth = _nearest_agreed(np.where(np.isfinite(candidates), candidates, np.inf))
    pixels = np.stack([columns, rows], axis=1) + PIXEL_CENTRE
    colours, sigma = _as_others_see_it(view, pixels, depth, others)
    with np.errstate(invalid="ignore"):
        apart = np.maximum(BEHIND_SIGMAS * np.hypot(sigma, own_sigma), SAME_DEPTH * own)
        # Where nothing that covers the frame has a depth there is nothing to lie behind.
        behind = np.isfinite(sigma) & ~(depth - own <= apart)
    image, z_depth, valid = view.image.copy(), view.z_depth.astype(np.float32), ~hidden
    image[hidden], z_depth[hidden] = 0, np.nan
    at = rows[behind], columns[behind]
    image[at], z_depth[at], valid[at] = colours[behind], depth[behind], True
    return Plate(image, z_depth, valid)


def _own_surface(view: PlateView) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "h w"]]:
    """Depth and sigma of what covers the frame; where unknown, those of the nearest covered pixel with depth, if any."""
    known = view.covered & np.isfinite(view.z_depth)
    if not known.any():
        return view.z_depth, view.sigma
    _, label = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    number = np.zeros(label.max() + 1, int)
    number[label[known]] = np.flatnonzero(known)
    source = np.where(np.isnan(view.z_depth), number[label], np.arange(label.size).reshape(label.shape))
    return view.z_depth.ravel()[source], view.sigma.ravel()[source]


def _nearest_agreed(candidates: Float[np.ndarray, "k n"]) -> Float[np.ndarray, " n"]:
    """Median of the nearest MIN_WITNESSES or more depths within SAME_DEPTH; inf = no candidate, NaN = no agreement."""
    if len(candidates) < MIN_WITNESSES:
        return np.full(candidates.shape[1:], np.nan)
    ordered = np.sort(candidates, axis=0)
    first, last = ordered[: 1 - MIN_WITNESSES], ordered[MIN_WITNESSES - 1 :]
    agreed = np.isfinite(last) & (last <= (1 + SAME_DEPTH) * first)
    nearest = first[agreed.argmax(axis=0), np.arange(ordered.shape[1])]
    nearest[~agreed.any(axis=0)] = np.nan
    start = (ordered < nearest).sum(axis=0)
    count = (ordered <= (1 + SAME_DEPTH) * nearest).sum(axis=0) - start
    middle = np.stack([start + (count - 1) // 2, start + count // 2]).clip(0, len(ordered) - 1)
    return np.where(np.isnan(nearest), np.nan, np.take_along_axis(ordered, middle, axis=0).mean(axis=0))


def _as_others_see_it(
    view: PlateView, pixels: Float[np.ndarray, "n 2"], depth: Float[np.ndarray, " n"], others: Sequence[PlateView]
) -> tuple[UInt8[np.ndarray, "n 3"], Float[np.ndarray, " n"]]:
    """Median colour and sigma over the frames that see the surface at ``depth``, sigma NaN where none does."""
    known = np.flatnonzero(np.isfinite(depth))
    seen = np.full((len(others), len(known), 4), np.nan, np.float32)
    points = unproject(view.camera, pixels[known], depth[known])
    for number, other in enumerate(others):
        cam = transform_points(other.cam_from_world @ inverse_rigid(view.cam_from_world), points)
        xy = project(other.camera, cam)
        column, row = _whole(xy, other.camera)
        with np.errstate(invalid="ignore"):
            same = np.abs(other.z_depth[row, column] - cam[:, 2]) < SAME_DEPTH * cam[:, 2]
        same &= (column >= 0) & ~other.hidden[row, column]
        seen[number, same, :3] = _sampled(other.image, integer_centred_from_pixel(xy[same]))
        seen[number, same, 3] = other.sigma[row, column][same]
    colours, sigma = np.zeros((len(depth), 3), np.uint8), np.full(len(depth), np.nan)
    some = np.isfinite(seen[..., 3]).any(axis=0)
    middle = np.nanmedian(seen[:, some], axis=0)
    colours[known[some]], sigma[known[some]] = np.rint(middle[:, :3]).astype(np.uint8), middle[:, 3]
    return colours, sigma


def _whole(xy: Float[np.ndarray, "n 2"], camera: PinholeCamera) -> Int[np.ndarray, "2 n"]:
    """Column and row of the pixel that each point lies in, -1 outside of the image."""
    inside = (xy >= 0).all(axis=1) & (xy[:, 0] < camera.width) & (xy[:, 1] < camera.height)
    return np.where(inside, xy.T, -1).astype(int)


def _sampled(image: UInt8[np.ndarray, "h w 3"], at: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 3"]:
    """Colours between integer-centred pixels."""
    height, width = image.shape[:2]
    column, row = np.clip(at, 0, [width - 1, height - 1]).T
    left, top = column.astype(int), row.astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    x, y = (column - left)[:, None], (row - top)[:, None]
    upper = (1 - x) * image[top, left] + x * image[top, right]
    return (1 - y) * upper + y * ((1 - x) * image[bottom, left] + x * image[bottom, right])
