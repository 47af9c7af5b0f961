"""Photometric residuals of a surface over regions larger than a patch, at its depth and around it; hypotheses of planes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Int32, UInt8
from numba import njit

from sfm_gt.dense.matching.patch import Geometry
from sfm_gt.dense.matching.pyramid import Pyramid

_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
# Variance of the difference of two smoothed grey values by noise alone. A residual beyond CAP times that says that the
# pixel is hidden, a highlight or on another surface; how far beyond says nothing.
NOISE_VARIANCE = np.float32(4.0)
CAP = np.float32(9.0)
# A pixel is judged by the mean over so many of its best views: those in which it is hidden are not among them. Fewer
# neighbours are all that there is.
N_BEST = 3
# Offsets between images are medians, from histograms with bins of a quarter of a grey level.
_BINS_A_LEVEL, _N_BINS = np.float32(4.0), 2048
# Alike is what differs by few grey levels: weights fall to 1/e at this many, over every second pixel of a window of 13 x 13.
_LIKE_GREY, _REACH_PX, _STRIDE_PX = 4.0, 6, 2
# By half grey levels.
_LIKENESS = np.exp(-np.arange(512) / (2.0 * _LIKE_GREY)).astype(np.float32)
# Three points nearer to a line than this (twice the area of their triangle, in square pixels) make no plane.
_MIN_AREA_PX2 = 25.0
# Where a view does not see a pixel; no infinity, which fast floating-point arithmetic may take for impossible.
_UNSEEN = np.float32(1e9)
# How far behind a surface the images are asked whether it might as well be there, relative to inverse depth: what it may
# have grown over lies well behind it, as a room does behind people.
BEHIND_REL = np.float32(0.40)
# What compression leaves of noise, in units of NOISE_VARIANCE: residuals below are as good as that.
LEAST_RESIDUAL = np.float32(0.3)


@dataclass(frozen=True)
class Images:
    """A view's image and its neighbours', ready to be compared at any depth.

    Attributes:
        grey: (h, w) float32, smoothed.
        greys: (J, h, w) float32, the neighbours', smoothed.
        matchable: (J, h, w) uint8.
        there: from the view to the neighbours.
    """

    grey: Float[np.ndarray, "h w"]
    greys: Float[np.ndarray, "j h w"]
    matchable: UInt8[np.ndarray, "j h w"]
    there: Geometry

    @classmethod
    def of(cls, reference: Pyramid, neighbours: Sequence[Pyramid], there: Geometry) -> Images:
        """At full size."""
        levels = [each.levels[0] for each in neighbours]
        return cls(
            smoothed(reference.levels[0].grey), np.stack([smoothed(each.grey) for each in levels]),
            np.stack([each.matchable for each in levels]), there,
        )  # fmt: skip

    def residuals(
        self,
        places: Int32[np.ndarray, "n 2"],
        inverse_depths: Float[np.ndarray, "k n"],
        scales: Float[np.ndarray, " d"],
    ) -> Float[np.ndarray, "k d n"]:
        """See :func:`surface_residuals`."""
        return surface_residuals(self.grey, self.greys, self.matchable, self.there, places, inverse_depths, scales)


def smoothed(grey: UInt8[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Grey values without the noise of single pixels."""
    return cv2.GaussianBlur(grey, (3, 3), 0.0).astype(np.float32)


