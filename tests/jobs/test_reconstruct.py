"""One video's job: which stages it makes again, and what becomes of a video that breaks. Stages are stand-ins."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sfm_gt.config import Config
from sfm_gt.formats.manifest import Manifest, files_of, write_json, write_manifest
from sfm_gt.formats.verdict import read_manifests, read_verdict
from sfm_gt.formats.workspace import Workspace
from sfm_gt.jobs import reconstruct
from sfm_gt.stages import clean, clips, dataset, dense, frames, ingest, moving, scale, sfm
from sfm_gt.video.catalog import list_videos
from sfm_gt.workflow.staleness import VideoInputs, stale_results

CLIP_STAGES = {"frames": frames, "sfm": sfm, "dense": dense, "moving": moving, "clean": clean, "scale": scale,
               "dataset": dataset}  # fmt: skip

TRACK = "timestamp_s,x_m,y_m,z_m\n0,0,0,0\n"


class Bench:
    """A folder with one video, and stand-ins for stages that note their names."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        self.videos, self.workspace, self._noted = folder / "videos", Workspace(folder / "out"), folder / "noted"
        self.videos.mkdir()
        self.noted: list[str] = []
        (self.videos / "room.mp4").write_text("film")
        (self.videos / "track.csv").write_text(TRACK)
        (self.videos / "room.yaml").write_text("scale: {positions: [{file: track.csv, sigma_m: 0.01}]}\n")
        self.breaks: dict[str, Callable[[], Any]] = {}
        self.settings: dict[str, Any] = {}
        for name, stage in {"ingest": ingest, "clips": clips, **CLIP_STAGES}.items():
            monkeypatch.setattr(stage, "run", getattr(self, f"_{name}", self._stage(name)))

    @property
    def config(self) -> Config:
        return Config.model_validate({"videos": self.videos, "out": self.workspace.root, **self.settings})

    def run(self) -> list[str]:
        """Runs the job; the stages that were made."""
        self._noted.unlink(missing_ok=True)
        reconstruct.run(self.workspace, self.config, VideoInputs.of(list_videos(self.videos)[0]), 1)
        return self._noted.read_text().split() if self._noted.exists() else []

    @property
    def is_stale(self) -> bool:
        return bool(stale_results(self.config, list_videos(self.videos)))

    def _note(self, name: str) -> None:
        with self._noted.open("a") as file:
            file.write(f"{name}\n")
        self.breaks.get(name, lambda: None)()

    def _ingest(self, workspace: Workspace, video: Any, *_: Any) -> None:
        self._note("ingest")
        facts = {"video_id": "room", "path": "room.mp4", "status": "ok", "reason": None, "message": None}
        write_json(workspace.ingest(video.video_id), facts)

    def _clips(self, workspace: Workspace, video_id: str, *_: Any) -> None:
        self._note("clips")
        clip = {"clip_id": "room-000", "video_id": "room", "first_frame": 0, "last_frame": 20}
        write_json(workspace.clips(video_id), {"clips": [clip], "rejected": []})

    def _stage(self, name: str) -> Callable[..., Manifest]:
        def run(workspace: Workspace, *_: Any) -> Manifest:
            self._note(name)
            folder = workspace.clip_stage("room-000", name)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            (folder / "depth.npz").write_text("depth")
            write_manifest(folder, Manifest(name, 1, files=files_of(folder)))
            return Manifest(name, 1)

        return run


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


def test_a_first_run_makes_all_and_a_second_only_the_data_set(bench: Bench) -> None:
    assert bench.run() == ["ingest", "clips", *CLIP_STAGES]
    assert not bench.is_stale
    assert list(read_manifests(bench.workspace, "room-000")) == list(CLIP_STAGES)
    assert bench.run() == ["dataset"], "what Snakemake takes away is made from what lies in work"


