"""Metric depth ground truth from frozen-scene videos, and an evaluation of depth models against it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sfm_gt.datasets.frames import ClipScale, Dataset, Frame, open_dataset

__all__ = ["ClipScale", "Dataset", "Frame", "open_dataset"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # When asked for: the workflow's commands, which start by the thousand, read no data set.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sfm_gt.datasets import frames

    return getattr(frames, name)
