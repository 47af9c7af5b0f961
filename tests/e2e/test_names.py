"""Names that mean something to Snakemake, to shells and to their tools: no file or folder stops the run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml

from sfm_gt.formats.verdict import read_verdict
from tests.e2e.workflow import REPOSITORY, environment
from tests.video.make_videos import panning, write_video

VIDEOS, OUT = "-in {a} \"q' %s", "-out {b} \"q' $y\n%"
NAMES = ["clip {final}.mp4", "-n 'q'\n$HOME.mp4"]


def reconstruct(folder: Path, *arguments: str) -> str:
    """Runs the workflow up to the verdicts, both folders named in a file; what Snakemake says."""
    finished = subprocess.run(
        [
            sys.executable, "-m", "snakemake", "--cores", "2", "--snakefile", str(REPOSITORY / "Snakefile"),
            "--directory", str(folder), "--configfile", str(folder / "config.yaml"), "--until", "reconstruct", *arguments,
        ],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout[-3000:]
    return finished.stdout


def test_videos_with_any_name_in_any_folder_reach_their_clips(tmp_path: Path) -> None:
    (tmp_path / VIDEOS).mkdir()
    for seed, name in enumerate(NAMES):
        write_video(tmp_path / "a.mp4", panning(16, 160, 120, seed=seed)).rename(tmp_path / VIDEOS / name)
    os.mkfifo(tmp_path / VIDEOS / "pipe.mp4")
    (tmp_path / VIDEOS / "folder.mp4").mkdir()
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"videos": VIDEOS, "out": OUT}))
    reconstruct(tmp_path)
    verdicts = {folder.name: read_verdict(folder) for folder in (tmp_path / OUT / "videos").iterdir()}
    reasons = {video_id: verdict.facts["reason"] for video_id, verdict in verdicts.items()}
    assert (reasons.pop("pipe"), reasons.pop("folder")) == ("not_a_file", "not_a_file")
    assert list(reasons.values()) == [None] * len(NAMES)
    assert sum(len(verdict.clips) for verdict in verdicts.values()) == len(NAMES)
    # Snakemake cannot be told of such files, and still sees which one is another.
    write_video(tmp_path / "a.mp4", panning(17, 160, 120, seed=9)).rename(tmp_path / VIDEOS / NAMES[0])
    planned = reconstruct(tmp_path, "--dry-run")
    assert planned.count("rule reconstruct:") == 1
    assert "video=clip-final-" in planned
