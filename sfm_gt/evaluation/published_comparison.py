"""How far measured rows are from figures that others published for the same model, and which choice could explain it.

The same predictions are graded under every protocol of the evaluation, so that what a protocol alone moves is known: a
published figure that some protocol gives is explained by what that protocol does otherwise; one that none gives is not a matter
of scoring, but of images, GT, checkpoint or size of the input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sfm_gt.errors import ConfigError
from sfm_gt.metrics.depth import METRICS
from sfm_gt.metrics.evaluation import Evaluation
from sfm_gt.metrics.protocol import Protocol
from sfm_gt.metrics.tally import FIGURES, Tally
from sfm_gt.report.published import PublishedFigure, published, tables

CLOSE = 0.02
"""Relative difference up to which two figures are the same: papers print two or three digits."""
_NAMES = ("name", "source", "alignment")

Row = dict[str, Any]


def figures_for(benchmark: str) -> list[PublishedFigure]:
    """Every published figure of the benchmark's family that a table of depth has."""
    return [
        figure for table in tables() for figure in published(table)
        if figure.metric in METRICS and f"{benchmark}_".startswith(f"{figure.on}_")
    ]  # fmt: skip


def comparison_rows(evaluation: Evaluation, benchmark: str, pairs: Mapping[str, str]) -> list[Row]:
    """One row a measured model and published figure.

    Args:
        pairs: name of a published model by that of a measured one.

    Raises:
        ConfigError: nobody published figures of such a model on the benchmark.
    """
    known = figures_for(benchmark)
    rows = []
    for model, name in pairs.items():
        figures = [figure for figure in known if figure.model == name]
        if not figures:
            of = ", ".join(sorted({figure.model for figure in known})) or "no model"
            raise ConfigError(f"--compare-published: no figures of {name!r} on {benchmark}; there are those of {of}")
        mine = [tally for (measured, _, _), tally in evaluation.tallies.items() if measured == model and tally.frames]
        rows += [_row(evaluation.protocols, model, figure, mine) for figure in figures if mine]
    return rows


def _row(protocols: Sequence[Protocol], model: str, figure: PublishedFigure, tallies: Sequence[Tally]) -> Row:
    column = FIGURES.index(figure.metric)
    values = [float(tally.means(tally.protocol.reducer)[column]) for tally in tallies]
    # A protocol that passes on what is not finite may have no figure: it is then no nearer than any other.
    distances = np.nan_to_num(np.abs(np.array(values) - figure.value), nan=np.inf)
    # The first is what the model is ranked by under the first protocol.
    value, nearest = values[0], tallies[int(distances.argmin())]
    nearest_value = values[tallies.index(nearest)]
    return {
        "model": model, "published": figure.model, "source": figure.source, "metric": figure.metric, "value": value,
        "published_value": figure.value, "distance": value - figure.value, "lowest": float(np.fmin.reduce(values)),
        "highest": float(np.fmax.reduce(values)), "nearest_protocol": nearest.protocol.name,
        "nearest_alignment": nearest.alignment, "nearest_value": nearest_value,
        "explanation": _explanation(figure, value, tallies[0], nearest, nearest_value, values),
    }  # fmt: skip


def _explanation(
    figure: PublishedFigure, value: float, main: Tally, nearest: Tally, nearest_value: float, values: Sequence[float]
) -> str:
    if np.isnan(values).all():
        return "no figure here: predictions hold what is not finite, which no protocol of these leaves out"
    if _close(value, figure.value):
        return "same figure"
    if _close(nearest_value, figure.value):
        return (
            f"{nearest.protocol.name} gives it; other than {main.protocol.name}: {', '.join(_choices(main, nearest))}"
        )
    stated = [
        f"{what} {there}, here {here}"
        for what, there, here in (
            ("alignment", figure.alignment, main.alignment),
            ("fitted over each", figure.scope, main.protocol.scope),
        )
        if there is not None and there != here
    ]
    said = f"; published with {' and '.join(stated)}" if stated else ""
    if np.nanmin(values) < figure.value < np.nanmax(values):
        return f"within what protocols alone move{said}"
    return f"no protocol here gives it: look at images, GT, checkpoint and size of the input{said}"


def _close(one: float, other: float) -> bool:
    return abs(one - other) <= CLOSE * other


def _choices(main: Tally, other: Tally) -> list[str]:
    """What the other protocol does otherwise, as its keys have it."""
    here, there = (tally.protocol.model_dump(mode="json", exclude=set(_NAMES)) for tally in (main, other))
    found = [f"alignment {other.alignment}"] if other.alignment != main.alignment else []
    return found + [f"{key} {there[key]}" for key in here if here[key] != there[key]]
