"""Ingest of a whole folder of sound and broken videos: each gets one file, one line, and does not stop the others."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np

from sfm_gt.config import FramesConfig
from sfm_gt.formats.workspace import Workspace
from sfm_gt.stages import ingest
from sfm_gt.video.catalog import list_videos
from tests.video.make_videos import panning, write_audio, write_video


def test_a_folder_of_all_sorts(tmp_path: Path) -> None:
    folder, workspace = tmp_path / "in", Workspace(tmp_path / "out")
    folder.mkdir()
    good = write_video(folder / "grün und blau.mp4", panning(6))
    write_video(folder / "twin.mp4", panning(3))
    write_video(folder / "twin.avi", panning(3), codec="mpeg4")
    write_video(folder / "badly_described.mp4", panning(3))
    (folder / "badly_described.yaml").write_text("scale: [not, a: mapping")
    write_video(folder / "dot.mkv", [np.zeros((1, 1, 3), np.uint8)] * 3, codec="ffv1", pixel_format="bgr0")
    write_audio(folder / "sound.mp4")
    (folder / "text.mp4").write_text("hello")
    (folder / "empty.mov").touch()
    (folder / "link.mp4").symlink_to(folder / "nowhere.mp4")
    found = {v.path.name: ingest.run(workspace, v, FramesConfig()) for v in list_videos(folder)}
    assert {name: facts["reason"] for name, facts in found.items()} == {
        "grün und blau.mp4": None,
        "twin.mp4": "duplicate_stem",
        "twin.avi": "duplicate_stem",
        "badly_described.mp4": "sidecar_invalid",
        "dot.mkv": "too_small",
        "sound.mp4": "no_video_stream",
        "text.mp4": "not_a_video",
        "empty.mov": "empty_file",
        "link.mp4": "not_a_file",
    }
    for facts in found.values():
        assert json.loads(workspace.ingest(facts["video_id"]).read_text()) == facts
        if facts["status"] == "rejected":
            stem = facts["path"].rsplit(".", 1)[0]
            assert stem in facts["message"]
            assert "\n" not in facts["message"]
    facts = found[good.name]
    assert facts["source_sha256"] == hashlib.sha256(good.read_bytes()).hexdigest()
    assert facts["size_bytes"] == good.stat().st_size
    assert facts["n_frames"] == 6


def test_an_ignored_sidecar_is_said(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", panning(4))
    (tmp_path / "a.yaml").mkdir()
    facts = ingest.run(Workspace(tmp_path / "out"), list_videos(tmp_path)[0], FramesConfig())
    assert facts["status"] == "ok"
    assert facts["warnings"] == ["a.yaml: is a folder and no file, so it is ignored; replace or remove it"]


def test_repaired_times_are_noted(tmp_path: Path) -> None:
    folder, workspace = tmp_path / "in", Workspace(tmp_path / "out")
    folder.mkdir()
    joined = write_video(folder / "joined.ts", panning(20))
    joined.write_bytes(2 * joined.read_bytes())
    ingest.run(workspace, list_videos(folder)[0], FramesConfig())
    facts = json.loads(workspace.ingest("joined").read_text())
    assert (facts["timestamps"], facts["n_timestamps_repaired"], facts["n_frames"]) == ("repaired", 1, 40)
    assert "joined.ts" in facts["warnings"][0]


def test_any_name_that_a_file_can_have_is_ingested(tmp_path: Path) -> None:
    folder, workspace = tmp_path / "-in {x} \"q' %s\n", Workspace(tmp_path / "out")
    folder.mkdir()
    content = write_video(tmp_path / "a.mp4", panning(4)).read_bytes()
    names = [
        "clip {final}.mp4",
        "-x 'y' \"z\" $HOME.mp4",
        "two\nlines.mp4",
        os.fsdecode(b"\xff.mp4"),
        "a: b.mp4",
        "n" * 251 + ".mp4",
    ]
    for number, name in enumerate(names):
        (folder / name).write_bytes(content + bytes([number]))  # of the same bytes all but one would be refused
    (folder / "two\nlines.yaml").write_text("source: here\n")
    (folder / "{text}\n.mp4").write_text("no video")
    found = [ingest.run(workspace, v, FramesConfig()) for v in list_videos(folder)]
    assert len({facts["video_id"] for facts in found}) == len(names) + 1
    assert [facts["path"] for facts in found if facts["status"] != "ok"] == ["{text}\\n.mp4"]
    for facts in found:
        assert json.loads(workspace.ingest(facts["video_id"]).read_text()) == facts
        assert facts["path"].encode().decode().isprintable()
        assert "\n" not in (facts["message"] or "")
    assert next(facts for facts in found if "two" in facts["path"])["sidecar"] == "two\\nlines.yaml"
