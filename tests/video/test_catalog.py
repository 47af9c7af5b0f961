"""Which files count as videos, what they are called, and which are refused by name alone."""

import os
import socket
import time
from contextlib import closing
from pathlib import Path

import pytest

from sfm_gt.errors import InputError
from sfm_gt.video.catalog import list_videos, passed_over, slug


def touch(folder: Path, *names: str) -> None:
    for number, name in enumerate(names):
        (folder / name).write_bytes(b"%d" % number)


def test_lists_videos_of_any_container_sorted_and_passes_over_the_rest(tmp_path: Path) -> None:
    touch(tmp_path, "b.MP4", "a.mkv", "c.WebM", "a.yaml", "notes.txt", "._b.mp4", "cover.jpg")
    (tmp_path / "folder").mkdir()
    videos = list_videos(tmp_path)
    assert [v.path.name for v in videos] == ["a.mkv", "b.MP4", "c.WebM"]
    assert [v.video_id for v in videos] == ["a", "b", "c"]
    assert videos[0].sidecar == tmp_path / "a.yaml"
    assert videos[1].sidecar is None
    assert all(v.refusal is None for v in videos)


def test_two_videos_of_one_stem_are_both_refused_and_keep_apart(tmp_path: Path) -> None:
    touch(tmp_path, "clip.mp4", "clip.mov", "other.mp4")
    mov, mp4, other = list_videos(tmp_path)
    assert mov.refusal == mp4.refusal == "duplicate_stem"
    assert mov.video_id != mp4.video_id
    assert "mov" in mov.video_id
    assert "mp4" in mp4.video_id
    assert "clip.mp4" in mov.message
    assert "rename" in mov.message
    assert "\n" not in mov.message
    assert other.refusal is None


def test_of_videos_of_the_same_bytes_the_first_is_used(tmp_path: Path) -> None:
    for name, content in {"a.mp4": b"one", "b.mov": b"two", "c.mkv": b"one", "d.mp4": b"", "e.mp4": b""}.items():
        (tmp_path / name).write_bytes(content)
    videos = list_videos(tmp_path)
    assert [v.refusal for v in videos] == [None, None, "duplicate_source", None, None]
    assert videos[2].message == "c.mkv: the same file as a.mp4; remove one of them"


def test_the_time_of_a_large_folder_grows_with_its_videos(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{number:05d}.mp4" for number in range(4000)))
    started = time.process_time()
    assert len(list_videos(tmp_path)) == 4000
    assert time.process_time() - started < 2.0, "every name against every other took 107 s for 10,000"


def test_names_that_fold_to_one_id_are_refused_and_none_is_lost(tmp_path: Path) -> None:
    folded = slug("two words")
    touch(tmp_path, "two words.mp4", f"{folded}.mp4", "other.mp4", f"{slug('two words.mp4')}.mp4")
    videos = {video.path.name: video for video in list_videos(tmp_path)}
    assert len({video.video_id for video in videos.values()}) == 4
    for one, other in (("two words.mp4", f"{folded}.mp4"), (f"{folded}.mp4", "two words.mp4")):
        assert videos[one].refusal == "duplicate_id"
        assert videos[one].message == f"{one}: {other} has the same id, {folded}; rename one of them"
    assert videos["other.mp4"].refusal is None
    assert videos[f"{slug('two words.mp4')}.mp4"].refusal is None


def test_what_is_no_file_is_refused_by_name_and_the_others_go_on(tmp_path: Path) -> None:
    touch(tmp_path, "good.mp4")
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    (tmp_path / "gone.mp4").symlink_to("nowhere")
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(tmp_path / "socket.mp4"))
        videos = {video.path.stem: video for video in list_videos(tmp_path)}
    assert videos.pop("good").refusal is None
    whats = {"folder": "folder", "pipe": "named pipe", "socket": "socket", "loop": "link that leads nowhere"}
    for stem, what in (whats | {"gone": "link that leads nowhere"}).items():
        video = videos.pop(stem)
        assert (video.refusal, video.video_id) == ("not_a_file", stem)
        assert f"{stem}.mp4: is a {what}; needed a video file" in str(video.message)
    assert not videos


def test_a_sidecar_that_is_no_file_is_said_to_be_ignored(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "b.mp4", "b.yml", "c.mp4")
    os.mkfifo(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").mkdir()
    a, b, c = list_videos(tmp_path)
    assert (a.sidecar, b.sidecar) == (None, tmp_path / "b.yml")
    assert a.warning == "a.yaml: is a named pipe and no file, so it is ignored; replace or remove it"
    assert "b.yaml: is a folder" in str(b.warning)
    assert c.warning is None


def test_a_sidecar_of_no_video_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "film.mp4", "film.yaml", "clip.yaml", "Other.yml", "notes.txt")
    assert [line.split()[0] for line in passed_over(tmp_path)] == ["Other.yml", "clip.yaml"]


