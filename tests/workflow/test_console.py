"""What a run prints: on a terminal, into a pipe, with --quiet and --verbose."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sfm_gt.errors import InputError
from sfm_gt.formats.manifest import write_json
from sfm_gt.formats.verdict import Verdict, write_verdict
from sfm_gt.formats.workspace import Workspace
from sfm_gt.workflow.estimate import Estimate
from sfm_gt.workflow.outcome import (
    Outcome,
    closing,
    log_excerpt,
    of_video,
    opening,
    short_table,
    spoken_size,
    spoken_time,
)
from tests.e2e.workflow import environment

# Rules of the real names, without the work.
TINY = """
from pathlib import Path
from sfm_gt.formats.workspace import Workspace
from sfm_gt.workflow.console import attach
from sfm_gt.workflow.estimate import Estimate

CONSOLE = attach(workflow, lambda folder, pattern: Workspace(Path("out")))

onstart:
    workflow.scheduler.keepgoing = True
    if CONSOLE: CONSOLE.begin(Estimate(90, 0.5, 240.0, 80.0), 3, 3, 2)
onsuccess:
    if CONSOLE: CONSOLE.end()
onerror:
    if CONSOLE: CONSOLE.end()

rule summary:
    input: expand("out/videos/{video}", video=["good", "bad", "ugly"]), "out/table"
    output: "out/summary.txt"
    log: "out/logs/summary.log"
    shell: "(echo 'refused: bad.mp4: too short [too_few_frames]'; echo '3 videos, 1 clips') 2>&1 | tee {log} > {output}"

rule reconstruct:
    output: directory("out/videos/{video}")
    log: "out/logs/{video}.log"
    shell:
        "(echo 'frames: begins'; echo 'frames: ok'; echo 'sfm: begins'; test ! -p gate || cat gate;"
        " echo 'warning: {wildcards.video} is odd'; cp -r verdicts/{wildcards.video} {output}) > {log} 2>&1"

rule table:
    output: "out/table"
    log: "out/logs/table.log"
    shell: "(echo 'index: 1'; echo 'sfm-gt: no such model'; test ! -e broken; touch {output}) > {log} 2>&1"
