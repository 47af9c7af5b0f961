"""Which split a video belongs to: whole videos, near-duplicates together."""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from sfm_gt.datasets.frames import Dataset
from sfm_gt.errors import InputError
from sfm_gt.formats.dataset_layout import CLIP_JSON
from sfm_gt.formats.perceptual_hash import are_near_duplicates
from sfm_gt.formats.sources import source_of

Split = Literal["train", "val", "test", "all"]
SplitBy = Literal["video", "time"]
"""Whole videos, or the first frames of each clip for training and its last for the others: those see the same room."""
# Upper ends of the splits on [0, 1): 80, 10 and 10 per cent of videos.
SPLIT_ENDS = {"train": 0.8, "val": 0.9, "test": 1.0}


def split_of(video_id: str) -> str:
    """The split a video belongs to, by a hash of its id: no video is ever in two, and new videos move none."""
    return _split_at(int.from_bytes(hashlib.sha256(video_id.encode()).digest()[:8], "big") / 2**64)


def near_duplicate_groups(hashes: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """For every video the first, in order of names, of those that it is a near-duplicate of, directly or through others.

    Args:
        hashes: perceptual hashes of each video's frames, by video id.
    """
    first = {video_id: video_id for video_id in sorted(hashes)}
    for number, video_id in enumerate(first):
        for other in list(first)[:number]:
            if first[other] != first[video_id] and are_near_duplicates(hashes[video_id], hashes[other]):
                joined = sorted((first[other], first[video_id]))
                first |= {member: joined[0] for member, leader in first.items() if leader == joined[1]}
    return first


def splits_of(dataset: Dataset) -> dict[str, str]:
    """Split of every video of a data set, by video id; near-duplicates follow the first of them by name."""
    hashes: dict[str, Sequence[str]] = {}
    for clip_id, video_id in dataset.videos.items():
        if video_id not in hashes:
            source = source_of(dataset.clip_info(clip_id), f"{clip_id}/{CLIP_JSON}")
            hashes[video_id] = source.perceptual_hash
    return {video_id: split_of(first) for video_id, first in near_duplicate_groups(hashes).items()}


def splits_of_rows(dataset: Dataset, by: SplitBy) -> list[str]:
    """Split of every frame of a data set, in the order of its rows."""
    if by == "video":
        split_of_video = splits_of(dataset)
        return [split_of_video[row["video_id"]] for row in dataset.rows]
    frames = Counter(row["clip_id"] for row in dataset.rows)
    before: Counter[str] = Counter()
    found = []
    for row in dataset.rows:
        found.append(_split_at(before[row["clip_id"]] / frames[row["clip_id"]]))
        before[row["clip_id"]] += 1
    return found


def require_split(split: str, by: str = "video") -> None:
    """Raises InputError for a split, or a way to split, that does not exist."""
    if split not in (*SPLIT_ENDS, "all"):
        raise InputError(f"split {split!r}: needed one of train, val, test, all")
    if by not in ("video", "time"):
        raise InputError(f"split by {by!r}: needed video or time")


def warn_of_frames(n_metric: int, n_left_out: int, split: str, where: str | Path) -> None:
    """Says how many frames of a split have no metric scale, and of one without frames what would have some.

    Two of three videos in one split are no rare draw.
    """
    if not n_metric:
        warnings.warn(f"{where}: split {split!r} holds no frame with a metric scale. Clips without one are left out; a known "
                      "distance in the sidecar gives one. Few videos leave splits empty: split='all' takes every frame, "
                      "by='time' (not of shards) splits within clips", stacklevel=3)  # fmt: skip
    if n_left_out:
        warnings.warn(f"{where}: {n_left_out} of {n_left_out + n_metric} frames of split {split!r} have no metric scale and "
                      "are left out", stacklevel=3)  # fmt: skip


def _split_at(position: float) -> str:
    return next(split for split, end in SPLIT_ENDS.items() if position < end)
