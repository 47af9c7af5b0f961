"""Augmentation of batches: geometric, with cameras that stay right, and photometric, through kornia.

Geometry is exact for what it does: a crop resized to another size changes focal length and principal point and no depth; a
mirrored picture is one of a mirrored world. Depth, sigma and masks are taken from the nearest pixel, since a mean over an
edge is a depth where nothing is.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from sfm_gt.datasets.items import Item

NEAREST = ("z_depth_m", "sigma_m", "outlier", "valid", "moving", "overlay", "person")


@dataclass(frozen=True)
class Geometry:
    """A crop of each picture of a batch, in pixels of the source, and whether it is mirrored.

    Attributes:
        top_left: (B, 2) x and y of the crop's corner.
        size: (B, 2) its width and height.
        mirrored: (B,) bool.
    """

    top_left: torch.Tensor
    size: torch.Tensor
    mirrored: torch.Tensor


def drawn_geometry(
    batch: Item, generator: torch.Generator, min_scale: float = 0.5, aspect: float | None = None
) -> Geometry:
    """Crops of ``min_scale`` to 1 times the largest one of the wanted aspect ratio, half of them mirrored.

    Args:
        aspect: width over height of the crops; None keeps that of the pictures.
    """
    n, _, height, width = batch["image"].shape
    aspect = aspect or width / height
    largest = torch.tensor([min(width, height * aspect), min(height, width / aspect)], dtype=torch.float64)
    scale, at_x, at_y, coin = torch.rand((4, n), generator=generator, dtype=torch.float64)
    size = (min_scale + (1 - min_scale) * scale)[:, None] * largest
    free = torch.tensor([width, height], dtype=torch.float64) - size
    return Geometry(torch.stack([at_x, at_y], dim=1) * free, size, coin < 0.5)


def apply_geometry(batch: Item, geometry: Geometry, height: int, width: int) -> Item:
    """The crops, resized to ``height`` x ``width``, with ``intrinsics`` and ``cam_from_world`` to match.

    A mirrored picture keeps the law of cameras (+x right): its world is mirrored too, so ``cam_from_world`` becomes
    M cam_from_world M with M = diag(-1, 1, 1, 1).
    """
    grid = _grid(batch["image"], geometry, height, width)
    out = dict(batch)
    # Nearest in source pixels would alias in a picture that shrinks; the area filter of `interpolate` needs whole sizes.
    out["image"] = functional.grid_sample(batch["image"], grid, "bilinear", "border", align_corners=False)
    for key in NEAREST:
        if key in batch:
            sampled = functional.grid_sample(batch[key].float(), grid, "nearest", "zeros", align_corners=False)
            out[key] = sampled > 0.5 if batch[key].dtype == torch.bool else sampled
    out["intrinsics"] = _cropped(batch["intrinsics"], geometry, height, width)
    mirror = torch.diag(torch.tensor([-1.0, 1.0, 1.0, 1.0], dtype=torch.float64))
    mirrored = geometry.mirrored[:, None, None]
    out["cam_from_world"] = torch.where(mirrored, mirror @ batch["cam_from_world"] @ mirror, batch["cam_from_world"])
    return out


def _grid(image: torch.Tensor, geometry: Geometry, height: int, width: int) -> torch.Tensor:
    """(B, height, width, 2): where each pixel centre comes from, in torch's -1 to 1 from edge to edge."""
    x = (torch.arange(width, dtype=torch.float64) + 0.5) / width
    y = (torch.arange(height, dtype=torch.float64) + 0.5) / height
    across = torch.where(geometry.mirrored[:, None], 1 - x, x)
    source_x = geometry.top_left[:, :1] + across * geometry.size[:, :1]
    source_y = geometry.top_left[:, 1:] + y * geometry.size[:, 1:]
    n, rows, columns = len(image), image.shape[2], image.shape[3]
    grid = torch.stack([
        (2 * source_x / columns - 1)[:, None, :].expand(n, height, width),
        (2 * source_y / rows - 1)[:, :, None].expand(n, height, width),
    ], dim=-1)  # fmt: skip
    return grid.to(image.dtype)


def _cropped(intrinsics: torch.Tensor, geometry: Geometry, height: int, width: int) -> torch.Tensor:
    """(B, 3, 3) intrinsics of the crops; with centres at +0.5 a crop shifts and a resize scales, without an offset."""
    scale = torch.tensor([width, height], dtype=torch.float64) / geometry.size
    out = intrinsics.clone()
    out[:, 0, 0] *= scale[:, 0]
    out[:, 1, 1] *= scale[:, 1]
    out[:, :2, 2] = (intrinsics[:, :2, 2] - geometry.top_left) * scale
    out[:, 0, 2] = torch.where(geometry.mirrored, width - out[:, 0, 2], out[:, 0, 2])
    return out


class Photometric:
    """Colour, blur and grey on ``image`` alone, by kornia.

    Args:
        strong: the strong perturbation of consistency training (Depth Anything, Yang et al. 2024, section 3.2), else the usual
            mild one.
    """

    def __init__(self, strong: bool = False):
        import kornia.augmentation as kornia

        jitter, hue, chance = (0.5, 0.25, 0.8) if strong else (0.2, 0.05, 0.5)
        steps = [
            kornia.ColorJiggle(jitter, jitter, jitter, hue, p=chance),
            kornia.RandomGrayscale(p=0.2 if strong else 0.05),
            kornia.RandomGaussianBlur((9, 9), (0.1, 2.0), p=0.5 if strong else 0.1),
        ]
        self._apply = kornia.AugmentationSequential(*steps, data_keys=["input"])

    def __call__(self, batch: Item, seed: int) -> Item:
        """The batch with another ``image``; the same seed gives the same picture."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return batch | {"image": self._apply(batch["image"]).clamp(0.0, 1.0)}


def strong_pair(image: torch.Tensor, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A pair for consistency training on unlabelled pictures: what the student sees, and how its target is put together.

    Half of the pictures get a rectangle of the next picture of the batch (CutMix, Yun et al. 2019), all of them the strong
    photometric perturbation.

    Returns:
        (B, 3, H, W) perturbed pictures; (B,) int64, the picture that each rectangle comes from; (B, 1, H, W) bool, True in the
        rectangle. The target is the teacher's answer on the clean pictures, mixed the same way.
    """
    n, _, height, width = image.shape
    generator = torch.Generator().manual_seed(seed)
    source = torch.roll(torch.arange(n), 1)
    inside = torch.zeros((n, 1, height, width), dtype=torch.bool)
    for number in range(n):
        if torch.rand((), generator=generator) < 0.5 and n > 1:
            share = 0.3 + 0.4 * torch.rand(2, generator=generator)
            rows, columns = int(share[0] * height), int(share[1] * width)
            top = int(torch.randint(height - rows + 1, (), generator=generator))
            left = int(torch.randint(width - columns + 1, (), generator=generator))
            inside[number, :, top : top + rows, left : left + columns] = True
    mixed = torch.where(inside, image[source], image)
    return Photometric(strong=True)({"image": mixed}, seed)["image"], source, inside
