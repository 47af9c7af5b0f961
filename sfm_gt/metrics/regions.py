"""Regions of a frame: every scored pixel gets one cell, and a region is a set of cells.

| region | pixels, of those that the protocol scores |
|---|---|
| all | every one |
| static, moving | by the moving mask; moving is empty under protocols that leave moving pixels out |
| person, environment | by the person mask, where somebody looked for people |
| boundary | within BAND_RADIUS_PX of a depth step of BAND_RATIO |
| near, mid, far | the nearest, middle and farthest third of the frame's scored pixels |

Overlays (captions, logos, bars) are in no region. The cells also split depth into bins, for error against depth in metres.
Pixels are sorted by cell once a frame, so that all models and alignments read them in one run a cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int
from numba import njit

from sfm_gt.metrics.order_statistics import terciles

REGIONS = ("all", "static", "moving", "person", "environment", "boundary", "near", "mid", "far")
BAND_RADIUS_PX = 3
BAND_RATIO = 1.10
"""Farther depth over nearer depth inside the band's window from which it counts as a step."""
DEPTH_EDGES_M = tuple(0.25 * 2 ** (k / 2) for k in range(18))
"""Bounds of the depth bins, two an octave from 0.25 to 90 m; what lies outside has a bin of its own at either end."""

_MOVING, _PERSON, _BOUNDARY, _THIRD, _BIN = 1, 2, 4, 8, 32
_N_CELLS = _BIN * (len(DEPTH_EDGES_M) + 1)
_EDGES = np.array(DEPTH_EDGES_M)


@dataclass(frozen=True)
class ScoredPixels:
    """The scored pixels of one frame, sorted by cell.

    Attributes:
        order: flat pixel numbers.
        gt: depth of these pixels.
        codes, offsets: cell ``codes[c]`` holds pixels offsets[c] to offsets[c + 1].
        membership: which cells belong to each region of REGIONS.
    """

    order: Int[np.ndarray, " n"]
    gt: Float[np.ndarray, " n"]
    codes: Int[np.ndarray, " k"]
    offsets: Int[np.ndarray, " k1"]
    membership: Bool[np.ndarray, "regions k"]

    @property
    def depth_bins(self) -> Int[np.ndarray, " k"]:
        """Depth bin of every cell: 0 is below DEPTH_EDGES_M[0]."""
        return self.codes // _BIN

    def counts_by_region(self) -> Int[np.ndarray, " regions"]:
        """Pixels of every region of REGIONS."""
        counts = np.diff(self.offsets)
        return self.membership @ counts

    def kept(self, keep: Bool[np.ndarray, " n"]) -> ScoredPixels:
        """The same without some pixels; cells may become empty."""
        before = np.concatenate([[0], np.cumsum(keep)])
        return ScoredPixels(self.order[keep], self.gt[keep], self.codes, before[self.offsets], self.membership)


def _membership(codes: Int[np.ndarray, " k"], person_known: bool) -> Bool[np.ndarray, "regions k"]:
    third = codes % _BIN // _THIRD
    cells = {
        "all": codes >= 0, "static": codes & _MOVING == 0, "moving": codes & _MOVING > 0,
        "person": (codes & _PERSON > 0) & person_known, "environment": (codes & _PERSON == 0) & person_known,
        "boundary": codes & _BOUNDARY > 0, "near": third == 0, "mid": third == 1, "far": third == 2,
    }  # fmt: skip
    return np.stack([cells[region] for region in REGIONS])


def by_region(pixels: ScoredPixels, sums: Float[np.ndarray, "k sums"]) -> Float[np.ndarray, "regions sums"]:
    """Sums of every region of REGIONS from the sums of every cell."""
    return _sums_of(pixels.membership, sums)


def by_depth(pixels: ScoredPixels, sums: Float[np.ndarray, "k sums"]) -> Float[np.ndarray, "bins sums"]:
    """Sums of every depth bin from the sums of every cell."""
    found = np.zeros((len(DEPTH_EDGES_M) + 1, sums.shape[1]))
    np.add.at(found, pixels.depth_bins, sums)
    return found


def boundary_band(z_depth: Float[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """True near a depth step of the GT; pixels without GT (NaN) are no step."""
    size = 2 * BAND_RADIUS_PX + 1
    window = np.ones((size, size), np.uint8)
    z_depth = z_depth.astype(np.float32, copy=False)
    valid = np.isfinite(z_depth)
    farthest = cv2.dilate(np.where(valid, z_depth, 0.0), window)
    nearest = cv2.erode(np.where(valid, z_depth, np.float32(np.inf)), window)
    return farthest / BAND_RATIO > nearest


def scored_pixels(
    z_depth: Float[np.ndarray, "h w"],
    scored: Bool[np.ndarray, "h w"],
    moving: Bool[np.ndarray, "h w"],
    person: Bool[np.ndarray, "h w"] | None,
    boundary: Bool[np.ndarray, "h w"],
    metric: bool,
) -> ScoredPixels:
    """The scored pixels by cell.

    Args:
        z_depth: finite and positive where ``scored``; in metres where ``metric``, which alone has depth bins.
        person: None where there is no person mask.
    """
    bits = moving.astype(np.uint8) * _MOVING + boundary.astype(np.uint8) * _BOUNDARY
    if person is not None:
        bits += person.astype(np.uint8) * _PERSON
    places = np.flatnonzero(scored)
    depth = z_depth.take(places)
    codes = _codes(depth, bits.take(places), *terciles(depth), _EDGES if metric else _EDGES[:0])
    order, by_code, counts = _sorted_by_code(codes, places, depth, _N_CELLS)
    present = np.flatnonzero(counts)
    offsets = np.concatenate([[0], np.cumsum(counts[present])])
    return ScoredPixels(order, by_code, present, offsets, _membership(present, person is not None))


@njit(cache=True, nogil=True, error_model="numpy")
def _sums_of(membership, sums):
    # No product of matrices: a sum may be infinite (iRMSE), and infinity times zero is NaN.
    found = np.zeros((membership.shape[0], sums.shape[1]))
    for region in range(membership.shape[0]):
        for cell in range(membership.shape[1]):
            if membership[region, cell]:
                found[region] += sums[cell]
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def _codes(depth, bits, near_end, mid_end, edges):
    codes = np.empty(depth.size, np.int32)
    depth_bin = 0
    for i in range(depth.size):
        # Neighbours mostly share a bin, so the search starts at the last one.
        while depth_bin > 0 and depth[i] < edges[depth_bin - 1]:
            depth_bin -= 1
        while depth_bin < edges.size and depth[i] >= edges[depth_bin]:
            depth_bin += 1
        third = 0 if depth[i] < near_end else 1 if depth[i] < mid_end else 2
        codes[i] = depth_bin * _BIN + third * _THIRD + bits[i]
    return codes


@njit(cache=True, nogil=True, error_model="numpy")
def _sorted_by_code(codes, number, depth, n_codes):
    """Pixel numbers and depth in the order of the codes, and how many there are of each code."""
    counts = np.zeros(n_codes, np.int64)
    for code in codes:
        counts[code] += 1
    place = np.cumsum(counts) - counts
    # NumPy's own type of index: any other is converted again at every use.
    order, by_code = np.empty(codes.size, np.intp), np.empty_like(depth)
    for i in range(codes.size):
        to = place[codes[i]]
        order[to], by_code[to] = number[i], depth[i]
        place[codes[i]] = to + 1
    return order, by_code, counts
