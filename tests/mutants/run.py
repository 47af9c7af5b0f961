"""Sabotage: each mutant of ``tests/mutants/*.yaml``, applied to a copy of the package, and the tests that must fail under it.

    python tests/mutants/run.py [--only WORDS] [--jobs N] [--json FILE]

A mutant is a small patch of one file: the text ``old``, which stands there once, becomes ``new``; ``tests`` are pytest ids, at
least one of which has to fail. Prints one line a mutant and exits with status 1 where one survives, or where the tests fail
without any.
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
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
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


def _make_tree(scratch: Path) -> Path:
    """A tree in which package and tests are copies; numba's caches stay behind, so that compiled code is that of the copy."""
    tree = scratch / REPOSITORY.name
    tree.mkdir(parents=True)
    for path in REPOSITORY.iterdir():
        if path.name in ("sfm_gt", "tests"):
            shutil.copytree(path, tree / path.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif path.name not in (".git", ".pytest_cache"):
            (tree / path.name).symlink_to(path)
    (scratch / "shared").symlink_to(REPOSITORY.parent / "shared")
    return tree


def _pytest(tree: Path, tests: Sequence[str], cache: Path) -> int:
    environment = os.environ | {"PYTHONPATH": str(tree), "NUMBA_CACHE_DIR": str(cache), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    try:
        return subprocess.run(command, cwd=tree, env=environment, capture_output=True, timeout=LIMIT_S).returncode
    except subprocess.TimeoutExpired:
        return FAILED


def outcome(mutant: Mutant, tree: Path) -> dict[str, Any]:
    """Whether the mutant dies, and how long that took; the tree is as before afterwards."""
    started, path = time.monotonic(), tree / mutant.file
    sound = path.read_text()
    with tempfile.TemporaryDirectory() as fresh:
        # Compiled functions hold those of other files that they call, which numba's cache does not notice.
        cache = Path(fresh) if "njit" in sound else tree / ".numba"
        path.write_text(mutant.applied(sound))
        try:
            status = _pytest(tree, mutant.tests, cache)
        finally:
            path.write_text(sound)
    said = {PASSED: "SURVIVES", FAILED: "dies"}.get(status, f"pytest {status}")
    return {"mutant": mutant.name, "outcome": said, "seconds": round(time.monotonic() - started, 1)}


def run(mutants: Sequence[Mutant], jobs: int) -> list[dict[str, Any]]:
    """One row a mutant, in their order.

    Raises:
        SystemExit: the tests fail without any mutant.
    """
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(jobs) as pool:
        trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(jobs):
            trees.put(_make_tree(Path(scratch) / str(number)))

        def in_a_tree(mutant: Mutant) -> dict[str, Any]:
            tree = trees.get()
            try:
                row = outcome(mutant, tree)
            finally:
                trees.put(tree)
            print(f"{row['outcome']:10} {row['seconds']:6.1f} s  {row['mutant']}", flush=True)
            return row

        first = trees.get()
        if _pytest(first, sorted({test for mutant in mutants for test in mutant.tests}), first / ".numba") != PASSED:
            sys.exit("the tests fail without any mutant; run them by themselves")
        trees.put(first)
        return list(pool.map(in_a_tree, mutants))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="mutants whose name holds this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, help="write the table there")
    arguments = parser.parse_args()
    mutants = [mutant for mutant in read_mutants(Path(__file__).parent) if (arguments.only or "") in mutant.name]
    started = time.monotonic()
    rows = run(mutants, arguments.jobs)
    dead = sum(row["outcome"] == "dies" for row in rows)
    print(
        f"{dead} of {len(rows)} mutants die, {(time.monotonic() - started) / 60:.1f} min with {arguments.jobs} at a time"
    )
    if arguments.json:
        arguments.json.write_text(json.dumps({"dead": dead, "mutants": rows}, indent=1) + "\n")
    sys.exit(dead != len(rows))


if __name__ == "__main__":
    main()