def rise_behind(images: Images, inverse_depth: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """By how much the residual grows, as a share of itself, when the surface moves back by :data:`BEHIND_REL`; 0 = unknown.

    A surface that has grown over its outline, onto one without texture behind it, could as well lie farther: the residual
    stays. Each pixel is judged with what looks like it around it.

    Args:
        inverse_depth: 0 = unknown.
    """
    known = inverse_depth > 0
    rows, columns = np.nonzero(known)
    places = np.stack([columns, rows], axis=1).astype(np.int32)
    scales = np.array([1.0, 1.0 - BEHIND_REL], dtype=np.float32)
    values = np.zeros((*inverse_depth.shape, 2), dtype=np.float32)
    values[rows, columns] = images.residuals(places, inverse_depth[rows, columns][None], scales)[0].T
    here, behind = np.moveaxis(_alike_mean(images.grey, known.astype(np.uint8), values), -1, 0)
    return np.where(known, np.maximum(behind - here, 0.0) / np.maximum(here, LEAST_RESIDUAL), np.float32(0.0))


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def surface_residuals(grey, greys, matchable, there, places, inverse_depths, scales):
    """Mean truncated squared residual over the best views, (K, D, N) float32; 1 = what noise alone gives, CAP = unseen.

    Images may differ by an offset over all places (exposure), which is taken out first.

    Args:
        grey: (h, w) float32, smoothed.
        greys: (J, h, w) float32, the neighbours', smoothed.
        matchable: (J, h, w) uint8.
        there: :class:`~sfm_gt.dense.matching.patch.Geometry`, from the view to the neighbours.
        places: (N, 2) int32, x and y of the pixels asked about.
        inverse_depths: (K, N) float32 of K surfaces there, 0 = none.
        scales: (D,) float32, factors on them.
    """
    n_places = places.shape[0]
    n_best = min(N_BEST, greys.shape[0])
    answer = np.empty((inverse_depths.shape[0], scales.shape[0], n_places), dtype=np.float32)
    residuals = np.empty(n_places, dtype=np.float32)
    lowest = np.empty((N_BEST, n_places), dtype=np.float32)
    bins = np.empty(_N_BINS, dtype=np.int32)
    for k in range(inverse_depths.shape[0]):
        for d in range(scales.shape[0]):
            lowest[:] = CAP
            for j in range(greys.shape[0]):
                offset = _residuals_in_view(
                    grey, greys, matchable, there, j, places, inverse_depths[k], scales[d], (residuals, bins)
                )
                for i in range(n_places):
                    if residuals[i] < _UNSEEN:
                        r = residuals[i] - offset
                        value = min(r * r / NOISE_VARIANCE, CAP)
                        for m in range(N_BEST):
                            if value < lowest[m, i]:
                                lowest[m, i], value = value, lowest[m, i]
            for i in range(n_places):
                total = _ZERO
                for m in range(n_best):
                    total += lowest[m, i]
                answer[k, d, i] = total / np.float32(n_best)
    return answer


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _residuals_in_view(grey, greys, matchable, there, j, places, inverse_depths, scale, scratch):
    """Fills ``scratch``'s residuals (_UNSEEN where view ``j`` does not see the place) and returns their median."""
    a, b = there
    residuals, bins = scratch
    height, width = grey.shape
    bins[:] = 0
    n_seen = 0
    for i in range(places.shape[0]):
        residuals[i] = _UNSEEN
        w = inverse_depths[i] * scale
        x, y = np.float32(places[i, 0]), np.float32(places[i, 1])
        z = a[j, 2, 0] * x + a[j, 2, 1] * y + a[j, 2, 2] + b[j, 2] * w
        if not (w > _ZERO and z > _ZERO):
            continue
        px = (a[j, 0, 0] * x + a[j, 0, 1] * y + a[j, 0, 2] + b[j, 0] * w) / z
        py = (a[j, 1, 0] * x + a[j, 1, 1] * y + a[j, 1, 2] + b[j, 1] * w) / z
        if not (px >= _ZERO and py >= _ZERO and px < np.float32(width - 1) and py < np.float32(height - 1)):
            continue
        column, row = np.int32(px), np.int32(py)
        if matchable[j, row, column] == 0:
            continue
        u, v = px - np.float32(column), py - np.float32(row)
        above = greys[j, row, column] * (_ONE - u) + greys[j, row, column + 1] * u
        below = greys[j, row + 1, column] * (_ONE - u) + greys[j, row + 1, column + 1] * u
        residuals[i] = above * (_ONE - v) + below * v - grey[places[i, 1], places[i, 0]]
        bins[np.int32((residuals[i] + np.float32(256.0)) * _BINS_A_LEVEL)] += 1
        n_seen += 1
    return _median_of(bins, n_seen)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy", inline="always")
def _median_of(bins, n):
    half = (n + 1) // 2
    passed, k = 0, 0
    while k < bins.shape[0] and passed + bins[k] < half:
        passed += bins[k]
        k += 1
    return (np.float32(k) + np.float32(0.5)) / _BINS_A_LEVEL - np.float32(256.0)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _alike_mean(grey, known, values):
    """Mean of ``values`` (h, w, D) over the ``known`` (h, w) pixels of a small window, by their likeness to its centre.

    A pixel is judged by its own surface alone, not by an outline next to it. Zero where the pixel is not known.
    """
    height, width, n_values = values.shape
    out = np.zeros(values.shape, dtype=np.float32)
    for y in range(height):
        for x in range(width):
            if known[y, x] == 0:
                continue
            total = _ZERO
            for yy in range(y - _REACH_PX, y + _REACH_PX + 1, _STRIDE_PX):
                if yy < 0 or yy >= height:
                    continue
                for xx in range(x - _REACH_PX, x + _REACH_PX + 1, _STRIDE_PX):
                    if xx < 0 or xx >= width or known[yy, xx] == 0:
                        continue
                    weight = _LIKENESS[np.int32(2.0 * abs(grey[yy, xx] - grey[y, x]))]
                    total += weight
                    for d in range(n_values):
                        out[y, x, d] += weight * values[yy, xx, d]
            for d in range(n_values):
                out[y, x, d] /= total
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def best_plane(points, tolerance_rel, n_trials):
    """The plane (w0, wx, wy) through three of ``points`` with which most agree, and how many do.

    Args: ``points`` (N, 3) float64: x, y, inverse depth; ``tolerance_rel`` of inverse depth, within which a point agrees.

    The triples come from a fixed sequence (a linear congruential generator), so that the answer is always the same.
    """
    n = points.shape[0]
    best = np.zeros(3)
    most = 0
    state = np.uint32(1)
    index = np.zeros(3, dtype=np.int64)
    for _ in range(n_trials):
        for m in range(3):
            state = np.uint32(state * np.uint32(1664525) + np.uint32(1013904223))
            index[m] = np.int64(state >> np.uint32(8)) % n
        p, q, r = points[index[0]], points[index[1]], points[index[2]]
        area = (q[0] - p[0]) * (r[1] - p[1]) - (r[0] - p[0]) * (q[1] - p[1])
        if abs(area) < _MIN_AREA_PX2:
            continue
        wx = ((q[2] - p[2]) * (r[1] - p[1]) - (r[2] - p[2]) * (q[1] - p[1])) / area
        wy = ((r[2] - p[2]) * (q[0] - p[0]) - (q[2] - p[2]) * (r[0] - p[0])) / area
        w0 = p[2] - wx * p[0] - wy * p[1]
        count = 0
        for i in range(n):
            if abs(w0 + wx * points[i, 0] + wy * points[i, 1] - points[i, 2]) < tolerance_rel * points[i, 2]:
                count += 1
        if count > most:
            most = count
            best[0], best[1], best[2] = w0, wx, wy
    return best, most
