"""Predict: one depth model on all clips of one video."""

from __future__ import annotations

import logging
import shutil

from sfm_gt.config import ModelConfig
from sfm_gt.formats.manifest import read_manifest, write_json
from sfm_gt.formats.verdict import read_verdict
from sfm_gt.formats.workspace import Workspace
from sfm_gt.stages import predict
from sfm_gt.workflow.currency import prediction_key, section_key
from sfm_gt.workflow.staleness import KEY_JSON

log = logging.getLogger("sfm_gt")


def run(workspace: Workspace, model: ModelConfig, video_id: str) -> None:
    """Writes ``predictions/<model>/<video>/``, a folder a clip with ground truth, and last what they were made of.

    Raises:
        ConfigError: no such method, or the model's section does not fit it.
        InputError: the model's files, or its answer, cannot be used.
    """
    folder = workspace.predictions_of_video(model.name, video_id)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    verdict = read_verdict(workspace.verdict(video_id))
    for clip in verdict.clips:
        if read_manifest(workspace.clip_stage(clip["clip_id"], "dataset")).ok:
            manifest = predict.run(workspace, model, clip["clip_id"])
            log.info("predict: %s", manifest.message or "ok")
    write_json(folder / KEY_JSON, {"key": prediction_key(section_key(model), verdict.key)})
