"""The stages up to the verdict of structure from motion on one video, and which frames they keep.

What the benchmarks of verdicts share; no command of its own.
"""

from __future__ import annotations

import json
import multiprocessing
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sfm_gt.config import Config
from sfm_gt.formats.frame_folder import FROZEN_JSON, read_frozen
from sfm_gt.formats.manifest import MANIFEST_NAME, Manifest, read_json, read_manifest
from sfm_gt.formats.sidecar import read_sidecar
from sfm_gt.formats.sparse_model import read_sparse_model
from sfm_gt.formats.workspace import Workspace
from sfm_gt.sfm.clip_views import MODEL_NAME
from sfm_gt.stages import clips, frames, ingest, sfm
from sfm_gt.video.catalog import VideoFile

ACCEPTED, REFUSED, CRASH = "accepted", "refused", "crash"
# Stages that refuse a clip for what its pictures show, whatever a camera model says of it.
BEFORE_SFM = ("ingest", "clips", "frames")
Run = tuple[int, int]


@dataclass
class Part:
    """One clip, or a stretch of frames that became none, with its verdict.

    Attributes:
        last_frame: included.
        status: ACCEPTED, REFUSED or CRASH.
        stage: which gave the verdict.
        frozen: the frozen interval, first and last frame; None where nobody stated one.
        registered: frames of the sparse model, as runs.
        cpu_s: CPU seconds by stage; a stage that was found finished has none.
    """

    clip_id: str
    first_frame: int
    last_frame: int
    status: str
    stage: str
    reason: str | None = None
    measured: float | None = None
    threshold: float | None = None
    message: str | None = None
    frozen: Run | None = None
    registered: list[Run] = field(default_factory=list)
    measures: dict[str, Any] = field(default_factory=dict)
    cpu_s: dict[str, float] = field(default_factory=dict)

    @property
    def n_frames(self) -> int:
        """Length in frames."""
        return self.last_frame + 1 - self.first_frame


@dataclass
class Passed:
    """What became of one video: ``parts`` in the order of time, which need not cover all of its ``n_frames``."""

    video_id: str
    n_frames: int
    parts: list[Part]
    cpu_s: dict[str, float] = field(default_factory=dict)


def pass_gates(video: VideoFile, config: Config, n_threads: int) -> Passed:
    """Runs ingest, clips, frames and sfm in ``config.out``, where finished stages of the same VERSION are used again.

    A clip whose stage raises anything but a verdict becomes a CRASH; the others go on.
    """
    workspace, cpu_s = Workspace(config.out), {}
    fresh = _version(workspace.ingest(video.video_id)) != ingest.VERSION
    if fresh:
        with _timed(cpu_s, "ingest"):
            ingest.run(workspace, video, config.frames)
    facts = read_json(workspace.ingest(video.video_id))
    n_frames = facts.get("n_frames") or 0
    if facts["status"] != "ok":
        refused = Part(video.video_id, 0, n_frames - 1, REFUSED, "ingest", **_verdict(facts))
        return Passed(video.video_id, n_frames, [refused], cpu_s)
    fresh |= _version(workspace.clips(video.video_id)) != clips.VERSION
    if fresh:
        with _timed(cpu_s, "clips"):
            clips.run(workspace, video.video_id, video.path, config.clips)
    listed = read_json(workspace.clips(video.video_id))
    parts = [_stretch(entry, n_frames) for entry in listed["rejected"]]
    for clip in listed["clips"]:
        try:
            parts.append(_pass_clip(workspace, clip, video, config, n_threads, fresh))
        except Exception:  # any error of one clip is that clip's entry
            parts.append(Part(clip["clip_id"], clip["first_frame"], clip["last_frame"], CRASH, "unknown",
                              message=traceback.format_exc()))  # fmt: skip
    return Passed(video.video_id, n_frames, sorted(parts, key=lambda part: part.first_frame), cpu_s)


def frozen_interval(workspace: Workspace, clip_id: str) -> Run | None:
    """The stated frozen interval: from the file of whichever stage found it, else from the figures of a verdict."""
    folders = [workspace.clip_stage(clip_id, stage) for stage in ("sfm", "frames")]
    for folder in folders:
        if (folder / FROZEN_JSON).is_file():
            found = read_frozen(folder)
            return found.first_frame, found.last_frame
    for folder in folders:
        measures = read_manifest(folder).measures if (folder / MANIFEST_NAME).is_file() else {}
        if "frozen_first_frame" in measures:
            return int(measures["frozen_first_frame"]), int(measures["frozen_last_frame"])
    return None


