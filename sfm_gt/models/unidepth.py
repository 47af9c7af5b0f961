"""UniDepth 1 and 2 (Piccinelli et al. 2024, 2025), run by the authors' package; ``path`` is a folder on this machine.

The folder holds ``config.json`` and ``model.safetensors`` or ``pytorch_model.bin``, as the model's repository does. The camera
is the network's own guess: the frame's is not given to it. Not on PyPI: install the package from its repository; its licence
(CC BY-NC) allows no commercial use, and nothing of it is part of this package.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from sfm_gt.errors import ConfigError, InputError
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.models.shared.network import NetworkModel
from sfm_gt.models.shared.prediction import Prediction, agreed_kind, required_path
from sfm_gt.models.shared.settings import ModelConfig
from sfm_gt.models.shared.torch_runtime import check_complete, facts_of, folder_sha256, inference, offline, one_line

if TYPE_CHECKING:
    import torch

WEIGHTS = ("model.safetensors", "pytorch_model.bin")


class UnidepthModel(NetworkModel):
    """One network. Raises ConfigError without the package, InputError where the folder cannot be used."""

    def __init__(self, config: ModelConfig):
        folder = Path(required_path(config, "a folder with config.json and model.safetensors"))
        name, weights = _version(folder), [folder / name for name in WEIGHTS if (folder / name).is_file()]
        if not weights:
            raise InputError(f"{folder}: holds neither {' nor '.join(WEIGHTS)}; download it first, nothing is fetched")
        try:
            package = importlib.import_module("unidepth.models")
        except ImportError as error:
            raise ConfigError(
                f"models: {config.name}: method unidepth needs the package unidepth ({error}); "
                "install it from its repository"
            ) from None
        if not hasattr(package, name):
            raise InputError(
                f"{folder / 'config.json'}: model name {name!r}, which the installed unidepth does not have"
            )
        self.kind = agreed_kind(config, "metric_depth")
        stored = _stored(weights[0])
        with offline(folder):
            self._network: Any = getattr(package, name).from_pretrained(str(folder), local_files_only=True).eval()
        check_complete(self._network, stored, weights[0])
        self.facts = facts_of(self._network)
        self.source_sha256 = folder_sha256([*weights, folder / "config.json"])

    def prepare(self, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None) -> torch.Tensor:
        """(3, H, W) uint8; the package resizes and normalises by itself."""
        import torch

        return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))

    def forward(self, prepared: torch.Tensor) -> torch.Tensor:
        """The package's own inference, with its resizing; depth (1, 1, H, W)."""
        with inference():
            return self._network.infer(prepared)["depth"]

    def finish(
        self, output: torch.Tensor, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None
    ) -> Prediction:
        """The map, which the package has brought to the size of the image."""
        return Prediction(np.squeeze(output.float().numpy()), self.kind)


def _version(folder: Path) -> str:
    try:
        return str(json.loads((folder / "config.json").read_text())["model"]["name"])
    except (OSError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder / 'config.json'}: no configuration of UniDepth ({one_line(error)}); download all files of the model"
        ) from None


def _stored(weights: Path) -> set[str]:
    """Names of the weights in the file."""
    import torch
    from safetensors import safe_open

    try:
        if weights.suffix == ".safetensors":
            with safe_open(weights, framework="pt") as file:
                return set(file.keys())
        return set(torch.load(weights, map_location="cpu", weights_only=True, mmap=True))
    except Exception as error:  # safetensors and torch raise errors of their own
        raise InputError(f"{weights}: no weights of UniDepth ({one_line(error)}); download it again") from None


PLUGIN = UnidepthModel
