"""The job that ends a run proves that what it collects is current."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sfm_gt.config import Config
from sfm_gt.formats.manifest import read_json, write_json
from sfm_gt.formats.verdict import INPUTS_NAME, Verdict, write_verdict
from sfm_gt.formats.workspace import Workspace
from sfm_gt.jobs import collect
from sfm_gt.video.catalog import VideoFile, list_videos
from sfm_gt.workflow.currency import settings_key
from sfm_gt.workflow.staleness import VideoInputs, verdict_key


def write_result(workspace: Workspace, config: Config, video: VideoFile) -> None:
    """A verdict without clips."""
    recorded, settings = VideoInputs.of(video).recorded(), settings_key(config)
    facts = {"video_id": video.video_id, "path": video.path.name, "status": "ok", "reason": None, "message": None}
    write_json(workspace.verdict(video.video_id) / INPUTS_NAME, recorded)
    write_verdict(workspace.verdict(video.video_id), Verdict(verdict_key(settings, recorded), settings, facts, [], []))


@pytest.fixture
def collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the job without tables and report on two videos that are done; answers what it found stale."""
    videos, workspace = tmp_path / "videos", Workspace(tmp_path / "out")
    videos.mkdir()
    for name in ("hall", "room"):
        (videos / f"{name}.mp4").write_text(name)
    monkeypatch.setattr(collect.index, "run", lambda *_: {"frames": 0, "clips": []})
    monkeypatch.setattr(collect.evaluate, "run", lambda *_: None)
    monkeypatch.setattr(collect.report, "run", lambda *_: None)
    config = Config(videos=videos, out=workspace.root, models=())
    for video in list_videos(videos):
        write_result(workspace, config, video)

    def run(**changed: Any) -> list[str]:
        found = {video.video_id: video for video in list_videos(videos)}
        collect.run(workspace, config.model_copy(update=changed), found, 1)
        return read_json(workspace.collected)["stale"]

    return SimpleNamespace(run=run, videos=videos)


def test_nothing_is_stale_when_nothing_changed(collected: Any) -> None:
    assert collected.run() == []


def test_a_video_whose_sidecar_came_after_its_job_is_named(collected: Any) -> None:
    (collected.videos / "room.yaml").write_text("license: CC0-1.0\n")
    assert collected.run() == ["videos/room"]


def test_all_videos_of_other_settings_are_named(collected: Any) -> None:
    assert collected.run(seed=5) == ["videos/hall", "videos/room"]
