"""OUT/catalog.json: the videos of a run as its start found them, so that no job lists a large folder again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sfm_gt.formats.manifest import read_json, write_json
from sfm_gt.video.catalog import Stored, VideoFile, list_videos


def folder_state(folder: Path) -> int | None:
    """Moves when an entry comes, goes or is renamed; None without such a folder."""
    return folder.stat().st_mtime_ns if folder.is_dir() else None


def write_catalog(path: Path, state: int | None, videos: Iterable[VideoFile]) -> None:
    """Writes the file.

    Args:
        state: of the folder before it was listed.
    """
    write_json(path, {"state": state, "videos": {video.video_id: _entry(video) for video in videos}})


def known_videos(path: Path, folder: Path) -> Mapping[str, VideoFile]:
    """The videos of ``folder`` by id: from the file at ``path`` where it holds what the folder does, else by listing.

    Raises:
        InputError: the folder is missing, is no folder, or holds no video.
    """
    content = read_json(path) if path.is_file() else None
    # Objects of a storage are not listed here; those in the file are what the run is about.
    if content is None or content["state"] not in (None, folder_state(folder)):
        return {video.video_id: video for video in list_videos(folder)}
    return _Entries(folder, content["videos"])


class _Entries(Mapping[str, VideoFile]):
    """Makes of the file's entries only those that are asked for."""

    def __init__(self, folder: Path, entries: dict[str, dict[str, Any]]):
        self._folder, self._entries = folder, entries

    def __getitem__(self, video_id: str) -> VideoFile:
        entry = dict(self._entries[video_id])
        path, sidecar, stored = entry.pop("path"), entry.pop("sidecar", None), entry.pop("stored", None)
        return VideoFile(video_id, self._folder / path, self._folder / sidecar if sidecar else None,
                         stored=Stored(**stored) if stored else None, **entry)  # fmt: skip

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def _entry(video: VideoFile) -> dict[str, Any]:
    content = asdict(video) | {"path": video.path.name, "sidecar": video.sidecar.name if video.sidecar else None}
    return {name: value for name, value in content.items() if name != "video_id" and value is not None}
