"""Folders of videos and what lies in them. Light: the workflow imports it at parse time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path

from sfm_gt.errors import InputError
from sfm_gt.formats.workspace import Workspace
from sfm_gt.formats.yaml_text import read_yaml

VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m2v"),
    *(".ts", ".mts", ".m2ts", ".flv", ".wmv", ".asf", ".ogv", ".mxf"),
)
SIDECAR_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class VideoFolder:
    """What lies in one folder.

    Attributes:
        names: of all its entries, sorted.
        below: folders in it that may hold videos as well.
        unreadable: those that cannot be listed.
    """

    path: Path
    names: tuple[str, ...]
    below: tuple[Path, ...]
    unreadable: tuple[Path, ...] = ()

    @property
    def videos(self) -> list[Path]:
        """Whatever is named like a video: folders, pipes and links that lead nowhere are refused by name, not lost silently."""
        return [self.path / name for name in self.names if _is_named_like_a_video(name)]

    @property
    def sidecars(self) -> list[Path]:
        """Files named like a sidecar."""
        return [self.path / name for name in self.names if Path(name).suffix in SIDECAR_SUFFIXES]


def _is_named_like_a_video(name: str) -> bool:
    return Path(name).suffix.lower() in VIDEO_SUFFIXES and not name.startswith(".")


def video_folders(top: Path) -> Iterator[VideoFolder]:
    """A folder and those below it, each once whatever links lead to it.

    Hidden ones are passed over, and so are those that hold the results of a run and those that a sidecar names.

    Raises:
        InputError: ``top`` is missing, no folder, or cannot be listed.
    """
    waiting, seen = [_listed(top)], {_identity(top)}
    while waiting:
        folder = waiting.pop()
        below, unreadable = [], []
        for path in folder.below:
            if (identity := _identity(path)) in seen:
                continue
            seen.add(identity)
            try:
                below.append(_listed(path))
            except InputError:
                unreadable.append(path)
        waiting += reversed(below)
        yield replace(folder, unreadable=tuple(unreadable))


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _listed(path: Path) -> VideoFolder:
    try:
        with os.scandir(path) as scanned:
            entries = sorted(scanned, key=attrgetter("name"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such folder; set videos to a folder that holds videos") from None
    except NotADirectoryError:
        raise InputError(
            f"{path}: is a file; set videos to the folder that holds it, or to a table (.csv, .parquet)"
        ) from None
    except PermissionError:
        raise InputError(f"{path}: cannot be listed (permission denied); make the folder readable") from None
    folder = VideoFolder(path, tuple(entry.name for entry in entries), ())
    names = [entry.name for entry in entries if _may_hold_videos(entry)]
    cameras = _named_by_sidecars(folder) if names else set()
    return replace(folder, below=tuple(path / name for name in names if name not in cameras))


def _may_hold_videos(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith(".") or _is_named_like_a_video(entry.name):  # the latter is refused as a video
        return False
    try:
        return entry.is_dir() and not Workspace(Path(entry.path)).catalog.is_file()
    except OSError:
        return False


def _named_by_sidecars(folder: VideoFolder) -> set[str]:
    """Folders whose cameras are imported: a recording has films of its own, often the same as the one beside the sidecar."""
    named = set()
    for path in folder.sidecars:
        with suppress(InputError):  # the video's own refusal, later
            content = read_yaml(path)
            imported = content.get("import") if isinstance(content, dict) else None
            file = Path(str(imported.get("file"))) if isinstance(imported, dict) else Path()
            # Of polycam/keyframes/cameras all of polycam; a folder that a single file lies in is no recording.
            if file.parts and (folder.path / file).is_dir():
                named.add(file.parts[0])
    return named
