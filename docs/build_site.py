"""Builds the documentation site; a broken link or anchor is an error.

    python docs/build_site.py SITE

The pages of this folder are laid into scratch together with those that are made from the code and with the files that pages
show from outside of it, and Zensical makes the site of them. On the site, ``../PATH`` of a page in this folder is PATH.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import jinja2

from sfm_gt.config import Config

DOCS = Path(__file__).resolve().parent
REPOSITORY = DOCS.parent
OUTSIDE = ("CHANGELOG.md", "benchmarks/results/*.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", type=Path, help="folder of the site; one that is there is replaced")
    site = parser.parse_args().site
    with tempfile.TemporaryDirectory() as scratch:
        lay_out(Path(scratch))
        # What is broken stands in its output; the traceback that follows it there says nothing more.
        if subprocess.run([sys.executable, "-m", "zensical", "build", "--strict"], cwd=scratch, check=False).returncode:
            raise SystemExit(1)
        shutil.rmtree(site, ignore_errors=True)
        shutil.copytree(Path(scratch) / "site", site)


def lay_out(scratch: Path) -> None:
    """Everything that Zensical reads."""
    pages = scratch / "docs"
    shutil.copytree(DOCS, pages, ignore=shutil.ignore_patterns("*.py", "*.toml", "*.j2", "__pycache__"))
    shutil.copy(DOCS / "zensical.toml", scratch)
    for path in (path for pattern in OUTSIDE for path in REPOSITORY.glob(pattern)):
        (pages / path.relative_to(REPOSITORY)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, pages / path.relative_to(REPOSITORY))
    for page in pages.glob("*.md"):
        page.write_text(page.read_text().replace("](../", "]("))
    (pages / "cli.md").write_text(commands())
    (pages / "configuration.md").write_text(configuration(Config.model_json_schema()))
    # pdoc writes the API reference in its place.
    (pages / "api").mkdir()
    (pages / "api" / "index.html").write_text("<p>make docs</p>")


def commands() -> str:
    """The reference of the command line."""
    command = [
        sys.executable,
        "-m",
        "typer",
        "sfm_gt.cli.app",
        "utils",
        "docs",
        "--name",
        "sfm-gt",
        "--title",
        "Commands",
    ]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout


def configuration(schema: dict[str, Any]) -> str:
    """The reference of the configuration: a table a section."""
    sections: list[tuple[str, dict[str, Any]]] = [("Top level", {**schema, "description": "What a run depends on."})]
    for key, rule in schema["properties"].items():
        for name in _sections(rule):
            sections.append((f"`{key}`", schema["$defs"][name]))
            for inner, value in schema["$defs"][name]["properties"].items():
                sections += [(f"`{key}: {{{inner}}}`", schema["$defs"][deeper]) for deeper in _sections(value)]
    template = jinja2.Template((DOCS / "configuration.md.j2").read_text(), undefined=jinja2.StrictUndefined)
    return template.render(sections=sections, default=_default, values=_values)


def _sections(rule: dict[str, Any]) -> list[str]:
    """Names of the sections that a value may be."""
    options = [rule, rule.get("items", {}), *rule.get("anyOf", [])]
    return [option["$ref"].split("/")[-1] for option in options if "$ref" in option]


def _default(key: str, rule: dict[str, Any], section: dict[str, Any]) -> str:
    if key in section.get("required", []):
        return "must be given"
    if _sections(rule) and rule.get("default") is not None:
        return "see below"
    return "–" if rule.get("default") is None else f"`{rule['default']}`"


def _values(rule: dict[str, Any]) -> str:
    """Type and bounds in words."""
    if "anyOf" in rule:
        return " or ".join(_values(option) for option in rule["anyOf"] if option.get("type") != "null")
    if "enum" in rule:
        return ", ".join(f"`{value}`" for value in rule["enum"])
    signs = (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
    bounds = [f"{sign} {rule[key]:g}" for key, sign in signs if key in rule]
    return " ".join([rule.get("type", "section"), ", ".join(bounds)]).strip()


if __name__ == "__main__":
    main()
