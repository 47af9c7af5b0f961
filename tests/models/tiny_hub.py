"""Clones in the form of torch hub, with tiny networks: source, weights and the description YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

# One 1x1 convolution: the network's map is a known mixture of the channels of its input.
HUBCONF = """
dependencies = ["torch"]

import torch


class Mixture(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = torch.nn.Conv2d(3, 1, 1)

    def forward(self, pixels):
        return self.mix(pixels).squeeze(1)

    def inference(self, data):
        return self.mix(data["input"]), None, {}


def tiny(pretrained=True):
    network = Mixture()
    if pretrained:
        state = torch.hub.load_state_dict_from_url("http://127.0.0.1:9/weights.pt", model_dir=".")
        network.load_state_dict(state)
    return network


def metric3d_vit_small(pretrain=False):
    return Mixture()


def metric3d_convnext_large(pretrain=False):
    return Mixture()


def broken():
    raise RuntimeError("two\\nlines")


def two_outputs():
    network = Mixture()
    network.forward = lambda pixels: {"depth": pixels}
    return network
"""


def _write(folder: Path, mix: tuple[float, float, float], bias: float, description: dict[str, Any]) -> Path:
    import torch

    (folder / "clone").mkdir(parents=True, exist_ok=True)
    (folder / "clone" / "hubconf.py").write_text(HUBCONF)
    weights = {"mix.weight": torch.tensor(mix).view(1, 3, 1, 1), "mix.bias": torch.tensor([bias])}
    torch.save({"model_state_dict": weights, "epoch": 3}, folder / "tiny.pt")
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump({"name": "tiny", "file": "tiny.pt"} | description))
    return path


def write_hub_model(folder: Path, **changes: Any) -> Path:
    """The mean of the three channels, at the size of the input; returns the YAML."""
    description = {
        "kind": "affine_invariant_disparity",
        "hub": {"repository": "clone", "entry": "tiny", "arguments": {"pretrained": False}},
        "input": {"height": 32, "width": 32, "fit": "cover", "multiple_of": 8},
    }
    return _write(folder, (1 / 3, 1 / 3, 1 / 3), 0.0, description | changes)


def write_metric3d_model(
    folder: Path,
    mix: tuple[float, float, float] = (0.1, 0.1, 0.1),
    bias: float = 4.0,
    entry: str = "metric3d_vit_small",
) -> Path:
    """``bias`` metres for the mean colour at a focal length of 1000 px; returns the YAML."""
    return _write(folder, mix, bias, {"hub": {"repository": "clone", "entry": entry}})
