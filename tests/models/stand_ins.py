"""Stand-ins for the packages moge and unidepth, which no registry has: their signatures, and real torch modules inside.

That the real packages keep these signatures is not tested with them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sfm_gt.models.shared.settings import ModelConfig

MOGE = """
import torch


class MoGeModel(torch.nn.Module):
    def __init__(self, **config):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path, model_kwargs=None, **hf_kwargs):
        checkpoint = torch.load(pretrained_model_name_or_path, weights_only=True)
        model = cls(**checkpoint["model_config"])
        model.load_state_dict(checkpoint["model"], strict=False)
        return model

    def infer(self, image, num_tokens=None, resolution_level=9, force_projection=True, apply_mask=True, fov_x=None,
              use_fp16=True):
        depth = image.mean(dim=0) * self.scale
        depth[image.sum(dim=0) == 0] = torch.inf  # the mask leaves out what is black
        return {"depth": depth, "intrinsics": torch.tensor([[0.8, 0, 0.5], [0, 1.1, 0.5], [0, 0, 1]])}
"""
UNIDEPTH = """
import os

import torch
from safetensors.torch import load_file


class UniDepthV2(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))

    @classmethod
    def from_pretrained(cls, folder, local_files_only=False):
        model = cls()
        safe = os.path.join(folder, "model.safetensors")
        weights = load_file(safe) if os.path.exists(safe) else torch.load(os.path.join(folder, "pytorch_model.bin"))
        model.load_state_dict(weights, strict=False)
        return model

    def infer(self, rgb, camera=None, normalize=True):
        assert rgb.dtype == torch.uint8 and camera is None
        return {"depth": rgb.float().mean(dim=0)[None, None] * self.scale}
"""


@contextmanager
def importable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Both packages can be imported inside."""
    for name, source in (("moge/model/v1", MOGE), ("moge/model/v2", MOGE), ("unidepth/models/__init__", UNIDEPTH)):
        file = folder / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
    monkeypatch.syspath_prepend(folder)
    yield
    for name in [name for name in sys.modules if name.split(".")[0] in ("moge", "unidepth")]:
        del sys.modules[name]


def moge_checkpoint(folder: Path, encoder: Any, **heads: Any) -> ModelConfig:
    """A checkpoint whose network multiplies the mean of the channels by 3."""
    import torch

    content = {"model_config": {"encoder": encoder, **heads}, "model": {"scale": torch.tensor(3.0)}}
    torch.save(content, folder / "model.pt")
    return ModelConfig(name="mine", method="moge", path=str(folder / "model.pt"))


def unidepth_folder(folder: Path, name: str = "UniDepthV2") -> ModelConfig:
    """The same in UniDepth's form."""
    import torch
    from safetensors.torch import save_file

    (folder / "config.json").write_text(json.dumps({"model": {"name": name}}))
    save_file({"scale": torch.tensor(3.0)}, folder / "model.safetensors")
    return ModelConfig(name="mine", method="unidepth", path=str(folder))
