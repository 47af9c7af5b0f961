"""The loaders as a LightningDataModule; imported only where Lightning is installed (extra ``lightning``)."""

from __future__ import annotations

from pathlib import Path

import lightning
import torch

from sfm_gt.datasets.one_size import Size
from sfm_gt.datasets.splits import Split, SplitBy
from sfm_gt.datasets.torch_dataset import TorchDataset


class DepthDataModule(lightning.LightningDataModule):
    """Train, val and test loaders of one data set; the training order is drawn from ``seed``.

    Args:
        path: output folder of a run, or its ``dataset`` folder.
        size: height and width that all frames are brought to; None leaves them as they are.
        by: what a split holds: whole videos, or stretches of each clip, for data sets of a few videos.
    """

    def __init__(self, path: str | Path, batch_size: int = 4, num_workers: int = 2, seed: int = 0,
                 size: Size | None = None, by: SplitBy = "video"):  # fmt: skip
        super().__init__()
        self._size, self._by = size, by
        self._path, self._batch_size, self._num_workers, self._seed = path, batch_size, num_workers, seed

    def train_dataloader(self) -> torch.utils.data.DataLoader:
        """Shuffled."""
        return self._loader("train", shuffle=True)

    def val_dataloader(self) -> torch.utils.data.DataLoader:
        """In order."""
        return self._loader("val", shuffle=False)

    def test_dataloader(self) -> torch.utils.data.DataLoader:
        """In order."""
        return self._loader("test", shuffle=False)

    def _loader(self, split: Split, shuffle: bool) -> torch.utils.data.DataLoader:
        frames = TorchDataset(self._path, split, self._size, self._by)
        return torch.utils.data.DataLoader(
            frames, self._batch_size, shuffle=shuffle, num_workers=self._num_workers,
            persistent_workers=self._num_workers > 0, generator=torch.Generator().manual_seed(self._seed),
        )  # fmt: skip
