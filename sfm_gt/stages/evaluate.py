"""Grades predictions against the data set: frames.parquet, summary.json and the tables, in one folder.

Frames are read once, and once more before where a protocol aligns over a whole clip or data set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfm_gt.config import EvaluateConfig, ModelConfig
from sfm_gt.datasets.frames import Dataset, Frame, open_dataset
from sfm_gt.formats.atomic import replacing_directory
from sfm_gt.formats.manifest import MANIFEST_NAME, read_manifest
from sfm_gt.formats.workspace import Workspace

if TYPE_CHECKING:
    from sfm_gt.datasets.benchmarks import Benchmark
    from sfm_gt.metrics.grading import FramePrediction
    from sfm_gt.metrics.protocol import Protocol
    from sfm_gt.models.stored import StoredPredictions
    from sfm_gt.stages.evaluated_frames import Predict

STAGE = "evaluate"
VERSION = 4


@dataclass(frozen=True)
class Job:
    """What is graded, and on what.

    Attributes:
        kinds: of every model, in the order of the tables.
        model_sha256: of the weights, by model, where known: a renamed model is still the same.
        facts: by model, what stands beside its figures: size and clock times of the network.
        quoted: rows that others published for this data set.
    """

    dataset: Dataset | Benchmark
    clip_ids: Sequence[str]
    kinds: Mapping[str, str]
    predict: Predict
    protocols: Sequence[Protocol]
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    model_sha256: Mapping[str, str] = field(default_factory=dict)
    quoted: Sequence[Mapping[str, Any]] = ()


def run(
    workspace: Workspace,
    config: EvaluateConfig,
    models: Sequence[ModelConfig],
    clip_ids: Sequence[str],
    seed: int = 0,
    cores: int = 1,
) -> None:
    """Grades what the predict stage left for ``clip_ids``; writes OUT/evaluation/ whole.

    Raises:
        ConfigError: a protocol cannot be used.
        InputError: predictions that should be there are not, or are of images of another size than the ground truth.
    """
    from sfm_gt.metrics.protocol import load_protocols
    from sfm_gt.models.stored import StoredPredictions

    dataset = open_dataset(workspace.root)
    protocols = load_protocols(config.protocols, config.min_depth_m, config.max_depth_m, config.min_pixels)
    wanted = [clip_id for clip_id in dataset.clip_ids if clip_id in set(clip_ids)]
    stored = lru_cache(maxsize=None)(lambda model, clip: StoredPredictions.open(workspace.predictions(model, clip)))
    kinds = {model.name: stored(model.name, wanted[0]).kind for model in models} if wanted else {}
    facts = {model: network_facts(workspace.predictions(model, wanted[0])) for model in kinds}
    weights = {model: sha256_of(workspace.predictions(model, wanted[0])) for model in kinds}
    known = {model: sha256 for model, sha256 in weights.items() if sha256}
    job = Job(dataset, wanted, kinds, partial(_prediction, stored), protocols, facts, known)
    with replacing_directory(workspace.evaluation) as folder:
        evaluate(folder, job, seed, cores)


def evaluate(folder: Path, job: Job, seed: int, cores: int) -> list[str]:
    """Grades any predictions; writes all files into ``folder``.

    Returns:
        What was refused, a line each.
    """
    from sfm_gt.formats.frame_scores import FrameScoresWriter
    from sfm_gt.metrics.evaluation import Evaluation
    from sfm_gt.stages.evaluated_frames import evaluated_frames
    from sfm_gt.stages.evaluation_files import Tables, write_rows
    from sfm_gt.stages.scale_of_tables import marking, models_that_set_scales, scale_notes
    from sfm_gt.stages.wrong_kind import refusals

    refused = refusals(job.dataset, job.clip_ids, job.kinds, job.predict)
    setters = models_that_set_scales(job)
    predict = marking(job.predict, setters)
    kinds = {name: kind for name, kind in job.kinds.items() if name not in refused}
    evaluation = Evaluation(job.protocols, kinds, seed)
    with FrameScoresWriter(folder / "frames.parquet") as writer:
        for frame, results in evaluated_frames(evaluation, job.dataset, set(job.clip_ids), predict, cores):
            write_rows(writer, frame, results, evaluation.models)
    notes = [*refused.values(), *_notes(job.dataset, job.clip_ids), *scale_notes(job, setters)]
    Tables(evaluation, notes, seed, job.facts, job.quoted).write(folder, {"stage": STAGE, "version": VERSION})
    return list(refused.values())


def network_facts(folder: Path) -> dict[str, Any]:
    """Size and clock times of the network whose predictions lie in the folder, as columns; empty for all else."""
    from sfm_gt.models.latency import read_latency

    found = read_latency(folder)
    if found is None:
        return {}
    spreads = {"forward_ms": found.forward_ms, "total_ms": found.total_ms}
    return {
        "parameters": found.parameters, "device": found.device, "precision": found.precision, "batch": found.batch,
        "peak_memory_mb": found.peak_memory_mb, **{name: spread.median for name, spread in spreads.items()},
        **{f"{name}_low": spread.p25 for name, spread in spreads.items()},
        **{f"{name}_high": spread.p75 for name, spread in spreads.items()},
    }  # fmt: skip


def sha256_of(folder: Path) -> str | None:
    """Hash of the weights whose predictions lie in the folder; None where nobody noted it."""
    if not (folder / MANIFEST_NAME).is_file():
        return None
    sha256: str | None = read_manifest(folder).measures.get("model_sha256")
    return sha256


def _prediction(stored: Callable[[str, str], StoredPredictions], model: str, frame: Frame) -> FramePrediction:
    from sfm_gt.metrics.grading import FramePrediction

    found = stored(model, frame.clip_id)
    values, flipped = found.read(frame.frame_index, (frame.camera.height, frame.camera.width))
    return FramePrediction(found.kind, values, flipped)


def _notes(dataset: Dataset | Benchmark, clip_ids: Sequence[str]) -> list[str]:
    metric = {frame.clip_id: frame.metric for frame in dataset if frame.clip_id in clip_ids}
    videos = {frame.video_id for frame in dataset if frame.clip_id in clip_ids}
    without = sorted(clip for clip, is_metric in metric.items() if not is_metric)
    notes = []
    if without:
        clips = f"{len(without)} of {len(metric)} clips ({', '.join(without)})"
        notes.append(
            f"metric: false for {clips}: depth there is up to scale, so they count under alignments up to scale only."
        )
    if len(videos) == 1:
        notes.append("One video only: no intervals, and no difference can be called resolved.")
    return notes
