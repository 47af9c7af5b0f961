"""Reconstruct: one video, from film to the published data set of its clips and a verdict.

Stages leave their results in OUT/work with a key; what has the same key as before is not made again. What is large and quickly
made again goes when the data set of its clip stands. Whatever breaks, be it a crash of a decoder, becomes the video's verdict
``failed``, so that the others go on.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sfm_gt.config import Config
from sfm_gt.errors import one_line
from sfm_gt.formats.atomic import replacing_directory
from sfm_gt.formats.manifest import Manifest, read_json, write_json
from sfm_gt.formats.sources import TOMBSTONES_JSON
from sfm_gt.formats.verdict import FAILED, INPUTS_NAME, Verdict, gather, write_verdict
from sfm_gt.formats.workspace import Workspace
from sfm_gt.scale.shared.estimate import need_depth
from sfm_gt.workflow.clip_chain import ClipChain, Step
from sfm_gt.workflow.clip_stage import begins, say
from sfm_gt.workflow.currency import digest, ingest_key, made, settings_key, stage_key
from sfm_gt.workflow.guard import guarded
from sfm_gt.workflow.staleness import VideoInputs, verdict_key
from sfm_gt.workflow.stated_use import use_refused

log = logging.getLogger("sfm_gt")


def run(workspace: Workspace, config: Config, inputs: VideoInputs, n_threads: int, keep_files: bool = False) -> Verdict:
    """Makes ``dataset/clips/<video>/`` and, last, ``videos/<video>/``; the verdict.

    Args:
        keep_files: decoded frames and what else the maps are made of stay in OUT/work.
    """
    video_id = inputs.video.video_id
    # Should this job be killed, no old verdict speaks for a half-made data set.
    shutil.rmtree(workspace.verdict(video_id), ignore_errors=True)
    recorded, settings = inputs.recorded(), settings_key(config)
    stages = _Stages(workspace, config, inputs, recorded, n_threads, keep_files)
    problem = guarded(stages.run)
    key = verdict_key(settings, recorded)
    verdict = _failed(key, settings, inputs, problem) if problem else _found(key, settings, workspace, video_id)
    _prune(workspace.published(video_id), [clip["clip_id"] for clip in verdict.clips])
    with replacing_directory(workspace.verdict(video_id)) as folder:
        write_json(folder / INPUTS_NAME, recorded)
        for clip in verdict.clips:
            gather(workspace, clip["clip_id"], folder)
        write_verdict(folder, verdict)
    return verdict


def _found(key: str, settings: str, workspace: Workspace, video_id: str) -> Verdict:
    shots = read_json(workspace.clips(video_id))
    return Verdict(key, settings, read_json(workspace.ingest(video_id)), shots["clips"], shots["rejected"])


def _failed(key: str, settings: str, inputs: VideoInputs, problem: str) -> Verdict:
    name = one_line(inputs.video.name)
    message = f"{name}: {problem}; see logs/reconstruct/{inputs.video.video_id}.log"
    facts = {"video_id": inputs.video.video_id, "path": name, "status": FAILED, "reason": FAILED, "message": message}
    return Verdict(key, settings, facts)


def _prune(folder: Path, clip_ids: Sequence[str]) -> None:
    """Leaves only the clips that the verdict names."""
    folder.mkdir(parents=True, exist_ok=True)
    for clip in folder.iterdir():
        if clip.is_dir() and clip.name not in clip_ids:
            shutil.rmtree(clip)


class _Stages:
    """The stages of one video in a row, each with the key of what it reads."""

    def __init__(
        self,
        workspace: Workspace,
        config: Config,
        inputs: VideoInputs,
        recorded: dict[str, Any],
        n_threads: int,
        keep_files: bool,
    ):
        self._workspace, self._config, self._inputs, self._threads = workspace, config, inputs, n_threads
        self._keep_files = keep_files
        self._video, self._sidecar = inputs.video, inputs.sidecar
        content = {name: str(state.get("sha256")) for name, state in recorded["files"].items()}
        own = (recorded["path"], recorded["sidecar"])
        self._film = content.get(recorded["path"], "")
        self._beside = json.dumps({name: sha256 for name, sha256 in content.items() if name not in own}, sort_keys=True)

    def run(self) -> None:
        """Films are decoded, clips reconstructed; the data set of every clip is written."""
        from sfm_gt.stages import clips, ingest

        workspace, config, video = self._workspace, self._config, self._video
        found = workspace.ingest(video.video_id)
        begins("ingest")
        made(found.with_suffix(".key"), self._ingest_key(),
             lambda: ingest.run(workspace, video, config.frames, config.provenance))  # fmt: skip
        facts = read_json(found)
        if facts["reason"]:
            log.warning("ingest: %s (%s): %s", facts["status"], facts["reason"], facts["message"])
        for warning in facts.get("warnings", ()):
            log.warning("warning: %s", warning)
        listed = workspace.clips(video.video_id)
        begins("clips")
        made(listed.with_suffix(".key"), stage_key(config, "clips", self._film, facts["status"]),
             lambda: clips.run(workspace, video.video_id, video.path, config.clips))  # fmt: skip
        for clip in read_json(listed)["clips"]:
            self._reconstruct(clip, facts)

    def _ingest_key(self) -> str:
        video, tombstones = self._video, self._workspace.dataset / TOMBSTONES_JSON
        named = (
            video.name,
            str(video.sidecar and video.sidecar.name),
            str(video.refusal),
            str(video.message),
            str(video.warning),
        )
        stated = self._sidecar.model_dump_json(include={"uploader", "source", "imported", "another_take"})
        forgotten = digest(tombstones) if tombstones.is_file() else ""
        # What ingest would refuse, and no more: a licence that changes nothing decodes nothing.
        against = str(use_refused(self._sidecar, self._config.provenance))
        return ingest_key(
            self._config, *named, self._inputs.error, self._film, stated, against, self._imports(), forgotten
        )

    def _imports(self) -> str:
        """What is imported; some formats say nothing of the focal length and take the sidecar's."""
        imported, camera = self._sidecar.imported, self._sidecar.camera
        return f"{imported.model_dump_json()}{camera.model_dump_json()}{self._beside}" if imported is not None else ""

    def _reconstruct(self, clip: dict[str, Any], facts: dict[str, Any]) -> None:
        from sfm_gt.stages import dataset

        clip_id = clip["clip_id"]
        chain = ClipChain(self._workspace, clip_id, self._steps(clip, facts, lambda frame: chain.clear_frame(frame)))
        # Maps come last, since they take what they are made of with them.
        for stage in ("scale", "maps"):
            chain.ensure(stage)
        begins("dataset")
        say(dataset.run(self._workspace, clip_id, self._video.sidecar))
        if not self._keep_files:
            chain.clear()

    def _steps(
        self, clip: dict[str, Any], facts: dict[str, Any], clear_frame: Callable[[int], None]
    ) -> dict[str, Step]:
        """The clip's stages in their order."""
        from sfm_gt.sfm.given_cameras import read_cameras
        from sfm_gt.stages import clean, dense, frames, maps, moving, scale, sfm

        w, config, clip_id, sidecar = self._workspace, self._config, clip["clip_id"], self._video.sidecar
        hints, cameras, n_threads = self._sidecar.camera, read_cameras(sidecar, facts), self._threads
        steps: dict[str, Step] = {}

        def add(stage: str, reads: tuple[str, ...], make: Callable[[], Manifest], *inputs: str) -> None:
            keys = [steps[read].key for read in reads]
            steps[stage] = Step(stage_key(config, stage, *keys, *inputs), reads, make)

        written = clear_frame if not self._keep_files else (lambda frame: None)
        with_depth = ("dense", "clean") if need_depth(config.scale.cues) else ()
        add("frames", (), lambda: frames.run(w, clip, self._video.path, config.frames),
            self._film, json.dumps(clip, sort_keys=True))  # fmt: skip
        add("sfm", ("frames",), lambda: sfm.run(w, clip_id, config.sfm, hints, config.seed, n_threads, cameras),
            str(config.seed), hints.model_dump_json(), self._imports())  # fmt: skip
        add("dense", ("frames", "sfm"), lambda: dense.run(w, clip_id, config.dense, n_threads))
        add("moving", ("frames", "sfm", "dense"), lambda: moving.run(w, clip_id, config.moving, n_threads))
        add("clean", ("frames", "sfm", "dense"), lambda: clean.run(w, clip_id, config.clean, n_threads))
        add("scale", ("frames", "sfm", *with_depth), lambda: scale.run(w, clip_id, sidecar, config.scale),
            self._sidecar.scale.model_dump_json(), self._beside)  # fmt: skip
        add("maps", ("frames", "sfm", "dense", "moving", "clean"),
            lambda: maps.run(w, clip_id, config.dataset, written))  # fmt: skip
        return steps
