"""Plots of an evaluation as SVG: AbsRel and places with intervals, error against depth. The same bytes each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Row = Mapping[str, Any]
WIDTH_IN = 6.4


def error_plot(rows: Sequence[Row]) -> str:
    """AbsRel of every model with its 95 % interval over videos and its noise floor, best on top; empty without a row."""
    shown = sorted((row for row in rows if row["abs_rel"] == row["abs_rel"]), key=lambda row: -row["abs_rel"])
    if not shown:
        return ""
    figure, axes = _figure(1.2 + 0.35 * len(shown))
    for place, row in enumerate(shown):
        if row["abs_rel_low"] == row["abs_rel_low"]:
            axes.plot([row["abs_rel_low"], row["abs_rel_high"]], [place, place], color="C0", linewidth=2)
        axes.plot(row["abs_rel"], place, "o", color="C0")
        axes.plot(row["abs_rel_floor"], place, "|", color="C3", markersize=12)
    axes.set_yticks(range(len(shown)), [f"{row['model']} ({row['alignment']})" for row in shown])
    axes.set_ylim(-0.5, len(shown) - 0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel("AbsRel: dot, 95 % interval over videos, red: noise floor")
    return _svg(figure)


def rank_plot(rows: Sequence[Row]) -> str:
    """Place of every model and the places that resolved differences leave open, best on top; empty without a rank."""
    shown = sorted((row for row in rows if row["rank"] is not None), key=lambda row: -row["rank"])
    if not shown:
        return ""
    figure, axes = _figure(1.2 + 0.35 * len(shown))
    for place, row in enumerate(shown):
        if row["rank_low"] is not None:
            axes.plot([row["rank_low"], row["rank_high"]], [place, place], color="C0", linewidth=2)
        axes.plot(row["rank"], place, "o", color="C0")
    axes.set_yticks(range(len(shown)), [row["model"] for row in shown])
    axes.set_ylim(-0.5, len(shown) - 0.5)
    axes.set_xticks(range(1, len(shown) + 1))
    axes.set_xlabel("place by AbsRel, with the places that resolved differences leave open")
    return _svg(figure)


def depth_plot(rows: Sequence[Row]) -> str:
    """AbsRel of every model and alignment against depth in metres; empty without a metric clip."""
    lines: dict[str, list[Row]] = {}
    for row in rows:
        lines.setdefault(f"{row['model']} ({row['alignment']})", []).append(row)
    if not lines:
        return ""
    figure, axes = _figure(3.6)
    for name, of_model in lines.items():
        inner = [row for row in of_model if row["near_m"] > 0 and row["far_m"] != float("inf")]
        centres = [(row["near_m"] * row["far_m"]) ** 0.5 for row in inner]
        axes.plot(centres, [row["abs_rel"] for row in inner], "o-", markersize=3, label=name)
    edges = sorted({edge for row in rows for edge in (row["near_m"], row["far_m"])} - {0.0, float("inf")})
    axes.set_xscale("log", base=2)
    axes.set_xticks(edges, [f"{edge:.2g}" for edge in edges])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("depth of the ground truth in m")
    axes.set_ylabel("AbsRel")
    axes.legend(fontsize="small")
    return _svg(figure)


def _figure(height_in: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
    axes = figure.add_subplot()
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: Figure) -> str:
    import matplotlib

    text = StringIO()
    # Fixed salt and no date: element names and metadata would differ from run to run.
    with matplotlib.rc_context({"svg.hashsalt": "sfm_gt", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()
