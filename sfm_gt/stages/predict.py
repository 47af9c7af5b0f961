"""Runs one depth model on one clip's ground-truth images: predictions/<model>/<video>/<clip>/NNNNNN.npz, float32.

Maps are stored at the size that the model answers in; evaluation brings them to the size of the ground truth as each protocol
says. The manifest states the size of the images.

Beside the maps are, where the model states them, its cameras (``models/shared/cameras.py``) and confidence/NNNNNN.npy.
Size and run times of a network are in latency.json (``models/shared/latency.py``), the only file that differs between runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from sfm_gt import registry
from sfm_gt.config import ModelConfig
from sfm_gt.datasets.frames import Dataset, open_clip
from sfm_gt.formats.atomic import replacing_directory
from sfm_gt.formats.manifest import Manifest, check_files, read_manifest, write_manifest
from sfm_gt.formats.workspace import Workspace
from sfm_gt.models.shared import latency
from sfm_gt.models.shared.cameras import OwnCameras, write_cameras
from sfm_gt.models.shared.latency import PassTime, timed_prediction
from sfm_gt.models.shared.library_errors import library_errors
from sfm_gt.models.shared.network import NetworkModel
from sfm_gt.models.shared.prediction import DepthModel, FrameKey, MissingPredictionError, Prediction
from sfm_gt.models.shared.stored import CONFIDENCE, FLIPPED, image_sizes_measure, write_prediction
from sfm_gt.models.shared.video import ClipFrame, WindowModel, predict_clip
from sfm_gt.public_datasets import Benchmark
from sfm_gt.workflow.progress import progress
from sfm_gt.workflow.versions import VERSIONS

Answer = tuple[ClipFrame, Prediction | None]

STAGE = "predict"
VERSION = VERSIONS[STAGE]


def run(workspace: Workspace, model: ModelConfig, clip_id: str) -> Manifest:
    """Writes the model's map of every frame of the clip, the manifest last. A frame without an answer has no file.

    Raises:
        ConfigError: no such method, or the model's section does not fit it.
        InputError: the model's files, or its answer, cannot be used.
    """
    built = workspace.clip_stage(clip_id, "dataset")
    dataset_manifest = read_manifest(built)
    check_files(built)
    with replacing_directory(workspace.predictions(model.name, clip_id)) as folder, library_errors(model.name):
        if dataset_manifest.ok:
            plugin: DepthModel = registry.load("models", model.method)(model)
            manifest = _predict_clip(plugin, model, open_clip(workspace.dataset, clip_id), clip_id, folder)
        else:
            manifest = dataset_manifest.skipped_in(STAGE, VERSION)
        write_manifest(folder, manifest)
    return manifest


def run_benchmark(benchmark: Benchmark, model: ModelConfig, out: Path) -> dict[str, Manifest]:
    """The same for every clip of a public benchmark, into ``out``/<clip>; the manifests by clip.

    Raises:
        ConfigError, InputError: as :func:`run`.
    """
    with library_errors(model.name):
        plugin: DepthModel = registry.load("models", model.method)(model)
    manifests = {}
    for clip_id in benchmark.clip_ids:
        with replacing_directory(out / clip_id) as folder, library_errors(model.name):
            manifests[clip_id] = _predict_clip(plugin, model, benchmark, clip_id, folder)
            write_manifest(folder, manifests[clip_id])
    return manifests


def _predict_clip(
    plugin: DepthModel, model: ModelConfig, dataset: Dataset | Benchmark, clip_id: str, folder: Path
) -> Manifest:
    n_frames, title = len(dataset.frames_of(clip_id)), f"{model.name} on {clip_id}"
    finite_shares: list[float] = []
    sizes: list[tuple[int, int]] = []
    times: list[latency.PassTime] = []
    intrinsics, poses = dict[int, np.ndarray](), dict[int, np.ndarray]()
    for given, found in _shown(_predictions(plugin, _frames(dataset, clip_id), times), title, n_frames):
        height, width = given.image.shape[:2]
        sizes.append((height, width))
        if found is not None:
            write_prediction(folder, given.key.frame_index, found.values)
            finite_shares.append(float(np.isfinite(found.values).mean()))
            if found.confidence is not None:
                (folder / CONFIDENCE).mkdir(exist_ok=True)
                write_prediction(folder / CONFIDENCE, given.key.frame_index, found.confidence)
            if found.intrinsics is not None:
                intrinsics[given.key.frame_index] = found.intrinsics
            if found.cam_from_world is not None:
                poses[given.key.frame_index] = found.cam_from_world
    write_cameras(folder, OwnCameras(intrinsics, poses))
    if isinstance(plugin, NetworkModel | WindowModel) and times:
        latency.write_latency(folder, latency.summary(plugin.facts, times, width, height))
    if model.flipped:
        (folder / FLIPPED).mkdir()
        mirrored = (_mirrored(frame) for frame in _frames(dataset, clip_id))
        for given, found in _shown(_predictions(plugin, mirrored, []), f"{title}, flipped", n_frames):
            if found is not None:
                write_prediction(folder / FLIPPED, given.key.frame_index, found.values[:, ::-1])
    return _manifest(plugin, sizes, finite_shares)


def _frames(dataset: Dataset | Benchmark, clip_id: str) -> Iterator[ClipFrame]:
    """One by one: a frame keeps the layers that it has read, so a list of frames would grow with the clip."""
    for frame in dataset:
        if frame.clip_id == clip_id:
            yield ClipFrame(frame.image, frame.camera, FrameKey(frame.clip_id, frame.frame_index))


def _mirrored(frame: ClipFrame) -> ClipFrame:
    camera = frame.camera and replace(frame.camera, cx=frame.camera.width - frame.camera.cx)
    return replace(frame, image=np.ascontiguousarray(frame.image[:, ::-1]), camera=camera)


def _shown(predictions: Iterator[Answer], title: str, n_frames: int) -> Iterator[Answer]:
    """The same with progress."""
    with progress(title) as report:
        for done, answer in enumerate(predictions, start=1):
            yield answer
            report(done, n_frames)


def _predictions(plugin: DepthModel, clip: Iterator[ClipFrame], times: list[PassTime]) -> Iterator[Answer]:
    """Every frame with its map, or None where the model has nothing; a network's passes are added to ``times``."""
    if isinstance(plugin, WindowModel):
        yield from predict_clip(plugin, clip, times)
        return
    for given in clip:
        if isinstance(plugin, NetworkModel):
            prediction, time = timed_prediction(plugin, given.image, given.camera)
            times.append(time)
            yield given, prediction
            continue
        try:
            yield given, plugin.predict(given.image, given.camera, given.key)
        except MissingPredictionError:
            yield given, None


def _manifest(plugin: DepthModel, sizes: list[tuple[int, int]], finite_shares: list[float]) -> Manifest:
    n_frames = len(sizes)
    missing, without = n_frames - len(finite_shares), finite_shares.count(0.0)
    found = [(missing, "have no prediction"), (without, "have no finite value")]
    return Manifest(
        STAGE,
        VERSION,
        message="; ".join(f"{count} of {n_frames} frames {what}" for count, what in found if count) or None,
        measures={
            "kind": plugin.kind,
            "image_sizes": image_sizes_measure(sizes),
            "model_sha256": plugin.source_sha256,
            "frames": n_frames - missing,
            "frames_missing": missing,
            "frames_without_finite_value": without,
            "mean_finite_fraction": float(np.mean(finite_shares)) if finite_shares else 0.0,
        },
    )
