"""Augmentation keeps picture, depth and camera of one world."""

from __future__ import annotations

from pathlib import Path

import torch

from sfm_gt.datasets import TorchDataset
from sfm_gt.datasets.augmentation import Photometric, apply_geometry, drawn_geometry, strong_pair


def surface(batch: dict) -> torch.Tensor:
    """World points of every pixel (B, H, W, 3), by depth, intrinsics and pose."""
    _n, _, height, width = batch["z_depth_m"].shape
    x, y = torch.meshgrid(torch.arange(width) + 0.5, torch.arange(height) + 0.5, indexing="xy")
    pixels = torch.stack([x, y, torch.ones_like(x)], dim=-1).double()
    rays = torch.einsum("bij,hwj->bhwi", torch.linalg.inv(batch["intrinsics"]), pixels)
    points = rays * batch["z_depth_m"][:, 0, :, :, None].double()
    homogeneous = torch.cat([points, torch.ones_like(points[..., :1])], dim=-1)
    return torch.einsum("bij,bhwj->bhwi", torch.linalg.inv(batch["cam_from_world"]), homogeneous)[..., :3]


def test_a_crop_shows_the_same_points_of_the_world() -> None:
    height, width = 40, 60
    x = torch.arange(width, dtype=torch.float32)[None, :].expand(height, width)
    ramp = (2 + 0.05 * x)[None, None].repeat(16, 1, 1, 1)
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, 3] = torch.tensor([0.3, -0.2, 0.5])
    intrinsics = torch.tensor([[50.0, 0, 31], [0, 52, 19], [0, 0, 1]], dtype=torch.float64)
    batch = {
        "image": (ramp / 6).repeat(1, 3, 1, 1), "z_depth_m": ramp, "valid": torch.ones_like(ramp, dtype=torch.bool),
        "intrinsics": intrinsics.repeat(16, 1, 1), "cam_from_world": pose.repeat(16, 1, 1),
    }  # fmt: skip
    geometry = drawn_geometry(batch, torch.Generator().manual_seed(0))
    assert 0 < geometry.mirrored.sum() < 16
    cropped = apply_geometry(batch, geometry, 20, 30)
    again = apply_geometry(batch, drawn_geometry(batch, torch.Generator().manual_seed(0)), 20, 30)
    assert torch.equal(cropped["image"], again["image"])
    seen = surface(cropped)
    # A mirrored picture shows the mirrored world.
    seen[geometry.mirrored, ..., 0] *= -1
    camera = torch.cat([seen, torch.ones_like(seen[..., :1])], dim=-1) @ pose.T
    pixel = camera[..., :3] @ intrinsics.T
    source_x = pixel[..., 0] / pixel[..., 2]
    # Depth says which column a point came from; nearest sampling is half a source pixel off at most.
    told_x = (cropped["z_depth_m"][:, 0].double() - 2) / 0.05 + 0.5
    assert (source_x - told_x).abs().max() <= 0.5 + 1e-3
    assert (cropped["image"][:, 0] * 6 - cropped["z_depth_m"][:, 0]).abs().max() <= 0.05 / 2 + 1e-3


def test_photometry_leaves_geometry_alone_and_is_the_same_for_a_seed(tree: Path) -> None:
    batch = next(iter(torch.utils.data.DataLoader(TorchDataset(tree, "all"), batch_size=4)))
    strong = Photometric(strong=True)
    one, two, other = strong(batch, 1), strong(batch, 1), strong(batch, 2)
    assert torch.equal(one["image"], two["image"])
    assert not torch.equal(one["image"], other["image"])
    assert not torch.equal(one["image"], batch["image"])
    assert all(one[key] is batch[key] for key in batch if key != "image")
    perturbed, source, inside = strong_pair(batch["image"], seed=4)
    assert perturbed.shape == batch["image"].shape
    assert source.tolist() == [3, 0, 1, 2]
    assert inside.any()
    assert not inside.flatten(1).all(dim=1).any()
