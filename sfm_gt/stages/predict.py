"""Runs one depth model on one clip's ground-truth images: predictions/<model>/<clip>/NNNNNN.npy, float32."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sfm_gt import registry
from sfm_gt.config import ModelConfig
from sfm_gt.datasets.frames import Frame, open_dataset
from sfm_gt.errors import InputError
from sfm_gt.formats.atomic import replacing_directory
from sfm_gt.formats.manifest import Manifest, read_manifest, write_manifest
from sfm_gt.formats.workspace import Workspace

if TYPE_CHECKING:
    from sfm_gt.models.prediction import DepthModel

STAGE = "predict"
VERSION = 1


def run(workspace: Workspace, model: ModelConfig, clip_id: str) -> Manifest:
    """Writes the model's map of every frame of the clip, the manifest last. A frame without an answer has no file.

    Raises:
        ConfigError: no such method, or the model's section does not fit it.
        InputError: the model's files, or its answer, cannot be used.
    """
    dataset_manifest = read_manifest(workspace.clip_stage(clip_id, "dataset"))
    with replacing_directory(workspace.predictions(model.name, clip_id)) as folder:
        if dataset_manifest.ok:
            plugin: DepthModel = registry.load("models", model.method)(model)
            frames = open_dataset(workspace.root).frames_of(clip_id)
            manifest = _predict_all(plugin, frames, folder, f"{model.name} on {clip_id}")
        else:
            manifest = dataset_manifest.skipped_in(STAGE, VERSION)
        write_manifest(folder, manifest)
    return manifest


def _predict_all(plugin: DepthModel, frames: list[Frame], folder: Path, title: str) -> Manifest:
    from rich.console import Console
    from rich.progress import track

    from sfm_gt.models.prediction import FrameKey, MissingPredictionError

    missing, non_finite, pixels = 0, 0, 0
    for frame in track(frames, description=title, console=Console(file=sys.stderr)):
        try:
            prediction = plugin.predict(frame.image, frame.camera, FrameKey(frame.clip_id, frame.frame_index))
        except MissingPredictionError:
            missing += 1
            continue
        values = prediction.values
        if values.shape != frame.image.shape[:2]:
            raise InputError(f"{title}: frame {frame.frame_index}: map of shape {values.shape}, image {frame.image.shape}")
        pixels += values.size
        non_finite += int(values.size - np.isfinite(values).sum())
        np.save(folder / f"{frame.frame_index:06d}.npy", values.astype(np.float32))
    return Manifest(
        STAGE,
        VERSION,
        message=f"{missing} of {len(frames)} frames have no prediction" if missing else None,
        measures={
            "kind": plugin.kind,
            "model_sha256": plugin.source_sha256,
            "frames": len(frames) - missing,
            "frames_missing": missing,
            "non_finite_share": non_finite / pixels if pixels else 0.0,
        },
    )
