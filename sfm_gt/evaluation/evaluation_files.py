"""What an evaluation leaves in its folder.

frames.parquet                         one row a frame, model, protocol, alignment, region and metric
table.csv .md .tex                     the first protocol: one row a model and alignment
sensitivity.csv .md .tex               the same predictions under every protocol
freedoms.csv .md .tex                  unaligned, up to scale and up to scale and shift, side by side
regions.csv .md                        by region;  depth.csv: error by depth in metres
surfaces.csv .md .tex                  normals, and points on the models' own cameras, where the GT has cameras
clouds.csv .md .tex                    depth maps fused into one cloud, where that was asked for
published.csv .md .tex                 how far from published figures, and why, where that was asked for
cameras.csv .md .tex                   cameras that lie beside predictions, where there are any
differences.csv .md                    models two by two, with interval, resolution of the GT and verdict
tables.html                            all of these with sortable columns, and the plots
errors.svg ranks.svg depth.svg         plots, where there is something to plot
summary.json                           protocols with their hashes, rows, counts of what was not scored, notes
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sfm_gt.formats.frame_scores import FrameScoresWriter
from sfm_gt.formats.manifest import write_json
from sfm_gt.metrics import leaderboard
from sfm_gt.metrics.depth import METRICS
from sfm_gt.metrics.evaluation import EvaluatedFrame, Evaluation, ModelResult
from sfm_gt.metrics.fusion import FusionSettings
from sfm_gt.metrics.grading import Unscored
from sfm_gt.metrics.normals import NORMALS
from sfm_gt.metrics.points import POINTS
from sfm_gt.metrics.protocol import REASONS, ROBUST
from sfm_gt.metrics.regions import REGIONS
from sfm_gt.metrics.tally import FIGURES
from sfm_gt.report import plots, tables
from sfm_gt.report.page import render_tables

Rows = list[dict[str, Any]]
BEYOND_METRICS = (*FIGURES[len(METRICS) :], "coverage", "inverted")
"""What only region ``all`` has."""

MAIN_TABLE = {"table.csv", "table.md", "table.tex"}
"""What every evaluation leaves, also one of pairs."""
SUFFIXES = (".csv", ".html", ".json", ".md", ".parquet", ".svg", ".tex")
"""Of all that one may leave; it leaves no folders."""


def write_rows(
    writer: FrameScoresWriter, frame: EvaluatedFrame, results: Sequence[ModelResult], kinds: Mapping[str, str]
) -> None:
    """All figures of one frame."""
    for entry in results:
        if isinstance(entry.result, Unscored):
            continue
        graded = entry.result.graded
        keys: dict[str, str | int] = {
            "clip_id": frame.clip_id, "video_id": frame.video_id, "frame_index": frame.frame_index,
            "model": entry.model, "kind": kinds[entry.model], "protocol": graded.protocol.name,
            "alignment": graded.alignment,
        }  # fmt: skip
        writer.append(keys, REGIONS, METRICS, entry.result.regional, graded.sums[:, 0])
        beyond = np.array([[*entry.result.overall[len(METRICS) :], graded.coverage, float(graded.inverted)]])
        writer.append(keys, REGIONS[:1], BEYOND_METRICS, beyond, graded.scored[:1])


@dataclass(frozen=True)
class Tables:
    """Everything but frames.parquet.

    Attributes:
        facts: by model, columns that belongs to its figures.
        quoted: rows that others published, shown below the measured ones.
        cameras: figures of the models' own cameras.
        fused: how clouds were fused, and their figures; None where they were not.
        compared: distances to published figures.
    """

    evaluation: Evaluation
    notes: Sequence[str]
    seed: int
    facts: Mapping[str, Mapping[str, Any]]
    quoted: Sequence[Mapping[str, Any]]
    cameras: Rows
    fused: tuple[FusionSettings, Rows] | None = None
    compared: Sequence[Mapping[str, Any]] = ()

    def write(self, folder: Path, stage: Mapping[str, Any]) -> None:
        """``stage``: name and version, for summary.json."""
        evaluation, main = self.evaluation, self.evaluation.protocols[0]
        rows = [
            {**row, **self.facts.get(row["model"], {})} for row in leaderboard.rows(evaluation, main.name, self.seed)
        ]
        sensitivity = leaderboard.sensitivity(evaluation, self.seed)
        notes = [*self.notes, *_more_notes(evaluation, rows)]
        content = self._content(rows, sensitivity, notes)
        shown = {name: tables.table(columns, of_table, lines) for name, (columns, of_table, lines) in content.items()}
        for name, (_, of_table, _) in content.items():
            (folder / f"{name}.csv").write_text(tables.csv(of_table, self._hashes(name)))
            (folder / f"{name}.md").write_text(tables.markdown(shown[name]))
            (folder / f"{name}.tex").write_text(tables.latex(shown[name]))
        by_depth = leaderboard.depth_rows(evaluation, main.name)
        (folder / "depth.csv").write_text(tables.csv(by_depth, main.hash))
        drawn = _draw(folder, rows, by_depth)
        (folder / "tables.html").write_text(render_tables(shown, drawn), encoding="utf-8")
        write_json(folder / "summary.json", {**stage, **_summary(evaluation, rows, sensitivity, notes)})

    def _content(
        self, rows: Rows, sensitivity: Rows, notes: Sequence[str]
    ) -> dict[str, tuple[dict[str, str], Rows, list[str]]]:
        """Columns, rows and lines below of every table."""
        protocols = self.evaluation.protocols
        below = tables.below(protocols[0], notes)
        every = f"Protocols {', '.join(f'{protocol.name} {protocol.hash}' for protocol in protocols)}."
        own = {"cameras": (tables.CAMERAS, self.cameras, [tables.BELOW_CAMERAS])} if self.cameras else {}
        if self.fused:
            own["clouds"] = (tables.CLOUDS, self.fused[1], [below[0], tables.below_clouds(self.fused[0])])
        if self.compared:
            own["published"] = (tables.PUBLISHED, list(map(dict, self.compared)), [every])
        if any(math.isfinite(row[name]) for row in rows for name in (NORMALS[0], POINTS[0])):
            own = {"surfaces": (tables.SURFACES, rows, [below[0], tables.BELOW_SURFACES])} | own
        return {
            "table": (tables.headline(rows), [*rows, *map(dict, self.quoted)], below),
            "sensitivity": (tables.SENSITIVITY, sensitivity, [every]),
            "freedoms": (tables.FREEDOMS, leaderboard.by_freedom(self.evaluation), [every]),
            "regions": (tables.REGIONS, leaderboard.region_rows(self.evaluation, protocols[0].name), below[:1]),
            "differences": (
                tables.DIFFERENCES,
                leaderboard.differences(self.evaluation),
                tables.below_differences(every),
            ),
            **own,
        }

    def _hashes(self, name: str) -> str:
        """Hashes of the protocols that a table is of."""
        protocols = self.evaluation.protocols
        of_table = {
            "table": protocols[:1],
            "regions": protocols[:1],
            "surfaces": protocols[:1],
            "clouds": protocols[:1],
            "cameras": [],
        }.get(name, protocols)
        return " ".join(protocol.hash for protocol in of_table)


def _draw(folder: Path, rows: Rows, by_depth: Rows) -> list[str]:
    drawings = {"errors": plots.error_plot(rows), "ranks": plots.rank_plot(rows), "depth": plots.depth_plot(by_depth)}
    for name, drawing in drawings.items():
        if drawing:
            (folder / f"{name}.svg").write_text(drawing, encoding="utf-8")
    return [name for name, drawing in drawings.items() if drawing]


def _summary(evaluation: Evaluation, rows: Rows, sensitivity: Rows, notes: Sequence[str]) -> dict[str, Any]:
    main = evaluation.protocols[0]
    return {
        "protocol": main.name,
        "protocol_hash": main.hash,
        "protocol_line": tables.below(main, [])[0],
        "protocols": {protocol.name: protocol.model_dump(mode="json") for protocol in evaluation.protocols},
        "rows": _without_nan(rows),
        "sensitivity": _without_nan(sensitivity),
        "unscored": leaderboard.unscored(evaluation),
        "differences": _without_nan(leaderboard.differences(evaluation)),
        "notes": list(notes),
    }


def _more_notes(evaluation: Evaluation, rows: Rows) -> list[str]:
    notes = [
        f"{row['model']}: the fit turned the prediction around on {row['inverted_frames']} of {row['frames']} frames; "
        f"check kind ({row['kind']}) and negate, and do not trust its figures."
        for row in rows
        if 2 * row["inverted_frames"] > row["frames"]
    ]
    notes += [
        f"{row['model']}: {row['not_finite_frames']} frames hold values that are not finite, and {row['protocol']} gives no "
        f"figure then, as its code does; {row['protocol']}{ROBUST} leaves them out."
        for row in rows
        if row["not_finite_frames"]
    ]
    notes += _not_scored(evaluation)
    averaging = [protocol.name for protocol in evaluation.protocols if protocol.flip_averaging]
    if averaging and evaluation.unflipped:
        models = ", ".join(sorted(evaluation.unflipped))
        notes.append(f"{', '.join(averaging)}: without flip averaging for {models}, which have no flipped predictions.")
    return notes


def _not_scored(evaluation: Evaluation) -> list[str]:
    """A line for each model and reason under the first protocol, and for models that were scored on other frames."""
    main, counts = evaluation.protocols[0].name, dict[tuple[str, str], int]()
    for entry in leaderboard.unscored(evaluation):
        if (
            entry["protocol"] == main and entry["reason"] != "not_metric"
        ):  # clips without metres have a note of their own
            key = entry["model"], entry["reason"]
            counts[key] = max(counts.get(key, 0), entry["frames"])
    lines = [f"{model}: {frames} frames not scored: {REASONS[reason]}." for (model, reason), frames in counts.items()]
    apart = {
        (one["model"], one["other"]): one for one in leaderboard.differences(evaluation) if one["protocol"] == main
    }
    return lines + [
        f"{model} and {other}: compared on the {one['frames']} frames of both; {one['left_out_frames']} had only one of them."
        for (model, other), one in apart.items()
        if one["left_out_frames"]
    ]


def _without_nan(rows: Rows) -> Rows:
    return [
        {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()}
        for row in rows
    ]
