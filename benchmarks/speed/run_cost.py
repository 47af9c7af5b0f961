"""What finished runs took, beside what was estimated of them before: CPU seconds of all jobs, and the size of what they left.

    python benchmarks/speed/run_cost.py demo=OUT [NAME=OUT ...] [--json benchmarks/results/run_cost.json]

Runs that began with an empty output folder; clocks on the wall are left out, since other work may have been on the machine.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.speed.disk import size_of
from sfm_gt.config import read_config
from sfm_gt.formats.manifest import MANIFEST_NAME
from sfm_gt.video.catalog import list_videos
from sfm_gt.workflow.estimate import estimate, films_of


def cpu_seconds(out: Path) -> float:
    """Of all jobs, by the records that Snakemake leaves beside their logs."""
    rows = [row for path in (out / "logs").rglob("*.tsv") for row in csv.DictReader(path.open(), delimiter="\t")]
    return sum(float(row["cpu_time"]) for row in rows)


def _kept_files(out: Path) -> bool:
    """Whether ``--notemp`` kept depth that otherwise goes, and that no estimate counts."""
    return any(path.name != MANIFEST_NAME for path in (out / "work" / "clips").glob("*/dense/*"))


def case(out: Path) -> dict[str, Any]:
    """One run: what was known before, what it took, and the ratio of the estimate to that."""
    config = read_config(out / "config.yaml")
    films = films_of([video.path for video in list_videos(config.videos) if video.refusal is None])
    expected = estimate(config, films, cores=1)
    seconds, megabytes = cpu_seconds(out), None if _kept_files(out) else round(size_of([out]) / 1e6, 1)
    return {
        "films": [asdict(film) for film in films],
        "models": len(config.models),
        "frame_step": config.dense.frame_step,
        "cpu_s": round(seconds, 1),
        "mb": megabytes,
        "estimated_by_measured": {
            "cpu_s": round(expected.seconds / seconds, 2),
            "mb": megabytes and round(expected.megabytes / megabytes, 2),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", metavar="NAME=OUT")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = {name: case(Path(out)) for name, _, out in (run.partition("=") for run in arguments.runs)}
    text = json.dumps(found, indent=1) + "\n"
    if arguments.json:
        arguments.json.write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
