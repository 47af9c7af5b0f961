"""A look at a few frames before all are graded: a model whose values run against its declared kind is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sfm_gt.datasets.frames import Dataset, Frame
from sfm_gt.evaluation.evaluated_frames import Predict, depth_of
from sfm_gt.metrics.kind_check import kind_mismatch, order_agreement
from sfm_gt.metrics.resizing import resized
from sfm_gt.public_datasets import Benchmark, BenchmarkFrame

N_FRAMES = 12


def refusals(
    dataset: Dataset | Benchmark, clip_ids: Sequence[str], kinds: Mapping[str, str], predict: Predict
) -> dict[str, str]:
    """Models that cannot be what they are declared as, with the line that says why and what to change.

    Args:
        kinds: declared, by model.
    """
    wanted = set(clip_ids)
    numbers = [number for number in range(len(dataset)) if dataset[number].clip_id in wanted]
    shown = (
        sorted({numbers[i] for i in np.linspace(0, len(numbers) - 1, N_FRAMES).round().astype(int)}) if numbers else []
    )
    agreements: dict[str, list[float]] = {model: [] for model in kinds}
    for number in shown:
        _look(dataset[number], kinds, predict, agreements)
    # Whoever predicted none of these is looked at where there is something.
    unseen = {model: kind for model, kind in kinds.items() if not agreements[model]}
    for number in numbers:
        wanting = {model: kind for model, kind in unseen.items() if len(agreements[model]) < N_FRAMES}
        if not wanting:
            break
        _look(dataset[number], wanting, predict, agreements)
    found = {model: kind_mismatch(kinds[model], agreements[model]) for model in kinds}
    return {model: f"{model} refused: {reason}" for model, reason in found.items() if reason is not None}


def _look(
    frame: Frame | BenchmarkFrame, kinds: Mapping[str, str], predict: Predict, agreements: Mapping[str, list[float]]
) -> None:
    z_depth = depth_of(frame)
    usable = frame.valid & ~frame.moving & ~frame.overlay
    for model, kind in kinds.items():
        values = predict(model, frame).values
        if values is not None:
            matched = resized(values, z_depth.shape[0], z_depth.shape[1], "bilinear")
            agreements[model].append(order_agreement(matched, z_depth, usable, kind))
