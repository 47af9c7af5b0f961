"""Collect: the data set's index, the tables and the report over all videos of a run."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from sfm_gt.config import Config
from sfm_gt.formats.layout_1 import remove_layout_1
from sfm_gt.formats.manifest import write_json
from sfm_gt.formats.verdict import read_verdict
from sfm_gt.formats.workspace import Workspace
from sfm_gt.stages import clip_list, evaluate, index, report
from sfm_gt.video.catalog import VideoFile
from sfm_gt.workflow.currency import collected_key
from sfm_gt.workflow.staleness import KEY_JSON, recorded_key, stale_results

log = logging.getLogger("sfm_gt")


def run(workspace: Workspace, config: Config, videos: Mapping[str, VideoFile], n_threads: int) -> None:
    """Writes clips.json, the data set's index, evaluation/ and report/; last what they were made of and what is not current.

    Raises:
        InputError: a verdict or prediction is missing.
    """
    video_ids = sorted(videos)
    verdicts = {video_id: read_verdict(workspace.verdict(video_id)) for video_id in video_ids}
    corpus = clip_list.run(workspace, list(verdicts.values()))
    clip_ids = [clip["clip_id"] for clip in corpus["clips"]]
    if removed := remove_layout_1(workspace):
        log.info("collect: removed %d folders that an earlier version of sfm-gt left", removed)
    content = index.run(workspace, clip_ids)
    log.info("index: %d frames of %d clips", content["frames"], len(content["clips"]))
    evaluate.run(workspace, config.evaluate, config.models, clip_ids, config.seed, n_threads)
    report.run(workspace, config.report, clip_ids)
    made_of = {video_id: verdict.key for video_id, verdict in verdicts.items()}
    for model in config.models:
        for video_id in video_ids:
            key = recorded_key(workspace.predictions_of_video(model.name, video_id) / KEY_JSON)
            made_of[f"{model.name}/{video_id}"] = key or ""
    stale = [str(path.relative_to(workspace.root)) for path in stale_results(config, videos.values())]
    write_json(workspace.collected, {"key": collected_key(config, made_of), "stale": stale})
