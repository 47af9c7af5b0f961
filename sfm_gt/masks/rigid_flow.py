"""Moving pixels after SfM and dense depth: observed motion against the flow that a frozen scene would show.

Depth and poses say where each pixel would lie in another frame, were it static. That frame is warped back accordingly:
what is frozen then stands still between frame and warp, however far apart in time, and parallax is no motion. A pixel
whose depth is unknown may slide along its epipolar line, which is all that a wrong depth can do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage

from sfm_gt.geometry.camera import pixel_grid
from sfm_gt.geometry.conventions import integer_centred_from_pixel
from sfm_gt.geometry.transforms import inverse_rigid
from sfm_gt.geometry.types import PinholeCamera, View
from sfm_gt.masks import flow, regions
from sfm_gt.masks.segmentation import Frame

WORKING_LONG_SIDE_PX = 480
# Frames between partners. Far ones show how far a slow figure is off its frozen place; near ones still see all pixels.
GAPS = (3, 8, 16, 26)
GAPS_AT_ENDS = (5, 12, 20, 32)  # taken besides where the other side of the clip has no partner
RELATIVE_TOLERANCE = 0.02  # of the parallax: depth error of a good map
OCCLUDED_SHARE = 0.97  # a pixel is hidden in the partner where that sees something nearer than this share of its depth
SAME_CORRELATION = 0.6  # patches that correlate so show the same thing
SURE_CORRELATION = 0.85
OTHER_CORRELATION = 0.3  # patches that correlate less show something else
CORRELATION_GAIN = 0.1  # how much better a patch must fit off its static place before it counts as moved
PATCH_PX = 9
MIN_CONTRAST = 3.0  # grey levels, standard deviation in a patch; less tells nothing
MIN_SEEN = 2
# Of the partners that can tell. A frame on the eve of motion is denied by half of them, what left its place by most.
MOVING_SHARE = 0.7
DOUBTFUL_SHARE = 0.4  # with as many, or with too few that can tell, a pixel goes with what is certain beside it
MIN_SEED_PX = 30
REACH_PX = 30
MIN_MOVED_SHARE, MIN_CERTAIN_SHARE = 0.3, 0.2  # of a region; regions grown out of doubt go
VERY_FAR_SFM = 1e6
CLOSE_PX = 6
MIN_AREA = 0.002


def rigid_flow(
    z_depth: Float[np.ndarray, "h w"], camera: PinholeCamera, cam_b_from_cam_a: Float[np.ndarray, "4 4"]
) -> Float[np.ndarray, "h w 2"]:
    """Flow in pixels that camera motion alone gives each pixel of view a; NaN without depth or behind camera b.

    Args:
        z_depth: depth map of view a, in the unit of the pose's translation; NaN = unknown.
        camera: the camera of both views.
        cam_b_from_cam_a: relative pose.
    """
    place, _, _ = _project(z_depth, camera, cam_b_from_cam_a)
    return place - pixel_grid(camera.width, camera.height)


class RigidFlow:
    """Moving masks from frames, poses and depth.

    Args:
        threshold_px: residual above which a pixel moves, in pixels of a frame with a long side of 480.
        dilate_px: safety margin around what moves, in pixels of the frames.
    """

    needs_reconstruction: ClassVar[bool] = True

    def __init__(self, threshold_px: float = 1.5, dilate_px: int = 4):
        self._threshold_px = threshold_px
        self._dilate_px = dilate_px

    def segment(self, frames: Sequence[Frame], reconstruction: Sequence[View] | None) -> Bool[np.ndarray, "n h w"]:
        """True where something moves, or stands elsewhere than in most partner frames.

        Args:
            frames: undistorted frames, grey or RGB, in order of time.
            reconstruction: one view a frame; ``z_depth_sfm`` may hold NaN where depth is unknown, or be None. Pixels
                that are not ``usable`` (outside the filmed image, overlay) are judged by nobody.

        Raises:
            ValueError: no reconstruction, or not one view a frame.
        """
        if reconstruction is None or len(reconstruction) != len(frames):
            raise ValueError(f"rigid_flow needs one view a frame; found {len(reconstruction or ())} for {len(frames)}")
        shots = [_Shot.of(frame, view) for frame, view in zip(frames, reconstruction, strict=True)]
        partners = _partners([shot.frame_index for shot in shots])
        height, width = frames[0].shape[:2]

        def mask(position: int) -> Bool[np.ndarray, "h w"]:
            found = region(self._count(shots, position, partners[position]))
            return regions.dilate(regions.enlarge(found, height, width), self._dilate_px)

        return np.stack(list(flow.in_parallel(mask, range(len(shots)))))

    def _count(self, shots: Sequence[_Shot], position: int, partners: Sequence[int]) -> Float[np.ndarray, "3 h w"]:
        """How many partners find a pixel elsewhere, miss it, and find it in its static place."""
        counts = np.zeros((3, *shots[position].grey.shape), np.float32)
        for partner in partners:
            counts += np.stack(judge(shots[position], shots[partner], self._threshold_px))
        return counts


def region(counts: Float[np.ndarray, "3 h w"]) -> Bool[np.ndarray, "h w"]:
    """Whole moving regions from how many partners find a pixel elsewhere, miss it, or find it in its static place.

    Pixels found elsewhere are the seeds: a wrong depth, too, makes partners miss a pixel. Seeds grow over doubtful
    pixels; what has moved must be a fair part of the whole.
    """
    elsewhere, missed, static = counts
    seen = elsewhere + missed + static
    share = (elsewhere + missed) / np.maximum(seen, 1)
    moved = (seen >= MIN_SEEN) & (share >= MOVING_SHARE)
    doubtful = (seen < MIN_SEEN) | (share >= DOUBTFUL_SHARE)
    certain = moved & (elsewhere > 0)
    opened = cv2.morphologyEx(certain.astype(np.uint8), cv2.MORPH_OPEN, regions.disc(1)).astype(bool)
    grown = regions.grow(regions.drop_small(opened, MIN_SEED_PX), doubtful, REACH_PX)
    whole = regions.clean(grown, CLOSE_PX, round(MIN_AREA * seen.size))
    return regions.keep_supported(regions.keep_supported(whole, moved, MIN_MOVED_SHARE), certain, MIN_CERTAIN_SHARE)


@dataclass(frozen=True)
class _Shot:
    """A view at working size.

    Attributes:
        z_static: depth without gaps.
        known: where it comes from the depth map.
        clear: where the whole patch round a pixel may be used.
    """

    frame_index: int
    grey: UInt8[np.ndarray, "h w"]
    camera: PinholeCamera
    cam_from_world: Float[np.ndarray, "4 4"]
    z_static: Float[np.ndarray, "h w"]
    known: Bool[np.ndarray, "h w"]
    clear: Bool[np.ndarray, "h w"]

    @classmethod
    def of(cls, frame: Frame, view: View) -> _Shot:
        (grey,) = flow.working_images([frame], WORKING_LONG_SIDE_PX)
        height, width = grey.shape
        z = np.full((height, width), np.nan, np.float32)
        if view.z_depth_sfm is not None:
            z = cv2.resize(view.z_depth_sfm.astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST)
        known = np.isfinite(z)
        usable = cv2.resize(view.usable.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        clear = cv2.erode(usable, np.ones((PATCH_PX, PATCH_PX), np.uint8)).astype(bool)
        camera = view.camera.resized(width, height)
        return cls(view.frame_index, grey, camera, view.cam_from_world, _fill(z, known), known, clear)


def judge(
    shot: _Shot, partner: _Shot, threshold_px: float
) -> tuple[Bool[np.ndarray, "h w"], Bool[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]:
    """What ``partner`` says of each pixel of ``shot``: found elsewhere, missed, in its static place; or nothing."""
    b_from_a = partner.cam_from_world @ inverse_rigid(shot.cam_from_world)
    pixel, depth, at_infinity = _project(shot.z_static, shot.camera, b_from_a)
    place = integer_centred_from_pixel(pixel)
    visible = shot.clear & flow.inside(place) & (flow.sample(partner.clear.astype(np.uint8), place) > 0)
    hidden = flow.sample(partner.z_static, place) < OCCLUDED_SHARE * depth
    warped = flow.sample(partner.grey, place)
    slide = flow.dis_flow(shot.grey, warped)
    static_fit, contrast = _correlation(shot.grey, warped)
    moved_fit, _ = _correlation(shot.grey, flow.sample(warped, flow.grid(*warped.shape) + slide))
    parallax = np.hypot(*np.moveaxis(pixel - at_infinity, -1, 0))
    along = (pixel - at_infinity) / np.maximum(parallax, 1e-6)[..., None]
    residual = np.where(
        shot.known,
        np.hypot(slide[..., 0], slide[..., 1]),
        np.abs(slide[..., 0] * along[..., 1] - slide[..., 1] * along[..., 0]),
    )
    off_place = residual > threshold_px + RELATIVE_TOLERANCE * parallax
    # Behind something nearer flow clings to that, and a guessed depth may be far off: there only a match beyond doubt
    # is the thing itself, moved.
    needed_fit = np.where(shot.known & ~hidden, SAME_CORRELATION, SURE_CORRELATION)
    found_elsewhere = off_place & (moved_fit > needed_fit) & (moved_fit > static_fit + CORRELATION_GAIN)
    able = visible & (contrast > MIN_CONTRAST)
    missed = (static_fit < OTHER_CORRELATION) & (moved_fit < SAME_CORRELATION) & shot.known & ~hidden
    in_place = (moved_fit > SAME_CORRELATION) & ~found_elsewhere & ~(hidden & shot.known)
    return able & found_elsewhere, able & missed, able & in_place


def _project(
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


def _correlation(
    a: UInt8[np.ndarray, "h w"], b: UInt8[np.ndarray, "h w"]
) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "h w"]]:
    """Zero-mean normalised correlation of patches, and the contrast of ``a``'s patch in grey levels."""
    a, b = a.astype(np.float32), b.astype(np.float32)
    mean_a, mean_b, aa, bb, ab = (cv2.blur(x, (PATCH_PX, PATCH_PX)) for x in (a, b, a * a, b * b, a * b))
    variance_a, variance_b = aa - mean_a**2, bb - mean_b**2
    # The added variance is that of coding noise: it pulls the correlation of even patches to 0.
    correlation = (ab - mean_a * mean_b) / np.sqrt((np.maximum(variance_a, 0) + 1) * (np.maximum(variance_b, 0) + 1))
    return correlation, np.sqrt(np.maximum(variance_a, 0))


def _fill(z: Float[np.ndarray, "h w"], known: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Depth with gaps filled by the nearest known value; very far everywhere when nothing is known."""
    if not known.any():
        return np.full_like(z, VERY_FAR_SFM)
    rows, columns = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    return z[rows, columns]


def _partners(frame_indices: Sequence[int]) -> list[list[int]]:
    """For each view the positions of the views about GAPS frames before and after."""
    indices = np.array(frame_indices)
    partners = []
    for position, index in enumerate(indices):
        wanted = [index + sign * gap for gap in GAPS for sign in (-1, 1)]
        for gap, other in zip(GAPS, GAPS_AT_ENDS, strict=True):
            wanted += [index + other] if index - gap < indices[0] else []
            wanted += [index - other] if index + gap > indices[-1] else []
        found = {int(np.argmin(np.abs(indices - w))) for w in wanted if indices[0] <= w <= indices[-1]}
        partners.append(sorted(found - {position}))
    return partners


PLUGIN = RigidFlow
