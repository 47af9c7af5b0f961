"""Losses of disparity that know no scale and no shift. All maps are (B, H, W); weights are 0 where nothing is known."""

from __future__ import annotations

import torch
from torch import Tensor

MIN_DEVIATION = 1e-4
SIGMA_REL = 0.02  # relative sigma at which a pixel counts half
GRADIENT_SCALES = 4


def weight_of(z_depth_m: Tensor, sigma_m: Tensor, valid: Tensor) -> Tensor:
    """Weight of each pixel: 1 / (1 + (sigma / z / SIGMA_REL)^2) where valid, so that doubtful ground truth says less."""
    relative = sigma_m / z_depth_m.clamp_min(1e-6) / SIGMA_REL
    return valid / (1 + relative**2)


def standardised(maps: Tensor, weight: Tensor) -> Tensor:
    """Each map with its weighted mean taken off and divided by its weighted mean absolute deviation.

    MiDaS (Ranftl et al. 2020, equation 4) takes the median; the mean serves weights and is differentiable everywhere.
    """
    total = weight.sum(dim=(1, 2), keepdim=True).clamp_min(1e-6)
    centred = maps - (maps * weight).sum(dim=(1, 2), keepdim=True) / total
    return centred / ((centred.abs() * weight).sum(dim=(1, 2), keepdim=True) / total).clamp_min(MIN_DEVIATION)


def affine_invariant(predicted: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean absolute difference of standardised maps (Depth Anything, Yang et al. 2024, equation 2)."""
    difference = standardised(predicted, weight) - standardised(target, weight)
    return (difference.abs() * weight).sum() / weight.sum().clamp_min(1e-6)


def gradient_matching(predicted: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean absolute first differences of the difference over several scales: edges lie where they lie (MegaDepth, Li & Snavely
    2018, equation 5), where both pixels are known.
    """
    difference = standardised(predicted, weight) - standardised(target, weight)
    total = predicted.new_zeros(())
    for step in (2**k for k in range(GRADIENT_SCALES)):
        coarse, known = difference[:, ::step, ::step], weight[:, ::step, ::step]
        for dim in (1, 2):
            both = torch.minimum(known.narrow(dim, 1, known.shape[dim] - 1), known.narrow(dim, 0, known.shape[dim] - 1))
            total = total + (coarse.diff(dim=dim).abs() * both).sum() / both.sum().clamp_min(1e-6)
    return total / GRADIENT_SCALES
