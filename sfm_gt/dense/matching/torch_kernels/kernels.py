"""The kernels of the modules ``propagate``, ``refine`` and ``consistency`` on a torch device.

Candidates of a pixel lie on the other colour of the checkerboard, so all pixels of a colour move at once and the result
is numba's up to the rounding of float32 sums. Nothing is added up across pixels: results repeat bit by bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from sfm_gt.dense.matching.consistency import Agreement
from sfm_gt.dense.matching.patch import Geometry, Neighbours, Patch, ReferenceImage
from sfm_gt.dense.matching.propagate import DISTINCT_PX, OFFSETS, UNMATCHED, Candidates, PlaneField, Search
from sfm_gt.dense.matching.refine import MAX_STEP_PX, SHORT_STEP_PX
from sfm_gt.dense.matching.torch_kernels.consistency import Pair, compare
from sfm_gt.dense.matching.torch_kernels.cost import (
    Patches,
    Scene,
    is_admissible,
    load_patches,
    pick,
    plane_cost,
    upload,
    upload_scene,
    view_costs,
)
from sfm_gt.dense.matching.torch_kernels.normal_equations import gauss_newton

# Pixels looked at together, in the order of the rows. A GPU wants many: a frame of 1920 x 1080 with ten neighbours then
# takes 1.3 GB at the peak, half of it for the block. On the CPU a block should stay near the cache.
GPU_BLOCK, CPU_BLOCK = 1 << 18, 1 << 13


class Field(NamedTuple):
    """What is known of all pixels: planes (3, h * w), cost (h * w,), source_views (V, h * w) int8."""

    planes: Tensor
    cost: Tensor
    source_views: Tensor

    def write(self, field: PlaneField) -> None:
        """Planes and cost, into the caller's arrays."""
        field.planes[...] = self.planes.T.reshape(field.planes.shape).cpu().numpy()
        field.cost[...] = self.cost.reshape(field.cost.shape).cpu().numpy()


class TorchKernels:
    """The kernels on one device; numpy in, numpy out, arguments as in the numba functions of the same names."""

    def __init__(self, device: str):
        """``device`` as torch names it: ``"cuda"``, ``"cuda:1"``, ``"cpu"``."""
        self._device = torch.device(device)
        self._block = CPU_BLOCK if self._device.type == "cpu" else GPU_BLOCK

    def all_view_costs(
        self, image: ReferenceImage, neighbours: Neighbours, patch: Patch, planes: Float[np.ndarray, "h w 3"]
    ) -> Float[np.ndarray, "h w j"]:
        """(h, w, J) float32, see :func:`sfm_gt.dense.matching.propagate.all_view_costs`."""
        scene = upload_scene(image, neighbours, patch, self._device)
        grey = image.grey
        n_views = len(neighbours.matchable)
        # Every neighbour is asked, so nobody has to be chosen.
        nobody = torch.empty((0, grey.size), dtype=torch.int8, device=self._device)
        every = upload(planes, self._device).reshape(-1, 3).T
        out = torch.ones((n_views, grey.size), device=self._device)
        for pixels in self._blocks(scene.usable):
            pixels, patches = _textured(scene, nobody, pixels, 0.0)
            for view in range(n_views):
                out[view, pixels] = view_costs(scene, patches, every[:, pixels], view)
        return np.ascontiguousarray(out.T.reshape(*grey.shape, n_views).cpu().numpy())

    def propagate(
        self,
        image: ReferenceImage,
        neighbours: Neighbours,
        patch: Patch,
        field: PlaneField,
        active: UInt8[np.ndarray, "h w"],
        search: Search,
        candidates: Candidates,
    ) -> UInt8[np.ndarray, "h w"]:
        """One red-black round in place, see :func:`sfm_gt.dense.matching.propagate.propagate`."""
        scene = upload_scene(image, neighbours, patch, self._device)
        here = self._upload_field(field)
        changed = torch.zeros(active.size, dtype=torch.uint8, device=self._device)
        rows, columns = (torch.arange(n, device=self._device) for n in active.shape)
        colours = (rows[:, None] + columns).flatten() % 2
        visited = (upload(active, self._device).flatten() != 0) & scene.usable
        for colour in range(2):
            for pixels in self._blocks(visited & (colours == colour)):
                pixels, patches = _textured(scene, here.source_views, pixels, float(candidates.min_variance))
                changed[_propagate_block(scene, search, candidates, here, pixels, patches)] = 1
        here.write(field)
        return changed.reshape(active.shape).cpu().numpy()

    def refine(
        self,
        image: ReferenceImage,
        neighbours: Neighbours,
        patch: Patch,
        field: PlaneField,
        active: UInt8[np.ndarray, "h w"],
        search: Search,
        sigma: Float[np.ndarray, "h w"],
    ) -> None:
        """One Gauss-Newton step in place, see :func:`sfm_gt.dense.matching.refine.refine`."""
        scene = upload_scene(image, neighbours, patch, self._device)
        here = self._upload_field(field)
        chosen = upload(active, self._device).flatten() != 0
        sigmas = torch.where(chosen, torch.inf, upload(sigma, self._device).flatten())
        for pixels in self._blocks(chosen & scene.usable):
            pixels, patches = _textured(scene, here.source_views, pixels, 0.0)
            _refine_block(scene, search, here, sigmas, pixels, patches)
        here.write(field)
        sigma[...] = sigmas.reshape(sigma.shape).cpu().numpy()

    def check_consistency(
        self,
        planes: Float[np.ndarray, "h w 3"],
        cost: Float[np.ndarray, "h w"],
        there: Geometry,
        back: Geometry,
        inverse_depths: Float[np.ndarray, "j h w"],
        max_rel_difference: np.float32,
        max_cost: np.float32,
    ) -> Agreement:
        """See :func:`sfm_gt.dense.matching.consistency.check_consistency`."""
        every = upload(planes, self._device).movedim(-1, 0)
        matched = (upload(cost, self._device) < float(max_cost)) & (every[0] > 0)
        count, violations = (torch.zeros(cost.shape, dtype=torch.uint8, device=self._device) for _ in range(2))
        total, square = (torch.zeros(cost.shape, device=self._device) for _ in range(2))
        for arrays in zip(*there, *back, inverse_depths, strict=True):
            pair = Pair(*(upload(each, self._device) for each in arrays))
            difference, agrees, contradicts = compare(every, pair, float(max_rel_difference))
            difference = torch.where(matched & agrees, difference, 0.0)
            count += matched & agrees
            violations += matched & contradicts
            total += difference
            square += difference * difference
        # The view's own value is one voice among n + 1.
        mean = total / (count + 1.0)
        fused = torch.where(count > 0, every[0] + mean, 0.0)
        spread = torch.sqrt((square / (count + 1.0) - mean * mean).clamp(min=0.0))
        return Agreement(*(each.cpu().numpy() for each in (fused, count, violations, spread)))

    def _blocks(self, chosen: Tensor) -> Iterator[Tensor]:
        """Flat indices of the pixels that are ``chosen`` (h * w,), so many at a time."""
        yield from chosen.nonzero().flatten().split(self._block)

    def _upload_field(self, field: PlaneField) -> Field:
        planes, cost, source_views = field
        return Field(
            upload(planes, self._device).reshape(-1, 3).T.contiguous(),
            upload(cost, self._device).flatten(),
            upload(source_views, self._device).reshape(cost.size, -1).T.contiguous(),
        )


