"""Which results of a finished run are not what would be made now."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.speed.growth import write_corpus, write_results
from sfm_gt.config import Config
from sfm_gt.formats.frame_index import vouch_for_index
from sfm_gt.formats.manifest import write_json
from sfm_gt.formats.workspace import Workspace
from sfm_gt.video.catalog import list_videos
from sfm_gt.workflow.staleness import stale_results


@pytest.fixture
def stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., set[str]]:
    """Paths below OUT that are stale under a configuration, of a finished run on three videos."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    write_corpus(tmp_path / "videos", 3)

    def config(**sections: dict) -> Config:
        return Config.model_validate({"videos": tmp_path / "videos", "out": tmp_path / "out", **sections})

    def find(**sections: dict) -> set[str]:
        found = stale_results(config(**sections), list_videos(tmp_path / "videos"))
        return {str(path.relative_to(tmp_path / "out")) for path in found}

    write_results(config(), list_videos(tmp_path / "videos"))
    return find


ALL = {"videos/v00000", "videos/v00001", "videos/v00002"}


def test_of_a_finished_run_nothing_is(stale) -> None:
    assert stale() == set()


@pytest.mark.parametrize(
    ("sections", "found"),
    [
        ({"dense": {"min_consistent": 4}}, ALL | {"collected.json"}),
        ({"seed": 1}, ALL | {"collected.json"}),
        ({"evaluate": {"max_depth_m": 10.0}}, {"collected.json"}),
        ({"report": {"frames_per_clip": 2}}, {"collected.json"}),
    ],
)
def test_a_setting_concerns_what_is_made_with_it(stale, sections, found) -> None:
    assert stale(**sections) == found


def test_another_model_concerns_its_predictions(stale) -> None:
    models = [{"name": "smallnet", "method": "onnx", "path": "builtin:smallnet"},
              {"name": "constant", "method": "constant", "flipped": True},
              {"name": "ground_plane", "method": "ground_plane"}]  # fmt: skip
    assert stale(models=models) == {f"predictions/constant/v0000{n}" for n in range(3)} | {"collected.json"}


def test_a_changed_video_concerns_itself(stale, tmp_path: Path) -> None:
    (tmp_path / "videos" / "v00001.mp4").write_bytes(b"another film")
    (tmp_path / "videos" / "v00002.csv").unlink()
    assert stale() == {"videos/v00001", "videos/v00002", "collected.json"}


def test_a_file_that_a_sidecar_missed_may_come(stale, tmp_path: Path) -> None:
    videos, config = tmp_path / "videos", Config(videos=tmp_path / "videos", out=tmp_path / "out")
    (videos / "v00002.csv").unlink()
    shutil.rmtree(config.out)
    write_results(config, list_videos(videos))
    assert stale() == set()
    (videos / "v00002.csv").touch()
    assert stale() == {"videos/v00002", "collected.json"}


def test_a_clip_whose_published_files_were_found_changed_is_made_again(stale, tmp_path: Path) -> None:
    (Workspace(tmp_path / "out").clip_stage("v00001-000", "dataset") / "manifest.json").unlink()
    assert stale() == {"videos/v00001", "collected.json"}


def test_an_index_that_was_changed_is_made_again(stale, tmp_path: Path) -> None:
    dataset = Workspace(tmp_path / "out").dataset
    vouch_for_index(dataset, {})
    assert stale() == set()
    (dataset / "index.parquet").write_bytes(b"PAR1")
    assert stale() == {"collected.json"}
    (dataset / "dataset.json").write_text("{")
    assert stale() == {"collected.json"}


def test_predictions_of_an_earlier_verdict_or_half_made_are(stale, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "out")
    write_json(workspace.predictions_of_video("constant", "v00000") / "key.json", {"key": "of an earlier verdict"})
    (workspace.predictions_of_video("constant", "v00001") / "key.json").unlink()
    shutil.rmtree(workspace.predictions_of_video("constant", "v00002"))
    assert stale() == {"predictions/constant/v00000", "predictions/constant/v00001"}, "what is missing Snakemake sees"


def test_tables_of_another_set_of_videos_are(stale, tmp_path: Path) -> None:
    (tmp_path / "videos" / "v00002.mp4").unlink()
    assert stale() == {"collected.json"}
