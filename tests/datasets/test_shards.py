"""Shards give the items of the files, each once, in an order that a seed decides."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch

from sfm_gt.datasets import ShardDataset, TorchDataset, shard_dataset
from sfm_gt.errors import InputError
from sfm_gt.formats.manifest import read_json, write_json
from sfm_gt.formats.shards import read_shard, write_shard
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


def test_a_shard_of_other_bytes_of_the_same_number_is_named_once_it_is_read(tree: Path, tmp_path: Path) -> None:
    shard = sorted(write_shards(tree, tmp_path).glob("*.tar"))[0]
    content = shard.read_bytes()
    shard.write_bytes(content.replace(b'"depth_unit": 0.001', b'"depth_unit": 0.009'))
    for workers in (0, 1):
        loader = torch.utils.data.DataLoader(ShardDataset(tmp_path), batch_size=None, num_workers=workers)
        with pytest.raises(
            InputError, match=rf"{shard.name}: was changed since it was written; copy or export it again"
        ):
            next(iter(loader))


def test_a_shard_is_checked_when_it_is_first_read_and_not_again(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards, checked = ShardDataset(write_shards(tree, tmp_path)), []
    monkeypatch.setattr(shard_dataset, "check_shard", lambda path, sha256: checked.append(path.name))
    assert len(list(shards)) == len(list(shards)) == 16
    assert sorted(checked) == sorted(path.name for path in tmp_path.glob("*.tar"))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"depth_unit": float("nan")}, "depth_unit = nan: "),
        ({"depth_unit": 0}, "depth_unit = 0: "),
        ({"metric": "false"}, "metric = 'false': "),
        ({"sigma_log_scale": None}, "'sigma_log_scale' is missing"),
        ({"cam_from_world": [1.0]}, "cam_from_world = "),
        ({"clip_id": "../anna"}, "'../anna' is no id"),
        ({"width": "64"}, "width = '64': "),
    ],
)
def test_a_sample_that_states_what_cannot_be_is_named(tree: Path, tmp_path: Path, changed: dict, says: str) -> None:
    shard = sorted(write_shards(tree, tmp_path).glob("*.tar"))[0]
    samples = [(key, dict(layers)) for key, layers in read_shard(shard)]
    for _, layers in samples:
        layers["json"] = json.dumps(json.loads(layers["json"]) | changed).encode()
    _write_again(shard, samples)
    with pytest.raises(InputError, match=rf"{shard.name}: anna-000_000000: .*{re.escape(says)}") as refused:
        list(ShardDataset(tmp_path))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"[" * 100_000, b"\xff", b"9" * 5000])
def test_a_sample_whose_json_is_none_is_named(tree: Path, tmp_path: Path, content: bytes) -> None:
    shard = sorted(write_shards(tree, tmp_path).glob("*.tar"))[0]
    _write_again(shard, [(key, {**layers, "json": content}) for key, layers in read_shard(shard)])
    with pytest.raises(InputError, match=rf"{shard.name}: anna-000_000000: "):
        list(ShardDataset(tmp_path))


def _write_again(shard: Path, samples: list) -> None:
    """The shard anew with its entry, as somebody would who exports such samples."""
    stated = shard.parent / "shards.json"
    entries = read_json(stated)["shards"]
    entry = next(one for one in entries if one["shard"] == shard.name)
    entry |= write_shard(shard, samples)
    write_json(stated, {"shards": entries})


@pytest.mark.parametrize(
    "content", ["[]", "{}", "null", '{"shards": {}}', '{"shards": ["a.tar"]}', "[" * 100_000, "9" * 5000]
)
def test_a_list_of_shards_that_is_none_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "shards.json").write_text(content)
    with pytest.raises(InputError, match=r"shards\.json: ") as refused:
        ShardDataset(tmp_path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"metric": "false"}, "shard 1: metric = 'false': "),
        ({"bytes": "9"}, "shard 1: bytes = '9': "),
        ({"samples": -1}, "shard 1: samples = -1: "),
        ({"sha256": "0"}, "shard 1: sha256 = '0': "),
        ({"split": "../train"}, "shard 1: split = '../train': "),
        ({"shard": None}, "shard 1: shard = None: "),
        ({"clip_id": "../anna"}, "'../anna' is no id"),
    ],
)
def test_an_entry_of_the_list_that_holds_what_it_cannot_is_named(
    tree: Path, tmp_path: Path, changed: dict, says: str
) -> None:
    stated = write_shards(tree, tmp_path) / "shards.json"
    entries = read_json(stated)["shards"]
    entries[1] |= changed
    write_json(stated, {"shards": entries})
    with pytest.raises(InputError, match=rf"shards\.json: {re.escape(says)}"):
        ShardDataset(tmp_path)
