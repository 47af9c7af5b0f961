"""Pairs of pixels that a benchmark orders by depth: the share that each model orders so.

table.csv .md .tex     one row a model for all images, and one for the images of each clip
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from sfm_gt.evaluation.evaluated_frames import Predict
from sfm_gt.imaging.pools import in_order, one_thread_a_call
from sfm_gt.metrics import ordinal
from sfm_gt.metrics.bootstrap import draw_videos, interval
from sfm_gt.metrics.resizing import ResizeRule, resized
from sfm_gt.public_datasets import Benchmark
from sfm_gt.report import tables

ALL = "all"
RESIZE: ResizeRule = "bilinear_align_corners"
"""As Depth Anything V2 brings its maps to the size of an image."""


def grade_pairs(
    folder: Path, benchmark: Benchmark, kinds: Mapping[str, str], predict: Predict, seed: int, cores: int
) -> None:
    """Writes the tables into ``folder``.

    Args:
        kinds: by model, in the order of the table.
    """
    with one_thread_a_call(), ThreadPoolExecutor(cores) as threads:
        work = partial(_counts, benchmark, kinds, predict)
        counts = np.stack(list(in_order(threads, work, range(len(benchmark)), cores)))
    clips = np.array([frame.clip_id for frame in benchmark])
    rows = [
        _row(model, kind, images_of, counts[chosen, number], seed)
        for number, (model, kind) in enumerate(kinds.items())
        for images_of, chosen in [
            (ALL, np.full(clips.size, True)),
            *((clip, clips == clip) for clip in benchmark.clip_ids),
        ]
    ]
    shown = tables.table(tables.PAIRS, rows, [tables.BELOW_PAIRS])
    (folder / "table.csv").write_text(tables.csv(rows, ""))
    (folder / "table.md").write_text(tables.markdown(shown))
    (folder / "table.tex").write_text(tables.latex(shown))


def _counts(
    benchmark: Benchmark, kinds: Mapping[str, str], predict: Predict, number: int
) -> Float[np.ndarray, "models 3"]:
    """Of one image and each model: pairs in order, all pairs, pairs without an answer."""
    frame = benchmark[number]
    pairs, found = frame.nearer_farther, []
    height, width = frame.z_depth_m.shape
    assert pairs is not None, "the benchmark has pairs"
    rows, columns = pairs.transpose(2, 1, 0)
    for model, kind in kinds.items():
        values = predict(model, frame).values
        grows = np.full(rows.shape, np.nan, dtype=np.float32)
        if values is not None:
            grows = resized(values, height, width, RESIZE)[rows, columns]
        grows = -grows if kind == "affine_invariant_disparity" else grows
        unanswered = len(pairs) - np.isfinite(grows).all(axis=0).sum()
        found.append((ordinal.in_order(grows).sum(), len(pairs), unanswered))
    return np.array(found, dtype=np.float64)


def _row(model: str, kind: str, images_of: str, counts: Float[np.ndarray, "images 3"], seed: int) -> dict[str, Any]:
    right, pairs, unanswered = counts.T
    found = interval(right, pairs, draw_videos(pairs.size, seed), "share")
    return {
        "model": model, "kind": kind, "images_of": images_of, "accuracy": found.value, "accuracy_low": found.low,
        "accuracy_high": found.high, "pairs": int(pairs.sum()), "unanswered": int(unanswered.sum()),
    }  # fmt: skip
