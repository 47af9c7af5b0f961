"""Splits keep copies together."""

from __future__ import annotations

from pathlib import Path

import pytest

from sfm_gt.datasets import TorchDataset
from sfm_gt.datasets.frames import open_dataset
from sfm_gt.datasets.splits import near_duplicate_groups, split_of
from sfm_gt.datasets.torch_dataset import FrameTable
from sfm_gt.errors import InputError
from tests.datasets.small_tree import write_tree


def test_near_duplicates_share_a_split_and_no_video_is_in_two(tmp_path: Path) -> None:
    hashes = ["00000000ffffffff", "0f0f0f0f0f0f0f0f"]
    # Few bits apart, as after another encoding.
    copy = ["00000000fffffff0", "0f0f0f0f0f0f0f0e"]
    names = [f"video{number}" for number in range(40)]
    other = next(name for name in names[1:] if split_of(name) != split_of(names[0]))
    tree = write_tree(tmp_path, {names[0]: 1, other: 1}, {names[0]: hashes, other: copy})
    sizes = {split: len(FrameTable(open_dataset(tree), split)) for split in ("train", "val", "test")}
    assert sorted(sizes.values()) == [0, 0, 2], "both on the side of the first"
    groups = near_duplicate_groups({"a": hashes, "b": ["ffffffff00000000"], "c": copy, "d": []})
    assert groups == {"a": "a", "b": "b", "c": "a", "d": "d"}


def test_a_data_set_of_one_video_says_that_splits_are_empty_and_splits_by_time(tmp_path: Path) -> None:
    tree = write_tree(tmp_path, {"anna": 20})
    empty = next(split for split in ("train", "val", "test") if split != split_of("anna"))
    with pytest.warns(UserWarning, match=rf"split '{empty}' holds no frame.*by='time'"):
        TorchDataset(tree, empty)
    times = {
        split: [item["frame_index"] for item in TorchDataset(tree, split, by="time")]
        for split in ("train", "val", "test")
    }
    assert times == {"train": list(range(16)), "val": [16, 17], "test": [18, 19]}
    with pytest.raises(InputError, match="needed video or time"):
        TorchDataset(tree, "train", by="clip")


def test_copies_of_a_copy_are_in_one_group_though_too_unlike_themselves() -> None:
    # Eight bits apart are copies, sixteen are not: c is a copy of a and of b, and e of b.
    first, between, last, further = "0000000000000000", "00000000000000ff", "000000000000ffff", "0000000000ffffff"
    groups = near_duplicate_groups({"a": [first], "b": [last], "c": [between], "e": [further], "z": ["f" * 16]})
    assert groups == {"a": "a", "b": "a", "c": "a", "e": "a", "z": "z"}
    renamed = near_duplicate_groups({"a": [first], "b": [further], "c": [last], "e": [between], "z": ["f" * 16]})
    assert renamed == groups, "whatever the order of names"
