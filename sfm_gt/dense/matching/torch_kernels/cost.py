"""Matching costs of many slanted patches at once, after the modules ``patch`` and ``propagate``.

N pixels are looked at together. What belongs to the K samples of their patches is (K, N), so that memory runs along the
pixels: neighbouring pixels read neighbouring grey values, and figures of a pixel broadcast without copies.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sfm_gt.dense.matching.patch import NOISE_VARIANCE, Neighbours, Patch, ReferenceImage
from sfm_gt.dense.matching.propagate import AGREEMENT_CAP_PX, MIN_COS_INCIDENCE, N_SELECTED, Search

NOISE = float(NOISE_VARIANCE)
_GREY_LEVELS = 256


class Scene(NamedTuple):
    """A reference image, its J neighbours of the same size and the sample grid, on the device.

    Attributes:
        grey, usable: (h * w,) int64 and bool, the reference.
        images: (J * h * w + w + 1,) float32, grey values of one neighbour after the other; the rest is never weighed.
        matchable, inverse_depths: (J * h * w,) bool and float32.
        a, b: (3, 3, J) and (3, J) float32, as in ``Neighbours``.
        shift_px: (J,) float32.
        steps, offsets, weights: (3, K) int64, (2, K) float32 and (S * 256,) float32, as in ``Patch``.
        reach: as in ``Patch``, pixels.
        height, width: of all images.
    """

    grey: Tensor
    usable: Tensor
    images: Tensor
    matchable: Tensor
    inverse_depths: Tensor
    a: Tensor
    b: Tensor
    shift_px: Tensor
    steps: Tensor
    offsets: Tensor
    weights: Tensor
    reach: float
    height: int
    width: int


class Patches(NamedTuple):
    """The reference patches of N pixels.

    Attributes:
        x, y: (N,) float32.
        source_views: (V, N) int64, the source views of each pixel, -1 beyond the last.
        values, weights: (K, N) float32, grey values centred on their weighted mean, and weights of sum 1.
        variance: (N,) float32, weighted; -1 where fewer than half of the samples are usable.
    """

    x: Tensor
    y: Tensor
    source_views: Tensor
    values: Tensor
    weights: Tensor
    variance: Tensor


class Footprint(NamedTuple):
    """N patches as one neighbour each sees them.

    Attributes:
        seen: (N,) bool; the rest is 0 where the patch does not lie wholly inside the image or may not be matched.
        centre, per_du, per_dv: (2, N) float32, x and y of the centre and their change per reference pixel.
        z: (N,) float32, third homogeneous coordinate of the centre.
    """

    seen: Tensor
    centre: Tensor
    per_du: Tensor
    per_dv: Tensor
    z: Tensor


def upload(array: np.ndarray, device: torch.device) -> Tensor:
    """A copy on the device, also where the device is the host: callers' arrays stay as they are."""
    return torch.tensor(array, device=device)


def upload_scene(image: ReferenceImage, neighbours: Neighbours, patch: Patch, device: torch.device) -> Scene:
    """Everything that all kernels read."""
    grey, usable = image
    height, width = grey.shape
    # Sampling reads the pixel to the right and the row below by shifting the whole array.
    images = torch.nn.functional.pad((upload(neighbours.packed, device) & (_GREY_LEVELS - 1)).float(), (0, width + 1))
    return Scene(
        grey=upload(grey, device).flatten().long(),
        usable=upload(usable, device).flatten() != 0,
        images=images,
        matchable=upload(neighbours.matchable, device).flatten() != 0,
        inverse_depths=upload(neighbours.inverse_depths, device).flatten(),
        a=upload(neighbours.a, device).permute(1, 2, 0).contiguous(),
        b=upload(neighbours.b, device).T.contiguous(),
        shift_px=upload(neighbours.shift_px, device),
        steps=upload(patch.steps, device).T.long(),
        offsets=upload(patch.offsets, device),
        weights=upload(patch.weights, device).flatten(),
        reach=float(patch.reach),
        height=height,
        width=width,
    )


def load_patches(scene: Scene, source_views: Tensor, pixels: Tensor) -> Patches:
    """The patches at flat indices ``pixels`` (N,) int64; ``source_views`` (V, h * w) int8 of all pixels."""
    x, y = pixels % scene.width, pixels // scene.width
    xx, yy = x + scene.steps[0, :, None], y + scene.steps[1, :, None]
    inside = (xx >= 0) & (xx < scene.width) & (yy >= 0) & (yy < scene.height)
    places = torch.where(inside, yy * scene.width + xx, 0)
    used = inside & scene.usable[places]
    values = scene.grey[places]
    apart = (values - scene.grey[pixels]).abs()
    weights = torch.where(used, scene.weights[scene.steps[2, :, None] * _GREY_LEVELS + apart], 0.0)
    weights /= weights.sum(0)
    centred = values - (weights * values).sum(0)
    variance = (weights * centred * centred).sum(0)
    variance = torch.where(2 * used.sum(0) < len(used), -1.0, variance)
    return Patches(x.float(), y.float(), source_views[:, pixels].long(), centred, weights, variance)


def pick(patches: Patches, index: Tensor) -> Patches:
    """Those of some pixels, ``index`` (M,) int64."""
    return Patches(*(each.index_select(-1, index) for each in patches))


