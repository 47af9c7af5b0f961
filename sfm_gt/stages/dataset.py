"""Dataset: the published layers of one clip, in metres where the clip is metric."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sfm_gt.config import read_config
from sfm_gt.errors import InputError
from sfm_gt.formats.atomic import replacing_directory
from sfm_gt.formats.clip_paths import video_of
from sfm_gt.formats.dataset_layout import CLIP_INDEX, CLIP_JSON, INDEX_SCHEMA, SHUTTER_NPZ
from sfm_gt.formats.manifest import MANIFEST_NAME, Manifest, read_json, read_manifest, write_json, write_manifest
from sfm_gt.formats.sidecar import PROVENANCE, read_sidecar
from sfm_gt.formats.sidecar_row import SidecarSource
from sfm_gt.formats.sources import hashed_uploader
from sfm_gt.formats.workspace import Workspace
from sfm_gt.geometry.transforms import scale_world
from sfm_gt.sfm.clip_views import ClipViews
from sfm_gt.stages.maps import ROWS_JSON
from sfm_gt.stages.scale import SCALE_NAME
from sfm_gt.workflow.clip_stage import run_clip_stage
from sfm_gt.workflow.versions import VERSIONS

STAGE = "dataset"
VERSION = VERSIONS[STAGE]
# Stages whose version stands in clip.json.
UPSTREAM = ("frames", "sfm", "dense", "moving", "clean", "scale")


def run(workspace: Workspace, clip_id: str, sidecar: SidecarSource | None) -> Manifest:
    """Writes ``dataset/clips/<video>/<clip>/``: see formats/dataset_layout.py. Its verdict is that of the maps."""
    maps = read_manifest(workspace.clip_stage(clip_id, "maps"))
    if maps.status == "rejected":
        refused = replace(maps, stage=STAGE, version=VERSION)
        with replacing_directory(workspace.clip_stage(clip_id, STAGE)) as folder:
            write_manifest(folder, refused)
        return refused
    return run_clip_stage(
        workspace, clip_id, STAGE, VERSION, ("sfm", "scale", "maps"),
        lambda folder: _build(folder, workspace, clip_id, sidecar, maps.measures),
    )  # fmt: skip


def _build(
    folder: Path, workspace: Workspace, clip_id: str, sidecar: SidecarSource | None, counts: dict[str, Any]
) -> dict[str, Any]:
    maps = workspace.clip_stage(clip_id, "maps")
    shutil.copytree(maps, folder, copy_function=_link, dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns(ROWS_JSON, MANIFEST_NAME))  # fmt: skip
    scale, listed = read_json(workspace.clip_stage(clip_id, "scale") / SCALE_NAME), read_json(maps / ROWS_JSON)
    length = scale["metric_from_sfm"] or 1.0
    units = {name: length * listed[f"{name}_sfm"] for name in ("depth_unit", "sigma_unit")}
    shared = {"clip_id": clip_id, "video_id": video_of(clip_id), "metric": scale["metric"],
              "metric_from_sfm": scale["metric_from_sfm"], "sigma_log_scale": scale["sigma_log_scale"],
              "focal_sigma_rel": ClipViews(workspace, clip_id).model.focal_sigma_rel, **units}  # fmt: skip
    rows = [row | {"cam_from_world": _scaled(row["cam_from_world"], length)} | shared for row in listed["rows"]]
    pq.write_table(pa.Table.from_pylist(rows, schema=INDEX_SCHEMA), folder / CLIP_INDEX)
    if (shutter := workspace.clip_stage(clip_id, "sfm") / SHUTTER_NPZ).is_file():
        shutil.copyfile(shutter, folder / SHUTTER_NPZ)
    write_json(folder / CLIP_JSON, _clip_json(workspace, clip_id, sidecar, scale) | units | counts)
    return counts | {"metric": scale["metric"]}


def _link(source: str, target: str) -> None:
    """One file under two names costs its space once; where the file system cannot, it is copied."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _scaled(cam_from_world: list[float], length: float) -> list[float]:
    scaled: list[float] = scale_world(np.array(cam_from_world).reshape(4, 4), length).ravel().tolist()
    return scaled


def _clip_json(
    workspace: Workspace,
    clip_id: str,
    sidecar: SidecarSource | None,
    scale: dict[str, Any],
) -> dict[str, Any]:
    """Everything that is known about a clip: provenance, versions, configuration, scale and units."""
    video_id = video_of(clip_id)
    stated = read_sidecar(sidecar)
    settings = read_config(workspace.config)
    config = settings.model_dump(mode="json")
    manifests = {stage: read_manifest(workspace.clip_stage(clip_id, stage)) for stage in UPSTREAM}
    return {
        "clip_id": clip_id,
        "video_id": video_id,
        "source": read_json(workspace.ingest(video_id))
        | {
            **stated.model_dump(mode="json", include=set(PROVENANCE)),
            # Anew from the sidecar: another uploader makes this stage run again, and not all since ingest.
            "uploader_hash": _uploader_hash(sidecar, stated.uploader, settings.provenance.salt_file),
        },
        "metric": scale["metric"],
        "length_unit": "m" if scale["metric"] else "sfm",
        "scale": scale,
        "camera_as_filmed": ClipViews(workspace, clip_id).undistortion.to_dict(),
        "stage_versions": {stage: manifest.version for stage, manifest in manifests.items()} | {STAGE: VERSION},
        "measures": {stage: manifest.measures for stage, manifest in manifests.items()},
        "config": {section: config[section] for section in ("clips", *UPSTREAM, STAGE, "seed")},
        "software": {name: version(name) for name in ("sfm-gt", "pycolmap", "numpy", "opencv-python-headless")},
    }


def _uploader_hash(sidecar: SidecarSource | None, uploader: str | None, salt_file: Path | None) -> str | None:
    try:
        return hashed_uploader(uploader, salt_file) if uploader else None
    except InputError as error:
        raise InputError(f"{sidecar}: {error}") from None
