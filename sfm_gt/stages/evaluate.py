"""Grades predictions against the data set: frames.parquet, summary.json and the tables, in one folder.

Frames are read once, and once more before where a protocol aligns over a whole clip or data set.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path

from sfm_gt.config import EvaluateConfig, ModelConfig
from sfm_gt.datasets.frames import Frame, open_dataset
from sfm_gt.evaluation.grade import Job, grade, network_facts, sha256_of
from sfm_gt.formats.atomic import replacing_directory
from sfm_gt.formats.workspace import Workspace
from sfm_gt.metrics.grading import FramePrediction
from sfm_gt.metrics.noise_floor import GtErrors
from sfm_gt.metrics.protocol import load_protocols
from sfm_gt.models.shared.cameras import OwnCameras, read_cameras
from sfm_gt.models.shared.stored import CONFIDENCE, StoredPredictions, read_map
from sfm_gt.workflow.versions import VERSIONS

STAGE = "evaluate"
VERSION = VERSIONS[STAGE]


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
        InputError: predictions that should be there are not, or are of images of another size than the ground truth, or a
            file of the data set is not as it was written.
    """
    dataset = open_dataset(workspace.root)
    protocols = load_protocols(config.protocols, config.min_depth_m, config.max_depth_m, config.min_pixels)
    wanted = [clip_id for clip_id in dataset.clip_ids if clip_id in set(clip_ids)]
    dataset.check_files(wanted)
    stored = lru_cache(maxsize=None)(lambda model, clip: StoredPredictions.open(workspace.predictions(model, clip)))
    kinds = {model.name: stored(model.name, wanted[0]).kind for model in models} if wanted else {}
    facts = {model: network_facts(workspace.predictions(model, wanted[0])) for model in kinds}
    weights = {model: sha256_of(workspace.predictions(model, wanted[0])) for model in kinds}
    known = {model: sha256 for model, sha256 in weights.items() if sha256}
    errors = GtErrors(config.gt_frame_sigma, config.gt_correlation_px)
    predict = partial(_prediction, stored, lru_cache(maxsize=None)(read_cameras))
    folders = {model: workspace.predictions(model, wanted[0]).parent for model in kinds}
    job = Job(dataset, wanted, kinds, predict, protocols, facts, known, gt_errors=errors, folders=folders)
    with replacing_directory(workspace.evaluation) as folder:
        grade(folder, job, seed, cores)


def _prediction(
    stored: Callable[[str, str], StoredPredictions], cameras: Callable[[Path], OwnCameras], model: str, frame: Frame
) -> FramePrediction:
    found = stored(model, frame.clip_id)
    values, flipped = found.read(frame.frame_index, (frame.camera.height, frame.camera.width))
    camera = cameras(found.folder).pinhole(frame.frame_index, frame.camera.width, frame.camera.height)
    confidence = None if values is None else read_map(found.folder / CONFIDENCE, frame.frame_index, values.shape)
    return FramePrediction(found.kind, values, flipped, confidence=confidence, camera=camera)
