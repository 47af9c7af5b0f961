"""Export: the data set in a format of other people's code, with a manifest of whose videos it holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sfm_gt import registry
from sfm_gt.datasets.frames import open_dataset
from sfm_gt.datasets.splits import splits_of
from sfm_gt.errors import InputError
from sfm_gt.exporters.shared.clip import ExportedClip
from sfm_gt.formats.atomic import replacing_directory
from sfm_gt.formats.clip_paths import clip_folder
from sfm_gt.formats.dataset_layout import CLIP_JSON
from sfm_gt.formats.manifest import read_json, write_json
from sfm_gt.formats.workspace import Workspace

EXPORT_JSON = "export.json"
PROVENANCE = ("source", "license", "recorded_by", "consent", "source_sha256")


def run(out: Path, format_name: str, to: Path, clip_ids: Sequence[str] = ()) -> dict[str, Any]:
    """Writes the folder ``to`` and returns its manifest, ``export.json``.

    Args:
        out: output folder of a run, or its ``dataset``.
        format_name: a file in sfm_gt/exporters/.
        clip_ids: only these; all when empty.

    Raises:
        ConfigError: no such format.
        InputError: no data set, an unknown clip, a file of one that is not as it was written, a folder ``to`` that holds
            something else than an earlier export, no clip that the format can hold, or a forget was interrupted.
    """
    Workspace.around(open_dataset(out).path).require_no_forget()
    return write(out, format_name, to, clip_ids)


def write(out: Path, format_name: str, to: Path, clip_ids: Sequence[str]) -> dict[str, Any]:
    """As :func:`run`, also for ``forget``, which exports what is left before it is done."""
    to = to.resolve()
    exporter, clips, left_out = check(out, format_name, clip_ids)
    _check_target(to)
    to.parent.mkdir(parents=True, exist_ok=True)
    _note(Workspace.around(open_dataset(out).path), to)
    with replacing_directory(to) as partial:
        measures = exporter.write(clips, partial)
        manifest = {
            "format": format_name, "version": exporter.VERSION, "clips": [_entry(clip) for clip in clips],
            "left_out": left_out, "measures": measures,
        }  # fmt: skip
        write_json(partial / EXPORT_JSON, manifest)
    return manifest


def known_exports(workspace: Workspace) -> list[Path]:
    """Folders that exports of a run were written to, also those of exports that were killed."""
    return [Path(folder) for folder in read_json(workspace.exports)["folders"]] if workspace.exports.is_file() else []


def _note(workspace: Workspace, to: Path) -> None:
    """Before anything is written: what a killed export leaves beside ``to`` has to be found again."""
    if workspace.config.is_file():
        folders = {str(folder) for folder in (*known_exports(workspace), to)}
        write_json(workspace.exports, {"folders": sorted(folders)})


def check(out: Path, format_name: str, clip_ids: Sequence[str]) -> tuple[Any, list[ExportedClip], list[dict[str, str]]]:
    """The exporter, the clips it will write, and those it must leave out.

    Raises:
        ConfigError, InputError: as :func:`run`, before anything is written.
    """
    exporter = registry.load("exporters", format_name)()
    return exporter, *_choose(_clips(out, clip_ids), exporter.LENGTHS, format_name)


def _check_target(to: Path) -> None:
    if to.exists() and not (to / EXPORT_JSON).is_file() and (not to.is_dir() or any(to.iterdir())):
        raise InputError(f"{to}: is not an earlier export (no {EXPORT_JSON}); choose an empty folder")


def _clips(out: Path, clip_ids: Sequence[str]) -> list[ExportedClip]:
    dataset = open_dataset(out)
    unknown = sorted(set(clip_ids) - set(dataset.clip_ids))
    if unknown:
        raise InputError(f"{dataset.path}: no clip {unknown[0]!r}; known are {', '.join(dataset.clip_ids)}")
    dataset.check_files(clip_ids or dataset.clip_ids)
    clips, split_of_video = [], splits_of(dataset)
    for clip_id in clip_ids or dataset.clip_ids:
        frames = dataset.frames_of(clip_id)
        info = dataset.clip_info(clip_id)
        if lacking := [key for key in ("metric", "source") if key not in info]:
            raise InputError(f"{clip_folder(dataset.path, clip_id) / CLIP_JSON}: lacks {lacking[0]!r}; copy the clip again, or "
                             "run the workflow again")  # fmt: skip
        clips.append(ExportedClip(clip_id, frames, info, split_of_video[frames[0].video_id]))
    return clips


def _choose(
    clips: Sequence[ExportedClip], lengths: str, format_name: str
) -> tuple[list[ExportedClip], list[dict[str, str]]]:
    """Clips that the format can hold, and the others with the reason."""
    kept = [clip for clip in clips if clip.metric or lengths == "any"]
    left_out = [{"clip_id": clip.clip_id, "reason": "metric: false"} for clip in clips if clip not in kept]
    if not kept:
        raise InputError(f"{format_name}: depth is in metres there, and none of {len(clips)} clips is metric; give the videos "
                         "a metric cue in their sidecars, or take a format without unit (colmap, nerfstudio, ...)")  # fmt: skip
    return kept, left_out


def _entry(clip: ExportedClip) -> dict[str, Any]:
    return {
        "clip_id": clip.clip_id, "video_id": clip.frames[0].video_id, "frames": len(clip.frames), "split": clip.split,
        "metric": clip.metric, "length_unit": clip.info.get("length_unit", "m" if clip.metric else "sfm"),
        "source": {key: clip.info["source"].get(key) for key in PROVENANCE},
    }  # fmt: skip
