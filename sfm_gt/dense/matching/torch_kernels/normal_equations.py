"""Gauss-Newton steps of many planes at once, after :mod:`sfm_gt.dense.matching.refine`, where the derivation stands."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from sfm_gt.dense.matching.refine import DAMPING, MAX_VIEW_COST, N_VIEWS, RESIDUAL
from sfm_gt.dense.matching.torch_kernels.cost import (
    NOISE,
    Footprint,
    Patches,
    Scene,
    corners,
    mean_of_views,
    project_patches,
)

# A system whose determinant is this small against the product of its diagonal is singular in float32.
_SINGULAR = 1e-6


class Solution(NamedTuple):
    """One Gauss-Newton step of N planes.

    Attributes:
        step: (3, N) float32.
        sigma: (N,) float32, of inverse depth.
        solved: (N,) bool; step and sigma mean nothing elsewhere.
        cost: (N,) float32, of the planes before the step, without the neighbours' own depth maps.
    """

    step: Tensor
    sigma: Tensor
    solved: Tensor
    cost: Tensor


def gauss_newton(scene: Scene, patches: Patches, planes: Tensor) -> Solution:
    """Fits ``planes`` (3, N) to the grey values of their source views."""
    system = torch.zeros((N_VIEWS + 1, len(patches.x)), device=planes.device)
    costs = []
    for source in patches.source_views[: len(scene.shift_px)]:
        equations, cost = _view_equations(scene, patches, planes, source.clamp(min=0))
        system += torch.where(source >= 0, equations, 0.0)
        costs.append(cost)
    step, inverse_00, regular = _solve(system)
    residual, n_views = system[RESIDUAL], system[N_VIEWS]
    # Mean residual over the views times the samples lost to the weights; the matrix is summed over the views.
    sigma = torch.sqrt((residual / n_views + 1.0) * (patches.weights * patches.weights).sum(0) * inverse_00)
    return Solution(step, sigma, regular & (n_views > 0), mean_of_views(patches.source_views, torch.stack(costs)))


def _view_equations(scene: Scene, patches: Patches, planes: Tensor, views: Tensor) -> tuple[Tensor, Tensor]:
    """(11, N) of one view a pixel: six of the matrix, three of the gradient, residual, 1; 0 where it matches badly. And
    the (N,) patch cost, 1 where the patch is not seen.

    Gain and offset are eliminated by projecting the columns onto what is orthogonal to the constant and to the
    neighbour's own patch.
    """
    footprint = project_patches(scene, patches, planes, views)
    spread, cross, p, q, h = _moments(scene, patches, footprint, views)
    cost = 1.0 - cross / torch.sqrt((patches.variance + NOISE) * (spread + NOISE))
    gain = cross / spread
    matrix = [gain * gain * (h[i][k] - p[i] * p[k] / spread) for i in range(3) for k in range(i, 3)]
    gradient = [gain * (q[i] - gain * p[i]) for i in range(3)]
    residual = (patches.variance - gain * cross).clamp(min=0.0)
    used = footprint.seen & (cost < float(MAX_VIEW_COST)) & (spread > 1.0)
    equations = torch.stack([*matrix, *gradient, residual, torch.ones_like(gain)])
    return torch.where(used, equations, 0.0), torch.where(footprint.seen, cost.clamp(max=1.0), 1.0)


def _moments(
    scene: Scene, patches: Patches, footprint: Footprint, views: Tensor
) -> tuple[Tensor, Tensor, list[Tensor], list[Tensor], list[list[Tensor]]]:
    """Weighted moments (N,): variance of the neighbour's patch, its covariance with the reference, the covariances of
    both with the derivatives by the three parameters of the plane, and the covariances of these."""
    sampled, slopes = _sample_patch(scene, footprint, views)
    weights = patches.weights
    sampled -= (weights * sampled).sum(0)
    derivatives = [slopes, slopes * scene.offsets[0, :, None], slopes * scene.offsets[1, :, None]]
    derivatives = [each - (weights * each).sum(0) for each in derivatives]
    weighted, reference = weights * sampled, weights * patches.values
    p = [(weighted * each).sum(0) for each in derivatives]
    q = [(reference * each).sum(0) for each in derivatives]
    h = [[(weights * one * other).sum(0) for other in derivatives] for one in derivatives]
    return (weighted * sampled).sum(0), (reference * sampled).sum(0), p, q, h


def _sample_patch(scene: Scene, footprint: Footprint, views: Tensor) -> tuple[Tensor, Tensor]:
    """Grey values (K, N) of the neighbours' patches and their derivative by inverse depth.

    The third coordinate of the centre is taken for the whole patch, like the affine map.
    """
    (upper_left, upper_right, lower_left, lower_right), right_of, below = corners(scene, footprint, views)
    b = scene.b.index_select(-1, views)
    move_x, move_y = (b[:2] - footprint.centre * b[2]) / footprint.z
    across_upper, across_lower = upper_right - upper_left, lower_right - lower_left
    upper = torch.addcmul(upper_left, right_of, across_upper)
    down = torch.addcmul(lower_left, right_of, across_lower) - upper
    across = torch.lerp(across_upper, across_lower, below)
    return torch.addcmul(upper, below, down), across * move_x + down * move_y


def _solve(system: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Steps (3, N) of the damped systems, the first entry of their inverses (N,), and where they are regular."""
    h00, h01, h02, h11, h12, h22, g0, g1, g2 = system[:RESIDUAL]
    h00, h11, h22 = (each * (1.0 + float(DAMPING)) for each in (h00, h11, h22))
    c00, c01, c02 = h11 * h22 - h12 * h12, h02 * h12 - h01 * h22, h01 * h12 - h02 * h11
    c11, c12, c22 = h00 * h22 - h02 * h02, h01 * h02 - h00 * h12, h00 * h11 - h01 * h01
    determinant = h00 * c00 + h01 * c01 + h02 * c02
    regular = determinant > _SINGULAR * h00 * h11 * h22
    adjugate_g = [c00 * g0 + c01 * g1 + c02 * g2, c01 * g0 + c11 * g1 + c12 * g2, c02 * g0 + c12 * g1 + c22 * g2]
    return torch.stack(adjugate_g) / determinant, c00 / determinant, regular
