"""Grading: predictions against a data set, whoever made them; all tables in one folder.

Frames are read once, and once more before where a protocol aligns over a whole clip or data set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sfm_gt.datasets.frames import Dataset
from sfm_gt.evaluation.evaluated_frames import Predict, evaluated_frames
from sfm_gt.evaluation.evaluation_files import Tables, write_rows
from sfm_gt.evaluation.fused_clouds import FusedClouds
from sfm_gt.evaluation.kind_check import refusals
from sfm_gt.evaluation.own_cameras import camera_rows
from sfm_gt.evaluation.published_comparison import comparison_rows
from sfm_gt.evaluation.scale_of_tables import marking, models_that_set_scales, scale_notes
from sfm_gt.formats.frame_scores import FrameScoresWriter
from sfm_gt.formats.manifest import MANIFEST_NAME, read_manifest
from sfm_gt.metrics.bootstrap import SMALLEST
from sfm_gt.metrics.evaluation import INDEPENDENT, Evaluation
from sfm_gt.metrics.fusion import FusionSettings
from sfm_gt.metrics.noise_floor import GtErrors
from sfm_gt.metrics.protocol import Protocol
from sfm_gt.models.shared.latency import read_latency
from sfm_gt.public_datasets import Benchmark
from sfm_gt.workflow.versions import VERSIONS


@dataclass(frozen=True)
class Job:
    """What is graded, and on what.

    Attributes:
        kinds: of every model, in the order of the tables.
        model_sha256: of the weights, by model, where known: a renamed model is still the same.
        facts: by model, what belongs to its figures: size and clock times of the network.
        quoted: rows that others published for this data set.
        gt_errors: what errors of the ground truth share.
        folders: of predictions that may have cameras beside them, by model.
        compared: a benchmark, and the name of a published model by that of a measured one; see ``published_comparison``.
        fusion: how clouds are fused and compared; None = not at all.
    """

    dataset: Dataset | Benchmark
    clip_ids: Sequence[str]
    kinds: Mapping[str, str]
    predict: Predict
    protocols: Sequence[Protocol]
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    model_sha256: Mapping[str, str] = field(default_factory=dict)
    quoted: Sequence[Mapping[str, Any]] = ()
    gt_errors: GtErrors = INDEPENDENT
    folders: Mapping[str, Path] = field(default_factory=dict)
    fusion: FusionSettings | None = None
    compared: tuple[str, Mapping[str, str]] | None = None


def grade(folder: Path, job: Job, seed: int, cores: int) -> list[str]:
    """Grades any predictions; writes all files into ``folder``.

    Returns:
        What was refused, a line each.
    """
    refused = refusals(job.dataset, job.clip_ids, job.kinds, job.predict)
    setters = models_that_set_scales(job.dataset, job.clip_ids, job.kinds, job.model_sha256)
    predict = marking(job.predict, setters)
    kinds = {name: kind for name, kind in job.kinds.items() if name not in refused}
    evaluation = Evaluation(job.protocols, kinds, seed, job.gt_errors, keep_aligned=job.fusion is not None)
    clouds = None if job.fusion is None else FusedClouds(job.dataset, job.folders, job.fusion)
    with FrameScoresWriter(folder / "frames.parquet") as writer:
        for graded, results in evaluated_frames(evaluation, job.dataset, set(job.clip_ids), predict, cores):
            write_rows(writer, graded.frame, results, evaluation.models)
            if clouds is not None:
                clouds.add(graded)
    notes = [*refused.values(), *_notes(job.dataset, job.clip_ids), *scale_notes(job.dataset, job.clip_ids, setters)]
    cameras = camera_rows(job.dataset, {name: path for name, path in job.folders.items() if name in kinds})
    fused = (job.fusion, clouds.rows()) if clouds is not None and job.fusion is not None else None
    compared = comparison_rows(evaluation, *job.compared) if job.compared is not None else []
    Tables(evaluation, notes, seed, job.facts, job.quoted, cameras, fused, compared).write(
        folder, {"stage": "evaluate", "version": VERSIONS["evaluate"]}
    )
    return list(refused.values())


def network_facts(folder: Path) -> dict[str, Any]:
    """Size and clock times of the network whose predictions lie in the folder, as columns; empty for all else."""
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
    if len(videos) < SMALLEST:
        notes.append(f"Fewer than {SMALLEST} videos: no intervals, and no difference can be called resolved.")
    return notes
