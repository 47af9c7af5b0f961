"""One video's job: which stages it makes again, and what becomes of a video that breaks. Stages are stand-ins."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sfm_gt.config import Config
from sfm_gt.formats.dense_maps import frames_with_maps, write_dense_maps
from sfm_gt.formats.frame_folder import frame_path, write_frame
from sfm_gt.formats.manifest import Manifest, files_of, write_json, write_manifest
from sfm_gt.formats.verdict import read_manifests, read_verdict
from sfm_gt.formats.workspace import Workspace
from sfm_gt.jobs import reconstruct
from sfm_gt.stages import clean, clips, dataset, dense, frames, ingest, maps, moving, scale, sfm
from sfm_gt.video.catalog import list_videos
from sfm_gt.workflow.staleness import VideoInputs, stale_results

CLIP_STAGES = {"frames": frames, "sfm": sfm, "scale": scale, "dense": dense, "moving": moving, "clean": clean, "maps": maps,
               "dataset": dataset}  # fmt: skip
OF_MAPS = ["frames", "dense", "moving", "clean", "maps", "dataset"]

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
        self.keep_files = False
        for name, stage in {"ingest": ingest, "clips": clips, **CLIP_STAGES}.items():
            monkeypatch.setattr(stage, "run", getattr(self, f"_{name}", self._stage(name)))

    @property
    def config(self) -> Config:
        return Config.model_validate({"videos": self.videos, "out": self.workspace.root, **self.settings})

    def run(self) -> list[str]:
        """Runs the job; the stages that were made."""
        self._noted.unlink(missing_ok=True)
        inputs = VideoInputs.of(list_videos(self.videos)[0])
        reconstruct.run(self.workspace, self.config, inputs, 1, self.keep_files)
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
    assert set(read_manifests(bench.workspace, "room-000")) == CLIP_STAGES.keys() - {"maps"}
    assert bench.run() == ["dataset"], "what Snakemake takes away is made from what lies in work"


@pytest.mark.parametrize(
    ("change", "made", "made_of_kept"),
    [
        ({"scale": {"max_sigma_log_scale": 0.05}}, ["frames", "scale", "dataset"], ["scale", "dataset"]),
        (
            {"scale": {"cues": ["camera_height"]}},
            ["dense", "clean", "frames", "scale", "dataset"],
            ["scale", "dataset"],
        ),
        ({"clean": {"max_rel_sigma": 0.05}}, OF_MAPS, ["clean", "maps", "dataset"]),
        ({"dense": {"min_consistent": 4}}, OF_MAPS, ["dense", "moving", "clean", "maps", "dataset"]),
        ({"dataset": {"jpeg_quality": 90}}, OF_MAPS, ["maps", "dataset"]),
        ({"seed": 1}, list(CLIP_STAGES), ["sfm", "scale", "dense", "moving", "clean", "maps", "dataset"]),
        ({"clips": {"min_frames": 10}}, ["clips", "dataset"], ["clips", "dataset"]),
        ({"provenance": {"use": "research"}}, ["ingest", "dataset"], ["ingest", "dataset"]),
        ({"evaluate": {"max_depth_m": 10.0}}, None, None),
    ],
)
@pytest.mark.parametrize("keep_files", [False, True])
def test_a_changed_setting_makes_its_stage_and_what_follows_only(
    bench: Bench, change: dict, made: list[str] | None, made_of_kept: list[str] | None, keep_files: bool
) -> None:
    bench.keep_files = keep_files
    bench.run()
    bench.settings = change
    assert bench.is_stale == (made is not None)
    if made is not None:
        assert sorted(bench.run()) == sorted((made_of_kept if keep_files else made) or [])
        assert not bench.is_stale


def test_what_is_large_goes_when_the_data_set_stands_and_its_manifests_stay(bench: Bench) -> None:
    bench.run()
    left = {stage: sorted(path.name for path in bench.workspace.clip_stage("room-000", stage).iterdir())
            for stage in CLIP_STAGES}  # fmt: skip
    gone = {stage for stage, names in left.items() if names == ["manifest.json"]}
    assert gone == {"frames", "dense", "moving", "clean"}
    assert all(names == ["depth.npz", "manifest.json"] for stage, names in left.items() if stage not in gone)


def test_frames_whose_maps_are_complete_go_before_the_others_are_written(bench: Bench, monkeypatch) -> None:
    def run(workspace: Workspace, clip_id: str, config: Any, written: Callable[[int], None]) -> Manifest:
        dense, frames = (workspace.clip_stage(clip_id, stage) for stage in ("dense", "frames"))
        for frame_index in (1, 2):
            write_dense_maps(dense, frame_index, {"z_depth_sfm": np.ones((4, 4), np.float32)})
            write_frame(frames, frame_index, np.zeros((4, 4, 3), np.uint8))
        written(1)
        assert frames_with_maps(dense) == [2]
        assert not frame_path(frames, 1).exists()
        assert frame_path(frames, 2).exists()
        raise ValueError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(maps, "run", run)
        bench.run()
    assert "the disk is full" in read_verdict(bench.workspace.verdict("room")).facts["message"]
    assert bench.run() == ["frames", "dense", "maps", "dataset"], "what went is made again"


@pytest.mark.parametrize(
    ("name", "text", "made"),
    [
        ("track.csv", f"{TRACK}1,1,0,0\n", ["frames", "scale", "dataset"]),
        ("room.yaml", "camera: {focal_px: 500}\n", list(CLIP_STAGES)),
        ("room.yaml", "license: CC0-1.0\nscale: {positions: [{file: track.csv, sigma_m: 0.01}]}\n", ["dataset"]),
        (
            "room.yaml",
            "consent: withdrawn\nscale: {positions: [{file: track.csv, sigma_m: 0.01}]}\n",
            ["ingest", "dataset"],
        ),
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
    (bench.workspace.clip_stage("room-000", "maps") / name).unlink()
    assert bench.run() == OF_MAPS
    (bench.workspace.clip_stage("room-000", "maps") / "depth.npz").write_text("edited")
    assert bench.run() == OF_MAPS


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
    assert stage in bench.run(), "it is tried again"
    assert not bench.is_stale


def test_a_setting_that_failed_once_is_not_taken_for_done_when_mended(bench: Bench) -> None:
    bench.run()
    bench.settings = {"dense": {"min_consistent": 4}}
    bench.breaks["dense"] = garbage
    bench.run()
    bench.breaks.clear()
    assert bench.is_stale
    assert bench.run() == ["dense", "moving", "clean", "maps", "dataset"], "the frames were left by the one that failed"


def test_a_killed_job_leaves_no_verdict_that_speaks_for_another_data_set(bench: Bench) -> None:
    bench.run()
    bench.settings = {"dataset": {"jpeg_quality": 90}}
    bench.breaks["dataset"] = lambda: os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(SystemExit):
        bench.run()
    bench.settings = {}
    assert not (bench.workspace.verdict("room") / "verdict.json").exists()
