"""Runs the workflow as a user does, in a folder of its own."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DEMO = REPOSITORY / "examples" / "demo"


def command(folder: Path, *arguments: str, config: tuple[str, ...] = ()) -> list[str]:
    """``snakemake`` on ``folder/videos`` into ``folder/out``; ``folder`` also holds Snakemake's own records."""
    return [
        sys.executable, "-m", "snakemake", "--cores", "2", "--snakefile", str(REPOSITORY / "Snakefile"),
        "--directory", str(folder), *arguments, "--config", "videos=videos", "out=out", *config,
    ]  # fmt: skip


def environment() -> dict[str, str]:
    """The environment with this interpreter's ``sfm-gt`` first on the path."""
    return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def run(folder: Path, *arguments: str, config: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Runs the workflow to its end; standard output holds both streams."""
    return subprocess.run(
        command(folder, *arguments, config=config), env=environment(), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip


def tree_digest(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below ``folder`` by relative path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*")) if path.is_file()
    }  # fmt: skip
