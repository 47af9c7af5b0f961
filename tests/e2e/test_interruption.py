"""A run killed with SIGKILL at any moment and started again ends in the same data set, byte for byte."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sfm_gt.formats.manifest import read_json
from tests.e2e.workflow import REPOSITORY, command, environment, run, tree_digest
from tests.video.make_videos import panning, write_video

# The line of a log at which the workflow is killed: in the midst of a stage, or when the one before has ended.
MOMENTS = {
    "ingest": r"rule reconstruct:",
    "sfm": r"^frames: ok",
    "scale": r"^sfm: ok",
    "dense": r"dense small-000: 3\d/",
    "moving": r"^dense: ok",
    "clean": r"^moving: ok",
    "maps": r"^clean: ok",
    "dataset": r"^maps: ok",
    "published": r"^dataset: ok",
    "predict": r"rule predict:",
    "collect": r"rule collect:",
    "evaluate": r"^index: ",
    "report": r"^report: ",
    "summary": r"rule summary:",
}


LOGS = (Path("out") / "logs", Path(".snakemake") / "log")


def run_and_kill_at(folder: Path, pattern: str) -> bool:
    """Starts the workflow and kills it, with all its children, when a line of a log matches; False if none did."""
    # Those of the run before, which was killed as well, say what this one is waited for to say.
    for logs in LOGS:
        shutil.rmtree(folder / logs, ignore_errors=True)
    process = subprocess.Popen(
        command(folder), env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while process.poll() is None:
        if any(re.search(pattern, text, re.MULTILINE) for logs in LOGS for text in texts_of_logs(folder / logs)):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.02)
    return False


def texts_of_logs(folder: Path) -> Iterator[str]:
    """Of all that are there at the moment; Snakemake removes those of jobs that it starts again."""
    for path in folder.rglob("*.log"):
        with suppress(FileNotFoundError):
            yield path.read_text()


def test_killed_at_any_moment_it_ends_in_the_same_data_set(small_videos, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        folder.mkdir()
        shutil.copytree(small_videos, folder / "videos")
    finished = run(whole)
    assert finished.returncode == 0, finished.stdout[-3000:]
    not_reached = [moment for moment, pattern in MOMENTS.items() if not run_and_kill_at(broken, pattern)]
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


CRASH = """
import os, signal
from sfm_gt.video import decode
decoded = decode.iterate_frames
def iterate_frames(path, *arguments):
    if path.name.startswith("crash"):
        os.kill(os.getpid(), signal.SIGSEGV)
    return decoded(path, *arguments)
decode.iterate_frames = iterate_frames
"""


def test_a_decoder_that_crashes_is_one_entry_and_the_others_go_to_the_end(tmp_path):
    (tmp_path / "videos").mkdir()
    for seed, name in enumerate(("crash.mp4", "pan.mp4")):
        write_video(tmp_path / "videos" / name, panning(16, 160, 120, seed=seed))
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(CRASH)
    path = os.pathsep.join(filter(None, (str(tmp_path / "site"), os.environ.get("PYTHONPATH", str(REPOSITORY)))))
    broken = subprocess.run(command(tmp_path), env=environment() | {"PYTHONPATH": path}, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, check=False)  # fmt: skip
    assert broken.returncode == 1
    assert "1 of 2 videos failed; the next run tries them again" in broken.stdout
    assert "failed: crash.mp4: ended by SIGSEGV; see logs/reconstruct/crash.log [failed]" in broken.stdout
    assert (tmp_path / "out" / "report" / "index.html").is_file()
    listed = read_json(tmp_path / "out" / "clips.json")["videos"]
    assert [video["status"] for video in listed] == ["failed", "ok"]
    again = run(tmp_path)
    assert "videos failed" not in again.stdout
    assert "2 videos found, 1 to process" in again.stdout, "only what failed is tried again"


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
