"""L1: what training code imports. Reading needs numpy and OpenCV only; torch is imported when its dataset is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfm_gt.datasets.benchmarks import open_benchmark
from sfm_gt.datasets.frames import ClipScale, Dataset, Frame, open_dataset

if TYPE_CHECKING:
    from sfm_gt.datasets.torch_dataset import TorchDataset

__all__ = ["ClipScale", "Dataset", "Frame", "TorchDataset", "open_benchmark", "open_dataset"]


def __getattr__(name: str) -> Any:
    if name == "TorchDataset":
        from sfm_gt.datasets.torch_dataset import TorchDataset

        return TorchDataset
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
