"""Which videos lie in a folder, and under which name each goes on. Light: the workflow imports it at parse time."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sfm_gt.errors import InputError

VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m2v"),
    *(".ts", ".mts", ".m2ts", ".flv", ".wmv", ".asf", ".ogv", ".mxf"),
)
SIDECAR_SUFFIXES = (".yaml", ".yml")
MAX_SLUG_LENGTH = 60
HASH_LENGTH = 6
BEGINNING_BYTES = 1 << 14


@dataclass(frozen=True)
class VideoFile:
    """One video of the folder.

    Attributes:
        video_id: unique in the folder; ASCII letters, digits, ``_`` and ``-`` only, so that it is safe in any path.
        sidecar: the YAML file of the same stem beside the video, if there is one.
        refusal: reason code when the name alone already rules the video out, else None; ``message`` then says why.
    """

    video_id: str
    path: Path
    sidecar: Path | None = None
    refusal: str | None = None
    message: str | None = None


def list_videos(folder: Path) -> tuple[VideoFile, ...]:
    """All videos directly in ``folder``, sorted by file name; other files and hidden files are passed over.

    Raises:
        InputError: the folder is missing, is no folder, or holds no video.
    """
    by_stem: dict[str, list[Path]] = {}
    for path in _video_paths(folder):
        by_stem.setdefault(path.stem, []).append(path)
    videos = [_video_file(path, same_stem) for same_stem in by_stem.values() for path in same_stem]
    return _without_twins(sorted(videos, key=lambda video: video.path))


def _video_paths(folder: Path) -> list[Path]:
    try:
        entries = sorted(folder.iterdir())
    except FileNotFoundError:
        raise InputError(f"{folder}: no such folder; set videos to a folder that holds videos") from None
    except NotADirectoryError:
        raise InputError(f"{folder}: is a file; set videos to the folder that holds it") from None
    except PermissionError:
        raise InputError(f"{folder}: cannot be listed (permission denied); make the folder readable") from None
    # Links that lead nowhere stay in the list: ingest refuses them by name instead of losing them silently.
    paths = [p for p in entries if p.suffix.lower() in VIDEO_SUFFIXES and not p.name.startswith(".") and not p.is_dir()]
    if not paths:
        known = " ".join(VIDEO_SUFFIXES)
        raise InputError(f"{folder}: found {len(entries)} entries but no video; put videos there ({known})")
    return paths


def _video_file(path: Path, same_stem: list[Path]) -> VideoFile:
    # os.path: a name that is as long as names may be leaves no room for the longer suffix, and Path.is_file raises then.
    sidecars = [beside for suffix in SIDECAR_SUFFIXES if os.path.isfile(beside := path.with_suffix(suffix))]
    if path.exists() and not path.is_file():
        message = f"{path.name}: is no file but a pipe, socket or device; put the video itself there"
        return VideoFile(slug(path.stem), path, None, "not_a_file", message)
    if len(same_stem) > 1:
        other = next(p.name for p in same_stem if p != path)
        message = (
            f"{path.name}: {other} has the same stem, so sidecar and results would be mixed up; rename one of them"
        )
        return VideoFile(slug(path.name), path, None, "duplicate_stem", message)
    if len(sidecars) > 1:
        message = f"{path.name}: both {sidecars[0].name} and {sidecars[1].name} lie beside it; remove one of them"
        return VideoFile(slug(path.stem), path, None, "sidecar_invalid", message)
    return VideoFile(slug(path.stem), path, sidecars[0] if sidecars else None)


def _without_twins(videos: list[VideoFile]) -> tuple[VideoFile, ...]:
    """Refuses videos of the same bytes as an earlier one: counted twice they would lie in two splits."""
    groups = [[video for video in videos if video.refusal is None and video.path.is_file()]]
    # Whole files are read only where size and beginning agree.
    for likeness in (_size, _beginning, _content):
        groups = [alike for group in groups for alike in _alike(group, likeness)]
    twins = {}
    for first, *others in groups:
        for video in others:
            message = f"{video.path.name}: the same file as {first.path.name}; remove one of them"
            twins[video.video_id] = replace(video, refusal="duplicate_source", message=message)
    return tuple(twins.get(video.video_id, video) for video in videos)


def _alike(videos: list[VideoFile], likeness: Callable[[Path], object]) -> list[list[VideoFile]]:
    """Groups of at least two videos that are alike."""
    groups: dict[object, list[VideoFile]] = {}
    for video in videos:
        groups.setdefault(likeness(video.path), []).append(video)
    return [group for group in groups.values() if len(group) > 1]


def _size(path: Path) -> object:
    # Empty files are refused as such.
    return path.stat().st_size or path


def _beginning(path: Path) -> object:
    try:
        with path.open("rb") as file:
            return file.read(BEGINNING_BYTES)
    except OSError:
        return path  # like no other


def _content(path: Path) -> object:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def slug(name: str) -> str:
    """``name`` itself when it is safe in paths, else a safe likeness of it with a short hash of the true name."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    safe = re.sub(r"[^A-Za-z0-9_]+", "-", ascii_name).strip("-_")[:MAX_SLUG_LENGTH] or "video"
    if safe == name:
        return name
    # surrogateescape: a file name need not be valid UTF-8.
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{safe}-{digest[:HASH_LENGTH]}"
