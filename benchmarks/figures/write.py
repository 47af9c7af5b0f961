"""Writes the figures of README and docs from benchmarks/results, so that none is typed by hand; and the reason codes.

    python benchmarks/figures/write.py [--check]

A block of a page stands between ``<!-- figures: NAME -->`` and ``<!-- end of figures -->`` and is rendered from ``NAME.md.j2``
in this folder, which sees each result file under its stem, and the reason codes of the report as ``reasons``. --check changes
nothing and fails where a page and the results differ.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
from pathlib import Path
from typing import Any

import jinja2

from sfm_gt.report.reasons import reasons

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
BLOCK = re.compile(r"(<!-- figures: ([\w-]+) -->\n).*?(<!-- end of figures -->)", re.DOTALL)


def results() -> dict[str, Any]:
    """Content of every result file, by its stem."""
    return {
        path.stem: json.loads(path.read_text()) for path in sorted((REPOSITORY / "benchmarks/results").glob("*.json"))
    }


def fixed(value: float, digits: int = 2) -> str:
    """A figure with so many decimals."""
    return f"{value:.{digits}f}"


def percent(share: float, digits: int = 1) -> str:
    """A share as a percentage, without its sign."""
    return f"{100 * share:.{digits}f}"


def spread_at(curves: list[list[tuple[int, float]]], step: int) -> tuple[float, float]:
    """Mean over runs of what their curves hold at a step, and the standard deviation of a sample."""
    values = [value for curve in curves for at, value in curve if at == step]
    return statistics.mean(values), statistics.stdev(values)


def pages() -> list[Path]:
    """Pages that may hold figures."""
    return [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def rendered(page: str, environment: jinja2.Environment, content: dict[str, Any]) -> str:
    """The page with its blocks filled."""
    return BLOCK.sub(
        lambda block: (
            block[1] + environment.get_template(f"{block[2]}.md.j2").render(content).strip() + "\n" + block[3]
        ),
        page,
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; fail where a page and the results differ")
    arguments = parser.parse_args()
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"fixed": fixed, "percent": percent}
    environment.globals["spread_at"] = spread_at
    content, stale = results() | {"reasons": reasons()}, []
    for path in pages():
        page = path.read_text()
        fresh = rendered(page, environment, content)
        if fresh != page:
            stale.append(str(path.relative_to(REPOSITORY)))
            if not arguments.check:
                path.write_text(fresh)
    for name in stale:
        print(f"{name}: {'differs from its source; run make figures' if arguments.check else 'written'}")
    sys.exit(bool(stale) and arguments.check)


if __name__ == "__main__":
    main()
