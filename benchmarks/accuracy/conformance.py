"""Protocols named after papers against ``published_protocols``, on ordinary input and on what breaks evaluations.

    python -m benchmarks.accuracy.conformance [--save]

Each cell is the largest relative difference over the figures that the code prints, of a data set of two clips; where neither
side has a finite figure, they agree. What is known to differ stands apart, with its reason. --save writes
benchmarks/results/conformance.json.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy import published_protocols as published
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.metrics.evaluation import EvaluatedFrame, Evaluation
from sfm_gt.metrics.grading import FramePrediction, GtFrame
from sfm_gt.metrics.leaderboard import rows
from sfm_gt.metrics.protocol import load_protocol
from sfm_gt.metrics.temporal import TemporalView

RESULT = Path(__file__).resolve().parents[1] / "results" / "conformance.json"
TOLERANCE = 1e-6
RANGE = (0.001, 80.0)
SHAPE, FRAMES_OF_CLIP = (24, 32), (3, 2)
FX, STEP = 30.0, 0.2
INPUTS = ("ordinary", "NaN", "infinite", "zeros", "negative", "above the range", "at its ends")
"""Classes of input: the first as a network answers; the others with 3 % of such values in the predictions, and for the last two
also in the GT."""


@dataclass(frozen=True)
class Case:
    """A protocol on one kind of prediction, beside the code that it is named after."""

    protocol: str
    kind: str
    alignment: str
    code: Callable[..., dict[str, float]]

    @property
    def name(self) -> str:
        """As it stands in the table."""
        return f"{self.protocol}, {self.code.func.__name__ if isinstance(self.code, partial) else self.code.__name__}"


DEPTH, DISPARITY = "metric_depth", "affine_invariant_disparity"
CASES = (
    Case("depth_anything_v1", DEPTH, "none", published.zoedepth),
    Case("depth_anything_v2", DEPTH, "none", published.depth_anything_v2),
    Case("marigold", DEPTH, "ls_affine_depth", published.marigold_depth),
    Case("marigold", DISPARITY, "ls_affine_disparity", published.marigold_disparity),
    Case("midas", DISPARITY, "ls_affine_disparity", published.midas),
    Case("moge", DEPTH, "none", published.moge_metric),
    Case("moge", DEPTH, "l1rel_scale", published.moge_scale),
    Case("moge", DEPTH, "l1rel_affine_depth", published.moge_affine),
    Case("moge", DISPARITY, "ls_affine_disparity", published.moge_disparity),
    Case("moge", DISPARITY, "ls_affine_disparity", published.moge_boundary),
    Case("video_depth_anything", DISPARITY, "ls_affine_disparity", published.video_depth_anything),
    Case("video_depth_anything", DISPARITY, "ls_affine_disparity",
         partial(published.video_depth_anything_tae, fx=FX, steps=STEP)),
    Case("megasam", DEPTH, "median_deviation", published.megasam),
)  # fmt: skip


def clips(kind: str, what: str) -> list[published.Clip]:
    """Predictions and GT of a class of input; the same each time."""
    rng = np.random.default_rng(0)
    return [[_frame(rng, kind, what) for _ in range(n)] for n in FRAMES_OF_CLIP]


def _frame(rng: np.random.Generator, kind: str, what: str) -> tuple[np.ndarray, np.ndarray]:
    depth = np.exp(rng.uniform(np.log(1.0), np.log(40.0), SHAPE)).astype(np.float32)
    p = (0.8 * depth * np.exp(rng.normal(0, 0.2, SHAPE)) + 0.3).astype(np.float32)
    if kind == DISPARITY:
        p = (0.1 / p + 0.002).astype(np.float32)
    odd, other = rng.random((2, *SHAPE)) < 0.03
    if what == "NaN":
        p[odd] = np.nan
    elif what == "infinite":
        p[odd] = np.inf
    elif what == "zeros":
        p[odd] = 0.0
    elif what == "negative":
        p[odd] = -p[odd]
    elif what == "above the range":
        p[odd], depth[other] = (10.0 if kind == DISPARITY else 120.0), 90.0
    elif what == "at its ends":
        lowest, highest = np.float32(RANGE)
        depth[odd], depth[other] = lowest, highest
        p[odd], p[other] = (1 / lowest, 1 / highest) if kind == DISPARITY else (lowest, highest)
    depth[rng.random(SHAPE) < 0.1] = np.nan
    return p, depth


def measured(case: Case, data: list[published.Clip]) -> dict[str, Any]:
    """The row of our table."""
    protocol = load_protocol(case.protocol).completed(*RANGE, 1)
    evaluation = Evaluation([protocol], {"model": case.kind})
    nowhere = np.zeros(SHAPE, bool)
    for number, clip in enumerate(data):
        frames = []
        for index, (p, g) in enumerate(clip):
            cam_from_world = np.eye(4)
            cam_from_world[0, 3] = -STEP * index
            camera = PinholeCamera(SHAPE[1], SHAPE[0], FX, FX, SHAPE[1] / 2, SHAPE[0] / 2)
            frames.append(EvaluatedFrame(
                f"c{number}", f"c{number}", index, GtFrame(g, nowhere, nowhere, None, True), None, None,
                TemporalView(g, np.isfinite(g), camera, cam_from_world), {"model": FramePrediction(case.kind, p)},
            ))  # fmt: skip
        pools = evaluation.pools("clip", len(frames))
        for frame in frames:
            evaluation.fit(frame, pools)
        for frame in frames:
            evaluation.add(evaluation.grade(frame, pools))
    return next(row for row in rows(evaluation, protocol.name, 0) if row["alignment"] == case.alignment)


def apart(case: Case, what: str) -> dict[str, float]:
    """Relative difference of every figure that the code prints; infinite where one side has none."""
    data = clips(case.kind, what)
    with np.errstate(all="ignore"):
        theirs, ours = case.code(data, *RANGE), measured(case, data)
    return {name: _relative(ours[name], value) for name, value in theirs.items()}


def _relative(ours: float, theirs: float) -> float:
    if not (math.isfinite(ours) or math.isfinite(theirs)):
        return 0.0
    if not (math.isfinite(ours) and math.isfinite(theirs)):
        return math.inf
    return abs(ours - theirs) / max(abs(theirs), 1e-12)


def table() -> list[dict[str, Any]]:
    """One row a case, one cell a class of input: the largest difference, and apart from it that of what is explained."""
    return [{"case": case.name, "alignment": case.alignment, "cells": {what: _cell(case, what) for what in INPUTS}}
            for case in CASES]  # fmt: skip


def _cell(case: Case, what: str) -> dict[str, Any]:
    found, known = apart(case, what), EXPLAINED.get((case.name, what))
    figures = {name: _rounded(found.pop(name)) for name in known.figures} if known else {}
    note = NOTES.index(known.why) + 1 if known else None
    return {"difference": _rounded(max(found.values(), default=0.0)), "explained": figures, "note": note}


def _rounded(value: float) -> float | None:
    """Two digits, as JSON has them; None for infinity."""
    return float(f"{value:.2g}") if math.isfinite(value) else None


@dataclass(frozen=True)
class Explained:
    """Figures that differ by more than TOLERANCE, and why."""

    figures: tuple[str, ...]
    why: str


NOTES = (
    "NaN exceeds no bound, so its code calls the picture perfect; here none of its pixels is inside",
    "sorting NaN gives its code some scale; here the fit of what is not finite is NaN",
    "it divides by g + 1e-6, which is 0.1 % at a GT of 1 mm",
    "its centres lie at least the radius inside the picture, and thresholds without an edge in either map count as 0, as does "
    "a map of NaN; here all pixels are centres, and such thresholds and maps have no figure",
)
_PERFECT = Explained(("delta1", "delta2", "delta3"), NOTES[0])
_BORDER = Explained(tuple(f"boundary_f1_r{radius}" for radius in (1, 2, 3)), NOTES[3])
EXPLAINED = {
    ("midas, midas", "NaN"): _PERFECT,
    ("midas, midas", "infinite"): _PERFECT,
    ("moge, moge_scale", "NaN"): Explained(("delta1",), NOTES[1]),
    ("moge, moge_scale", "at its ends"): Explained(("abs_rel",), NOTES[2]),
    **{("moge, moge_boundary", what): _BORDER for what in INPUTS},
}
"""Every known difference, by case and class of input."""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/conformance.json")
    content = {"tolerance": TOLERANCE, "inputs": INPUTS, "rows": table(), "notes": NOTES}
    if parser.parse_args().save:
        RESULT.write_text(json.dumps(content, indent=1) + "\n")
    for row in content["rows"]:
        print(row["case"], {what: cell["difference"] for what, cell in row["cells"].items()})


if __name__ == "__main__":
    main()
