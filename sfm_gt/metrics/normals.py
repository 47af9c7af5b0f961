"""Surface normals that depth implies on the camera of the ground truth, against those of its depth.

    normal_mean_deg normal_median_deg   angle between both normals over pixels, degrees (Fouhey et al. 2013)
    normal_11 normal_22 normal_30       share of pixels with an angle below 11.25, 22.5 and 30 degrees, strictly
    rel_normal_deg                      mean |a - a_gt| over pairs of nearby pixels, a the angle between the normals at both
                                        ends (Wu et al. 2025, EvalMDE): what a wavy or bumpy surface gets wrong, while a
                                        tilted one has the right a everywhere. Degrees; the paper states radians

The normal of a pixel is that of the plane through 5x5 pixels: inverse depth is linear in pixel coordinates on a plane, so
that least squares are three small sums (Badino et al. 2011). Neighbours share most of their window, so every fourth row
and column is enough. Pixels whose window holds an invalid pixel, or a depth step of the GT of ``BAND_RATIO``, have none:
across an outline there is no surface.

``rel_normal_deg`` follows EvalMDE's code: triangles with legs of two pixels, on maps thinned by 1, 2, 4 and 8 to the valid
pixel next to the middle of each block, pairs at most 32 pixels apart (3 thinned ones at least), mean over the four. It
differs in drawing N_PAIRS pairs a scale at random, where the code takes a million, and in leaving out pairs without a
prediction, where the code counts pi. Normals do not change with the scale of depth, but do with its shift.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int

from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.metrics.regions import BAND_RATIO
from sfm_gt.metrics.structure_kernels import angles_deg, plane_normals, triangle_angles, triangle_corners

BOUNDS_DEG = {"normal_11": 11.25, "normal_22": 22.5, "normal_30": 30.0}
NORMALS = ("normal_mean_deg", "normal_median_deg", *BOUNDS_DEG, "rel_normal_deg")
REACH_PX, SPACING_PX = 2, 4
SCALES = (1, 2, 4, 8)
RADIUS_PX, LEAST_RADIUS_PX, LEG_PX = 32, 3, 2
N_PAIRS = 2048
"""Pairs a scale and frame: the standard error of the mean is about 0.4 degrees where angles are off by 20."""

Map = Float[np.ndarray, "h w"]


class NormalsGt:
    """GT side, made once a frame and set of scored pixels."""

    def __init__(self, gt: Map, camera: PinholeCamera, seed: Sequence[int]):
        """``gt``: z-depth, NaN where it is not scored; ``seed`` draws the pairs."""
        self._intrinsics, self._seed = (camera.fx, camera.fy, camera.cx, camera.cy), seed
        window, known = np.ones((2 * REACH_PX + 1,) * 2, np.uint8), gt > 0
        filled = np.where(known, gt, np.float32(1.0))
        smooth = cv2.dilate(filled, window) < BAND_RATIO * cv2.erode(filled, window)
        sparse = np.zeros(gt.shape, bool)
        sparse[::SPACING_PX, ::SPACING_PX] = True
        places = np.flatnonzero(smooth & known & sparse)
        normals = plane_normals(gt, places, REACH_PX, self._intrinsics)
        whole = np.isfinite(normals[:, 0])
        self._places, self._normals = places[whole], normals[whole]
        self._corners = [self._pairs(known, scale) for scale in SCALES]
        self._between = [self._between_ends(gt, corners) for corners in self._corners]

    def figures(self, depth: Map) -> dict[str, float]:
        """The figures of NORMALS of depth in any unit, NaN where it does not count; NaN without a pixel or pair."""
        return dict(zip(NORMALS, (*self._to_gt(depth), self._relative(depth)), strict=True))

    def _to_gt(self, depth: Map) -> tuple[float, ...]:
        angles = angles_deg(plane_normals(depth, self._places, REACH_PX, self._intrinsics), self._normals)
        angles = angles[np.isfinite(angles)]
        if not angles.size:
            return (math.nan,) * (2 + len(BOUNDS_DEG))
        within = (float(np.mean(angles < bound)) for bound in BOUNDS_DEG.values())
        return float(angles.mean()), float(np.median(angles)), *within

    def _relative(self, depth: Map) -> float:
        errors = [
            np.abs(self._between_ends(depth, corners) - between)
            for corners, between in zip(self._corners, self._between, strict=True)
        ]
        means = [float(known.mean()) for error in errors if (known := error[np.isfinite(error)]).size]
        return float(np.mean(means)) if means else math.nan

    def _between_ends(self, depth: Map, corners: Int[np.ndarray, "pairs 6"]) -> Float[np.ndarray, " pairs"]:
        """Angle in degrees between the triangles at both ends of each pair; NaN where one does not exist."""
        return triangle_angles(depth.reshape(-1), depth.shape[1], corners, self._intrinsics)

    def _pairs(self, known: Bool[np.ndarray, "h w"], scale: int) -> Int[np.ndarray, "pairs 6"]:
        """Flat numbers of the corners of two triangles each, on a thinned map."""
        height, width = (-(-size // scale) - LEG_PX for size in known.shape)
        if height < 1 or width < 1:
            return np.empty((0, 6), np.int64)
        rng, radius = np.random.default_rng([*self._seed, scale]), max(RADIUS_PX // scale, LEAST_RADIUS_PX)
        # Some leave the picture; those that stay are evenly spread over all pairs in it.
        one = rng.integers(0, (height, width), (3 * N_PAIRS, 2))
        other = one + rng.integers(-radius, radius, one.shape)
        corners = triangle_corners(known, one, other, _from_middle(scale), scale, LEG_PX, N_PAIRS)
        return corners[(corners >= 0).all(axis=1)]


def _from_middle(scale: int) -> Int[np.ndarray, "n 2"]:
    """Rows and columns of a block of ``scale`` pixels a side, the nearest to its middle first."""
    steps = np.stack(np.meshgrid(np.arange(scale), np.arange(scale), indexing="ij"), axis=-1).reshape(-1, 2)
    return steps[np.argsort(np.hypot(*(steps - 0.5 * (scale - 1)).T), kind="stable")]
