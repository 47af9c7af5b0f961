"""From a DataLoader's worker to the training process, through blocks of shared memory that are used again.

Left alone, torch makes a new piece of shared memory for every tensor of every batch, and most of what loading costs beside
decoding is the kernel's work on those fresh pages. Here a worker writes a batch's layers as they will be used (float32, bool)
into one block, the training process sees tensors that lie in it, and the block is written again when the last of them is gone.
``DataLoader`` needs to know nothing of this: it stacks :class:`StoredItem` by the function that is registered below, and
whoever gives it a ``collate_fn`` of their own finds the keys of an item in what that gets. A process that is forked from the
training process shares its blocks without holding them: it copies what it goes on to use.
"""

from __future__ import annotations

import os
import weakref
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch.utils.data import default_collate, get_worker_info
from torch.utils.data._utils.collate import default_collate_fn_map  # named in the documentation of default_collate

from sfm_gt.datasets.items import MASKS, TENSOR_LAYERS, Item, facts_as_tensors, layers_as_tensors, write_layers
from sfm_gt.errors import InputError

_STORED_DTYPES = {"image": np.uint8, "depth": np.uint16, "sigma": np.uint16, "outlier": np.uint8,
                  **dict.fromkeys(MASKS, np.uint8)}  # fmt: skip
# The last byte of a block tells whether its batch is on the way or in use.
_FREE, _IN_USE = 0, 1


