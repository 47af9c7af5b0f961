"""Agreement between depth maps on all pixels at once, after :mod:`sfm_gt.dense.matching.consistency`."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from sfm_gt.dense.matching.consistency import MAX_RETURN_PX, SEES_THROUGH_REL


class Pair(NamedTuple):
    """The way from the reference to a neighbour and back, and the neighbour's map.

    Attributes:
        a, b, back_a, back_b: (3, 3), (3,) float32 each.
        inverse_depth: (h, w) float32, 0 = unknown.
    """

    a: Tensor
    b: Tensor
    back_a: Tensor
    back_b: Tensor
    inverse_depth: Tensor


def compare(planes: Tensor, pair: Pair, max_rel_difference: float) -> tuple[Tensor, Tensor, Tensor]:
    """What a neighbour says about ``planes`` (3, h, w): (h, w) difference of inverse depth, agrees, speaks against."""
    height, width = pair.inverse_depth.shape
    w, wx, wy = planes
    y, x = (
        each.float() for each in torch.meshgrid(*(torch.arange(n, device=w.device) for n in w.shape), indexing="ij")
    )
    px, py, z = _carry(pair.a, pair.b, x, y, w)
    px, py = px + 0.5, py + 0.5
    seen = (z > 0) & (px >= 0) & (py >= 0) & (px < width) & (py < height)
    column, row = (torch.where(seen, each, 0.0).long() for each in (px, py))
    v = pair.inverse_depth[row, column]
    back_x, back_y, back_z = _carry(pair.back_a, pair.back_b, column.float(), row.float(), v)
    seen &= (v > 0) & (back_z > 0)
    dx, dy = back_x - x, back_y - y
    # The plane's own slope bridges the way to where the neighbour's pixel comes back.
    difference = v / back_z - (w + wx * dx + wy * dy)
    near = dx * dx + dy * dy <= float(MAX_RETURN_PX) ** 2
    violations = seen & (v * z < w * (1.0 - float(SEES_THROUGH_REL)))
    return difference, seen & ~violations & near & (difference.abs() <= max_rel_difference * w), violations


def _carry(a: Tensor, b: Tensor, x: Tensor, y: Tensor, w: Tensor) -> list[Tensor]:
    """x, y and third homogeneous coordinate in the other view of points at inverse depth ``w``."""
    x_z, y_z, z = (a[row, 0] * x + a[row, 1] * y + a[row, 2] + b[row] * w for row in range(3))
    return [x_z / z, y_z / z, z]
