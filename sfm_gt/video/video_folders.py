"""Folders of videos and what lies in them. Light: the workflow imports it at parse time."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
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
# Of an output folder. Videos may lie beside them.
RESULT_FOLDERS = frozenset({"videos", "work", "dataset", "predictions", "evaluation", "report", "logs"})


@dataclass(frozen=True)
class VideoFolder:
    """What lies in one folder.

    Attributes:
        names: of all its entries, sorted.
        below: folders in it that may hold videos as well; ``links`` are links to such.
        unreadable: those that cannot be listed.
    """

    path: Path
    names: tuple[str, ...]
    below: tuple[Path, ...]
    links: tuple[Path, ...]
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
    return os.path.splitext(name)[1].lower() in VIDEO_SUFFIXES and not name.startswith(".")


def video_folders(top: Path) -> Iterator[VideoFolder]:
    """A folder and those below it, each once whatever links lead to it.

    Hidden ones are passed over, and so are the results of a run and the folders whose cameras a sidecar imports.

    Raises:
        InputError: ``top`` is missing, no folder, or cannot be listed.
    """
    waiting = [_listed(top)]
    seen, imported = {_identity(top)}, set[Path]()
    links: list[Path] = []

    def listed(paths: Iterable[Path]) -> tuple[list[VideoFolder], list[Path]]:
        found, unreadable = [], []
        for path in paths:
            if path in imported or (identity := _identity(path)) in seen:
                continue
            seen.add(identity)
            try:
                found.append(_listed(path))
            except InputError:
                unreadable.append(path)
        return found, unreadable

    while waiting:
        folder = waiting.pop()
        imported |= _imported(folder)
        links += folder.links
        below, unreadable = listed(folder.below)
        waiting += reversed(below)
        if not waiting:  # last, for a folder has the name of its own place, whatever links lead there
            below, more = listed(links)
            waiting, unreadable, links = below[::-1], unreadable + more, []
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
    names = tuple(entry.name for entry in entries)
    results = RESULT_FOLDERS if Workspace(path).catalog.name in names else frozenset[str]()
    inside = [entry for entry in entries if entry.name not in results and _may_hold_videos(entry)]
    return VideoFolder(path, names, tuple(Path(entry.path) for entry in inside if not entry.is_symlink()),
                       tuple(Path(entry.path) for entry in inside if entry.is_symlink()))  # fmt: skip


def _may_hold_videos(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith(".") or _is_named_like_a_video(entry.name):  # the latter is refused as a video
        return False
    try:
        return entry.is_dir()
    except OSError:
        return False


def _imported(folder: VideoFolder) -> set[Path]:
    """Folders whose cameras are imported: a recording has a film of its own, often that beside the sidecar."""
    named = set()
    for path in folder.sidecars if folder.below or folder.links else ():
        with suppress(InputError):  # the video's own refusal, later
            content = read_yaml(path)
            imported = content.get("import") if isinstance(content, dict) else None
            if isinstance(imported, dict):
                named.add(folder.path / str(imported.get("file")))
    return named