def _textured(scene: Scene, source_views: Tensor, pixels: Tensor, min_variance: float) -> tuple[Tensor, Patches]:
    """Those pixels (and their patches) whose patch has enough usable samples and at least this variance."""
    patches = load_patches(scene, source_views, pixels)
    kept = (patches.variance >= min_variance).nonzero().flatten()
    return pixels[kept], pick(patches, kept)


def _propagate_block(
    scene: Scene, search: Search, candidates: Candidates, field: Field, pixels: Tensor, patches: Patches
) -> Tensor:
    """Tries the candidates on pixels of one colour; writes to ``field``, returns the pixels that are new."""
    offsets = OFFSETS[: candidates.n_offsets].tolist()
    geometric_weight, min_gain = float(search.geometric_weight), float(candidates.min_gain)
    planes = field.planes[:, pixels]
    best = plane_cost(scene, patches, planes, geometric_weight)
    before = field.cost[pixels]
    new = before >= float(UNMATCHED)
    compared = torch.full_like(new, not offsets)
    for offset in offsets:
        planes_there, inside = _planes_at(scene, field, pixels, patches, offset)
        distinct = (planes_there[0] - planes[0]).abs() >= float(DISTINCT_PX) * float(search.step)
        tried = (inside & distinct & is_admissible(patches, planes_there, search)).nonzero().flatten()
        compared[tried] = True
        cost = plane_cost(scene, pick(patches, tried), planes_there[:, tried], geometric_weight)
        better = cost < best[tried] - min_gain
        won = tried[better]
        best[won], planes[:, won], new[won] = cost[better], planes_there[:, won], True
    best = torch.where(compared, best, before)
    field.planes[:, pixels[new]], field.cost[pixels[new]] = planes[:, new], best[new]
    return pixels[new]


def _planes_at(
    scene: Scene, field: Field, pixels: Tensor, patches: Patches, offset: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """The planes (3, N) of the pixels at ``offset``, continued to these, and whether there are such pixels."""
    dx, dy = offset
    x, y = patches.x + dx, patches.y + dy
    inside = (x >= 0) & (x < scene.width) & (y >= 0) & (y < scene.height)
    planes = field.planes[:, torch.where(inside, pixels + dy * scene.width + dx, 0)]
    planes[0] -= planes[1] * dx + planes[2] * dy
    return planes, inside


def _refine_block(scene: Scene, search: Search, field: Field, sigmas: Tensor, pixels: Tensor, patches: Patches) -> None:
    """Steps that are short or lower the cost go to ``field``, sigma of what could be solved to ``sigmas`` (h * w,)."""
    planes = field.planes[:, pixels]
    step, sigma, solved, first_cost = gauss_newton(scene, patches, planes)
    cost = field.cost[pixels]
    cost = torch.where(cost >= float(UNMATCHED), first_cost, cost)
    sigmas[pixels[solved]] = sigma[solved]
    short = step[0].abs() < float(SHORT_STEP_PX) * float(search.step)
    longest = float(MAX_STEP_PX) * float(search.step)
    step[0].clamp_(-longest, longest)
    moved = planes + step
    taken = solved & is_admissible(patches, moved, search)
    tried = (taken & ~short).nonzero().flatten()
    new_cost = plane_cost(scene, pick(patches, tried), moved[:, tried], float(search.geometric_weight))
    # Any gain will do: a step stays on the surface.
    better = new_cost < cost[tried]
    taken[tried] = better
    cost[tried[better]] = new_cost[better]
    field.planes[:, pixels[taken]], field.cost[pixels] = moved[:, taken], cost
