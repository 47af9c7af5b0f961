"""What the plug-ins of networks that see many views share: their input, and cameras in pixels of the image."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, UInt8

from sfm_gt.errors import ConfigError, InputError
from sfm_gt.models.shared.settings import ModelConfig

if TYPE_CHECKING:
    import torch

VIEWS, OVERLAP = 100, 10
"""Frames that are seen at once, as many as DA3-BENCH gives to every model, and those that two such windows share."""


def package(config: ModelConfig, module: str) -> ModuleType:
    """A module of the package that runs the model. Raises ConfigError where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        raise ConfigError(
            f"models: {config.name}: method {config.method} needs the package {name} ({error}); install it from its "
            "authors' repository"
        ) from None


def weights_file(folder: Path, names: Sequence[str]) -> Path:
    """The first of the files that the folder holds. Raises InputError where it holds none."""
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"{folder}: holds no {' nor '.join(names)}; download it first, nothing is fetched")


def network_input(images: Sequence[UInt8[np.ndarray, "h w 3"]], long_side: int, multiple: int) -> torch.Tensor:
    """(N, 3, H', W') in 0..1: the longer side ``long_side`` px, both rounded to a multiple, resized by PIL's bicubic filter."""
    import torch
    from PIL import Image

    height, width = images[0].shape[:2]
    scale = long_side / max(height, width)
    size = [max(multiple, round(side * scale / multiple) * multiple) for side in (width, height)]
    resized = [
        np.asarray(Image.fromarray(image).resize((size[0], size[1]), Image.Resampling.BICUBIC)) for image in images
    ]
    return torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2).float() / 255


def in_image_pixels(
    intrinsics: Float[np.ndarray, "3 3"], network: tuple[int, ...], image: tuple[int, ...]
) -> Float[np.ndarray, "3 3"]:
    """K of the whole image from that of a resized one; sizes are (height, width)."""
    scale = np.array([image[1] / network[1], image[0] / network[0], 1.0])
    found: Float[np.ndarray, "3 3"] = scale[:, None] * intrinsics.astype(np.float64)
    return found


def intrinsics_of_points(points: Float[np.ndarray, "h w 3"]) -> Float[np.ndarray, "3 3"]:
    """K in pixels whose rays are nearest to a point map's, its centre in the middle: least squares of u = f x / z."""
    height, width = points.shape[:2]
    v, u = np.mgrid[:height, :width] + 0.5
    usable = np.isfinite(points).all(axis=-1) & (points[..., 2] > 0)
    slopes = points[usable][:, :2].astype(np.float64) / points[usable][:, 2:]
    pixels = np.stack([u[usable] - width / 2, v[usable] - height / 2], axis=1)
    focal = float((slopes * pixels).sum() / (slopes**2).sum())
    return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])


def four_by_four(pose: Float[np.ndarray, "r 4"]) -> Float[np.ndarray, "4 4"]:
    """A pose of three or four rows, float64."""
    found = np.eye(4)
    found[: len(pose)] = pose
    return found
