"""A run killed with SIGKILL in every stage and started again ends in the same data set, byte for byte."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from tests.e2e.workflow import command, environment, run, tree_digest

# The line of the workflow's output at which each stage is killed. Long stages report progress, and are killed in the midst.
STAGES = {
    "ingest": r"rule ingest:",
    "clips": r"rule clips:",
    "clip_list": r"checkpoint clip_list:",
    "frames": r"rule frames:",
    "sfm": r"rule sfm:",
    "dense": r"dense small-000: 3\d/",
    "moving": r"rule moving:",
    "clean": r"rule clean:",
    "scale": r"rule scale:",
    "dataset": r"rule dataset:",
    "index": r"rule index:",
    "predict": r"rule predict:",
    "evaluate": r"rule evaluate:",
    "report": r"rule report:",
}


# These wait for nothing but sfm or dense and may be done already when another stage is killed.
BESIDE_OTHERS = ("clean", "scale")


def run_and_kill_at(folder: Path, stage: str, pattern: str) -> bool:
    """Starts the workflow and kills it, with all its children, at the first line that matches; False if none did."""
    forced = ["--forcerun", stage] if stage in BESIDE_OTHERS else []
    process = subprocess.Popen(
        [*command(folder), *forced], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if re.search(pattern, line):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
    process.wait()
    return False


def test_killed_in_every_stage_it_ends_in_the_same_data_set(small_videos, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        folder.mkdir()
        shutil.copytree(small_videos, folder / "videos")
    finished = run(whole)
    assert finished.returncode == 0, finished.stdout[-3000:]
    not_reached = [stage for stage, pattern in STAGES.items() if not run_and_kill_at(broken, stage, pattern)]
    assert not not_reached
    finished = run(broken)
    assert finished.returncode == 0, finished.stdout[-3000:]
    assert tree_digest(broken / "out" / "dataset") == tree_digest(whole / "out" / "dataset")
    left = list((broken / "out").rglob(".partial-*"))
    assert not left, "nothing half-written stays"


def test_an_empty_result_is_an_error_that_says_why(tmp_path):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "text.mp4").write_text("no video")
    finished = run(tmp_path)
    assert finished.returncode != 0
    assert "this run produced nothing" in finished.stdout
    assert "text.mp4" in finished.stdout
    assert (tmp_path / "out" / "report" / "index.html").is_file(), "the report shows the refusals all the same"


def test_faults_before_the_first_job_are_one_line(tmp_path):
    (tmp_path / "videos").mkdir()
    empty = run(tmp_path)
    assert empty.returncode == 1
    assert "no video; put videos there" in empty.stdout
    typo = run(tmp_path, config=("dens={}",))
    assert "unknown key 'dens'; did you mean 'dense'?" in typo.stdout
    (tmp_path / "videos" / "a.mp4").write_text("no video")
    (tmp_path / "out").write_text("a file is in the way")
    in_the_way = run(tmp_path)
    assert in_the_way.returncode == 1
    assert "cannot be written" in in_the_way.stdout
    for finished in (empty, typo, in_the_way):
        assert len(finished.stdout.strip().splitlines()) == 1, finished.stdout
        assert "Traceback" not in finished.stdout
