"""What Snakemake is told to make again, and what a run clears away of another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.cli import parse_config
from snakemake.settings.types import ConfigSettings

from sfm_gt.errors import ConfigError
from sfm_gt.formats.run_lock import try_hold
from sfm_gt.formats.yaml_text import read_yaml
from sfm_gt.workflow.run_plan import prepare


def workflow(given: dict[str, Any] | None = None, arguments: Sequence[str] = ()) -> SimpleNamespace:
    """As much of Snakemake's as is asked; ``given`` is the configuration of the command line, which had ``arguments``."""
    return SimpleNamespace(
        is_main_process=True,
        modifier=SimpleNamespace(is_main_snakefile=lambda: True),
        storage_settings=SimpleNamespace(default_storage_provider=None),
        configfiles=[],
        output_settings=SimpleNamespace(dryrun=True, verbose=False, quiet=None),
        config_settings=SimpleNamespace(config=given or {}, config_args=arguments),
        scheduler=SimpleNamespace(keepgoing=False),
        dag=SimpleNamespace(forcefiles=set()),
    )


def start(folder: Path, given: dict[str, Any] | None = None):
    content = {"videos": str(folder / "videos"), "out": str(folder / "out")}
    plan = prepare(workflow(given), content | (given or {}))
    plan.start()
    return plan


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


def test_all_files_that_a_video_is_made_of_are_inputs(folder: Path) -> None:
    assert [Path(path).name for path in start(folder).inputs("room")] == ["room.mp4", "room.yaml", "track.csv"]


def test_the_configuration_is_left_only_when_jobs_are_about_to_run(folder: Path) -> None:
    prepare(workflow(), {"videos": str(folder / "videos"), "out": str(folder / "out")})
    assert not (folder / "out" / "config.yaml").exists()
    start(folder)
    assert (folder / "out" / "config.yaml").is_file()


def test_a_sidecar_of_no_video_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start(folder)
    assert capsys.readouterr().err == ""
    (folder / "videos" / "film.yaml").write_text("source: elsewhere\n")
    start(folder)
    assert capsys.readouterr().err == "warning: film.yaml is no sidecar: no video there has its name\n"


def test_results_of_videos_that_are_gone_are_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start(folder)
    (folder / "videos" / "room.mp4").rename(folder / "videos" / "hall.mp4")
    assert capsys.readouterr().err == ""
    start(folder)
    said = [line for line in capsys.readouterr().err.splitlines() if "holds results" in line]
    assert len(said) == 1
    assert "out holds results of 1 video that" in said[0]
    assert "does not hold (room): they leave the data set; give another out folder to keep them" in said[0]


def test_a_second_run_on_one_folder_stops_in_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    held = try_hold(folder / "out" / ".locks" / "run")
    assert held is not None
    with pytest.raises(SystemExit):
        start(folder)
    said = capsys.readouterr().err.strip()
    assert "a run is at work there, process " in said
    assert "\n" not in said


@pytest.mark.parametrize("dry", [True, False])
def test_a_second_run_from_the_same_folder_stops_before_snakemake_finds_its_own_lock(
    folder: Path, capsys: pytest.CaptureFixture[str], dry: bool
) -> None:
    held = try_hold(folder / "out" / ".locks" / "run")
    assert held is not None
    locks = folder / ".snakemake" / "locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").write_text(f"{folder}/out/clips.json\n")
    second = workflow()
    second.output_settings.dryrun = dry
    content = {"videos": str(folder / "videos"), "out": str(folder / "out")}
    if dry:  # makes nothing, so that it harms nobody
        prepare(second, content)
    else:
        with pytest.raises(SystemExit):
            prepare(second, content)
        assert "a run is at work there, process " in capsys.readouterr().err
    assert list(locks.iterdir()), "the lock of the run that is at work stays"


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
    with pytest.raises(SystemExit):
        prepare(workflow(), {"videos": str(folder / "videos"), "out": str(folder / "out")} | settings)
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
    assert not (folder / "out").exists()


def test_a_run_clears_its_own_lock_and_not_that_of_a_folder_whose_name_begins_alike(folder: Path) -> None:
    locks = folder / ".snakemake" / "locks"
    locks.mkdir(parents=True)
    for name in ("out", "out2"):
        (locks / f"{name}.output.lock").write_text(f"{folder / name}/clips.json\n")
    start(folder)
    assert [path.name for path in locks.iterdir()] == ["out2.output.lock"]


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("dense={frame_step: 1, frame_step: 5}", "--config dense: line 1: 'frame_step' is given twice"),
        ("dense={frame_step: 010}", "--config dense: line 1: 010 begins with 0"),
        ("models=[{name: a, name: b}]", "--config models: line 1: 'name' is given twice"),
    ],
)
def test_values_of_the_command_line_are_refused_as_files_are(folder: Path, capsys, argument: str, says: str) -> None:
    given = parse_config([argument])
    content = {"videos": str(folder / "videos"), "out": str(folder / "out")} | given
    with pytest.raises(SystemExit):
        prepare(workflow(given, [argument]), content)
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


def test_snakemake_keeps_the_texts_of_values_of_the_command_line() -> None:
    text = "dense={frame_step: 1, frame_step: 5}"
    settings = ConfigSettings(config=parse_config([text]), config_args=[text])
    assert settings.config_args == [text]
    assert settings.config["dense"] == {"frame_step": "5"}, "the last one wins"


def test_numbers_nested_in_a_value_of_the_command_line_are_numbers(folder: Path) -> None:
    given = {"dense": {"frame_step": "5"}, "scale": {"max_sigma_log_scale": "0.05"}, "clean": {"sky": "false"}}
    start(folder, given)
    config = read_yaml(folder / "out" / "config.yaml", ConfigError)
    assert config["dense"]["frame_step"] == 5
    assert config["scale"]["max_sigma_log_scale"] == 0.05
    assert config["clean"]["sky"] is False
