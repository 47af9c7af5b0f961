"""A table in place of a folder of videos."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sfm_gt.errors import InputError
from sfm_gt.formats.sidecar import read_sidecar
from sfm_gt.formats.sidecar_row import SidecarRow
from sfm_gt.video.catalog import list_videos, passed_over, slug
from sfm_gt.video.catalog_file import known_videos, state_of_videos, write_catalog
from sfm_gt.workflow.staleness import VideoInputs

Rows = list[dict[str, str | None]]


def as_csv(path: Path, rows: Rows) -> Path:
    with path.with_suffix(".csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path.with_suffix(".csv")


def as_parquet(path: Path, rows: Rows) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


@pytest.fixture(params=[as_csv, as_parquet])
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Rows], Path]:
    """Writes a table of either format into a folder with three videos; its path."""
    (tmp_path / "shard" / "0").mkdir(parents=True)
    for name in ("room.mp4", "shard/0/a.mp4", "shard/0/b.mp4", "track.csv"):
        (tmp_path / name).write_text(name)
    (tmp_path / "track.csv").write_text("timestamp_s,x_m,y_m,z_m\n0,0,0,0\n")
    (tmp_path / "room.yaml").write_text("license: CC0-1.0\n")
    return lambda rows: request.param(tmp_path / "corpus", rows)


def test_rows_are_videos_in_their_order_with_what_they_say(write: Callable[[Rows], Path], tmp_path: Path) -> None:
    stated = json.dumps({"license": "CC-BY-4.0", "scale": {"positions": [{"file": "track.csv", "sigma_m": 0.01}]}})
    table = write([
        {"video": "shard/0/b.mp4", "id": "second", "sidecar": stated, "title": "B"},
        {"video": str(tmp_path / "shard" / "0" / "a.mp4"), "id": None, "sidecar": None, "title": "A"},
        {"video": "room.mp4", "id": "my room", "sidecar": None, "title": "C"},
    ])  # fmt: skip
    b, a, room = list_videos(table)
    assert [video.video_id for video in (b, a, room)] == ["second", slug(f"{tmp_path}/shard/0/a"), slug("my room")]
    assert [video.path for video in (b, a, room)] == [tmp_path / "shard/0/b.mp4", tmp_path / "shard/0/a.mp4",
                                                      tmp_path / "room.mp4"]  # fmt: skip
    assert (a.sidecar, room.sidecar) == (None, tmp_path / "room.yaml")
    assert read_sidecar(b.sidecar).license == "CC-BY-4.0"
    inputs = VideoInputs.of(b)
    assert (inputs.error, list(inputs.named())) == ("", ["shard/0/b.mp4", "track.csv"])
    assert passed_over(table) == (f"{table.name}: columns that are not read: title; those read are video, id, sidecar",)


def test_what_is_wrong_with_one_row_is_that_videos_refusal(write: Callable[[Rows], Path]) -> None:
    table = write([
        {"video": "shard/0/a.mp4", "id": "same", "sidecar": None},
        {"video": "shard/0/b.mp4", "id": "same", "sidecar": None},
        {"video": "room.mp4", "id": None, "sidecar": "license: CC0-1.0"},
        {"video": "https://example.org/film.mp4", "id": None, "sidecar": None},
        {"video": "shard", "id": None, "sidecar": None},
        {"video": "gone.mp4", "id": None, "sidecar": "licence: CC0-1.0"},
        {"video": "room.mp4", "id": "again", "sidecar": None},
    ])  # fmt: skip
    videos = list_videos(table)
    assert [video.refusal for video in videos] == ["duplicate_id", "duplicate_id", "sidecar_invalid", "not_a_file",
                                                   "not_a_file", None, None]  # fmt: skip
    assert len({video.video_id for video in videos}) == 7
    assert "both room.yaml and" in str(videos[2].message)
    assert str(videos[2].message).endswith("row 3 say something of it; remove one of them")
    assert "row 4: https://example.org/film.mp4: needed the path of a file" in str(videos[3].message)
    assert f"{table}, row 6: unknown key 'licence'" in VideoInputs.of(videos[5]).error


def test_the_same_file_in_two_rows_is_used_once(write: Callable[[Rows], Path]) -> None:
    videos = list_videos(write([{"video": "room.mp4", "id": name} for name in ("one", "two")]))
    assert [video.refusal for video in videos] == [None, "duplicate_source"]
    videos = list_videos(write([{"video": "room.mp4"}] * 3))
    assert [video.refusal for video in videos] == [None, "duplicate_source", "duplicate_source"]
    assert videos[1].message == "room.mp4: listed more than once as room; the first row is used; remove the others"
    assert len({video.video_id for video in videos}) == 3


def test_the_order_of_rows_does_not_choose_between_copies(write: Callable[[Rows], Path], tmp_path: Path) -> None:
    (tmp_path / "shard" / "0" / "copy.mp4").write_text("room.mp4")
    rows: Rows = [{"video": "shard/0/copy.mp4", "id": "copy"}, {"video": "room.mp4", "id": "first"}]
    for listed in (rows, rows[::-1]):
        assert {video.video_id: video.refusal for video in list_videos(write(listed))} == {
            "copy": "duplicate_source", "first": None}  # fmt: skip


def test_rows_that_cannot_be_used_are_refused_and_the_others_go_on(
    write: Callable[[Rows], Path], tmp_path: Path
) -> None:
    videos = list_videos(write([
        {"Video ": "room.mp4", "ID": "1"},
        {"Video ": None, "ID": None},
        {"Video ": None, "ID": "2"},
        {"Video ": "films/" + "a" * 300 + ".mp4", "ID": "3"},
    ]))  # fmt: skip
    assert [(video.video_id, video.refusal) for video in videos] == [
        ("1", None),
        ("2", "not_a_file"),
        ("3", "not_a_file"),
    ]
    assert videos[1].message == "row 3: video is empty; needed the path of a file"
    assert "row 4: 'films/aaa" in str(videos[2].message)
    assert all(VideoInputs.of(video).error == "" for video in videos)


def test_what_parquet_makes_of_ids_is_read_and_other_types_are_named(tmp_path: Path) -> None:
    table = pa.table({"video": ["a.mp4", "b.mp4", "c.mp4"], "id": [7.0, None, 2.5],
                      "sidecar": pa.array([None, {"license": "CC0-1.0"}, None])})  # fmt: skip
    pq.write_table(table, tmp_path / "a.parquet")
    a, b, c = list_videos(tmp_path / "a.parquet")
    assert (a.video_id, a.refusal) == ("7", None)
    assert b.message == "row 2: sidecar is a dict; write it as JSON or YAML text"
    assert c.message == "row 3: id is a float; needed text"


def test_what_a_row_says_of_people_is_kept_in_the_table_alone(write: Callable[[Rows], Path], tmp_path: Path) -> None:
    table = write([{"video": "shard/0/a.mp4", "sidecar": "{uploader: somebody, recorded_by: Jane}"}])
    (video,) = list_videos(table)
    assert "somebody" not in json.dumps(VideoInputs.of(video).recorded())
    write_catalog(tmp_path / "catalog.json", state_of_videos(table), [video])
    assert "somebody" not in (tmp_path / "catalog.json").read_text()
    assert known_videos(tmp_path / "catalog.json", table)[video.video_id] == video


def test_rows_of_a_table_in_a_storage_name_what_lies_below_it(write: Callable[[Rows], Path], tmp_path: Path) -> None:
    names = [
        "s3://bucket/corpus/shard/0/a.mp4",
        "shard/0/b.mp4",
        "s3://bucket/a.mp4",
        "../a.mp4",
        str(tmp_path / "room.mp4"),
    ]
    videos = list_videos(write([{"video": name} for name in names]), "s3://bucket/corpus")
    assert [video.refusal for video in videos] == [None, None, *["not_a_file"] * 3]
    assert videos[0].path == tmp_path / "shard" / "0" / "a.mp4"
    assert videos[2].message == "row 3: s3://bucket/a.mp4: needed an object below s3://bucket/corpus"


def test_files_that_a_row_names_lie_below_the_table(write: Callable[[Rows], Path], tmp_path: Path) -> None:
    (tmp_path.parent / "elsewhere.csv").write_text("timestamp_s,x_m,y_m,z_m\n0,0,0,0\n")
    stated = "scale: {positions: [{file: ../elsewhere.csv, sigma_m: 0.01}]}"
    (video,) = list_videos(write([{"video": "shard/0/a.mp4", "sidecar": stated}]))
    assert isinstance(video.sidecar, SidecarRow)
    assert "'../elsewhere.csv' leads out of" in VideoInputs.of(video).error


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("gone.csv", None, "no such table"),
        ("a.csv", b"path,licence\nroom.mp4,CC0\n", "found the columns path, licence; needed a column video"),
        ("a.csv", b"", r"found the columns \(none\); needed a column video"),
        ("a.csv", b"video,id,video\na.mp4,a,b.mp4\n", "has two columns video"),
        ("a.csv", b"video\n", "holds no row"),
        ("a.csv", b"video;id\na.mp4;x\n", "found the columns video;id; needed .* and commas between columns"),
        ("a.csv", b"video\na.mp4,b\n", "row 1 has more cells than there are columns"),
        ("a.csv", b"video\n\xff\n", "no CSV table"),
        ("a.csv", b'video\n"a.mp4\n', "no CSV table"),
        ("a.parquet", b"PAR1 and no more", "no Parquet table"),
    ],
)
def test_a_table_that_is_none_ends_in_one_line(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=says) as caught:
        list_videos(tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path / name}: ")
    assert "\n" not in str(caught.value)


def test_a_job_finds_its_row_below_empty_ones_and_refuses_another(
    write: Callable[[Rows], Path], tmp_path: Path
) -> None:
    table = write([
        {"video": "room.mp4", "sidecar": None},
        {"video": None, "sidecar": None},
        {"video": "shard/0/a.mp4", "sidecar": "license: CC0-1.0"},
    ])  # fmt: skip
    listed = {video.video_id: video for video in list_videos(table)}
    path, state = tmp_path / "catalog.json", state_of_videos(table)
    write_catalog(path, state, listed.values())
    assert dict(known_videos(path, table)) == listed
    # Of objects no state is known: the row itself has to be the one that was listed.
    write_catalog(path, None, listed.values())
    known = known_videos(path, write([{"video": "shard/0/a.mp4", "sidecar": "license: CC-BY-4.0"}] * 3))
    with pytest.raises(InputError, match="row 3: changed while a run was at work; run it again"):
        known[slug("shard/0/a")]
