"""The workflow as a module of another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.e2e.workflow import REPOSITORY, environment

OTHER = f"""
module ground_truth:
    snakefile: "{REPOSITORY / "Snakefile"}"
    config: {{"videos": "videos", "out": "truth", "models": [{{"name": "constant", "method": "constant"}}]}}

use rule * from ground_truth as ground_truth_*

rule count:
    default_target: True
    input: "truth/clips.json"
    output: "count.txt"
    shell: "grep -c not_a_video {{input}} > {{output}}"
"""


def other_workflow(folder: Path, *arguments: str) -> str:
    (folder / "Snakefile").write_text(OTHER)
    finished = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", *arguments], cwd=folder, env=environment(),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout[-3000:]
    return finished.stdout


def test_rules_of_another_workflow_follow_those_of_this_one(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "text.mp4").write_text("this is no video\n")
    assert "ground_truth_reconstruct" in other_workflow(tmp_path, "--dry-run")
    assert not (tmp_path / "truth" / "config.yaml").exists()
    other_workflow(tmp_path)
    assert (tmp_path / "count.txt").read_text() == "1\n"
    assert "Nothing to be done" in other_workflow(tmp_path)
