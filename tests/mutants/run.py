"""Sabotage: applies each mutant of ``tests/mutants/*.yaml`` to a copy of the package and runs the tests that must fail under it.

    python tests/mutants/run.py [--only WORDS] [--jobs N] [--json FILE]

A mutant is a small patch of one file: the text ``old``, which stands there once, becomes ``new``; ``tests`` are pytest ids, at
least one of which has to fail. Prints one line a mutant and exits with status 1 where one survives, or where the tests fail
without it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
LIMIT_S = 600
# Exit statuses of pytest: all passed, some failed. Others say that it did not get as far as the tests.
PASSED, FAILED = 0, 1


@dataclass(frozen=True)
class Mutant:
    """A patch and the tests that must notice it."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def applied(self, text: str) -> str:
        """The file's text with the patch. Raises ValueError where ``old`` does not stand there exactly once."""
        if text.count(self.old) != 1:
            raise ValueError(
                f"{self.name}: {self.old!r} stands {text.count(self.old)} times in {self.file}, needed once"
            )
        return text.replace(self.old, self.new)


def read_mutants(folder: Path) -> Iterator[Mutant]:
    """All mutants, in the order of the files."""
    for path in sorted(folder.glob("*.yaml")):
        for name, entry in yaml.safe_load(path.read_text()).items():
            yield Mutant(f"{path.stem}: {name}", entry["file"], entry["old"], entry["new"], tuple(entry["tests"]))


def _copy_tree(target: Path) -> None:
    """A tree in which only the package is a copy; numba's caches stay behind, so that compiled code is that of the copy."""
    for path in REPOSITORY.iterdir():
        if path.name == "sfm_gt":
            shutil.copytree(path, target / path.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif path.name == "tests":
            shutil.copytree(path, target / path.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif path.name not in (".git", ".pytest_cache"):
            (target / path.name).symlink_to(path)


def _pytest(tree: Path, tests: tuple[str, ...]) -> int:
    environment = os.environ | {"PYTHONPATH": str(tree), "NUMBA_CACHE_DIR": str(tree / ".numba")}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    try:
        return subprocess.run(command, cwd=tree, env=environment, capture_output=True, timeout=LIMIT_S).returncode
    except subprocess.TimeoutExpired:
        return FAILED


def outcome(mutant: Mutant) -> dict[str, Any]:
    """Whether the mutant dies, and how long that took."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / REPOSITORY.name
        tree.mkdir()
        (Path(scratch) / "shared").symlink_to(REPOSITORY.parent / "shared")
        _copy_tree(tree)
        if _pytest(tree, mutant.tests) != PASSED:
            said = "tests fail without it"
        else:
            path = tree / mutant.file
            path.write_text(mutant.applied(path.read_text()))
            shutil.rmtree(tree / ".numba", ignore_errors=True)
            status = _pytest(tree, mutant.tests)
            said = {PASSED: "SURVIVES", FAILED: "dies"}.get(status, f"pytest ended with status {status}")
    return {"mutant": mutant.name, "outcome": said, "seconds": round(time.monotonic() - started, 1)}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="mutants whose name holds this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, help="write the table there")
    arguments = parser.parse_args()
    mutants = [mutant for mutant in read_mutants(Path(__file__).parent) if (arguments.only or "") in mutant.name]
    started, rows = time.monotonic(), []
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for row in pool.map(outcome, mutants):
            print(f"{row['outcome']:10} {row['seconds']:6.1f} s  {row['mutant']}", flush=True)
            rows.append(row)
    dead = sum(row["outcome"] == "dies" for row in rows)
    print(
        f"{dead} of {len(rows)} mutants die, {(time.monotonic() - started) / 60:.1f} min with {arguments.jobs} at a time"
    )
    if arguments.json:
        arguments.json.write_text(json.dumps({"dead": dead, "mutants": rows}, indent=1) + "\n")
    sys.exit(dead != len(rows))


if __name__ == "__main__":
    main()
