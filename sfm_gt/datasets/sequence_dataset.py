"""Frame pairs and short sequences of one clip that see the same surfaces."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch

from sfm_gt.datasets.covisibility import PosedDepth, covisibility
from sfm_gt.datasets.frames import open_dataset
from sfm_gt.datasets.items import Item
from sfm_gt.datasets.one_size import Size
from sfm_gt.datasets.shared_memory_collate import TensorItem
from sfm_gt.datasets.splits import Split, SplitBy, require_split, warn_of_frames
from sfm_gt.datasets.torch_dataset import FrameTable
from sfm_gt.errors import InputError
from sfm_gt.geometry.types import PinholeCamera

MAX_GAP = 60  # frames of a clip further apart in order are not paired: two seconds of film


class SequenceDataset(torch.utils.data.Dataset[Item]):
    """Sequences of ``length`` frames (2: pairs) whose other frames each share surface with the first chosen one.

    An item holds the keys of ``items.py`` with a leading axis of ``length``, in order of time (but for ``clip_id``,
    ``video_id`` and ``license``, which its frames share), and ``covisibility`` (length,) float32: the share of surface with the
    frame that the item belongs to (1 for itself). Which frames join is drawn anew every epoch (``set_epoch``) from ``seed``,
    epoch and number alone: any number of workers gives the same. Clips without a metric scale are left out, with a warning that
    counts their frames; one also says when no frame has enough others.

    Args:
        min_covisibility, max_covisibility: below, frames have too little in common; above, they are nearly one.
        size: height and width that all frames are brought to, see ``one_size.py``; None leaves them as they are.
        by: what a split holds: whole videos, or stretches of each clip, for data sets of a few videos.

    Raises:
        InputError: unknown split, no data set, or a length below 2.
    """

    def __init__(
        self,
        path: str | Path,
        split: Split = "train",
        length: int = 2,
        min_covisibility: float = 0.3,
        max_covisibility: float = 0.95,
        seed: int = 0,
        size: Size | None = None,
        by: SplitBy = "video",
    ):
        require_split(split, by)
        if length < 2:
            raise InputError(f"length {length}: a sequence has 2 frames at least; TorchDataset gives single ones")
        self._table = FrameTable(open_dataset(path), split, size, by)
        warn_of_frames(len(self._table), self._table.n_not_metric, split, path)
        self._length, self._seed = length, seed
        # Shared with workers that outlive an epoch.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()
        found = [
            self._partners(clip_id, min_covisibility, max_covisibility) for clip_id in np.unique(self._table.clip_ids)
        ]
        self._anchors = np.concatenate([anchors for anchors, _, _, _ in found] or [np.zeros(0, np.int64)])
        self._numbers = np.concatenate([numbers for _, numbers, _, _ in found] or [np.zeros(0, np.int64)])
        self._shares = np.concatenate([shares for _, _, shares, _ in found] or [np.zeros(0)])
        counts = np.concatenate([counts for _, _, _, counts in found] or [np.zeros(0, np.int64)])
        self._ends = np.cumsum(counts)
        if len(self._table) and not len(self._anchors):
            warnings.warn(f"{path}: none of {len(self._table)} frames of split {split!r} has {length - 1} others of its clip "
                          f"with a covisibility from {min_covisibility} to {max_covisibility}; widen that range, or take a "
                          "smaller length", stacklevel=2)  # fmt: skip

    def _partners(self, clip_id: str, low: float, high: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Frames of a clip with enough partners; all partners in one row, their shares, and how many each frame has."""
        numbers = np.flatnonzero(self._table.clip_ids == clip_id)
        shares = covisibility([self._posed(int(number)) for number in numbers], MAX_GAP)
        fit = (shares >= low) & (shares <= high) & ~np.eye(len(numbers), dtype=bool)
        fit[fit.sum(axis=1) < self._length - 1] = False
        rows, columns = np.nonzero(fit)
        counts = fit.sum(axis=1)
        return numbers[counts > 0], numbers[columns], shares[rows, columns], counts[counts > 0]

    def _posed(self, number: int) -> PosedDepth:
        facts = self._table.facts(number)
        z_depth = self._table.read(facts, "depth").astype(np.float32) * np.float32(facts["depth_unit"])
        camera = PinholeCamera(*(facts[key] for key in ("width", "height", "fx", "fy", "cx", "cy")))
        return PosedDepth(np.where(z_depth > 0, z_depth, np.nan), camera, np.reshape(facts["cam_from_world"], (4, 4)))

    def __len__(self) -> int:
        return len(self._anchors)

    def set_epoch(self, epoch: int) -> None:
        """Other partners from now on, also in workers that are already running."""
        self._epoch.fill_(epoch)

    def __getitem__(self, number: int) -> Item:
        end = int(self._ends[number])
        start = int(self._ends[number - 1]) if number else 0
        rng = np.random.default_rng([self._seed, int(self._epoch), number])
        chosen = rng.choice(np.arange(start, end), self._length - 1, replace=False)
        members = [
            (int(self._anchors[number]), 1.0),
            *((int(self._numbers[k]), float(self._shares[k])) for k in chosen),
        ]
        members.sort()
        items = [self._table.stored(member).tensors for member, _ in members]
        stacked = {key: _stacked([item[key] for item in items]) for key in items[0]}
        shares = torch.tensor([share for _, share in members], dtype=torch.float32)
        return TensorItem(stacked, covisibility=shares)


def _stacked(values: list) -> object:
    if isinstance(values[0], torch.Tensor):
        return torch.stack(values)
    # Frames of one clip share their texts. A tuple of them would be turned by torch: place before batch.
    return values[0] if isinstance(values[0], str) else torch.tensor(values)
