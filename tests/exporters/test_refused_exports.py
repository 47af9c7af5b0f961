"""Exports and shards that are refused: one line that names the file or clip, and nothing left behind."""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile

import pandas as pd
import pytest

from sfm_gt.commands import export
from sfm_gt.errors import ConfigError, InputError
from sfm_gt.formats.shards import list_shards, read_shard, write_shard
from tests.exporters.small_dataset import vouch, write_dataset


@pytest.fixture
def out(tmp_path):
    return write_dataset(tmp_path / "out")


def test_a_folder_with_something_else_in_it_is_left_alone(out, tmp_path):
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="is not an earlier export"):
        export.run(out, "kitti", tmp_path / "to")
    assert (tmp_path / "to" / "thesis.tex").read_text() == "years of work"


def test_an_earlier_export_is_replaced_whole(out, tmp_path):
    export.run(out, "kitti", tmp_path / "to")
    export.run(out, "mannequin_challenge", tmp_path / "to", ["near-000"])
    assert [path.name for path in (tmp_path / "to").rglob("*") if path.is_file()].count("export.json") == 1
    assert not (tmp_path / "to" / "image").exists()


@pytest.mark.parametrize("name", ["depth/000005.png", "clip.json"])
def test_a_file_that_was_changed_later_is_named_and_not_exported(out, tmp_path, name):
    path = out / "dataset" / "clips" / "near" / "near-000" / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(InputError, match=rf"{name}: was changed after .*; delete .*near-000/manifest.json and run"):
        export.run(out, "kitti", tmp_path / "to")
    assert not (tmp_path / "to").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(
            ("clip.json", text)
            for text in ("[]", "{}", "[" * 100_000, "9" * 5000, '{"source": 3}', '{"clip_id": "far-000"}')
        ),
        *(
            ("manifest.json", text)
            for text in ("[]", "{}", "[" * 100_000, '{"stage": "dataset", "version": 1, "files": []}')
        ),
        *(("../../../dataset.json", text) for text in ("[]", "[" * 100_000)),
    ],
)
def test_json_that_cannot_be_is_one_line(out, tmp_path, name, content):
    clip = out / "dataset" / "clips" / "near" / "near-000"
    if name == "clip.json":
        (clip / "manifest.json").unlink()  # as in a release
    (clip / name).write_text(content)
    with pytest.raises(InputError, match=rf"{name.rpartition('/')[2]}: ") as refused:
        export.run(out, "kitti", tmp_path / "to")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "to").exists()


@pytest.mark.parametrize(("column", "factor"), [("fx", 2.0), ("depth_unit", 3.0)])
def test_an_index_that_was_changed_later_is_not_exported(out, tmp_path, column, factor):
    path = out / "dataset" / "index.parquet"
    index = pd.read_parquet(path)
    index.assign(**{column: factor * index[column]}).to_parquet(path, index=False)
    with pytest.raises(
        InputError, match=r"index\.parquet: was changed after the data set was complete; run the workflow"
    ):
        export.run(out, "kitti", tmp_path / "to")
    assert not (tmp_path / "to").exists()


@pytest.mark.parametrize(
    ("name", "clips", "error", "says"),
    [
        ("nerfstudoi", (), ConfigError, "did you mean 'nerfstudio'"),
        ("kitti", ("lost-000",), InputError, "no clip 'lost-000'; known are far-000, near-000"),
        ("kitti", ("far-000",), InputError, "kitti: depth is in metres there, and none of 1 clips is metric"),
    ],
)
def test_what_cannot_be_exported_gets_one_line(out, tmp_path, name, clips, error, says):
    with pytest.raises(error, match=says):
        export.run(out, name, tmp_path / "to", clips)
    assert not (tmp_path / "to").exists()


def test_a_missing_package_is_named_with_its_extra(out, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=r"pip install 'sfm-gt\[export\]'"):
        export.run(out, "huggingface", tmp_path / "to")


@pytest.mark.parametrize("format_name", ["mannequin_challenge", "realestate10k"])
def test_clips_of_a_rolling_shutter_are_named_where_the_format_cannot_say_it(out, tmp_path, format_name):
    path = out / "dataset" / "clips" / "near" / "near-000" / "clip.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"measures": {"sfm": {"readout_s": 0.021}}}))
    vouch(path.parent)
    export.run(out, format_name, tmp_path / "to")
    manifest = json.loads((tmp_path / "to" / "export.json").read_text())
    assert manifest["measures"]["rolling_shutter_s"] == {"near-000": 0.021}


@pytest.fixture
def shards(out, tmp_path):
    export.run(out, "webdataset", tmp_path / "shards")
    return tmp_path / "shards"


def test_shards_are_listed_and_read_back(shards):
    entries = list_shards(shards)
    assert [entry["samples"] for entry in entries] == [6, 6]
    keys = [key for key, _ in read_shard(shards / entries[1]["shard"])]
    assert keys[0] == "near-000_000003"
    assert len(keys) == 6


def test_a_shard_cut_short_is_refused_by_name(shards):
    path = shards / list_shards(shards)[1]["shard"]
    whole = path.read_bytes()
    for length in (len(whole) // 2, 700, 100):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"near-000-000\.tar: \d+ bytes, written with \d+; the shard is cut short"):
            list_shards(shards)
        with pytest.raises(InputError, match=r"near-000-000\.tar: shard cut short or damaged"):
            list(read_shard(path))


def test_a_list_of_shards_names_none_outside_its_folder(shards, tmp_path):
    content = json.loads((shards / "shards.json").read_text())
    (tmp_path / "elsewhere.tar").write_bytes(b"")
    for name in ("../elsewhere.tar", "link.tar"):
        if name == "link.tar":
            os.symlink(tmp_path / "elsewhere.tar", shards / "link.tar")
        content["shards"][0]["shard"] = name
        (shards / "shards.json").write_text(json.dumps(content))
        with pytest.raises(InputError, match="leads out of"):
            list_shards(shards)


@pytest.mark.parametrize("member", ["../../evil.jpg", "/etc/evil.jpg", "noextension", "sub/a.jpg"])
def test_a_shard_with_a_poisoned_member_is_refused(tmp_path, member):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        info = tarfile.TarInfo(member)
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
    with pytest.raises(InputError, match="which is no layer of a sample"):
        list(read_shard(tmp_path / "a.tar"))


def test_a_link_in_a_shard_is_no_layer(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        info = tarfile.TarInfo("key.jpg")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(InputError, match="which is no layer"):
        list(read_shard(tmp_path / "a.tar"))


def test_shards_of_the_same_samples_are_the_same_bytes(tmp_path):
    samples = [("a", {"jpg": b"1", "json": b"{}"}), ("b", {"jpg": b"2"})]
    assert write_shard(tmp_path / "x.tar", samples) == write_shard(tmp_path / "y.tar", samples)
    assert (tmp_path / "x.tar").read_bytes() == (tmp_path / "y.tar").read_bytes()
    assert [(key, dict(layers)) for key, layers in read_shard(tmp_path / "x.tar")] == samples