"""
OPENING = [
    "3 videos found: 0.5 min of film (90 frames)",
    "estimate, if all of it gives ground truth: 4 min on 2 cores, 80 MB of disk; refused clips take less",
]
ADVICE = "commonest refusal: too_few_frames (1); use a better copy"
DONE, REFUSED = "done: good.mp4: 60 frames in 1 clip (metric)", "refused: bad.mp4: too short [too_few_frames]"
FAILED = "failed: ugly.mp4: ended by SIGSEGV; see logs/reconstruct/ugly.log [failed]"


def manifest(reason: str | None = None, message: str | None = None, **measures: Any) -> dict[str, Any]:
    return {"dataset": {"stage": "dataset", "version": 1, "status": "rejected" if reason else "ok", "reason": reason,
                        "message": message, "measures": measures}}  # fmt: skip


def leave_verdict(folder: Path, facts: dict[str, Any], clips: dict[str, dict[str, Any]]) -> None:
    folder.mkdir(parents=True)
    for clip_id, found in clips.items():
        write_json(folder / f"{clip_id}.json", found)
    write_verdict(folder, Verdict("", "", facts, [{"clip_id": clip_id} for clip_id in clips]))


def verdicts(folder: Path) -> None:
    """A video with ground truth, one that is refused and one that broke."""
    good = {"good-000": manifest(frames=60, metric=True)}
    leave_verdict(folder / "good", {"path": "good.mp4", "status": "ok", "reason": None}, good)
    facts = {"path": "bad.mp4", "status": "rejected", "reason": "too_few_frames", "message": "bad.mp4: too short"}
    leave_verdict(folder / "bad", facts, {})
    message = "ugly.mp4: ended by SIGSEGV; see logs/reconstruct/ugly.log"
    leave_verdict(folder / "ugly", {"path": "ugly.mp4", "status": "failed", "reason": "failed", "message": message}, {})


@pytest.fixture
def tiny(tmp_path: Path) -> list[str]:
    """The command of a small workflow in ``tmp_path``."""
    verdicts(tmp_path / "verdicts")
    (tmp_path / "Snakefile").write_text(TINY)
    return [sys.executable, "-m", "snakemake", "--cores", "1", "--directory", str(tmp_path),
            "--snakefile", str(tmp_path / "Snakefile"), "summary"]  # fmt: skip


def lines_of(command: list[str], status: int = 0) -> list[str]:
    """Both streams, without what Snakemake says before it reads the Snakefile."""
    finished = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)  # fmt: skip
    assert finished.returncode == status, finished.stdout
    return [line for line in finished.stdout.splitlines() if not line.startswith("Assuming ")]


def test_without_a_terminal_there_is_a_line_a_video_and_nothing_of_the_scheduler(tiny: list[str]) -> None:
    lines = lines_of(tiny)
    assert lines[:2] == OPENING
    warnings = [f"warning: {video} is odd" for video in ("good", "bad", "ugly")]
    assert sorted(lines[2:-2]) == sorted([DONE, REFUSED, FAILED, *warnings])
    assert lines[-2:] == ["3 videos, 1 clips", ADVICE]
    assert lines_of(tiny) == ["Nothing to be done (all requested files are present and up to date)."]


def test_a_job_that_fails_says_why_in_its_own_words_and_once(tiny: list[str], tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    lines = lines_of(tiny, status=1)
    at = lines.index("error: table failed, see out/logs/table.log")
    assert lines[at + 1] == "sfm-gt: no such model"
    assert len(lines) == 2 + 6 + 2, "nothing of Snakemake's besides"


def test_quiet_leaves_warnings_and_failures(tiny: list[str]) -> None:
    assert sorted(lines_of([*tiny, "--quiet", "all"])) == sorted(
        [FAILED, *(f"warning: {video} is odd" for video in ("good", "bad", "ugly"))]
    )


@pytest.mark.parametrize("option", ["--verbose", "--dry-run"])
def test_snakemakes_own_lines_are_there_for_who_asks(tiny: list[str], option: str) -> None:
    lines = lines_of([*tiny, option])
    assert [line for line in lines if "rule reconstruct:" in line]
    assert OPENING[0] not in lines


def test_on_a_terminal_one_line_stands_for_all_videos(tiny: list[str], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    at_work, latest = b"1 at sfm", time.monotonic() + 60.0
    controller, terminal = pty.openpty()
    with subprocess.Popen(
        tiny, env=environment() | {"TERM": "xterm", "COLUMNS": "100"}, stdin=terminal, stdout=terminal, stderr=terminal
    ) as process:
        os.close(terminal)
        said = io.BytesIO()
        while True:
            try:
                said.write(os.read(controller, 4096))
            except OSError:  # what a terminal answers when its program has ended
                break
            if (tmp_path / "gate").exists() and (at_work in said.getvalue() or time.monotonic() > latest):
                # The first job waits at the gate until the line has told where it stands; for the others it is gone.
                with (tmp_path / "gate").open("w"):
                    (tmp_path / "gate").unlink()
    os.close(controller)
    assert process.returncode == 0
    shown = said.getvalue().decode()
    assert "of 3 videos" in shown
    assert "about 4 min left" in shown
    assert at_work.decode() in shown
    assert "at frames" not in shown, "a stage that another follows is over"
    assert FAILED in shown
    assert DONE not in shown
    assert REFUSED in shown[shown.rindex("of 3 videos") :], "what was only counted is named at the end"
    assert shown.count(REFUSED) == 1
    assert shown.rstrip().endswith(ADVICE), "the last lines stand below, and the live one is gone"


def test_a_video_is_what_became_of_its_clips(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    facts = {"path": "a.mp4", "status": "ok", "reason": None}
    two = {"a-000": manifest(frames=60, metric=False), "a-001": manifest("rotation_only", "turns only")}
    leave_verdict(workspace.verdict("a"), facts, two)
    assert of_video(workspace, "a").text == "done: a.mp4: 60 frames in 1 clip (not metric), 1 refused [rotation_only]"
    said = "known_distance: frame 32: pixel (1, 2) lies near a depth discontinuity"
    scale = {"scale": {"stage": "scale", "version": 1, "status": "ok", "reason": None, "message": None,
                       "measures": {"stated_in_vain": [said]}}}  # fmt: skip
    leave_verdict(workspace.verdict("s"), facts, {"s-000": manifest(frames=60, metric=False) | scale})
    assert of_video(workspace, "s").text == f"done: a.mp4: 60 frames in 1 clip (not metric: {said})"
    leave_verdict(workspace.verdict("b"), facts, {"b-000": manifest("rotation_only", "turns only")})
    ended = of_video(workspace, "b")
    assert (ended.outcome, ended.text) == (Outcome.REFUSED, "refused: a.mp4: turns only [rotation_only]")
    named = {"c-000": manifest("still_image", "a.mp4: shows one image")}
    leave_verdict(workspace.verdict("c"), facts, named)
    assert of_video(workspace, "c").text == "refused: a.mp4: shows one image [still_image]"
    leave_verdict(workspace.verdict("n"), facts | {"path": "ann/a.mp4"}, named)
    assert of_video(workspace, "n").text == "refused: ann/a.mp4: shows one image [still_image]"
    with pytest.raises(InputError):
        of_video(workspace, "d")


def test_the_opening_counts_what_is_to_be_made() -> None:
    some = Estimate(1800, 1.0, 7200.0, 2500.0)
    assert opening(some, 3, 2, 8).splitlines() == [
        "3 videos found, 2 to process: 1.0 min of film (1800 frames)",
        "estimate, if all of it gives ground truth: 2.0 h on 8 cores, 2.5 GB of disk; refused clips take less",
    ]
    assert opening(Estimate(0, 0, 0, 0), 3, 0, 8) == "3 videos found, 0 to process"
    assert "no film" in opening(Estimate(0, 0, 0, 0), 1, 1, 8)


def test_the_closing_names_yield_table_report_and_the_commonest_refusal(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for path, text in (("evaluation/table.md", "| model | AbsRel |\n|---|---:|\n| m | 0.1 |\n\nNotes."),
                       ("report/index.html", "")):  # fmt: skip
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text(text)
    said = ["refused: a: x [rotation_only]", "refused: b: [1] y [small_parallax]", "refused: c: y [small_parallax]",
            "left out: d: z [blank]", "9 videos", "90 frames"]  # fmt: skip
    last = [
        "9 videos", "90 frames", "model  AbsRel", "m         0.1", f"report: {tmp_path}/report/index.html",
        "commonest refusal: small_parallax (2); walk further, and around the scene, without electronic stabilisation, or raise "
        "sfm.max_rel_depth_sigma",
    ]  # fmt: skip
    assert closing(workspace, "\n".join(said), 100, unsaid=False) == last
    assert closing(workspace, "\n".join(said), 100, unsaid=True) == [*said[:3], *last]
    many = [f"refused: {n}: y [small_parallax]" for n in range(9)]
    assert closing(workspace, "\n".join(many), 100, unsaid=True)[0] == "model  AbsRel"


def test_a_table_shows_as_many_columns_as_fit_and_the_first_models() -> None:
    rows = "".join(f"| m{number} | {number} | long text here |\n" for number in range(12))
    shown = short_table(f"| model | rank | words |\n|---|---:|---|\n{rows}\nprotocol", 20)
    assert shown[0] == "model  rank"
    assert shown[1] == "m0        0"
    assert shown[-1] == "... and 4 more"
    assert len(shown) == 10


def test_a_log_without_words_of_ours_is_quoted_at_its_end(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("\n".join(map(str, range(100))))
    assert log_excerpt(tmp_path / "log", 3) == ["97", "98", "99"]
    assert log_excerpt(tmp_path / "none") == []
    (tmp_path / "log").write_text("Traceback\n  in file\nKeyboardInterrupt\n")
    assert log_excerpt(tmp_path / "log") == ["interrupted; the same command goes on from what is finished"]


def test_times_and_sizes_are_as_rough_as_an_estimate() -> None:
    assert [spoken_time(s) for s in (3, 89, 600, 7200)] == ["1 min", "1 min", "10 min", "2.0 h"]
    assert [spoken_size(mb) for mb in (0.2, 97.4, 2500, 3.2e6)] == ["1 MB", "97 MB", "2.5 GB", "3.2 TB"]
