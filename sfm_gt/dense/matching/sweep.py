"""First guess at the coarsest level: fronto-parallel plane sweep, box-filter NCC, SGM (Hirschmüller 2008)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float

from sfm_gt.dense.matching.patch import NOISE_VARIANCE
from sfm_gt.dense.matching.pyramid import Level, Pyramid, pair_geometry
from sfm_gt.dense.matching.sgm import aggregate, best_plane, ncc_from_moments

# Planes lie this many pixels of displacement apart (in the neighbour that moves most), within the bounds below: finer
# is lost in the sub-plane fit, coarser misses the peak of the correlation.
PLANE_STEP_PX = 1.0
MIN_PLANES, MAX_PLANES = 32, 80
WINDOW_PX = 7
# In units of 1 - NCC. Tuned on the kitchen clip.
PENALTY_SMALL = np.float32(0.06)
PENALTY_LARGE = np.float32(0.6)


def sweep(
    reference: Pyramid, neighbours: Sequence[Pyramid], level: int, inverse_range: tuple[float, float], n_best: int
) -> Float[np.ndarray, "h w 3"]:
    """Planes (w, wx, wy) at one level from a plane sweep, inverse SfM units and the same per pixel.

    Args:
        inverse_range: least and largest inverse depth.
        n_best: a pixel's cost is the mean over so many of its best neighbours: it is not seen by all.
    """
    inverse_depths = _choose_planes(reference, neighbours, level, inverse_range)
    costs = _cost_volume(reference, neighbours, level, inverse_depths, min(n_best, len(neighbours)))
    total = aggregate(costs, reference.levels[level].grey, PENALTY_SMALL, PENALTY_LARGE)
    index = best_plane(total)
    step = (inverse_depths[-1] - inverse_depths[0]) / (len(inverse_depths) - 1)
    return planes_from_inverse_depth((inverse_depths[0] + index * step).astype(np.float32))


def planes_from_inverse_depth(inverse_depth: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w 3"]:
    """Planes whose slopes are those of a smoothed inverse depth map."""
    smooth = cv2.medianBlur(inverse_depth, 5)
    slope_x = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=5, scale=1.0 / 128.0)
    slope_y = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=5, scale=1.0 / 128.0)
    # Steps between surfaces are no slopes: those pixels start fronto-parallel.
    limit = 0.02 * smooth
    steep = (np.abs(slope_x) > limit) | (np.abs(slope_y) > limit)
    slope_x[steep] = 0.0
    slope_y[steep] = 0.0
    return np.stack([smooth, slope_x, slope_y], axis=-1)


def _choose_planes(
    reference: Pyramid, neighbours: Sequence[Pyramid], level: int, inverse_range: tuple[float, float]
) -> Float[np.ndarray, " d"]:
    camera = reference.levels[level].camera
    centre = np.array([camera.width / 2, camera.height / 2, 1.0])
    travel = 0.0
    for neighbour in neighbours:
        a, b = pair_geometry(reference, neighbour, level)
        ends = [a @ centre + b * w for w in inverse_range]
        if min(end[2] for end in ends) > 0:
            travel = max(travel, float(np.linalg.norm(ends[0][:2] / ends[0][2] - ends[1][:2] / ends[1][2])))
    n_planes = int(np.clip(math.ceil(travel / PLANE_STEP_PX), MIN_PLANES, MAX_PLANES))
    return np.linspace(inverse_range[0], inverse_range[1], n_planes)


def _cost_volume(
    reference: Pyramid, neighbours: Sequence[Pyramid], level: int, inverse_depths: np.ndarray, n_best: int
) -> Float[np.ndarray, "h w d"]:
    here = reference.levels[level]
    grey = here.grey.astype(np.float32)
    mean, variance = _moments(grey)
    geometry = [pair_geometry(reference, neighbour, level) for neighbour in neighbours]
    images = [neighbour.levels[level].grey.astype(np.float32) for neighbour in neighbours]
    # One image after the other here, the planes of a pixel side by side for SGM: written the second way this loop would
    # touch every cache line of the volume once a plane.
    volume = np.empty((len(inverse_depths), grey.size), dtype=np.float32)
    cost = np.empty_like(grey)
    for plane, w in enumerate(inverse_depths):
        lowest = [np.full_like(grey, np.inf) for _ in range(n_best)]
        for j, (a, b) in enumerate(geometry):
            homography = a.copy()
            homography[:, 2] += b * w
            warped, seen = _warp(images[j], neighbours[j].levels[level], homography)
            cross = _box(warped * grey)
            square = _box(warped * warped)
            ncc_from_moments(cross, _box(warped), square, mean, variance, seen, NOISE_VARIANCE, cost)
            _insert(cost, lowest)
        volume[plane] = np.mean(lowest, axis=0).ravel()
    # Where the reference itself may not be matched every plane is as good: the smoothness decides.
    volume[:, here.matchable.ravel() == 0] = 1.0
    return cv2.transpose(volume).reshape(*grey.shape, -1)


def _insert(cost: np.ndarray, lowest: list[np.ndarray]) -> None:
    """Sort ``cost`` into ``lowest``, the least values of every pixel so far, in place."""
    for k, kept in enumerate(lowest):
        lowest[k], cost = np.minimum(kept, cost), np.maximum(kept, cost)


def _warp(image: np.ndarray, level: Level, homography: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    size = (image.shape[1], image.shape[0])
    warped = cv2.warpPerspective(image, homography, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    seen = cv2.warpPerspective(level.matchable, homography, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    return warped, seen


def _box(image: np.ndarray) -> np.ndarray:
    return cv2.blur(image, (WINDOW_PX, WINDOW_PX), borderType=cv2.BORDER_REFLECT_101)


def _moments(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = _box(grey)
    return mean, np.maximum(_box(grey * grey) - mean * mean, 0.0)
