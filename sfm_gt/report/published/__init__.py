"""Figures that others published, to stand next to measured ones: always marked as quoted, never mixed with them.

Each YAML file of this folder is one table of one source; docs/benchmarks.md says what may be compared with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sfm_gt.errors import ConfigError
from sfm_gt.formats.yaml_text import read_yaml

FOLDER = Path(__file__).parent
WORDS = ("kind", "alignment", "scope", "source", "protocol")
"""Of a whole table, or of a row that differs."""


@dataclass(frozen=True)
class PublishedFigure:
    """One figure of one table.

    Attributes:
        table: name of the file.
        on: family of benchmark (``kitti``, ``nyuv2``, …), or the device for a latency.
        metric: ``abs_rel``, ``delta1``, ``pose_auc_3``, ``pose_auc_30`` (fractions), ``f_score_own``, ``f_score_gt`` (of clouds
            fused on cameras of the model and of the GT), or ``forward_ms``.
        parameters: number of weights, None where the source gives none.
        alignment, scope: as in an evaluation protocol; None for a latency.
        source, protocol: who measured, and how, in words.
    """

    table: str
    model: str
    on: str
    metric: str
    value: float
    parameters: int | None
    kind: str
    alignment: str | None
    scope: str | None
    source: str
    protocol: str
    quoted: bool = True


def tables() -> tuple[str, ...]:
    """Names of all published tables, sorted."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.yaml")))


@cache
def published(table: str) -> tuple[PublishedFigure, ...]:
    """All figures of one table.

    Raises:
        ConfigError: no such table.
    """
    if table not in tables():
        raise ConfigError(f"published: no table {table!r}, known are {', '.join(tables())}")
    content: dict[str, Any] = read_yaml(FOLDER / f"{table}.yaml")
    return tuple(figure for row in content["rows"] for figure in _figures(table, content, row))


def _figures(table: str, content: dict[str, Any], row: dict[str, Any]) -> list[PublishedFigure]:
    parameters = int(row["parameters"]) if "parameters" in row else None
    words: dict[str, Any] = {key: row.get(key, content.get(key)) for key in WORDS}
    return [
        PublishedFigure(table, row["model"], on, metric, float(value), parameters, **words)
        for on, values in row.items()
        if on not in ("model", "parameters", *WORDS)
        for metric, value in zip(content["metrics"], values, strict=True)
    ]
