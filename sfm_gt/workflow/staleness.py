"""What a video's result is made of, and which results of a run are not what would be made now."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sfm_gt.config import Config
from sfm_gt.errors import InputError
from sfm_gt.formats.dataset_layout import INDEX_NAME
from sfm_gt.formats.frame_index import check_index
from sfm_gt.formats.manifest import MANIFEST_NAME, read_json
from sfm_gt.formats.sidecar import Sidecar, files_named, read_sidecar
from sfm_gt.formats.sidecar_row import SidecarRow
from sfm_gt.formats.verdict import INPUTS_NAME, read_verdict
from sfm_gt.formats.workspace import Workspace
from sfm_gt.video.catalog import VideoFile, name_in
from sfm_gt.workflow.currency import (
    collected_key,
    key_of,
    prediction_key,
    section_key,
    settings_key,
    state_of,
    unchanged,
)

KEY_JSON = "key.json"


@dataclass(frozen=True)
class VideoInputs:
    """A video, what its sidecar says, and the files that this is read from.

    Attributes:
        sidecar: an empty one where it cannot be used; ``error`` then says why.
    """

    video: VideoFile
    sidecar: Sidecar
    error: str
    files: tuple[Path, ...]

    @classmethod
    def of(cls, video: VideoFile) -> VideoInputs:
        """Reads the sidecar."""
        own = [path for path in (video.path, video.sidecar) if isinstance(path, Path) and os.path.isfile(path)]
        try:
            sidecar = read_sidecar(video.sidecar)
            named = files_named(video.sidecar, sidecar) if video.sidecar is not None else []
        except InputError as error:
            return cls(video, Sidecar(), str(error), tuple(own))
        return cls(video, sidecar, "", (*own, *named))

    def recorded(self) -> dict[str, Any]:
        """Content of inputs.json."""
        states = {name: state_of(path) for name, path in self.named().items()}
        if self.video.stored is not None:
            # The times of a job's own copies tell nothing.
            stored = self.video.stored.files
            states = {name: state | {"stat": stored[name]} for name, state in states.items() if name in stored}
        return {"error": self.error, **_by_name(self.video), "files": states}

    def named(self) -> dict[str, Path]:
        """The files by their path in the folder of videos."""
        root, own = self.video.root, (self.video.path, self.video.sidecar)
        # Those that the sidecar names have their links followed.
        return {name_in(root if path in own else root.resolve(), path): path for path in self.files}


def _by_name(video: VideoFile) -> dict[str, Any]:
    """What the folder or table alone tells of a video."""
    said: dict[str, Any] = {"refusal": video.refusal, "message": video.message, "warning": video.warning}
    if isinstance(video.sidecar, SidecarRow):  # its number changes where rows are added
        return {"path": video.name, "sidecar": None, "row_sha256": video.sidecar.sha256, **said}
    return {"path": video.name, "sidecar": video.sidecar and name_in(video.root, video.sidecar), **said}


def verdict_key(settings: str, inputs: dict[str, Any]) -> str:
    """Key of a video's result from that of the settings and the content of inputs.json."""
    content = {name: state.get("sha256") for name, state in inputs["files"].items()}
    return key_of(settings, content, {name: value for name, value in inputs.items() if name != "files"})


def current_key(workspace: Workspace, video: VideoFile, settings: str) -> str | None:
    """Key of a video's verdict, None where it is missing, failed or not what would be made now."""
    folder = workspace.verdict(video.video_id)
    try:
        verdict, inputs = read_verdict(folder), read_json(folder / INPUTS_NAME)
    except InputError:
        return None
    if verdict.failed or verdict.settings != settings:
        return None
    if {name: value for name, value in inputs.items() if name not in ("error", "files")} != _by_name(video):
        return None
    # What finds a published file changed takes its clip's manifest away.
    if not all((workspace.clip_stage(clip["clip_id"], "dataset") / MANIFEST_NAME).is_file() for clip in verdict.clips):
        return None
    if video.stored is not None:
        recorded = {name: state["stat"] for name, state in inputs["files"].items()}
        same = recorded == {name: list(state) for name, state in video.stored.files.items()}
        return verdict.key if same and inputs["error"] == video.stored.error else None
    # A file that the sidecar misses may have come.
    if inputs["error"] and inputs["error"] != VideoInputs.of(video).error:
        return None
    return verdict.key if all(unchanged(video.root / name, state) for name, state in inputs["files"].items()) else None


def stale_results(config: Config, videos: Iterable[VideoFile]) -> list[Path]:
    """Folders and files of the run in ``config.out`` that are there but not what would be made now.

    What failed and what was begun and not finished is among them.
    """
    workspace, settings = Workspace(config.out), settings_key(config)
    models = {model.name: section_key(model) for model in config.models}
    stale, made_of = [], {}
    for video in videos:
        folder = workspace.verdict(video.video_id)
        key = current_key(workspace, video, settings)
        if key is None:
            stale += [folder] if folder.is_dir() else []
            continue
        made_of[video.video_id] = key
        for name, model_key in models.items():
            predictions = workspace.predictions_of_video(name, video.video_id)
            expected = prediction_key(model_key, key)
            made_of[f"{name}/{video.video_id}"] = expected
            # One without a key was begun and not finished.
            if predictions.is_dir() and recorded_key(predictions / KEY_JSON) != expected:
                stale.append(predictions)
    recorded = recorded_key(workspace.collected)
    if recorded is not None and (
        recorded != collected_key(config, made_of) or not _is_index_as_written(workspace.dataset)
    ):
        stale.append(workspace.collected)
    return stale


def _is_index_as_written(dataset: Path) -> bool:
    # One that is missing Snakemake sees.
    try:
        if (dataset / INDEX_NAME).is_file():
            check_index(dataset)
    except InputError:
        return False
    return True


def recorded_key(path: Path) -> str | None:
    """The key in a JSON file; None without the file."""
    return str(read_json(path)["key"]) if path.is_file() else None