@pytest.fixture
def nested(tmp_path: Path) -> Path:
    """Videos of one name in two folders, and folders whose films are not meant."""
    (tmp_path / "room.yaml").write_text("import: {format: record3d, file: recording/}\n")
    (tmp_path / "hall.yaml").write_text("import: {format: polycam, file: scan/cameras}\n")
    inside = {
        ".": ["room.mp4", "hall.mp4"],
        "ann/day 1": ["clip.mp4", "clip.yaml"],
        "bob": ["clip.mp4", "notes.yaml"],
        "bob/film.mp4": ["a.mp4"],
        "tracks": ["a.yaml"],
        ".cache": ["a.mp4"],
        "recording": ["rgb.mp4"],
        "scan/cameras": ["1.json"],
        "scan": ["polycam.mp4"],
        "out": ["catalog.json", "late.mp4"],
        "out/videos": ["a.mp4"],
    }
    for name, files in inside.items():
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        for file in files:
            (tmp_path / name / file).write_text(f"{name} {file}")
    (tmp_path / "bob" / "again").symlink_to("..")
    return tmp_path


def test_videos_in_folders_are_found_and_told_apart_by_their_path(nested: Path) -> None:
    videos = {video.name: video for video in list_videos(nested)}
    assert list(videos) == [
        "ann/day 1/clip.mp4",
        "bob/clip.mp4",
        "bob/film.mp4",
        "hall.mp4",
        "out/late.mp4",
        "room.mp4",
        "scan/polycam.mp4",
    ]
    assert [video.video_id for video in videos.values()] == [slug("ann/day 1/clip"), slug("bob/clip"),
                                                             slug("bob/film"), "hall", slug("out/late"), "room",
                                                             slug("scan/polycam")]  # fmt: skip
    assert videos["ann/day 1/clip.mp4"].sidecar == nested / "ann" / "day 1" / "clip.yaml"
    assert videos["bob/clip.mp4"].sidecar is None
    assert videos["bob/film.mp4"].message == "bob/film.mp4: is a folder; needed a video file; rename or remove it"


def test_what_is_passed_over_in_folders_is_named_where_videos_lie(nested: Path) -> None:
    assert passed_over(nested) == ("bob/notes.yaml is no sidecar: no video there has its name",)


def test_a_folder_that_cannot_be_listed_is_named_and_the_others_go_on(
    nested: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scandir(path: Path) -> object:
        if path == nested / "ann":
            raise PermissionError
        return listing(path)

    before = [video.name for video in list_videos(nested)]
    listing = os.scandir  # root, as whom tests may run, is refused no folder
    monkeypatch.setattr("os.scandir", scandir)
    assert [video.name for video in list_videos(nested)] == [name for name in before if not name.startswith("ann/")]
    assert passed_over(nested)[0].startswith("ann/ cannot be listed (permission denied)")


def test_two_sidecars_refuse_the_video(tmp_path: Path) -> None:
    touch(tmp_path, "clip.mp4", "clip.yaml", "clip.yml")
    (video,) = list_videos(tmp_path)
    assert video.refusal == "sidecar_invalid"
    assert "remove one" in video.message


@pytest.mark.parametrize("name", ["größe", "my clip", "走る", "a.b", "-x", "x" * 100, "a/../b", ""])
def test_slug_is_safe_in_paths_and_tells_names_apart(name: str) -> None:
    made = slug(name)
    assert made.isascii()
    assert all(c.isalnum() or c in "_-" for c in made)
    assert made[0].isalnum()
    assert made != name
    assert made == slug(name)
    assert made != slug(name + " ")
    assert len(made) <= 70


def test_slug_keeps_safe_names() -> None:
    assert slug("IMG_2024-01") == "IMG_2024-01"


def test_missing_empty_and_wrong_folders_end_in_one_line(tmp_path: Path) -> None:
    touch(tmp_path, "notes.txt")
    for folder, expected in (
        (tmp_path / "no", "no such folder"),
        (tmp_path / "notes.txt", "is a file"),
        (tmp_path, "no video"),
    ):
        with pytest.raises(InputError, match=expected) as caught:
            list_videos(folder)
        assert str(folder) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_links_and_copies_do_not_rename_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "clip.mp4").write_bytes(b"one")
    (tmp_path / "zoo.mp4").write_bytes(b"two")
    before = [video.video_id for video in list_videos(tmp_path)]
    (tmp_path / "alias").symlink_to("real")
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "zoo.mp4").write_bytes(b"two")
    copy, clip, zoo = list_videos(tmp_path)
    assert [clip.video_id, zoo.video_id] == before
    assert (clip.refusal, zoo.refusal) == (None, None)
    assert copy.message == "backup/zoo.mp4: the same file as zoo.mp4; remove one of them"


def test_a_link_alone_leads_to_videos(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "disk").mkdir()
    touch(tmp_path / "disk", "clip.mp4")
    (tmp_path / "videos" / "linked").symlink_to(tmp_path / "disk")
    assert [video.name for video in list_videos(tmp_path / "videos")] == ["linked/clip.mp4"]
