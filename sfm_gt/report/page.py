"""Fills the HTML page from plain data; the template holds the words, this file none of the maths."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

TEMPLATES = Path(__file__).parent / "templates"


def render(content: dict[str, Any]) -> str:
    """The page as one HTML document with its style inside. Missing content is an error, not an empty place."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["figure"] = figure
    environment.filters["count"] = lambda number: f"{number:,}".replace(",", "\u202f")
    return environment.get_template("index.html.j2").render(content, style=(TEMPLATES / "style.css").read_text())


def figure(value: Any) -> str:
    """Any measure as short text."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if value != round(value) or abs(value) >= 1e15 else f"{value:.0f}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
