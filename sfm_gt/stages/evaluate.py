"""Grades every model's predictions against the data set: frames.parquet, unscored.parquet, summary.json and tables."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfm_gt.config import EvaluateConfig, ModelConfig
from sfm_gt.datasets.frames import Dataset, Frame, open_dataset
from sfm_gt.errors import InputError
from sfm_gt.formats.atomic import replacing_directory
from sfm_gt.formats.manifest import read_manifest, write_json
from sfm_gt.formats.workspace import Workspace

if TYPE_CHECKING:
    from sfm_gt.metrics.grading import GtFrame, Score, Unscored
    from sfm_gt.metrics.protocol import Protocol

STAGE = "evaluate"
VERSION = 1

Rows = list[tuple[Any, ...]]


def run(workspace: Workspace, config: EvaluateConfig, models: Sequence[ModelConfig], clip_ids: Sequence[str]) -> None:
    """One pass over the frames of ``clip_ids``; writes OUT/evaluation/ whole.

    Raises:
        InputError: predictions that should be there are not, or have another size than the ground truth.
    """
    from sfm_gt.metrics.protocol import Protocol

    protocol = Protocol(config.min_depth_m, config.max_depth_m, config.min_pixels)
    dataset = open_dataset(workspace.root)
    scores, unscored = _grade_all(workspace, protocol, dataset, models, set(clip_ids))
    with replacing_directory(workspace.evaluation) as folder:
        _write(folder, protocol, scores, unscored, [model.name for model in models], _notes(dataset, set(clip_ids)))


def _grade_all(
    workspace: Workspace, protocol: Protocol, dataset: Dataset, models: Sequence[ModelConfig], clip_ids: set[str]
) -> tuple[Rows, Rows]:
    from sfm_gt.metrics.grading import Score
    from sfm_gt.stages.progress import progress

    scores: Rows = []
    unscored: Rows = []
    kind_of = lru_cache(maxsize=None)(partial(_kind_of, workspace))
    with progress("evaluate") as report:
        for number, frame in enumerate(dataset, start=1):
            if frame.clip_id in clip_ids:
                kinds = {model.name: kind_of(model.name, frame.clip_id) for model in models}
                for key, result in _grade_frame(workspace, protocol, frame, kinds):
                    (scores if isinstance(result, Score) else unscored).append((*key, *astuple(result)))
            report(number, len(dataset))
    return scores, unscored


def _grade_frame(
    workspace: Workspace, protocol: Protocol, frame: Frame, kinds: dict[str, str]
) -> Iterator[tuple[tuple[Any, ...], Score | Unscored]]:
    from sfm_gt.metrics.grading import grade
    from sfm_gt.models.stored import read_prediction

    gt = _gt_of(frame, protocol)
    for model, kind in kinds.items():
        folder = workspace.predictions(model, frame.clip_id)
        values = read_prediction(folder, frame.frame_index, frame.camera.height, frame.camera.width)
        for result in grade(protocol, gt, values, kind):
            yield (frame.clip_id, frame.video_id, frame.frame_index, model, kind), result


def _gt_of(frame: Frame, protocol: Protocol) -> GtFrame:
    from sfm_gt.metrics.grading import GtFrame

    z_depth = frame.z_depth_m if frame.metric else frame.z_depth_sfm
    scored = protocol.scored(z_depth, frame.moving, frame.overlay, frame.metric)
    person = frame.person
    regions = {} if person is None else {"person": scored & person, "environment": scored & ~person}
    return GtFrame(z_depth, scored, frame.metric, regions)


def _kind_of(workspace: Workspace, model: str, clip_id: str) -> str:
    folder = workspace.predictions(model, clip_id)
    manifest = read_manifest(folder)
    if "kind" not in manifest.measures:
        raise InputError(f"{folder}: predictions were {manifest.status}, but the clip has frames; run predict again")
    return str(manifest.measures["kind"])


def _notes(dataset: Dataset, clip_ids: set[str]) -> list[str]:
    metric = {frame.clip_id: frame.metric for frame in dataset if frame.clip_id in clip_ids}
    without = sorted(clip for clip, is_metric in metric.items() if not is_metric)
    if not without:
        return []
    clips = f"{len(without)} of {len(metric)} clips ({', '.join(without)})"
    return [f"metric: false for {clips}: depth there is up to scale, so they count under alignments up to scale only."]


def _write(folder: Path, protocol: Protocol, scores: Rows, unscored: Rows, models: list[str], notes: list[str]) -> None:
    import pandas as pd

    from sfm_gt.metrics import leaderboard
    from sfm_gt.report import tables

    frames = pd.DataFrame(scores, columns=list(leaderboard.SCORE_COLUMNS))
    failed = pd.DataFrame(unscored, columns=list(leaderboard.UNSCORED_COLUMNS))
    frames.to_parquet(folder / "frames.parquet", index=False)
    failed.to_parquet(folder / "unscored.parquet", index=False)
    rows = leaderboard.rows(frames, failed, models)
    notes = notes + [_inverted_note(row) for row in rows if 2 * row["inverted_frames"] > row["frames"]]
    (folder / "table.csv").write_text(tables.csv(rows, protocol.hash))
    (folder / "table.md").write_text(tables.markdown(rows, protocol.hash, notes))
    (folder / "table.tex").write_text(tables.latex(rows, protocol.hash, notes))
    reasons = Counter((row[3], row[5], row[6]) for row in unscored)
    summary = {
        "stage": STAGE,
        "version": VERSION,
        "protocol": protocol.description,
        "protocol_hash": protocol.hash,
        "rows": [{key: _without_nan(value) for key, value in row.items()} for row in rows],
        "unscored": [
            {"model": model, "alignment": alignment, "reason": reason, "frames": count}
            for (model, alignment, reason), count in sorted(reasons.items())
        ],
        "notes": notes,
    }
    write_json(folder / "summary.json", summary)


def _inverted_note(row: dict[str, Any]) -> str:
    return (
        f"{row['model']}: the fit turned the prediction around on {row['inverted_frames']} of {row['frames']} frames; "
        f"check kind ({row['kind']}) and negate, and do not trust its figures."
    )


def _without_nan(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
