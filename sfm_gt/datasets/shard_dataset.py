"""The WebDataset shards that ``sfm-gt export --format webdataset`` writes, as an iterable torch dataset."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from sfm_gt.datasets.facts import require_facts
from sfm_gt.datasets.items import Item, decoded
from sfm_gt.datasets.one_size import Size, fitted, require_size
from sfm_gt.datasets.shared_memory_collate import StoredItem, TensorItem, stored_item
from sfm_gt.datasets.splits import Split, require_split, warn_of_frames
from sfm_gt.errors import InputError
from sfm_gt.formats.manifest import parsed_json
from sfm_gt.formats.shards import SUFFIXES, check_shard, list_shards, read_shard


class ShardDataset(torch.utils.data.IterableDataset[Item | StoredItem]):
    """Frames with metric depth from shards, item by item: see ``items.py`` for the keys.

    Every worker of every rank reads shards of its own: ranks are those of ``torch.distributed``, where it is initialised, else
    those of the environment (``RANK`` and ``WORLD_SIZE``, as torchrun sets them). Ranks may get different numbers of frames;
    whoever trains in step uses ``Join`` or a fixed number of steps. Order is drawn anew every epoch (``set_epoch``): shards
    over all, samples within a buffer. It depends on the seed, the epoch, and the number of ranks and workers. Shards without
    metric scale are left out, with a warning that counts their frames.

    Sizes of all shards are checked here; the SHA-256 of each when a process first reads it, before its first item. Workers
    that outlive an epoch (``persistent_workers``) do not repeat it.

    Args:
        shuffle_buffer: samples kept to draw from; 0 keeps everything in the order in which it was written.
        size: height and width that all frames are brought to, see ``one_size.py``; None leaves them as they are.

    Raises:
        InputError: unknown split, no shards there, a shard that is cut short or was changed, or a sample that states what
            cannot be.
    """

    def __init__(
        self,
        path: str | Path,
        split: Split = "train",
        shuffle_buffer: int = 0,
        seed: int = 0,
        size: Size | None = None,
    ):
        super().__init__()
        require_split(split)
        require_size(size)
        self._size = size
        self._path = Path(path)
        entries = [entry for entry in list_shards(self._path) if split in ("all", entry["split"])]
        chosen = [entry for entry in entries if entry["metric"]]
        n_metric, n_frames = (sum(entry["samples"] for entry in some) for some in (chosen, entries))
        warn_of_frames(n_metric, n_frames - n_metric, split, path)
        self._shards = np.array([entry["shard"] for entry in chosen], dtype=np.str_)
        self._sha256 = np.array([entry["sha256"] for entry in chosen], dtype=np.str_)
        self._checked: set[int] = set()
        self._shuffle_buffer, self._seed = shuffle_buffer, seed
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def set_epoch(self, epoch: int) -> None:
        """Another order from now on, also in workers that are already running."""
        self._epoch.fill_(epoch)

    def __iter__(self) -> Iterator[Item | StoredItem]:
        worker = torch.utils.data.get_worker_info()
        number, n_workers = (worker.id, worker.num_workers) if worker else (0, 1)
        order = np.arange(len(self._shards))
        if self._shuffle_buffer:
            order = np.random.default_rng([self._seed, int(self._epoch)]).permutation(order)
        rng = np.random.default_rng([self._seed, int(self._epoch), number])
        rank, n_ranks = _rank()
        mine = order[rank::n_ranks][number::n_workers]
        items = _shuffled(self._stored(mine), self._shuffle_buffer, rng)
        # Out of a worker frames leave as stored, see shared_memory_collate.py.
        return items if worker else (TensorItem(item.tensors) for item in items)

    def _stored(self, order: np.ndarray) -> Iterator[StoredItem]:
        for number in order:
            path = self._path / str(self._shards[number])
            if number not in self._checked:
                check_shard(path, str(self._sha256[number]))
                self._checked.add(int(number))
            for key, layers in read_shard(path):
                where = f"{path}: {key}"
                for needed in ("json", *(suffix for layer, suffix in SUFFIXES.items() if layer != "person")):
                    if needed not in layers:
                        raise InputError(f"{where}: holds no {needed}; export the shard again")
                facts = require_facts(parsed_json(layers["json"], where), where)
                pixels = {
                    name: decoded(layers[suffix], name, where) for name, suffix in SUFFIXES.items() if suffix in layers
                }
                if facts["metric"]:
                    yield fitted(stored_item(pixels, facts, where), self._size)


def _rank() -> tuple[int, int]:
    """Of this process, and how many there are."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))


def _shuffled(items: Iterator[StoredItem], size: int, rng: np.random.Generator) -> Iterator[StoredItem]:
    waiting: list[StoredItem] = []
    for item in items:
        if len(waiting) < size:
            waiting.append(item)
            continue
        if not size:
            yield item
            continue
        at = int(rng.integers(size))
        yield waiting[at]
        waiting[at] = item
    yield from (waiting[at] for at in rng.permutation(len(waiting)))
