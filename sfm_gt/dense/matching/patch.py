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


def pack_grey(grey: UInt8[np.ndarray, "h w"]) -> Int32[np.ndarray, "h w"]:
    """Each pixel with its right, lower and diagonal neighbour in one word, lowest byte first."""
    wide = grey.astype(np.uint32)
    packed = wide.copy()
    packed[:, :-1] |= wide[:, 1:] << 8
    packed[:-1] |= wide[1:] << 16
    packed[:-1, :-1] |= wide[1:, 1:] << 24
    return packed.view(np.int32)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def load_reference(grey, usable, x, y, patch, values, weights):
    """Fill ``values`` (centred on their weighted mean) and ``weights`` (sum 1) of the patch; returns its variance.

    Samples outside the image or on unusable pixels weigh 0. Returns -1 when fewer than half of the samples are left.
    """
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
        return np.float32(-1.0)
    inverse = _ONE / total
    mean *= inverse
    variance = _ZERO
    for k in range(steps.shape[0]):
        weights[k] *= inverse
        values[k] -= mean
        variance += weights[k] * values[k] * values[k]
    return variance


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy", inline="always")
def project_patch(a, b, j, x, y, plane_w, plane_x, plane_y, reach, width, height):
    """The patch's position in neighbour ``j``: whether that sees all of it, x and y of the centre, then their change per
    du and per dv, and the homogeneous third coordinate of the centre.

    First order is enough: across a patch of +-4 px the perspective term moves a sample by about 0.01 px at 10 degrees
    of rotation.
    """
    fx = np.float32(x)
    fy = np.float32(y)
    z = a[j, 2, 0] * fx + a[j, 2, 1] * fy + a[j, 2, 2] + b[j, 2] * plane_w
    inverse = _ONE / z
    z_du = a[j, 2, 0] + b[j, 2] * plane_x
    z_dv = a[j, 2, 1] + b[j, 2] * plane_y
    px = (a[j, 0, 0] * fx + a[j, 0, 1] * fy + a[j, 0, 2] + b[j, 0] * plane_w) * inverse
    py = (a[j, 1, 0] * fx + a[j, 1, 1] * fy + a[j, 1, 2] + b[j, 1] * plane_w) * inverse
    px_du = (a[j, 0, 0] + b[j, 0] * plane_x - px * z_du) * inverse
    py_du = (a[j, 1, 0] + b[j, 1] * plane_x - py * z_du) * inverse
    px_dv = (a[j, 0, 1] + b[j, 0] * plane_y - px * z_dv) * inverse
    py_dv = (a[j, 1, 1] + b[j, 1] * plane_y - py * z_dv) * inverse
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
    return inside, px, py, px_du, py_du, px_dv, py_dv, z


# Positions first, then loading, then arithmetic on what was loaded (in the callers): loading is the one loop that cannot be
# vectorised, and apart from the others it takes half the time of one loop for all.
@njit(cache=True, nogil=True, fastmath=True, error_model="numpy", inline="always")
def load_patch(packed, first, stride, px, py, px_du, py_du, px_dv, py_dv, offsets, places, right_of, below, words):
    """Fill ``words`` (K,) with the packed grey values of the samples, ``right_of`` and ``below`` with their fractions.

    ``packed``: all neighbours' packed images as one flat array, this one's begins at ``first`` and has rows of
    ``stride`` words (slicing an array inside a kernel costs more than half a patch); ``px`` to ``py_dv`` from
    :func:`project_patch`; ``offsets`` (2, K) f32: du and dv of each sample; ``places`` (K,) int32 is scratch.
    """
    for k in range(places.shape[0]):
        sx = px + offsets[0, k] * px_du + offsets[1, k] * px_dv
        sy = py + offsets[0, k] * py_du + offsets[1, k] * py_dv
        ix = np.int32(sx)
        iy = np.int32(sy)
        right_of[k] = sx - np.float32(ix)
        below[k] = sy - np.float32(iy)
        places[k] = first + iy * stride + ix
    for k in range(words.shape[0]):
        words[k] = packed[places[k]]


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy", inline="always")
def patch_cost(packed, first, stride, px, py, px_du, py_du, px_dv, py_dv, offsets, values, weights, variance,
               places, right_of, below, words):  # fmt: skip
    """1 - NCC of the reference patch with a neighbour's patch that lies inside the image; 0 is a perfect match.

    Arguments as in :func:`load_patch`; ``values``, ``weights``, ``variance`` as :func:`load_reference` left them; the last
    four arrays are scratch.
    """
    load_patch(packed, first, stride, px, py, px_du, py_du, px_dv, py_dv, offsets, places, right_of, below, words)
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
    spread = max(second - mean * mean, _ZERO)
    return _ONE - cross / np.sqrt((variance + NOISE_VARIANCE) * (spread + NOISE_VARIANCE))
