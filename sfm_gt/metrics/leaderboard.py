"""From sums to rows: one a protocol, model and alignment, with intervals, noise floor, rank and everything not scored."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from sfm_gt.metrics.alignment import FREEDOM
from sfm_gt.metrics.bootstrap import draw_videos, interval
from sfm_gt.metrics.comparison import COMPARED, Rank
from sfm_gt.metrics.depth import METRICS
from sfm_gt.metrics.evaluation import Evaluation
from sfm_gt.metrics.pixel_sums import COLUMN
from sfm_gt.metrics.regions import DEPTH_EDGES_M, REGIONS
from sfm_gt.metrics.tally import FIGURES, Tally

MISSING = ("missing_prediction", "non_finite_prediction", "alignment_failed")
"""Reasons that are the model's doing; the others are the ground truth's or the protocol's."""
TAIL = 0.05
"""Share of frames beyond the tail."""

Row = dict[str, Any]


def rows(evaluation: Evaluation, protocol_name: str, seed: int) -> list[Row]:
    """One row for each model and alignment that was tried under a protocol, in the order of the models.

    Figures are of region ``all``: ``<figure>`` by the protocol's reducer, ``<figure>_image_mean`` over frames and
    ``<figure>_pixel_mean`` over frames weighted by pixels; NaN where nothing was scored, and for metrics in metres where no
    clip is metric. COMPARED have ``_low`` and ``_high``, the 95 % interval over videos, ``_floor``, and over frames
    ``_image_median`` and ``_image_tail``, which the worst 5 % of frames are beyond.
    """
    floors = evaluation.floors()
    ranks = {rank.model: rank for rank in evaluation.comparison.ranks() if rank.protocol == protocol_name}
    found = []
    for model in evaluation.models:
        mine = [
            tally
            for (name, protocol, _), tally in evaluation.tallies.items()
            if (name, protocol) == (model, protocol_name)
        ]
        for place, tally in enumerate(mine):
            floor = floors.get((protocol_name, tally.alignment))
            rank = ranks.get(model) if place == 0 else None
            found.append(_counts(model, tally) | _figures(tally, seed) | _floor(floor) | _rank(rank))
    return found


def _counts(model: str, tally: Tally) -> Row:
    scored = tally.scored_pixels
    return {
        "model": model,
        "kind": tally.kind,
        "protocol": tally.protocol.name,
        "protocol_hash": tally.protocol.hash,
        "alignment": tally.alignment,
        "scope": tally.protocol.scope,
        "videos": len(tally.videos),
        "clips": len(tally.clips),
        "frames": tally.frames,
        "pixels": tally.answered_pixels,
        "missing_frames": sum(tally.unscored[reason] for reason in MISSING),
        "missing_pixel_share": 1.0 - tally.answered_pixels / scored if scored else math.nan,
        "inverted_frames": tally.inverted,
        "not_finite_frames": tally.spoilt,
        "not_metric_frames": tally.unscored["not_metric"],
        "too_few_pixels_frames": tally.unscored["too_few_pixels"],
        "not_granted_frames": tally.unscored["not_granted"],
    }


def _figures(tally: Tally, seed: int) -> Row:
    videos = sorted(tally.videos)
    reducer = tally.protocol.reducer
    row: Row = {}
    for name, mine, image, pixel in zip(
        FIGURES, tally.means(reducer), tally.means("image"), tally.means("pixel"), strict=True
    ):
        row |= {name: float(mine), f"{name}_image_mean": float(image), f"{name}_pixel_mean": float(pixel)}
    numerator, denominator = tally.quotients(reducer, videos)
    for name in COMPARED:
        column = FIGURES.index(name)
        if videos:
            found = interval(
                numerator[:, column], denominator[:, column], draw_videos(len(videos), seed), COMPARED[name]
            )
        worst = TAIL if COMPARED[name] == "share" else 1 - TAIL
        row |= {
            f"{name}_image_median": tally.frame_quantile(name, 0.5),
            f"{name}_image_tail": tally.frame_quantile(name, worst),
        }
        row |= {f"{name}_low": found.low if videos else math.nan, f"{name}_high": found.high if videos else math.nan}
    return row


