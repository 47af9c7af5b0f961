"""The matching cost of one slanted patch in one neighbour: bilateral NCC over a sparse grid of samples.

A hypothesis at a pixel is a plane, written as inverse depth that is affine in the image (exact for a pinhole camera):
``w(x + du, y + dv) = w + wx * du + wy * dv``. A neighbour j sees the reference pixel (x, y) at the homogeneous position
``A_j (x, y, 1) + b_j w``, so a patch needs one homography and no trigonometry (Bleyer et al., PatchMatch Stereo, 2011;
Schönberger et al., Pixelwise View Selection, 2016, for the bilateral weights).

Inside the kernels pixel coordinates are integer-centred; grey values are packed, four neighbours to a 32-bit word, so
that one bilinear sample is one load.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Int32, UInt8
from numba import njit

# Variance that sensor noise and rounding alone give, in squared grey levels: below it a patch has no texture to match,
# and without this term the NCC of two noise patches would decide.
NOISE_VARIANCE = np.float32(4.0)

# How the kernels are compiled. They own nothing (callers allocate), so nothing has to be counted: by default numba counts the
# references to an array wherever it is taken out of a tuple, which would take a third of the time.
KERNEL = {"cache": True, "nogil": True, "fastmath": True, "error_model": "numpy", "_nrt": False}
# Their parts become one body with them, whoever calls.
INNER = KERNEL | {"forceinline": True}
# Fast arithmetic but for fused multiply-add.
_UNFUSED = {"nnan", "ninf", "nsz", "arcp", "reassoc", "afn"}

_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
# Signed, because only signed words become floats without a branch.
_MASK = np.int32(255)
_SHIFT_RIGHT = np.int32(8)
_SHIFT_DOWN = np.int32(16)
_SHIFT_DIAGONAL = np.int32(24)


class Patch(NamedTuple):
    """The sample grid of a patch.

    Attributes:
        steps: (K, 3) int32, column offset, row offset and index of the spatial weight of each sample.
        offsets: (2, K) float32, the column and row offsets again, as the cost kernels want them.
        weights: (S, 256) float32, bilateral weight by spatial index and absolute grey difference.
        reach: largest offset, in pixels.
    """

    steps: np.ndarray
    offsets: np.ndarray
    weights: np.ndarray
    reach: np.float32


class ReferenceImage(NamedTuple):
    """The image whose depth is sought.

    Attributes:
        grey: (h, w) uint8.
        usable: (h, w) uint8, 1 where the pixel may be matched.
    """

    grey: np.ndarray
    usable: np.ndarray


class Neighbours(NamedTuple):
    """What the kernels read of J neighbours at one level; a tuple of arrays because numba takes it as an argument.

    Attributes:
        packed: (J * h * w,) int32, one image after the other.
        matchable: (J, h, w) uint8.
        a, b: (J, 3, 3) and (J, 3) float32: pixel (x, y) at inverse depth w lies at ``a (x, y, 1) + b w``, homogeneous;
            the third coordinate times 1/w is the z-depth in the neighbour.
        shift_px: (J,) float32, typical displacement in pixels of a unit of inverse depth.
        inverse_depths: (J, h, w) float32, the neighbours' own depth maps so far; 0 = unknown.
    """

    packed: np.ndarray
    matchable: np.ndarray
    a: np.ndarray
    b: np.ndarray
    shift_px: np.ndarray
    inverse_depths: np.ndarray


class Geometry(NamedTuple):
    """The way from one view to J others: pixel (x, y) at inverse depth w lies at ``a (x, y, 1) + b w``, homogeneous.

    Attributes:
        a: (J, 3, 3) float32, homographies of the plane at infinity.
        b: (J, 3) float32, epipoles.
    """

    a: np.ndarray
    b: np.ndarray


class Plane(NamedTuple):
    """A plane hypothesis at a pixel: inverse depth ``w(x + du, y + dv) = w + wx * du + wy * dv``."""

    w: np.float32
    wx: np.float32
    wy: np.float32


class ReferencePatch(NamedTuple):
    """The patch of the reference around one pixel, see :func:`load_reference`.

    Attributes:
        x, y: the pixel.
        values: (K,) float32, grey values centred on their weighted mean.
        weights: (K,) float32, of sum 1.
        variance: weighted, of the grey values.
    """

    x: int
    y: int
    values: np.ndarray
    weights: np.ndarray
    variance: np.float32


class Footprint(NamedTuple):
    """A patch as a neighbour sees it, to first order.

    Attributes:
        x, y: the centre.
        x_du, y_du, x_dv, y_dv: how the position changes per column and per row of the reference.
        z: homogeneous third coordinate of the centre.
    """

    x: np.float32
    y: np.float32
    x_du: np.float32
    y_du: np.float32
    x_dv: np.float32
    y_dv: np.float32
    z: np.float32


class Scratch(NamedTuple):
    """Buffers for one patch after the other, of K samples each.

    Attributes:
        values, weights: float32, of the reference, see :class:`ReferencePatch`.
        places: int32, index of each sample of a neighbour's patch into the packed images.
        words: int32, packed grey values of the four pixels around it.
        right_of, below: float32, how far it lies to the right of the first of them and below.
        sampled, slopes: float32, its grey value and the derivative of that by inverse depth.
    """

    values: np.ndarray
    weights: np.ndarray
    places: np.ndarray
    words: np.ndarray
    right_of: np.ndarray
    below: np.ndarray
    sampled: np.ndarray
    slopes: np.ndarray


def make_patch(samples: int, stride: int, sigma_grey: float) -> Patch:
    """A ``samples`` x ``samples`` grid of ``stride`` pixels whose weights fall with grey difference and distance."""
    reach = stride * (samples // 2)
    steps_1d = np.arange(-reach, reach + 1, stride)
    dv, du = (grid.ravel() for grid in np.meshgrid(steps_1d, steps_1d, indexing="ij"))
    spatial = np.exp(-(du**2 + dv**2) / (2.0 * max(reach, 1) ** 2))
    grey = np.exp(-np.arange(256) / sigma_grey)
    steps = np.stack([du, dv, np.arange(du.size)], axis=1).astype(np.int32)
    offsets = np.stack([du, dv]).astype(np.float32)
    return Patch(steps, offsets, (spatial[:, None] * grey).astype(np.float32), np.float32(reach))


def make_scratch(patch: Patch) -> Scratch:
    """Buffers for the patches of one kernel call."""
    kinds = {"places": np.int32, "words": np.int32}
    return Scratch(*(np.empty(len(patch.steps), dtype=kinds.get(name, np.float32)) for name in Scratch._fields))


def pack_grey(grey: UInt8[np.ndarray, "h w"]) -> Int32[np.ndarray, "h w"]:
    """Each pixel with its right, lower and diagonal neighbour in one word, lowest byte first."""
    wide = grey.astype(np.uint32)
    packed = wide.copy()
    packed[:, :-1] |= wide[:, 1:] << 8
    packed[:-1] |= wide[1:] << 16
    packed[:-1, :-1] |= wide[1:, 1:] << 24
    return packed.view(np.int32)


@njit(**INNER | {"fastmath": _UNFUSED})
def rounded_product(first, second):
    """A product that is rounded before it is subtracted: whether the compiler fuses the two would depend on the caller."""
    return first * second


@njit(**KERNEL)
def load_reference(image, x, y, patch, scratch):
    """The :class:`ReferencePatch` at (x, y), in the buffers of ``scratch``.

    Samples outside the image or on unusable pixels weigh 0. The variance is -1 when fewer than half of the samples are left.
    """
    values, weights = scratch.values, scratch.weights
    grey, usable = image
    steps = patch.steps
    height, width = grey.shape
    centre = np.int32(grey[y, x])
    total = _ZERO
    mean = _ZERO
    count = 0
    for k in range(steps.shape[0]):
        xx = x + steps[k, 0]
        yy = y + steps[k, 1]
        weight = _ZERO
        value = _ZERO
        if 0 <= xx < width and 0 <= yy < height and usable[yy, xx] != 0:
            level = np.int32(grey[yy, xx])
            value = np.float32(level)
            weight = patch.weights[steps[k, 2], abs(level - centre)]
            count += 1
        values[k] = value
        weights[k] = weight
        total += weight
        mean += weight * value
    if 2 * count < steps.shape[0]:
        return ReferencePatch(x, y, values, weights, np.float32(-1.0))
    inverse = _ONE / total
    mean *= inverse
    variance = _ZERO
    for k in range(steps.shape[0]):
        weights[k] *= inverse
        values[k] -= mean
        variance += weights[k] * values[k] * values[k]
    return ReferencePatch(x, y, values, weights, variance)


@njit(**INNER)
def project_patch(neighbours, j, x, y, plane, reach):
    """Whether neighbour ``j`` sees all of the patch at (x, y), and its :class:`Footprint` there.

    First order is enough: across a patch of +-4 px the perspective term moves a sample by about 0.01 px at 10 degrees
    of rotation.
    """
    a, b = neighbours.a, neighbours.b
    height, width = neighbours.matchable.shape[1], neighbours.matchable.shape[2]
    fx = np.float32(x)
    fy = np.float32(y)
    z = a[j, 2, 0] * fx + a[j, 2, 1] * fy + a[j, 2, 2] + b[j, 2] * plane.w
    inverse = _ONE / z
    z_du = a[j, 2, 0] + b[j, 2] * plane.wx
    z_dv = a[j, 2, 1] + b[j, 2] * plane.wy
    px = (a[j, 0, 0] * fx + a[j, 0, 1] * fy + a[j, 0, 2] + b[j, 0] * plane.w) * inverse
    py = (a[j, 1, 0] * fx + a[j, 1, 1] * fy + a[j, 1, 2] + b[j, 1] * plane.w) * inverse
    px_du = (a[j, 0, 0] + b[j, 0] * plane.wx - px * z_du) * inverse
    py_du = (a[j, 1, 0] + b[j, 1] * plane.wx - py * z_du) * inverse
    px_dv = (a[j, 0, 1] + b[j, 0] * plane.wy - px * z_dv) * inverse
    py_dv = (a[j, 1, 1] + b[j, 1] * plane.wy - py * z_dv) * inverse
    reach_x = reach * (abs(px_du) + abs(px_dv))
    reach_y = reach * (abs(py_du) + abs(py_dv))
    # Strictly below the last pixel: every bilinear sample needs its four neighbours.
    inside = (
        z > _ZERO
        and px - reach_x >= _ZERO
        and px + reach_x < np.float32(width - 1)
        and py - reach_y >= _ZERO
        and py + reach_y < np.float32(height - 1)
    )
    return inside, Footprint(px, py, px_du, py_du, px_dv, py_dv, z)


# Positions first, then loading, then arithmetic on what was loaded (in the callers): loading is the one loop that cannot be
# vectorised, and apart from the others it takes half the time of one loop for all.
@njit(**INNER)
def load_patch(neighbours, j, footprint, offsets, scratch):
    """Fill ``scratch`` with the packed grey values at ``footprint`` in neighbour ``j``.

    All neighbours' packed images are one flat array, since slicing an array inside a kernel costs more than half a patch.
    """
    packed = neighbours.packed
    height, width = neighbours.matchable.shape[1], neighbours.matchable.shape[2]
    first, stride = np.int32(j * height * width), np.int32(width)
    places, words, right_of, below = scratch.places, scratch.words, scratch.right_of, scratch.below
    for k in range(places.shape[0]):
        sx = footprint.x + offsets[0, k] * footprint.x_du + offsets[1, k] * footprint.x_dv
        sy = footprint.y + offsets[0, k] * footprint.y_du + offsets[1, k] * footprint.y_dv
        ix = np.int32(sx)
        iy = np.int32(sy)
        right_of[k] = sx - np.float32(ix)
        below[k] = sy - np.float32(iy)
        places[k] = first + iy * stride + ix
    for k in range(words.shape[0]):
        words[k] = packed[places[k]]


@njit(**INNER)
def patch_cost(reference, neighbours, j, footprint, offsets, scratch):
    """1 - NCC of the reference patch with its footprint in neighbour ``j``, which lies inside; 0 is a perfect match."""
    load_patch(neighbours, j, footprint, offsets, scratch)
    values, weights, variance = reference.values, reference.weights, reference.variance
    words, right_of, below = scratch.words, scratch.right_of, scratch.below
    mean = _ZERO
    second = _ZERO
    cross = _ZERO
    for k in range(weights.shape[0]):
        word = words[k]
        top = np.float32(word & _MASK)
        low = np.float32((word >> _SHIFT_DOWN) & _MASK)
        top += right_of[k] * (np.float32((word >> _SHIFT_RIGHT) & _MASK) - top)
        low += right_of[k] * (np.float32((word >> _SHIFT_DIAGONAL) & _MASK) - low)
        value = top + below[k] * (low - top)
        weighted = weights[k] * value
        mean += weighted
        second += weighted * value
        cross += weighted * values[k]
    spread = max(second - rounded_product(mean, mean), _ZERO)
    return _ONE - cross / np.sqrt((variance + NOISE_VARIANCE) * (spread + NOISE_VARIANCE))
