"""The videos of a run in OUT/catalog.json."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sfm_gt.errors import InputError
from sfm_gt.video import catalog_file
from sfm_gt.video.catalog import Stored, VideoFile, list_videos
from sfm_gt.video.catalog_file import known_videos, state_of_videos, write_catalog


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a video and its sidecar, one of a name that is no text, and one that is refused."""
    videos = tmp_path / "videos"
    videos.mkdir()
    (videos / "room.mp4").write_bytes(b"a film")
    (videos / "room.yaml").write_text("license: CC0-1.0\n")
    Path(os.fsdecode(bytes(videos) + b"/caf\xe9.mp4")).write_bytes(b"another")
    (videos / "twin.mp4").write_bytes(b"a film")
    return videos


def write(folder: Path) -> Path:
    path = folder.parent / "catalog.json"
    write_catalog(path, state_of_videos(folder), list_videos(folder))
    return path


def test_videos_of_the_file_are_those_of_the_folder_without_a_look(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, listed = write(folder), {video.video_id: video for video in list_videos(folder)}
    monkeypatch.setattr(catalog_file, "list_videos", None)
    assert dict(known_videos(path, folder)) == listed
    assert listed["twin"].refusal == "duplicate_source"


@pytest.mark.parametrize("change", ["comes", "goes", "is renamed"])
def test_a_folder_that_changed_is_listed(folder: Path, change: str) -> None:
    path = write(folder)
    if change == "comes":
        (folder / "new.mp4").write_bytes(b"new")
    elif change == "goes":
        (folder / "twin.mp4").unlink()
    else:
        (folder / "room.yaml").rename(folder / "twin.yaml")
    assert dict(known_videos(path, folder)) == {video.video_id: video for video in list_videos(folder)}


def test_objects_of_a_storage_are_those_of_the_file(tmp_path: Path) -> None:
    video = VideoFile(
        "room",
        tmp_path / "room.mp4",
        tmp_path / "room.yaml",
        folder=tmp_path,
        stored=Stored("", {"room.mp4": [6.0, 1.5]}),
    )
    write_catalog(tmp_path / "catalog.json", None, [video])
    assert known_videos(tmp_path / "catalog.json", tmp_path)["room"] == video


def test_without_file_and_folder_the_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="videos: no such folder"):
        known_videos(tmp_path / "catalog.json", tmp_path / "videos")