def _floor(floor: Float[np.ndarray, " metrics"] | None) -> Row:
    return {f"{name}_floor": math.nan if floor is None else float(floor[METRICS.index(name)]) for name in COMPARED}


def _rank(rank: Rank | None) -> Row:
    places = (rank.rank, rank.low, rank.high, rank.frames) if rank else (None,) * 4
    return dict(zip(("rank", "rank_low", "rank_high", "common_frames"), places, strict=True))


def region_rows(evaluation: Evaluation, protocol_name: str) -> list[Row]:
    """Metrics of every region that has pixels, frame > video > data set; by model and alignment."""
    found = []
    for (model, name, alignment), tally in evaluation.tallies.items():
        if name == protocol_name:
            for region, figures in zip(REGIONS, tally.region_means(), strict=True):
                if np.isfinite(figures).any():
                    of_region = dict(zip(METRICS, figures.tolist(), strict=True))
                    found.append({"model": model, "alignment": alignment, "region": region} | of_region)
    return found


def depth_rows(evaluation: Evaluation, protocol_name: str) -> list[Row]:
    """AbsRel by depth in metres, pixels of all metric clips pooled; by model and alignment.

    ``near_m`` and ``far_m`` bound a bin; the first and last bins are open to one side.
    """
    edges = (0.0, *DEPTH_EDGES_M, math.inf)
    found = []
    for (model, name, alignment), tally in evaluation.tallies.items():
        for number, sums in enumerate(tally.depth_sums):
            if name == protocol_name and sums[0] > 0:
                found.append({"model": model, "alignment": alignment, "near_m": edges[number], "far_m": edges[number + 1],
                              "pixels": int(sums[0]), "abs_rel": float(sums[COLUMN["relative"]] / sums[0])})  # fmt: skip
    return found


def unscored(evaluation: Evaluation) -> list[Row]:
    """How many frames could not be graded, by protocol, model, alignment and reason."""
    return [
        {"protocol": protocol, "model": model, "alignment": alignment, "reason": reason, "frames": count}
        for (model, protocol, alignment), tally in evaluation.tallies.items()
        for reason, count in sorted(tally.unscored.items())
    ]


def sensitivity(evaluation: Evaluation, seed: int) -> list[Row]:
    """The same predictions under every protocol: the row of the alignment that each model is ranked by."""
    found: list[Row] = []
    for protocol in evaluation.protocols:
        first: dict[str, Row] = {}
        for row in rows(evaluation, protocol.name, seed):
            first.setdefault(row["model"], row)
        found += first.values()
    return found


def by_freedom(evaluation: Evaluation) -> list[Row]:
    """COMPARED of every model unaligned, up to scale and up to scale and shift, side by side; one row a protocol and model.

    What a protocol does not grant to the kind has no entry; where it grants two of one freedom, the first counts.
    """
    found: dict[tuple[str, str], Row] = {}
    for (model, name, alignment), tally in evaluation.tallies.items():
        if alignment in FREEDOM:
            row = found.setdefault((name, model), {"protocol": name, "model": model, "kind": tally.kind})
            for metric, value in zip(FIGURES, tally.means(tally.protocol.reducer), strict=True):
                if metric in COMPARED:
                    row.setdefault(f"{metric}_{FREEDOM[alignment]}", float(value))
    order = [(protocol.name, model) for protocol in evaluation.protocols for model in evaluation.models]
    return [found[key] for key in order if key in found]


def differences(evaluation: Evaluation) -> list[Row]:
    """Paired differences of every two models, with interval, resolution of the GT and verdict."""
    return [
        {
            "protocol": one.protocol,
            "model": one.model,
            "other": one.other,
            "metric": one.metric,
            "difference": one.difference.value,
            "low": one.difference.low,
            "high": one.difference.high,
            "p_holm": one.p,
            "resolution": one.resolution,
            "verdict": one.verdict,
            "videos": one.videos,
            "frames": one.frames,
            "left_out_frames": one.left_out,
        }
        for one in evaluation.comparison.differences()
    ]
