"""What tables owe the metric scale of the clips: where it came from, how sure it is, and whom it may not grade."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from sfm_gt.datasets.frames import Dataset, Frame
from sfm_gt.evaluation.evaluated_frames import Predict
from sfm_gt.metrics.grading import FramePrediction
from sfm_gt.public_datasets import Benchmark, BenchmarkFrame
from sfm_gt.workflow.outcome import count

Setters = Mapping[str, frozenset[str]]
"""By clip, the graded models that its scale rests on."""


def models_that_set_scales(
    dataset: Dataset | Benchmark, clip_ids: Sequence[str], models: Iterable[str], model_sha256: Mapping[str, str]
) -> Setters:
    """Graded models that set a clip's scale, known by name or by the hash of their weights, where that is known."""
    if not isinstance(dataset, Dataset):
        return {}
    found = {}
    for clip_id in clip_ids:
        set_by = dataset.clip_scale(clip_id).set_by
        mine = frozenset(name for name in models if name in set_by or model_sha256.get(name) in set_by)
        if mine:
            found[clip_id] = mine
    return found


def marking(predict: Predict, setters: Setters) -> Predict:
    """The same predictions, marked where the model set the clip's scale."""
    if not setters:
        return predict

    def marked(model: str, frame: Frame | BenchmarkFrame) -> FramePrediction:
        return replace(predict(model, frame), set_the_scale=model in setters.get(frame.clip_id, ()))

    return marked


def scale_notes(dataset: Dataset | Benchmark, clip_ids: Sequence[str], setters: Setters) -> list[str]:
    """Lines below the table: sigma of the clips' scales and their cues, contradictions, and who is not graded in metres."""
    if not isinstance(dataset, Dataset):
        return []
    scales = {clip_id: dataset.clip_scale(clip_id) for clip_id in clip_ids}
    sigmas = [scale.sigma_log_scale for scale in scales.values() if scale.sigma_log_scale is not None]
    notes = []
    if sigmas:
        cues = sorted({cue for scale in scales.values() if scale.metric for cue in scale.cues})
        clips, median = count(len(sigmas), "clip"), float(np.median(sigmas))
        notes.append(
            f"Metric scale of {clips} by {', '.join(cues)}: σ {100 * median:.2g} % (median), {100 * max(sigmas):.2g} % "
            f"(largest); unaligned figures closer than that are alike."
        )
    against = [clip_id for clip_id, scale in scales.items() if scale.contradictions]
    if against:
        notes.append(f"Scale cues contradict one another on {', '.join(against)}; see their clip.json.")
    for clip_id, models in setters.items():
        notes.append(
            f"{', '.join(sorted(models))} set the metric scale of {clip_id} and is not graded in metres there."
        )
    return notes
