"""Shards give the items of the files, each once, in an order that a seed decides."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sfm_gt.datasets import ShardDataset, TorchDataset
from sfm_gt.errors import InputError
from tests.datasets.small_tree import write_shards


def test_shards_give_the_same_items_as_files(tree: Path, tmp_path: Path) -> None:
    shards = write_shards(tree, tmp_path)
    from_files = {(i["clip_id"], i["frame_index"]): i for i in map(TorchDataset(tree, "all").__getitem__, range(16))}
    for workers in (0, 2):
        read = list(torch.utils.data.DataLoader(ShardDataset(shards), batch_size=None, num_workers=workers))
        assert {(item["clip_id"], item["frame_index"]) for item in read} == set(from_files)
        for item in read:
            same = from_files[item["clip_id"], item["frame_index"]]
            for key in ("image", "z_depth_m", "sigma_m", "valid", "person", "cam_from_world"):
                assert torch.equal(item[key], same[key]), key


def test_shuffled_shards_are_the_same_for_a_seed_and_another_order_for_another_epoch(
    tree: Path, tmp_path: Path
) -> None:
    shards = ShardDataset(write_shards(tree, tmp_path), shuffle_buffer=4, seed=3)

    def order() -> list[tuple[str, int]]:
        loader = torch.utils.data.DataLoader(shards, batch_size=None, num_workers=2)
        return [(item["clip_id"], item["frame_index"]) for item in loader]

    first = order()
    assert order() == first
    shards.set_epoch(1)
    second = order()
    assert sorted(second) == sorted(first)
    assert second != first


@pytest.mark.parametrize("shuffle_buffer", [0, 4])
def test_two_ranks_of_two_workers_see_every_frame_once(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shuffle_buffer: int
) -> None:
    shards = ShardDataset(write_shards(tree, tmp_path), shuffle_buffer=shuffle_buffer)
    seen = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        monkeypatch.setenv("WORLD_SIZE", "2")
        loader = torch.utils.data.DataLoader(shards, batch_size=None, num_workers=2)
        own = [(item["clip_id"], item["frame_index"]) for item in loader]
        assert own, "each rank has something to do"
        seen += own
    assert len(seen) == len(set(seen)) == 16


def test_a_shard_cut_short_is_named(tree: Path, tmp_path: Path) -> None:
    shard = sorted(write_shards(tree, tmp_path).glob("*.tar"))[0]
    shard.write_bytes(shard.read_bytes()[:4000])
    with pytest.raises(InputError, match=rf"{shard.name}.*cut short"):
        ShardDataset(tmp_path)
