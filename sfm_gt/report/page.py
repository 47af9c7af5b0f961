"""Fills the HTML page from plain data; the template holds the words, this file none of the maths."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from sfm_gt.report.tables import Table

TEMPLATES = Path(__file__).parent / "templates"


def render(content: dict[str, Any]) -> str:
    """The report's first page, with its style inside. Missing content is an error, not an empty place."""
    return _render("index.html.j2", content)


def render_clip(content: dict[str, Any]) -> str:
    """The page of one clip."""
    return _render("clip.html.j2", content)


def render_view(content: dict[str, Any]) -> str:
    """The 3-D view of one clip."""
    return _render("view.html.j2", content, script="view.js")


def render_tables(tables: Mapping[str, Table], plots: Sequence[str]) -> str:
    """The tables of an evaluation on one page with sortable columns; ``plots`` are names of SVG files next to it."""
    return _render("tables.html.j2", {"tables": tables, "plots": plots})


def render_datasheet(content: dict[str, Any]) -> str:
    """The datasheet of a release as Markdown."""
    return _render("datasheet.md.j2", content)


def _render(template: str, content: dict[str, Any], script: str = "tables.js") -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=template.endswith(".html.j2"), undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["figure"] = figure
    environment.filters["code_spans"] = code_spans
    environment.filters["count"] = lambda number: f"{number:,}".replace(",", "\u202f")
    inside = {"style": (TEMPLATES / "style.css").read_text(), "script": (TEMPLATES / script).read_text()}
    return environment.get_template(template).render(content, **inside)


def code_spans(text: str) -> Markup:
    """Markdown whose only mark-up is code spans, as HTML."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def figure(value: Any) -> str:
    """Any measure as short text."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if value != round(value) or abs(value) >= 1e15 else f"{value:.0f}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