def project_patches(scene: Scene, patches: Patches, planes: Tensor, views: Tensor) -> Footprint:
    """The patches on ``planes`` (3, N) as neighbours ``views`` (N,) int64 see them."""
    a, b = scene.a.index_select(-1, views), scene.b.index_select(-1, views)
    at = a[:, 0] * patches.x + a[:, 1] * patches.y + a[:, 2] + b * planes[0]
    at_du, at_dv = a[:, 0] + b * planes[1], a[:, 1] + b * planes[2]
    z = at[2]
    centre = at[:2] / z
    per_du, per_dv = (at_du[:2] - centre * at_du[2]) / z, (at_dv[:2] - centre * at_dv[2]) / z
    reach = scene.reach * (per_du.abs() + per_dv.abs())
    low, high = centre - reach, centre + reach
    # Strictly below the last pixel: every bilinear sample needs its four neighbours.
    seen = (z > 0) & (low >= 0).all(0) & (high[0] < scene.width - 1) & (high[1] < scene.height - 1)
    seen &= scene.matchable[nearest(scene, views, torch.where(seen, centre, 0.0))]
    return Footprint(seen, *(torch.where(seen, each, 0.0) for each in (centre, per_du, per_dv, z)))


def nearest(scene: Scene, views: Tensor, centre: Tensor) -> Tensor:
    """Flat indices (N,) into the neighbours' maps of the pixels at ``centre`` (2, N), which lie inside."""
    column, row = (centre + 0.5).long()
    return (views * scene.height + row) * scene.width + column


def corners(scene: Scene, footprint: Footprint, views: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
    """Grey values (K, N) of the four pixels around each sample, upper row first, and how far right and below it lies."""
    du, dv = scene.offsets[0, :, None], scene.offsets[1, :, None]
    column = torch.addcmul(footprint.centre[0], du, footprint.per_du[0]).addcmul_(dv, footprint.per_dv[0])
    row = torch.addcmul(footprint.centre[1], du, footprint.per_du[1]).addcmul_(dv, footprint.per_dv[1])
    # 32 bits reach for 2^31 pixels of all neighbours together and halve the traffic of the indices.
    places = row.int().mul_(scene.width).add_(column.int()).add_((views * scene.height * scene.width).int()).flatten()
    shifts = (0, 1, scene.width, scene.width + 1)
    found = [scene.images[shift:].index_select(0, places).view(row.shape) for shift in shifts]
    return found, column.frac_(), row.frac_()


def patch_cost(scene: Scene, patches: Patches, footprint: Footprint, views: Tensor) -> Tensor:
    """(N,) 1 - NCC of the reference patches with the neighbours', at most 1, and 1 where they are not seen."""
    (upper_left, upper_right, lower_left, lower_right), right_of, below = corners(scene, footprint, views)
    upper = upper_left.lerp_(upper_right, right_of)
    value = upper.lerp_(lower_left.lerp_(lower_right, right_of), below)
    weighted = patches.weights * value
    mean = weighted.sum(0)
    cross = (weighted * patches.values).sum(0)
    spread = (weighted.mul_(value).sum(0) - mean * mean).clamp_(min=0.0)
    cost = 1.0 - cross / torch.sqrt((patches.variance + NOISE) * (spread + NOISE))
    return torch.where(footprint.seen, cost.clamp_(max=1.0), 1.0)


def view_costs(scene: Scene, patches: Patches, planes: Tensor, view: int) -> Tensor:
    """(N,) patch costs of ``planes`` (3, N) in one neighbour."""
    views = torch.full_like(patches.x, view, dtype=torch.int64)
    return patch_cost(scene, patches, project_patches(scene, patches, planes, views), views)


def plane_cost(scene: Scene, patches: Patches, planes: Tensor, geometric_weight: float) -> Tensor:
    """(N,) mean cost of ``planes`` (3, N) in the source views; of four the worst is left out.

    Nothing stops early as in numba: a plane that cannot win is found out by its whole cost just as well.
    """
    values = []
    for source in patches.source_views[: len(scene.shift_px)]:
        views = source.clamp(min=0)
        footprint = project_patches(scene, patches, planes, views)
        value = patch_cost(scene, patches, footprint, views)
        if geometric_weight > 0:
            apart = torch.where(value < 1.0, _disagreement(scene, footprint, views, planes[0]), 1.0)
            value = value + geometric_weight * apart
        values.append(value)
    return mean_of_views(patches.source_views, torch.stack(values))


def mean_of_views(source_views: Tensor, values: Tensor) -> Tensor:
    """(N,) mean of ``values`` (V, N) over the ``source_views``, without the worst where there are four; 1 where is none."""
    present = source_views >= 0
    values = torch.where(present[: len(values)], values, 0.0)
    n_views = present.sum(0)
    full = n_views == N_SELECTED
    n_kept = n_views - full.long()
    return torch.where(n_kept > 0, (values.sum(0) - torch.where(full, values.amax(0), 0.0)) / n_kept, 1.0)


def _disagreement(scene: Scene, footprint: Footprint, views: Tensor, w: Tensor) -> Tensor:
    """(N,) how far points at inverse depth ``w`` lie from the neighbours' own depth, 0 to 1; 1 where that is unknown."""
    v = scene.inverse_depths[nearest(scene, views, footprint.centre)]
    apart = (w / footprint.z - v).abs() * scene.shift_px[views] / float(AGREEMENT_CAP_PX)
    return torch.where(v > 0, apart.clamp(max=1.0), 1.0)


def is_admissible(patches: Patches, planes: Tensor, search: Search) -> Tensor:
    """(N,) whether ``planes`` (3, N) lie within the limits of inverse depth and are not seen at a grazing angle."""
    fx, fy, cx, cy = search.lens.tolist()
    w, wx, wy = planes
    xc, yc = patches.x - cx, patches.y - cy
    nx, ny, nz = wx * fx, wy * fy, w - wx * xc - wy * yc
    rx, ry = xc / fx, yc / fy
    least = float(MIN_COS_INCIDENCE) ** 2 * (nx * nx + ny * ny + nz * nz) * (rx * rx + ry * ry + 1.0)
    return (w >= float(search.limits[0])) & (w <= float(search.limits[1])) & (w * w > least)
