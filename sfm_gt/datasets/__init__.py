"""what training code imports. Reading needs numpy and OpenCV only; torch is imported when its datasets are asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sfm_gt.datasets.frames import ClipScale, Dataset, Frame, open_dataset
from sfm_gt.public_datasets import open_benchmark

if TYPE_CHECKING:
    from sfm_gt.datasets.lightning_data import DepthDataModule
    from sfm_gt.datasets.sequence_dataset import SequenceDataset
    from sfm_gt.datasets.shard_dataset import ShardDataset
    from sfm_gt.datasets.torch_dataset import TorchDataset

__all__ = [
    "ClipScale", "Dataset", "DepthDataModule", "Frame", "SequenceDataset", "ShardDataset", "TorchDataset", "open_benchmark",
    "open_dataset",
]  # fmt: skip
_NEED_TORCH = {"TorchDataset": "torch_dataset", "SequenceDataset": "sequence_dataset", "ShardDataset": "shard_dataset",
               "DepthDataModule": "lightning_data"}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _NEED_TORCH:
        return getattr(import_module(f"sfm_gt.datasets.{_NEED_TORCH[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
