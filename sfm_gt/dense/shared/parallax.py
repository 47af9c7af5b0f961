"""A second opinion on depth: dense flow to one companion frame, read as parallax with the known poses.

Turned by the known rotation, a pixel's ray meets the companion's image at its place at infinity; what the flow adds to that
is parallax, along the epipolar line (plane plus parallax, the plane being the one at infinity). Li et al. 2019, Learning the
Depths of Moving People by Watching Frozen People, clean their multi-view stereo by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from sfm_gt.geometry.camera import pixel_grid, project, unproject
from sfm_gt.geometry.conventions import integer_centred_from_pixel
from sfm_gt.geometry.transforms import camera_centres, inverse_rigid, transform_points
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.imaging.correlation import patch_correlation

# Companion frames: at most so far away in time, and so much of the frame must lie inside them (Li et al.).
MAX_FRAMES_APART, MIN_OVERLAP = 10, 0.6
OVERLAP_STEP_PX = 8
# Flow errs by about this much where it leads back to its start, long flow by more. Depth and flow contradict one another
# only by a multiple of it.
FLOW_NOISE_PX, FLOW_NOISE_REL, CLEAR = 0.5, 0.01, 3.0
# Flow that leaves its epipolar line by more is wrong, or follows something that moves: it tells no depth.
MAX_ACROSS_PX = 2.0
# What the companion hides has no flow of its own and gets that of what hides it, there and back. So the patch at the end of
# the flow must look the same, and more so than the one where the depth puts it.
PATCH_PX, MIN_NCC, MIN_GAIN = 9, 0.8, 0.3


@dataclass(frozen=True)
class Companion:
    """Flow from a frame to its companion.

    Attributes:
        camera: the camera of both.
        b_from_a: (4, 4), the companion's camera frame from the frame's own, SfM units.
        grey_a, grey_b: the frame and its companion, undistorted.
        flow_px: (H, W, 2), position in the companion minus position in the frame.
        followed: (H, W), True where the flow stays inside the image and leads back to its start.
    """

    camera: PinholeCamera
    b_from_a: Float[np.ndarray, "4 4"]
    grey_a: UInt8[np.ndarray, "h w"]
    grey_b: UInt8[np.ndarray, "h w"]
    flow_px: Float[np.ndarray, "h w 2"]
    followed: Bool[np.ndarray, "h w"]


def choose_companion(
    z_depth_sfm: Float[np.ndarray, "h w"],
    camera: PinholeCamera,
    cam_from_world: Float[np.ndarray, "n 4 4"],
    frame_indices: Sequence[int],
    row: int,
) -> int | None:
    """Row of the frame to compare frame ``row`` with: the greatest product of baseline and overlap (Li et al. 2019).

    Overlap is the share of the frame's depth that lies inside the companion's image.

    Args:
        z_depth_sfm: depth of frame ``row``, NaN = none.
        frame_indices: index in the source video of each pose.

    Returns:
        None where no frame within MAX_FRAMES_APART has an overlap of at least MIN_OVERLAP.
    """
    step = slice(OVERLAP_STEP_PX // 2, None, OVERLAP_STEP_PX)
    sparse = z_depth_sfm[step, step]
    known = np.isfinite(sparse)
    points = unproject(camera, pixel_grid(camera.width, camera.height)[step, step][known], sparse[known])
    centres = camera_centres(cam_from_world)
    best, best_value = None, 0.0
    for other, index in enumerate(frame_indices):
        if other == row or abs(int(index) - int(frame_indices[row])) > MAX_FRAMES_APART or not len(points):
            continue
        overlap = _share_inside(
            camera, transform_points(cam_from_world[other] @ inverse_rigid(cam_from_world[row]), points)
        )
        value = float(np.linalg.norm(centres[other] - centres[row])) * overlap
        if overlap >= MIN_OVERLAP and value > best_value:
            best, best_value = other, value
    return best


def _share_inside(camera: PinholeCamera, points_cam: Float[np.ndarray, "k 3"]) -> float:
    xy = project(camera, points_cam)
    with np.errstate(invalid="ignore"):
        return float(((xy >= 0) & (xy < [camera.width, camera.height])).all(axis=1).mean())


@dataclass(frozen=True)
class Parallax:
    """Where the flow takes each pixel, against where its depth and infinite depth would put it.

    Attributes:
        found: (H, W), True where the flow leads back, ends where the image looks the same, and the place of the depth does
            not look as much the same.
        end, claimed, infinite: (H, W, 2) pixel positions in the companion; ``claimed`` is NaN without depth.
        noise_px: (H, W), what the flow is good for.
        inverse_depth: (H, W), 1 / z-depth that the flow tells; below 0 by noise where that is far.
    """

    found: Bool[np.ndarray, "h w"]
    end: Float[np.ndarray, "h w 2"]
    claimed: Float[np.ndarray, "h w 2"]
    infinite: Float[np.ndarray, "h w 2"]
    noise_px: Float[np.ndarray, "h w"]
    inverse_depth: Float[np.ndarray, "h w"]


def read_parallax(z_depth_sfm: Float[np.ndarray, "h w"], companion: Companion) -> Parallax:
    """What the companion says of a depth map, NaN = no depth."""
    camera, shift = companion.camera, companion.b_from_a[:3, 3]
    grid = pixel_grid(camera.width, camera.height)
    rays = unproject(camera, grid, np.ones(grid.shape[:2])) @ companion.b_from_a[:3, :3].T
    claimed, infinite = project(camera, rays * z_depth_sfm[..., None] + shift), project(camera, rays)
    end = grid + companion.flow_px
    ncc = _ncc(companion, end)
    with np.errstate(invalid="ignore"):
        found = ncc > np.maximum(MIN_NCC, _ncc(companion, claimed) + MIN_GAIN)
    return Parallax(
        found & companion.followed, end, claimed, infinite,
        FLOW_NOISE_PX + FLOW_NOISE_REL * np.linalg.norm(companion.flow_px, axis=-1),
        _inverse_depth(unproject(camera, end, np.ones(end.shape[:2]))[..., :2], rays, shift),
    )  # fmt: skip


def against_parallax(
    z_depth_sfm: Float[np.ndarray, "h w"], parallax: Parallax, max_difference: float
) -> Bool[np.ndarray, "h w"]:
    """True where |D_mvs - D_pp| / (D_mvs + D_pp) > ``max_difference``, D_pp being the depth that the parallax tells.

    Nothing is said where the flow cannot tell: not found again, off the epipolar line, or the difference in pixels not
    clear of its noise.
    """
    along_px, across_px = _split(parallax.end - parallax.claimed, parallax.claimed - parallax.infinite)
    with np.errstate(invalid="ignore", divide="ignore"):
        tells = parallax.found & (across_px < MAX_ACROSS_PX) & (along_px > CLEAR * parallax.noise_px)
        # The ratio is the same for inverse depths; what noise turns negative there is infinitely far.
        ours, theirs = 1.0 / z_depth_sfm, np.maximum(parallax.inverse_depth, 0.0)
        return tells & (np.abs(ours - theirs) > max_difference * (ours + theirs))


def at_infinity(parallax: Parallax) -> Bool[np.ndarray, "h w"]:
    """True where the flow is that of infinite depth within its noise, and that of the claimed depth would differ clearly."""
    with np.errstate(invalid="ignore"):
        still = np.linalg.norm(parallax.end - parallax.infinite, axis=-1) < parallax.noise_px
        expected_px = np.linalg.norm(parallax.claimed - parallax.infinite, axis=-1)
        return parallax.found & still & (expected_px > CLEAR * parallax.noise_px)


def _ncc(companion: Companion, places: Float[np.ndarray, "h w 2"]) -> Float[np.ndarray, "h w"]:
    """Normalised correlation of the patch round each pixel with the companion warped back from ``places``."""
    # OpenCV's maps know no NaN; far outside, the border's pixel answers for it.
    xy = np.nan_to_num(integer_centred_from_pixel(places), nan=-1.0).astype(np.float32)
    warped = cv2.remap(companion.grey_b, xy, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return patch_correlation(companion.grey_a, warped, PATCH_PX)[0]


def _split(
    miss_px: Float[np.ndarray, "h w 2"], line_px: Float[np.ndarray, "h w 2"]
) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "h w"]]:
    """Length of ``miss_px`` along and across the direction ``line_px``; NaN where that has none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        direction = line_px / np.linalg.norm(line_px, axis=-1, keepdims=True)
    along = np.abs((miss_px * direction).sum(axis=-1))
    return along, np.abs(miss_px[..., 0] * direction[..., 1] - miss_px[..., 1] * direction[..., 0])


def _inverse_depth(
    seen: Float[np.ndarray, "h w 2"], rays: Float[np.ndarray, "h w 3"], shift: Float[np.ndarray, " 3"]
) -> Float[np.ndarray, "h w"]:
    """1 / z of the point on each ray that is seen nearest to ``seen``, in the least-squares sense; 0 without a baseline.

    ray + shift / z lies in the direction (seen, 1) where ray_xy - seen ray_z = -(shift_xy - seen shift_z) / z.
    """
    slope = shift[:2] - seen * shift[2]
    offset = seen * rays[..., 2:] - rays[..., :2]
    return (slope * offset).sum(axis=-1) / np.maximum((slope * slope).sum(axis=-1), np.finfo(np.float64).tiny)