@pytest.mark.parametrize(
    ("change", "made"),
    [
        ({"scale": {"max_sigma_log_scale": 0.05}}, ["scale", "dataset"]),
        ({"scale": {"cues": ["camera_height"]}}, ["scale", "dataset"]),
        ({"clean": {"max_rel_sigma": 0.05}}, ["clean", "dataset"]),
        ({"dense": {"min_consistent": 4}}, ["dense", "moving", "clean", "dataset"]),
        ({"dataset": {"jpeg_quality": 90}}, ["dataset"]),
        ({"seed": 1}, ["sfm", "dense", "moving", "clean", "scale", "dataset"]),
        ({"clips": {"min_frames": 10}}, ["clips", "dataset"]),
        ({"evaluate": {"max_depth_m": 10.0}}, None),
    ],
)
def test_a_changed_setting_makes_its_stage_and_what_follows_only(
    bench: Bench, change: dict, made: list[str] | None
) -> None:
    bench.run()
    bench.settings = change
    assert bench.is_stale == (made is not None)
    if made is not None:
        assert bench.run() == made
        assert not bench.is_stale


@pytest.mark.parametrize(
    ("name", "text", "made"),
    [
        ("track.csv", f"{TRACK}1,1,0,0\n", ["scale", "dataset"]),
        ("room.yaml", "camera: {focal_px: 500}\n", ["sfm", "dense", "moving", "clean", "scale", "dataset"]),
        ("room.yaml", "license: CC0-1.0\nscale: {positions: [{file: track.csv, sigma_m: 0.01}]}\n", ["dataset"]),
        ("room.mp4", "FILM", ["ingest", "clips", *CLIP_STAGES]),
    ],
)
@pytest.mark.parametrize("seconds_ago", [0, 10**6])
def test_changed_content_is_seen_whatever_its_time_stamp_says(bench: Bench, name, text, made, seconds_ago) -> None:
    bench.run()
    path = bench.videos / name
    path.write_text(text)
    changed = path.stat().st_mtime - seconds_ago
    os.utime(path, (changed, changed))
    assert bench.is_stale
    assert bench.run() == made
    assert not bench.is_stale


@pytest.mark.parametrize("name", ["depth.npz", "manifest.json"])
def test_a_stage_whose_files_are_no_longer_its_own_is_made_again(bench: Bench, name: str) -> None:
    bench.run()
    (bench.workspace.clip_stage("room-000", "dense") / name).unlink()
    assert bench.run() == ["dense", "dataset"]
    (bench.workspace.clip_stage("room-000", "dense") / "depth.npz").write_text("edited")
    assert bench.run() == ["dense", "dataset"]


def test_a_touched_file_of_the_same_content_is_the_same(bench: Bench) -> None:
    bench.run()
    os.utime(bench.videos / "room.mp4", (0, 0))
    assert not bench.is_stale
    shutil.copytree(bench.videos, bench.videos.with_name("copy"))
    shutil.rmtree(bench.videos)
    bench.videos.with_name("copy").rename(bench.videos)
    assert not bench.is_stale


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def garbage() -> None:
    raise ValueError("could not convert string to float: 'garbage'")


@pytest.mark.parametrize(("stage", "breaks", "says"), [("clips", crash, "SIGSEGV"), ("scale", garbage, "garbage")])
def test_a_video_that_breaks_is_its_own_entry_and_is_tried_again(bench: Bench, stage, breaks, says) -> None:
    bench.breaks[stage] = breaks
    bench.run()
    verdict = read_verdict(bench.workspace.verdict("room"))
    assert verdict.failed
    assert says in verdict.facts["message"]
    assert "logs/reconstruct/room.log" in verdict.facts["message"]
    assert not list(bench.workspace.published("room").iterdir()), "no half of it is published"
    assert bench.is_stale
    bench.breaks.clear()
    assert bench.run()[0] == stage, "what was made before stays"
    assert not bench.is_stale


def test_a_setting_that_failed_once_is_not_taken_for_done_when_mended(bench: Bench) -> None:
    bench.run()
    bench.settings = {"dense": {"min_consistent": 4}}
    bench.breaks["dense"] = garbage
    bench.run()
    bench.breaks.clear()
    assert bench.is_stale
    assert bench.run() == ["dense", "moving", "clean", "dataset"]


def test_a_killed_job_leaves_no_verdict_that_speaks_for_another_data_set(bench: Bench) -> None:
    bench.run()
    bench.settings = {"dataset": {"jpeg_quality": 90}}
    bench.breaks["dataset"] = lambda: os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(SystemExit):
        bench.run()
    bench.settings = {}
    assert not (bench.workspace.verdict("room") / "verdict.json").exists()