def runs(frame_indices: Iterable[int]) -> list[Run]:
    """Runs of consecutive frames, first and last included."""
    found: list[Run] = []
    for index in sorted(frame_indices):
        if found and index == found[-1][1] + 1:
            found[-1] = found[-1][0], index
        else:
            found.append((index, index))
    return found


def frames_of(stretches: Iterable[Run]) -> set[int]:
    """The frames of some runs."""
    return {index for first, last in stretches for index in range(first, last + 1)}


def _pass_clip(
    workspace: Workspace, clip: dict[str, Any], video: VideoFile, config: Config, n_threads: int, fresh: bool
) -> Part:
    clip_id, cpu_s = clip["clip_id"], {}
    if fresh or _version(workspace.clip_stage(clip_id, "frames") / MANIFEST_NAME) != frames.VERSION:
        fresh = True
        with _timed(cpu_s, "frames"):
            frames.run(workspace, clip, video.path, config.frames)
    before = read_manifest(workspace.clip_stage(clip_id, "frames"))
    if fresh or _version(workspace.clip_stage(clip_id, "sfm") / MANIFEST_NAME) != sfm.VERSION:
        hints = read_sidecar(video.sidecar).camera
        # Passing on an earlier verdict is no work.
        with _timed(cpu_s if before.ok else {}, "sfm"):
            sfm.run(workspace, clip_id, config.sfm, hints, config.seed, n_threads)
    manifest = read_manifest(workspace.clip_stage(clip_id, "sfm"))
    path = workspace.clip_stage(clip_id, "sfm") / MODEL_NAME
    registered = runs(read_sparse_model(path).frame_indices.tolist()) if path.is_file() else []
    return Part(
        clip_id, clip["first_frame"], clip["last_frame"], ACCEPTED if manifest.ok else REFUSED, _judge(before, manifest),
        **_verdict(vars(manifest)), frozen=frozen_interval(workspace, clip_id), registered=registered,
        measures=before.measures | manifest.measures, cpu_s=cpu_s,
    )  # fmt: skip


def _judge(before: Manifest, manifest: Manifest) -> str:
    return manifest.stage if before.ok else before.stage


def _stretch(entry: dict[str, Any], n_frames: int) -> Part:
    span = entry.get("first_frame", 0), entry.get("last_frame", n_frames - 1)
    return Part(entry.get("clip_id", entry.get("video_id", "")), *span, REFUSED, "clips", **_verdict(entry))


def _verdict(content: dict[str, Any]) -> dict[str, Any]:
    return {key: content.get(key) for key in ("reason", "measured", "threshold", "message")}


def _version(path: Path) -> int | None:
    return read_json(path)["version"] if path.is_file() else None


@contextmanager
def _timed(cpu_s: dict[str, float], stage: str) -> Iterator[None]:
    started = time.process_time()
    yield
    cpu_s[stage] = round(time.process_time() - started, 3)


def write_result(result: dict[str, Any], paths: Iterable[Path]) -> None:
    """One JSON file for each path. To be called after every row: a long run that is stopped leaves what it found."""
    for path in paths:
        path.write_text(json.dumps(result, indent=1) + "\n")


def other_rows(paths: Iterable[Path], key: str, only: Sequence[Any] | None) -> list[dict[str, Any]]:
    """Rows that a partial run leaves as they are: those of the result there whose ``key`` is not among ``only``."""
    found = next((path for path in paths if path.is_file()), None)
    if only is None or found is None:
        return []
    return [row for row in json.loads(found.read_text())["rows"] if row[key] not in only]


class Worker:
    """A process of its own, replaced when it dies, so that a crash in compiled code is one clip's entry."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def call(self, function: Callable[..., Any], *arguments: Any) -> tuple[Any, str | None]:
        """The result, or None and what went wrong."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_warnings_only)
        try:
            return self._pool.submit(function, *arguments).result(), None
        except BrokenProcessPool:
            self._pool = None
            return None, "the process died"
        except Exception:
            return None, traceback.format_exc()


def _warnings_only() -> None:
    import pycolmap

    pycolmap.logging.minloglevel = int(pycolmap.logging.WARNING)
