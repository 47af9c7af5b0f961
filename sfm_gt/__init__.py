"""Metric depth ground truth from frozen-scene videos, and an evaluation of depth models against it."""

from sfm_gt.datasets.frames import ClipScale, Dataset, Frame, open_dataset

__all__ = ["ClipScale", "Dataset", "Frame", "open_dataset"]
__version__ = "0.1.0"