class StoredFrames(MutableMapping[str, Any]):
    """Pixels as their files hold them, that read and change like the tensors which they become when somebody looks."""

    @cached_property
    def tensors(self) -> Item:
        """With the keys of an item."""
        return self._opened()

    @abstractmethod
    def _opened(self) -> Item: ...

    @property
    def is_opened(self) -> bool:
        """Whether somebody looked, and may have changed what was there."""
        return "tensors" in vars(self)

    def __getitem__(self, key: str) -> Any:
        return self.tensors[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.tensors[key] = value

    def __delitem__(self, key: str) -> None:
        del self.tensors[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tensors)

    def __len__(self) -> int:
        return len(self.tensors)

    def __or__(self, other: Mapping[str, Any]) -> Item:
        return self.tensors | dict(other)

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (self.tensors,)


@dataclass(eq=False)
class StoredItem(StoredFrames):
    """One frame.

    Attributes:
        pixels: ``image`` (H, W, 3) uint8 RGB, ``depth`` and ``sigma`` (H, W) uint16 in steps of the units in ``facts``,
            ``outlier`` (H, W) uint8 in steps of 1/255, masks (H, W) uint8, not 0 = True.
        facts: a row of the index, ``license`` and ``person_known``.
    """

    pixels: Mapping[str, np.ndarray]
    facts: Mapping[str, Any]

    def _opened(self) -> Item:
        return layers_as_tensors(self.pixels, self.facts) | facts_as_tensors(self.facts)


def stored_item(pixels: Mapping[str, np.ndarray], facts: Mapping[str, Any], where: str) -> StoredItem:
    """A frame from its decoded layers; ``person`` may be missing.

    Raises:
        InputError: a layer of another size or of other values than needed.
    """
    shape = (facts["height"], facts["width"])
    for layer, array in pixels.items():
        if array.shape[:2] != shape:
            raise InputError(f"{where}: layer {layer!r} has {array.shape[1]} x {array.shape[0]} pixels, needed {shape[1]} x "
                             f"{shape[0]}; rebuild the clip with `sfm-gt dataset`")  # fmt: skip
        if array.dtype != _STORED_DTYPES[layer]:
            needed = np.dtype(_STORED_DTYPES[layer])
            raise InputError(f"{where}: layer {layer!r} holds {array.dtype}, needed {needed}; rebuild the clip with "
                             "`sfm-gt dataset`")  # fmt: skip
    nobody_looked = {} if "person" in pixels else {"person": np.zeros(shape, np.uint8)}
    return StoredItem(dict(pixels) | nobody_looked, dict(facts) | {"person_known": "person" in pixels})


def collate_stored(items: Sequence[StoredItem], *, collate_fn_map: object = None) -> Item | StoredBatch:
    """A batch as ``default_collate`` makes it of items; out of a worker it leaves by a block.

    Raises:
        InputError: frames of several sizes.
    """
    _require_one_size({item.pixels["depth"].shape for item in items})
    if get_worker_info() is None or any(item.is_opened for item in items):
        batch: Item = default_collate([item.tensors for item in items])
        return batch
    return StoredBatch(items)


default_collate_fn_map[StoredItem] = collate_stored


class TensorItem(Item):
    """An item, or a sequence of frames, whose tensors are there: a dict that is stacked as torch does it, if it can be."""


def collate_tensors(items: Sequence[TensorItem], *, collate_fn_map: object = None) -> Item:
    """A batch as ``default_collate`` makes it of dicts. Raises InputError for frames of several sizes."""
    _require_one_size({tuple(item["z_depth_m"].shape[-2:]) for item in items if "z_depth_m" in item})
    batch: Item = default_collate([dict(item) for item in items])
    return batch


default_collate_fn_map[TensorItem] = collate_tensors


def _require_one_size(sizes: Collection[tuple[int, ...]]) -> None:
    if len(sizes) > 1:
        found = ", ".join(f"{width} x {height}" for height, width in sorted(sizes))
        raise InputError(f"a batch of frames of {found} pixels; give the data set a size=(height, width), to which all are "
                         "cropped and resized with their intrinsics, or make batches of one size each")  # fmt: skip


@dataclass(eq=False)
class StoredBatch(StoredFrames):
    """Frames of one size; when a worker pickles it and the other side unpickles it, it is a dict of tensors."""

    frames: Sequence[StoredItem]

    def _opened(self) -> Item:
        batch: Item = default_collate([frame.tensors for frame in self.frames])
        return batch

    def __reduce__(self) -> tuple[Any, ...]:
        if self.is_opened:
            return super().__reduce__()
        shape = (len(self.frames), *self.frames[0].pixels["depth"].shape)
        block = _free_block(sum(_n_bytes(name, shape) for name in TENSOR_LAYERS) + 1)
        layers = _layers(block.numpy(), shape)
        for number, frame in enumerate(self.frames):
            write_layers(frame.pixels, frame.facts, {name: layer[number] for name, layer in layers.items()})
        return _arrived, (block, shape, [frame.facts for frame in self.frames])


def _arrived(block: torch.Tensor, shape: tuple[int, int, int], facts: Sequence[Mapping[str, Any]]) -> Item:
    """The batch whose layers lie in ``block``, which is free again when nobody holds one of them."""
    content = block.numpy()
    # Every layer's memory belongs to `content`, which therefore goes when the last of them does.
    weakref.finalize(content, _release, block, os.getpid()).atexit = False
    layers = {name: torch.from_numpy(layer) for name, layer in _layers(content, shape).items()}
    others: Item = default_collate([facts_as_tensors(one) for one in facts])
    return layers | others


def _release(block: torch.Tensor, holder: int) -> None:
    if os.getpid() == holder:  # a fork of the training process holds nothing of its own
        block[-1] = _FREE


def _n_bytes(layer: str, shape: tuple[int, ...]) -> int:
    channels, dtype = TENSOR_LAYERS[layer]
    return int(np.prod(shape)) * channels * np.dtype(dtype).itemsize


def _layers(content: np.ndarray, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Views of a block: every layer (B, C, H, W)."""
    count, height, width = shape
    start, views = 0, dict[str, np.ndarray]()
    for name, (channels, dtype) in TENSOR_LAYERS.items():
        end = start + _n_bytes(name, shape)
        views[name] = content[start:end].view(dtype).reshape(count, channels, height, width)
        start = end
    return views


_blocks: list[torch.Tensor] = []
"""Of this worker: as many as batches are on their way or in use at once."""


def _free_block(n_bytes: int) -> torch.Tensor:
    """A block of shared memory that nobody reads any more, marked as in use; too small ones are given up."""
    in_use = [block for block in _blocks if block[-1] == _IN_USE]
    fit = [block for block in _blocks if block[-1] == _FREE and len(block) >= n_bytes]
    chosen = fit[0] if fit else torch.empty(n_bytes, dtype=torch.uint8).share_memory_()
    chosen[-1] = _IN_USE
    _blocks[:] = [*in_use, *(fit or [chosen])]
    return chosen
