"""Run: the workflow on a folder of videos, wherever it is installed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from sfm_gt.workflow import packaged

SAYS_HOW_MANY = ("--cores", "-c", "--jobs", "-j", "--profile", "--workflow-profile", "--executor", "-e")
SETTINGS = ("--config", "-C")


def run(videos: Path, out: Path, profile: str | None, others: Sequence[str]) -> None:
    """Becomes ``snakemake`` on the packaged workflow; does not return.

    Args:
        profile: a shipped profile's name, or what Snakemake takes for one.
        others: Snakemake's own options.
    """
    # The jobs call `sfm-gt`, whether or not this environment is activated.
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    arguments = [sys.executable, "-m", "snakemake", *options(videos, out, profile, others)]
    os.execve(sys.executable, arguments, os.environ | {"PATH": beside})


def options(videos: Path, out: Path, profile: str | None, others: Sequence[str]) -> list[str]:
    """Snakemake's command line: on all cores, unless the profile or an option says how many."""
    found = ["--snakefile", str(packaged.snakefile())]
    if profile is not None:
        found += ["--profile", packaged.profile(profile)]
    elif not any(one.split("=")[0] in SAYS_HOW_MANY for one in others):
        found += ["--cores", "all"]
    # Quoted, since Snakemake reads values as YAML.
    folders = [f"{key}={json.dumps(str(path))}" for key, path in (("videos", videos), ("out", out))]
    at = next((position for position, one in enumerate(others) if one in SETTINGS), None)
    if at is None:
        return [*found, *others, "--config", *folders]
    return [*found, *others[: at + 1], *folders, *others[at + 1 :]]
