"""Reconstruct: one video, from film to the published data set of its clips and a verdict.

Stages leave their results in OUT/work with a key; what has the same key as before is not made again. Whatever breaks, be it a
crash of a decoder, becomes the video's verdict ``failed``, so that the others go on.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sfm_gt.config import Config
from sfm_gt.errors import InputError, one_line
from sfm_gt.formats.atomic import replacing_directory
from sfm_gt.formats.manifest import Manifest, check_files, read_json, write_json
from sfm_gt.formats.sources import TOMBSTONES_JSON
from sfm_gt.formats.verdict import FAILED, INPUTS_NAME, Verdict, gather, write_verdict
from sfm_gt.formats.workspace import Workspace
from sfm_gt.scale.shared.estimate import need_depth
from sfm_gt.workflow.currency import digest, ingest_key, made, settings_key, stage_key
from sfm_gt.workflow.guard import guarded
from sfm_gt.workflow.staleness import VideoInputs, verdict_key

log = logging.getLogger("sfm_gt")


def run(workspace: Workspace, config: Config, inputs: VideoInputs, n_threads: int) -> Verdict:
    """Makes ``dataset/clips/<video>/`` and, last, ``videos/<video>/``; the verdict."""
    video_id = inputs.video.video_id
    # Should this job be killed, no old verdict speaks for a half-made data set.
    shutil.rmtree(workspace.verdict(video_id), ignore_errors=True)
    recorded, settings = inputs.recorded(), settings_key(config)
    stages = _Stages(workspace, config, inputs, recorded, n_threads)
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
    name = one_line(inputs.video.path.name)
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
        self, workspace: Workspace, config: Config, inputs: VideoInputs, recorded: dict[str, Any], n_threads: int
    ):
        self._workspace, self._config, self._inputs, self._threads = workspace, config, inputs, n_threads
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
        made(found.with_suffix(".key"), self._ingest_key(),
             lambda: ingest.run(workspace, video, config.frames, config.provenance.salt_file))  # fmt: skip
        facts = read_json(found)
        if facts["reason"]:
            log.warning("ingest: %s (%s): %s", facts["status"], facts["reason"], facts["message"])
        for warning in facts.get("warnings", ()):
            log.warning("ingest: %s", warning)
        listed = workspace.clips(video.video_id)
        made(listed.with_suffix(".key"), stage_key(config, "clips", self._film, facts["status"]),
             lambda: clips.run(workspace, video.video_id, video.path, config.clips))  # fmt: skip
        for clip in read_json(listed)["clips"]:
            self._reconstruct(clip, facts)

    def _ingest_key(self) -> str:
        video, tombstones = self._video, self._workspace.dataset / TOMBSTONES_JSON
        named = (
            video.path.name,
            str(video.sidecar and video.sidecar.name),
            str(video.refusal),
            str(video.message),
            str(video.warning),
        )
        stated = self._sidecar.model_dump_json(include={"uploader", "source", "imported"})
        forgotten = digest(tombstones) if tombstones.is_file() else ""
        return ingest_key(self._config, *named, self._inputs.error, self._film, stated, self._imports(), forgotten)

    def _imports(self) -> str:
        """What is imported; some formats say nothing of the focal length and take the sidecar's."""
        imported, camera = self._sidecar.imported, self._sidecar.camera
        return f"{imported.model_dump_json()}{camera.model_dump_json()}{self._beside}" if imported is not None else ""

    def _reconstruct(self, clip: dict[str, Any], facts: dict[str, Any]) -> None:
        from sfm_gt.sfm.given_cameras import read_cameras
        from sfm_gt.stages import clean, dataset, dense, frames, moving, scale, sfm

        w, config, clip_id, sidecar = self._workspace, self._config, clip["clip_id"], self._video.sidecar
        cameras = read_cameras(sidecar, facts)
        decoded = self._stage(clip_id, "frames", (self._film, json.dumps(clip, sort_keys=True)),
                              lambda: frames.run(w, clip, self._video.path, config.frames))  # fmt: skip
        solved = self._stage(
            clip_id, "sfm", (decoded, str(config.seed), self._sidecar.camera.model_dump_json(), self._imports()),
            lambda: sfm.run(w, clip_id, config.sfm, self._sidecar.camera, config.seed, self._threads, cameras),
        )  # fmt: skip
        deep = self._stage(clip_id, "dense", (solved,), lambda: dense.run(w, clip_id, config.dense, self._threads))
        self._stage(clip_id, "moving", (deep,), lambda: moving.run(w, clip_id, config.moving, self._threads))
        cleaned = self._stage(clip_id, "clean", (deep,), lambda: clean.run(w, clip_id, config.clean, self._threads))
        evidence = (
            self._sidecar.scale.model_dump_json(),
            self._beside,
            cleaned if need_depth(config.scale.cues) else "",
        )
        self._stage(clip_id, "scale", (solved, *evidence), lambda: scale.run(w, clip_id, sidecar, config.scale))
        _say(dataset.run(w, clip_id, sidecar, config.dataset))

    def _stage(self, clip_id: str, stage: str, inputs: tuple[str, ...], make: Callable[[], Manifest]) -> str:
        """Makes one stage's folder unless it is current; its key."""
        key, folder = stage_key(self._config, stage, *inputs), self._workspace.clip_stage(clip_id, stage)
        made(folder.with_suffix(".key"), key, lambda: _say(make()), lambda: _is_intact(folder))
        return key


def _is_intact(folder: Path) -> bool:
    try:
        check_files(folder)
    except InputError as error:
        log.warning("%s", error)
        return False
    return True


def _say(manifest: Manifest) -> None:
    """One line about the outcome of a clip's stage."""
    if manifest.ok:
        log.info("%s: ok", manifest.stage)
    else:
        log.warning("%s: %s (%s): %s", manifest.stage, manifest.status, manifest.reason, manifest.message)
