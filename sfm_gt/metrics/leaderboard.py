"""From figures of frames to one row a model and alignment: means, counts and what could not be scored."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sfm_gt.metrics.depth import IN_METRES, UNITLESS
from sfm_gt.metrics.grading import ALL, COVERAGE, INVERTED
from sfm_gt.metrics.protocol import dataset_mean, image_mean

if TYPE_CHECKING:
    import pandas as pd

SCORE_COLUMNS = (
    "clip_id", "video_id", "frame_index", "model", "kind", "alignment", "region", "metric", "value", "n_pixels",
)  # fmt: skip
UNSCORED_COLUMNS = ("clip_id", "video_id", "frame_index", "model", "kind", "alignment", "reason")
MISSING = ("missing_prediction", "non_finite_prediction", "alignment_failed")
"""Reasons that are the model's doing; the others are the ground truth's."""

Row = dict[str, Any]


def rows(scores: pd.DataFrame, unscored: pd.DataFrame, models: list[str]) -> list[Row]:
    """One row for each model and alignment that was tried, in the order of ``models``.

    Figures are of region ``all``: ``<metric>`` is frame > video > data set, ``<metric>_image_mean`` over frames; NaN
    where nothing was scored, and for metrics in metres where no clip is metric.

    Args:
        scores: columns SCORE_COLUMNS.
        unscored: columns UNSCORED_COLUMNS.
    """
    tried = {(s.model, s.alignment): s.kind for table in (scores, unscored) for s in _entries(table)}
    order = sorted(tried, key=lambda entry: (models.index(entry[0]), entry[1] != "none", entry[1]))
    return [_row(scores, unscored, model, tried[model, alignment], alignment) for model, alignment in order]


def _entries(table: pd.DataFrame) -> Any:
    return table[["model", "kind", "alignment"]].drop_duplicates().itertuples()


def _row(scores: pd.DataFrame, unscored: pd.DataFrame, model: str, kind: str, alignment: str) -> Row:
    mine = scores[(scores.model == model) & (scores.alignment == alignment) & (scores.region == ALL)]
    failed = unscored[(unscored.model == model) & (unscored.alignment == alignment)]
    coverage = mine[mine.metric == COVERAGE]
    counted = mine[mine.metric == "abs_rel"]
    gt_pixels = int(coverage.n_pixels.sum())
    row: Row = {
        "model": model,
        "kind": kind,
        "alignment": alignment,
        "videos": int(counted.video_id.nunique()),
        "clips": int(counted.clip_id.nunique()),
        "frames": len(counted),
        "pixels": int(counted.n_pixels.sum()),
        "missing_frames": int(failed.reason.isin(MISSING).sum()),
        "missing_pixel_share": 1.0 - int(counted.n_pixels.sum()) / gt_pixels if gt_pixels else math.nan,
        "inverted_frames": int(mine[mine.metric == INVERTED].value.sum()),
        "not_metric_frames": int((failed.reason == "not_metric").sum()),
        "too_few_pixels_frames": int((failed.reason == "too_few_pixels").sum()),
    }
    for metric in (*UNITLESS, *IN_METRES):
        figures = mine[mine.metric == metric]
        row[metric] = dataset_mean(list(figures.value), list(figures.video_id))
        row[f"{metric}_image_mean"] = image_mean(list(figures.value))
    return row
