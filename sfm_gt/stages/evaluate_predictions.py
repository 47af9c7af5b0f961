"""Grades predictions that another program wrote, without a workflow: a data set, a folder and what its values mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sfm_gt.config import EvaluateConfig, ModelConfig
from sfm_gt.datasets.frames import Frame, open_dataset
from sfm_gt.errors import ConfigError, InputError
from sfm_gt.formats.atomic import replacing_directory
from sfm_gt.stages.evaluate import evaluate

if TYPE_CHECKING:
    from sfm_gt.metrics.grading import FramePrediction

SEED = 0


def run(gt: Path, predictions: Path, kind: str, out: Path, protocols: Sequence[str], cores: int) -> str:
    """Writes all tables into ``out`` and gives the main one as Markdown.

    Args:
        gt: output folder of a run, or its ``dataset`` folder.
        predictions: folder that holds <clip_id>/NNNNNN.npy (npz, exr, png).
        protocols: names or YAML files, all shipped ones when empty.

    Raises:
        ConfigError: no such kind or protocol.
        InputError: there is no data set, no prediction fits it, or the values run against their kind.
    """
    from sfm_gt.metrics.grading import FramePrediction
    from sfm_gt.models.on_disk import OnDiskModel
    from sfm_gt.models.prediction import KINDS, FrameKey, MissingPredictionError

    if kind not in KINDS:
        raise ConfigError(f"--kind: found {kind!r}, needed one of {', '.join(KINDS)}")
    name = predictions.resolve().name
    plugin = OnDiskModel(ModelConfig.model_construct(name=name, method="on_disk", path=str(predictions), kind=kind))
    dataset = open_dataset(gt)

    def predict(_: str, frame: Frame) -> FramePrediction:
        try:
            values = plugin.predict(frame.image, frame.camera, FrameKey(frame.clip_id, frame.frame_index)).values
        except MissingPredictionError:
            values = None
        return FramePrediction(kind, values)

    if not any((predictions / clip_id).is_dir() for clip_id in dataset.clip_ids):
        raise InputError(f"{predictions}: holds no folder of a clip; needed one of {', '.join(dataset.clip_ids)}")
    config = EvaluateConfig(protocols=tuple(protocols)) if protocols else EvaluateConfig()
    with replacing_directory(out) as folder:
        refused = evaluate(folder, config, dataset, dataset.clip_ids, {name: kind}, predict, SEED, cores)
        if refused:
            raise InputError(f"{predictions}: {refused[0]}")
    return (out / "table.md").read_text()
