"""OUT/catalog.json: the videos of a run as its start found them, so that no job lists large folders or reads a table again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from sfm_gt.errors import InputError
from sfm_gt.formats.manifest import read_json, write_json
from sfm_gt.formats.sidecar_row import SidecarRow, SidecarSource
from sfm_gt.video.catalog import Stored, VideoFile, list_videos, name_in, root_of
from sfm_gt.video.video_folders import video_folders
from sfm_gt.video.video_table import is_table, read_table

State = Mapping[str, int]
"""When a table was written, or each of the folders that were looked into got, lost or renamed an entry."""


def state_of_videos(videos: Path) -> State:
    """The present state. Raises InputError for a folder that is missing, no folder, or cannot be listed."""
    looked_into = [videos] if is_table(videos) else [folder.path for folder in video_folders(videos)]
    return {name_in(videos, path): _moment(path) for path in looked_into}


def _moment(path: Path) -> int:
    """0 for what is gone."""
    return path.stat().st_mtime_ns if path.exists() else 0


def write_catalog(path: Path, state: State | None, videos: Iterable[VideoFile]) -> None:
    """Writes the file.

    Args:
        state: of the videos before they were listed; None where they are objects of a storage.
    """
    write_json(path, {"state": state, "videos": {video.video_id: _entry(video) for video in videos}})


def ids_in(path: Path) -> tuple[str, ...]:
    """Of the videos in the file, none where there is no file."""
    return tuple(read_json(path)["videos"]) if path.is_file() else ()


def known_videos(path: Path, videos: Path) -> Mapping[str, VideoFile]:
    """The videos of a folder or table by id: from the file at ``path`` where it holds what they do, else by listing.

    Raises:
        InputError: the folder or table is missing, cannot be read, or holds no video.
    """
    content = read_json(path) if path.is_file() else None
    if content is None or not _is_current(content["state"], videos):
        return {video.video_id: video for video in list_videos(videos)}
    return _Entries(videos, content["videos"])


def _is_current(state: State | None, videos: Path) -> bool:
    # Objects of a storage are not listed here; those in the file are what the run is about.
    return state is None or all(_moment(videos / name) == moment for name, moment in state.items())


class _Entries(Mapping[str, VideoFile]):
    """Makes of the file's entries only those that are asked for."""

    def __init__(self, videos: Path, entries: dict[str, dict[str, Any]]):
        self._videos, self._root, self._entries = videos, root_of(videos), entries

    def __getitem__(self, video_id: str) -> VideoFile:
        entry = dict(self._entries[video_id])
        path, stored = entry.pop("path"), entry.pop("stored", None)
        return VideoFile(video_id, self._root / path, self._sidecar(entry.pop("sidecar", None)), folder=self._root,
                         stored=Stored(**stored) if stored else None, **entry)  # fmt: skip

    def _sidecar(self, entry: Any) -> SidecarSource | None:
        if isinstance(entry, str):
            return self._root / entry
        return None if entry is None else self._row(**entry)

    def _row(self, number: int, sha256: str) -> SidecarRow:
        sidecar = SidecarRow(self._videos, number, self._texts.get(number, ""))
        if sidecar.sha256 != sha256:
            raise InputError(f"{sidecar}: changed while a run was at work; run it again")
        return sidecar

    @cached_property
    def _texts(self) -> Mapping[int, str]:
        """What the table says in sidecars' place, by number of the row."""
        return {row.number: row.sidecar for row in read_table(self._videos) if row.sidecar is not None}

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def _entry(video: VideoFile) -> dict[str, Any]:
    sidecar = video.sidecar
    content = {
        "path": video.name,
        "sidecar": _entry_of_row(sidecar)
        if isinstance(sidecar, SidecarRow)
        else sidecar and name_in(video.root, sidecar),
        **{name: getattr(video, name) for name in ("refusal", "message", "warning")},
        "stored": asdict(video.stored) if video.stored else None,
    }
    return {name: value for name, value in content.items() if value is not None}


def _entry_of_row(sidecar: SidecarRow) -> dict[str, Any]:
    # The text stays in the table: what it says of people would outlive their video here.
    return {"number": sidecar.row, "sha256": sidecar.sha256}
