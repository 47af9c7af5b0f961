"""Plots of the dense benchmark, drawn from its JSON files.

python benchmarks/accuracy/plots.py [RESULTS]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

RESULTS = Path(__file__).resolve().parents[1] / "results"
SCENES = ("kitchen", "studio", "corridor", "demo", "fountain")
PANEL_INCHES, DPI = (4.4, 3.4), 110


def draw_all(folder: Path) -> None:
    """``dense_completeness.png`` and ``dense_seconds.png`` beside the JSON files of ``folder``, a panel a scene."""
    found = {name: folder / f"dense_{name}.json" for name in SCENES}
    results = {name: json.loads(path.read_text()) for name, path in found.items() if path.is_file()}
    for plot, draw in (("completeness", _completeness), ("seconds", _seconds)):
        figure, axes = plt.subplots(
            1, len(results), figsize=(PANEL_INCHES[0] * len(results), PANEL_INCHES[1]), squeeze=False
        )
        for axis, (name, result) in zip(axes[0], results.items(), strict=True):
            draw(axis, result)
            axis.set_title(name, fontsize=9)
            axis.set_yscale("log")
            axis.tick_params(labelsize=7, which="both")
            axis.grid(alpha=0.3, which="both")
            axis.legend(fontsize=6)
        axes[0, 0].set_ylabel("AbsRel", fontsize=8)
        figure.tight_layout()
        figure.savefig(folder / f"dense_{plot}.png", dpi=DPI)
        plt.close(figure)


def _completeness(axis: Axes, result: dict[str, Any]) -> None:
    rows = result["ours"]["by_max_rel_sigma"]
    axis.plot(*_columns(rows, "share"), "o-", ms=3, label="ours, by max_rel_sigma")
    axis.plot(*_columns([result["ours"]["mean"]], "share"), "k*", ms=8, label="ours, default")
    if "by_max_cost" in result["peer"]:
        axis.plot(*_columns(result["peer"]["by_max_cost"], "share"), "s--", ms=3, label="ppg_core, by its cost")
    axis.set_xlabel("share of the truth's pixels", fontsize=8)


def _seconds(axis: Axes, result: dict[str, Any]) -> None:
    axis.plot(*_columns(result["by_seconds"], "cpu_seconds_a_frame"), "o", ms=4, label="ours, by views and size")
    peers = []
    if "mean" in result["peer"]:
        peers = [{"cpu_seconds_a_frame": result["peer"]["cpu_seconds_a_frame"], **result["peer"]["mean"]}]
        axis.plot(*_columns(peers, "cpu_seconds_a_frame"), "s", ms=4, label="ppg_core, all it answers")
    for row in (*result["by_seconds"], *peers):
        # Errors compare only beside the share that was answered.
        axis.annotate(f"{row['share']:.2f}", (row["cpu_seconds_a_frame"], row["abs_rel"]), fontsize=6, xytext=(3, 3),
                      textcoords="offset points")  # fmt: skip
    axis.set_xscale("log")
    axis.margins(x=0.15)
    axis.set_xlabel("CPU seconds a frame; labels: share of the truth's pixels", fontsize=8)


def _columns(rows: Any, column: str) -> tuple[list[float], list[float]]:
    known = [row for row in rows if row[column] is not None and row["abs_rel"] is not None]
    return [row[column] for row in known], [row["abs_rel"] for row in known]


if __name__ == "__main__":
    draw_all(Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS)
