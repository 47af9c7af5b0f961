"""The data set as a map-style torch dataset, for a DataLoader."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from sfm_gt.datasets.frames import Dataset, open_dataset
from sfm_gt.datasets.items import FLAGS, Item
from sfm_gt.datasets.one_size import Size, fitted, require_size
from sfm_gt.datasets.shared_memory_collate import StoredItem, TensorItem, stored_item
from sfm_gt.datasets.splits import Split, SplitBy, require_split, splits_of_rows, warn_of_frames
from sfm_gt.errors import InputError
from sfm_gt.formats.dataset_layout import layer_path

_LAYERS = ("image", "depth", "sigma", "outlier", "moving", "overlay")


class TorchDataset(torch.utils.data.Dataset[Item]):
    """Frames with metric depth, as tensors: see ``items.py`` for the keys of an item.

    Splits hold whole videos, near-duplicates together. Clips without a metric scale are left out, with a warning that counts
    them; ``open_dataset`` reads those.

    Args:
        size: height and width that all frames are brought to, see ``one_size.py``; None leaves them as they are, and then only
            frames of one size make a batch.
        by: what a split holds: whole videos, or stretches of each clip, for data sets of a few videos.

    Raises:
        InputError: unknown split, or no data set at ``path``.
    """

    def __init__(self, path: str | Path, split: Split = "train", size: Size | None = None, by: SplitBy = "video"):
        require_split(split, by)
        dataset = open_dataset(path)
        self._table = FrameTable(dataset, split, size, by)
        warn_of_frames(len(self._table), self._table.n_not_metric, split, path)

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, number: int) -> Item:
        return TensorItem(self._table.stored(number).tensors)

    def __getitems__(self, numbers: Sequence[int]) -> list[StoredItem] | list[Item]:
        """Frames of a batch: what a DataLoader asks for, and stacks by ``shared_memory_collate.py``."""
        if type(self).__getitem__ is not TorchDataset.__getitem__:  # a subclass makes items of its own
            return [self[number] for number in numbers]
        return [self._table.stored(number) for number in numbers]


class FrameTable:
    """The metric frames of a split, by number.

    Rows are columns of arrays, not objects: workers are forks, and counting references to Python objects would copy their
    pages into every one of them over an epoch.
    """

    def __init__(self, dataset: Dataset, split: str, size: Size | None = None, by: SplitBy = "video"):
        require_size(size)
        self._size = size
        rows = [
            row for row, own in zip(dataset.rows, splits_of_rows(dataset, by), strict=True) if split in ("all", own)
        ]
        metric = [row for row in rows if row["metric"]]
        self.n_not_metric = len(rows) - len(metric)
        self._path = str(dataset.path)
        licenses = {clip: dataset.clip_info(clip).get("source", {}).get("license") for clip in dataset.clip_ids}
        self._text = {
            "clip_id": np.array([row["clip_id"] for row in metric], dtype=np.str_),
            "video_id": np.array([row["video_id"] for row in metric], dtype=np.str_),
            "license": np.array([licenses[row["clip_id"]] or "" for row in metric], dtype=np.str_),
        }
        floats = (
            "timestamp_s",
            "fx",
            "fy",
            "cx",
            "cy",
            "depth_unit",
            "sigma_unit",
            "sigma_log_scale",
            "cam_from_world",
        )
        self._floats = {name: np.array([row[name] for row in metric], dtype=np.float64) for name in floats}
        whole = ("frame_index", "width", "height", "has_person")
        self._whole = {name: np.array([row[name] for row in metric], dtype=np.int64) for name in whole}

    def __len__(self) -> int:
        return len(self._text["clip_id"])

    @property
    def clip_ids(self) -> np.ndarray:
        """Clip of every frame."""
        return self._text["clip_id"]

    def facts(self, number: int) -> dict[str, Any]:
        """A row of the index with the licence."""
        return {
            **{name: str(column[number]) for name, column in self._text.items()},
            **{name: column[number].tolist() for name, column in self._floats.items()},
            **{name: int(column[number]) for name, column in self._whole.items()},
        }

    def stored(self, number: int) -> StoredItem:
        """One frame as its files hold it.

        Raises:
            IndexError: no such number.
            InputError: a layer is missing, damaged, or of another size.
        """
        facts = self.facts(number)
        layers = (*_LAYERS, "person") if facts["has_person"] else _LAYERS
        item = stored_item({layer: self.read(facts, layer) for layer in layers}, facts, facts["clip_id"])
        return fitted(item, self._size)

    def read(self, facts: dict[str, Any], layer: str) -> np.ndarray:
        """Pixels of one layer of the frame that ``facts`` describe. Raises InputError when it is missing or damaged."""
        path = layer_path(Path(self._path), facts["clip_id"], layer, facts["frame_index"])
        pixels = cv2.imread(str(path), FLAGS[layer])
        if pixels is None:
            raise InputError(f"{path}: missing or unreadable; rebuild the clip with `sfm-gt dataset`")
        return pixels
