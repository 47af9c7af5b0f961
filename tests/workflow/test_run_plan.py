"""What makes a stage run again, and what a run clears away of another."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sfm_gt.config import Config
from sfm_gt.workflow.run_plan import RunPlan, prepare


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a run starts in, with one video whose sidecar names a track."""
    monkeypatch.chdir(tmp_path)
    videos = tmp_path / "videos"
    videos.mkdir()
    (videos / "room.mp4").touch()
    (videos / "track.csv").write_text("timestamp_s,x_m,y_m,z_m\n0,0,0,0\n")
    (videos / "room.yaml").write_text("scale:\n  positions: [{file: track.csv, sigma_m: 0.01}]\n")
    return tmp_path


def test_an_edited_file_of_evidence_runs_scale_again_and_nothing_else(folder: Path) -> None:
    def sections() -> dict[str, str]:
        plan = RunPlan(Config(videos=folder / "videos", out=folder / "out"))
        (video_id,) = plan.video_ids
        return {section: plan.sidecar_section(f"{video_id}-000", section) for section in ("scale", "camera")}

    before = sections()
    assert sections() == before, "nothing was edited"
    (folder / "videos" / "track.csv").write_text("timestamp_s,x_m,y_m,z_m\n0,1,0,0\n")
    after = sections()
    assert after["scale"] != before["scale"]
    assert after["camera"] == before["camera"]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"dense": {"method": "patchmach"}}, "dense.method: dense: no method 'patchmach'"),
        ({"moving": {"method": "no"}}, "moving.method: masks: no method 'no'"),
        ({"scale": {"cues": ["gps"]}}, "scale.cues: scale: no method 'gps'"),
        ({"models": [{"name": "m", "method": "onx"}]}, "models.m.method: models: no method 'onx'"),
        ({"models": [{"name": "m", "method": "onnx", "path": "builtin:smalnet"}]}, "did you mean 'smallnet'?"),
        ({"models": [{"name": "m", "method": "on_disk", "path": "gone"}]}, "models.m.path: gone does not exist"),
        ({"evaluate": {"protocols": ["kiti"]}}, "evaluate.protocols: 'kiti' is neither a file nor one of"),
        ({"provenance": {"salt_file": "gone"}}, "provenance.salt_file: gone does not exist"),
        ({"moving": {"person_detection": "gone"}}, "moving.person_detection: gone does not exist"),
    ],
)
def test_what_settings_name_is_checked_before_the_run(
    folder: Path, capsys, settings: dict[str, Any], says: str
) -> None:
    workflow = SimpleNamespace(is_main_process=True, configfiles=[], config_settings=SimpleNamespace(config={}))
    with pytest.raises(SystemExit):
        prepare(workflow, {"videos": str(folder / "videos"), "out": str(folder / "out")} | settings)
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
    assert not (folder / "out").exists()


def test_a_run_clears_its_own_lock_and_not_that_of_a_folder_whose_name_begins_alike(folder: Path) -> None:
    locks = folder / ".snakemake" / "locks"
    locks.mkdir(parents=True)
    for name in ("out", "out2"):
        (locks / f"{name}.output.lock").write_text(f"{folder / name}/work/clips.json\n")
    prepare(
        SimpleNamespace(is_main_process=True, configfiles=[], config_settings=SimpleNamespace(config={})),
        {"videos": str(folder / "videos"), "out": str(folder / "out")},
    )
    assert [path.name for path in locks.iterdir()] == ["out2.output.lock"]


def test_numbers_nested_in_a_value_of_the_command_line_are_numbers(folder: Path) -> None:
    given = {"dense": {"frame_step": "5"}, "scale": {"max_sigma_log_scale": "0.05"}, "clean": {"sky": "false"}}
    plan = prepare(
        SimpleNamespace(is_main_process=True, configfiles=[], config_settings=SimpleNamespace(config=given)),
        {"videos": str(folder / "videos"), "out": str(folder / "out")} | given,
    )
    assert plan.setting("dense", "frame_step") == 5
    assert plan.setting("scale", "max_sigma_log_scale") == 0.05
    assert plan.setting("clean", "sky") is False
