"""View: one clip of a run in Rerun, with what models predicted and, where truth is given, the error of the ground truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sfm_gt.datasets.frames import Frame, open_dataset
from sfm_gt.errors import InputError, NotMetricError
from sfm_gt.exporters.rerun import ClipRecording, rerun_sdk
from sfm_gt.exporters.shared.clip import static_depth
from sfm_gt.formats.atomic import replacing_file
from sfm_gt.formats.manifest import read_json
from sfm_gt.formats.workspace import Workspace
from sfm_gt.metrics.protocol import Protocol
from sfm_gt.models.shared.stored import StoredPredictions, read_map
from sfm_gt.report.aligned import aligned_depth, shown_alignment

TRUTH_ERROR = "truth/error"
BRIGHTEST_ERROR = 0.5
"""Relative error with the last colour, as in the report."""


@dataclass(frozen=True)
class _Model:
    """What one model predicted for the clip, and how it is shown."""

    name: str
    stored: StoredPredictions
    alignment: str


def run(out: Path, clip_id: str | None, save: Path | None, truth: Path | None = None) -> str:
    """Opens the viewer, or writes the recording to ``save``; returns one line on what is shown.

    Args:
        out: output folder of a run, or its ``dataset``, which has no predictions.
        clip_id: the first one when None.
        truth: folder of ``<clip>/NNNNNN.npy``, true z-depth on the undistorted images in metres.

    Raises:
        InputError: no data set, no such clip, or Rerun is not installed.
        NotMetricError: truth for a clip without metres.
    """
    rerun, dataset = rerun_sdk(), open_dataset(out)
    chosen = clip_id or next(iter(dataset.clip_ids), None)
    if chosen not in dataset.clip_ids:
        raise InputError(f"{dataset.path}: no clip {chosen!r}; known are {', '.join(dataset.clip_ids)}")
    frames = dataset.frames_of(chosen)
    if truth and not frames[0].metric:
        raise NotMetricError(f"{chosen}: truth is in metres and the clip is not (metric: false); leave --truth out")
    recording = ClipRecording(rerun, chosen, frames)
    protocol, models = _models(Workspace(out), chosen, frames[0].metric)
    layers = [f"models/{model.name}/{what}" for model in models for what in ("depth", "error")]
    layers += [TRUTH_ERROR] if truth else []
    if save is None:
        recording.spawn(layers)
        _log(recording, protocol, models, truth)
    else:
        with replacing_file(save) as partial:
            recording.save(partial, layers)
            _log(recording, protocol, models, truth)
    shown = f"{recording.n_frames} of {len(frames)} frames of {chosen}"
    return f"view: {shown}" + (f" in {save}" if save else "")


def _models(workspace: Workspace, clip_id: str, metric: bool) -> tuple[Protocol | None, list[_Model]]:
    """The protocol of the run's tables, and the models that it has an alignment for; none before an evaluation."""
    path = workspace.evaluation / "summary.json"
    if not path.is_file():
        return None, []
    summary = read_json(path)
    protocol = Protocol.model_validate(summary["protocols"][summary["protocol"]])
    kinds: Mapping[str, str] = {row["model"]: row["kind"] for row in summary["rows"]}
    alignments = {name: shown_alignment(protocol, kind, metric) for name, kind in kinds.items()}
    return protocol, [
        _Model(name, StoredPredictions.open(workspace.predictions(name, clip_id)), alignment)
        for name, alignment in alignments.items()
        if alignment is not None
    ]


def _log(recording: ClipRecording, protocol: Protocol | None, models: list[_Model], truth: Path | None) -> None:
    for frame in recording.frames():
        recording.log_frame(frame)
        for model in models:
            _log_prediction(recording, frame, model, protocol)
        true_depth = None if truth is None else read_map(truth / frame.clip_id, frame.frame_index)
        if true_depth is not None:
            _log_error(recording, TRUTH_ERROR, static_depth(frame), true_depth)
    recording.close()


def _log_prediction(recording: ClipRecording, frame: Frame, model: _Model, protocol: Any) -> None:
    values, _ = model.stored.read(frame.frame_index, (frame.camera.height, frame.camera.width))
    depth = aligned_depth(frame, values, model.alignment, protocol)
    if not isinstance(depth, str):
        recording.log_map(f"models/{model.name}/depth", depth, recording.far, "inferno")
        _log_error(recording, f"models/{model.name}/error", depth, static_depth(frame))


def _log_error(recording: ClipRecording, entity: str, depth: np.ndarray, right: np.ndarray) -> None:
    """|depth - right| / right of the frame that was logged last."""
    recording.log_map(entity, np.abs(depth - right) / right, BRIGHTEST_ERROR, "magma")
