"""Dataset: the published layers of one clip, in metres where the clip is metric."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sfm_gt.config import DatasetConfig, read_config
from sfm_gt.errors import InputError, Rejected
from sfm_gt.formats.clip_paths import video_of
from sfm_gt.formats.dataset_layout import (
    CLIP_INDEX,
    CLIP_JSON,
    INDEX_SCHEMA,
    LAYERS,
    PROBABILITY_STEPS,
    SHUTTER_NPZ,
    depth_units,
    quantised,
)
from sfm_gt.formats.manifest import Manifest, read_json, read_manifest, write_json
from sfm_gt.formats.sidecar import PROVENANCE, read_sidecar
from sfm_gt.formats.sources import hashed_uploader
from sfm_gt.formats.workspace import Workspace
from sfm_gt.geometry.transforms import scale_world
from sfm_gt.sfm.clip_views import ClipViews, read_mask, write_mask
from sfm_gt.stages.moving import PERSON_FOLDER
from sfm_gt.stages.scale import SCALE_NAME
from sfm_gt.workflow.clip_stage import run_clip_stage
from sfm_gt.workflow.versions import VERSIONS

STAGE = "dataset"
VERSION = VERSIONS[STAGE]
# Stages whose version stands in clip.json.
UPSTREAM = ("frames", "sfm", "dense", "moving", "clean", "scale")


def run(workspace: Workspace, clip_id: str, sidecar: Path | None, config: DatasetConfig) -> Manifest:
    """Writes ``dataset/clips/<video>/<clip>/``: see formats/dataset_layout.py."""
    return run_clip_stage(
        workspace, clip_id, STAGE, VERSION, ("frames", "sfm", "dense", "moving", "scale", "clean"),
        lambda folder: _build(folder, workspace, clip_id, sidecar, config),
    )  # fmt: skip


def _build(
    folder: Path, workspace: Workspace, clip_id: str, sidecar: Path | None, config: DatasetConfig
) -> dict[str, Any]:
    views = ClipViews(workspace, clip_id)
    scale = read_json(workspace.clip_stage(clip_id, "scale") / SCALE_NAME)
    layers = _Layers(workspace, clip_id, views, scale["metric_from_sfm"] or 1.0, config)
    kept, dropped = layers.choose_frames()
    if not kept:
        raise Rejected("too_little_depth", f"no frame has {100 * config.min_valid:.0f} % valid depth (dataset.min_valid); "
                       "the scene needs more texture or more parallax", layers.best_fraction, config.min_valid)  # fmt: skip
    units = depth_units(layers.max_depth)
    rows = [layers.write(folder, frame_index, *units) | _clip_columns(clip_id, scale) for frame_index in kept]
    _write_rows(folder / CLIP_INDEX, rows)
    counts = {"frames": len(kept), "dropped_frames": len(dropped), "mean_valid_fraction":
              sum(row["valid_fraction"] for row in rows) / len(rows)}  # fmt: skip
    if (shutter := workspace.clip_stage(clip_id, "sfm") / SHUTTER_NPZ).is_file():
        shutil.copyfile(shutter, folder / SHUTTER_NPZ)
    write_json(folder / CLIP_JSON, _clip_json(workspace, clip_id, sidecar, views, scale, units) | counts)
    return counts | {"metric": scale["metric"]}


class _Layers:
    """Depth, its uncertainty and masks of a clip's frames, joined from the stages and multiplied by the scale."""

    def __init__(self, workspace: Workspace, clip_id: str, views: ClipViews, scale: float, config: DatasetConfig):
        self._dense = workspace.clip_stage(clip_id, "dense")
        self._moving = workspace.clip_stage(clip_id, "moving")
        self._clean = workspace.clip_stage(clip_id, "clean")
        self._views, self._scale, self._config = views, scale, config
        self.max_depth = self.best_fraction = 0.0

    @property
    def has_person(self) -> bool:
        """Whether somebody looked for people."""
        return (self._moving / PERSON_FOLDER).is_dir()

    def _read(self, frame_index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Depth and sigma in the unit of the data set and outlier probability, NaN where not valid, and the moving mask."""
        moving = read_mask(self._moving / f"{frame_index:06d}.png")
        with np.load(self._dense / f"{frame_index:06d}.npz") as maps:
            depth, sigma = maps["z_depth_sfm"] * self._scale, maps["sigma_sfm"] * self._scale
            outlier = maps["outlier"]
        valid = ~read_mask(self._clean / f"{frame_index:06d}.png")
        valid &= self._views.undistortion_of(frame_index).inside & ~self._views.near_overlay(frame_index) & ~moving
        depth, sigma, outlier = (np.where(valid, each, np.nan) for each in (depth, sigma, outlier))
        return depth, sigma, outlier, moving

    def choose_frames(self) -> tuple[list[int], list[int]]:
        """Frames with enough valid depth and those without."""
        kept, dropped = [], []
        for path in sorted(self._dense.glob("*.npz")):
            depth, *_ = self._read(int(path.stem))
            fraction = self._views.share_of_picture(np.isfinite(depth), int(path.stem))
            self.best_fraction = max(self.best_fraction, fraction)
            if fraction >= self._config.min_valid:
                kept.append(int(path.stem))
                self.max_depth = max(self.max_depth, float(np.nanmax(depth)))
            else:
                dropped.append(int(path.stem))
        return kept, dropped

    def write(self, folder: Path, frame_index: int, depth_unit: float, sigma_unit: float) -> dict[str, Any]:
        """Writes the layers of one frame and returns its columns of the index."""
        depth, sigma, outlier, moving = self._read(frame_index)
        view = self._views.view(frame_index)
        arrays = {"image": cv2.cvtColor(view.image, cv2.COLOR_RGB2BGR), "depth": quantised(depth, depth_unit),
                  "sigma": quantised(sigma, sigma_unit),
                  "outlier": np.rint(np.nan_to_num(outlier) * PROBABILITY_STEPS).astype(np.uint8)}  # fmt: skip
        quality = [cv2.IMWRITE_JPEG_QUALITY, self._config.jpeg_quality]
        for layer, pixels in arrays.items():
            path = folder / LAYERS[layer][0] / f"{frame_index:06d}{LAYERS[layer][1]}"
            path.parent.mkdir(exist_ok=True)
            if not cv2.imwrite(str(path), pixels, quality if layer == "image" else []):
                raise OSError(f"{path}: could not be written")
        write_mask(folder / "moving" / f"{frame_index:06d}.png", moving)
        write_mask(folder / "overlay" / f"{frame_index:06d}.png", self._views.overlay(frame_index))
        if self.has_person:
            person = read_mask(self._moving / PERSON_FOLDER / f"{frame_index:06d}.png")
            write_mask(folder / "person" / f"{frame_index:06d}.png", person)
        camera = view.camera
        return {
            "frame_index": frame_index, "timestamp_s": self._views.timestamps_s[frame_index],
            "width": camera.width, "height": camera.height,
            "fx": camera.fx, "fy": camera.fy, "cx": camera.cx, "cy": camera.cy,
            "cam_from_world": scale_world(view.cam_from_world, self._scale).ravel().tolist(),
            "depth_unit": depth_unit, "sigma_unit": sigma_unit,
            "valid_fraction": self._views.share_of_picture(np.isfinite(depth), frame_index),
            "moving_fraction": self._views.share_of_picture(moving, frame_index),
            "has_person": self.has_person,
        }  # fmt: skip


def _clip_columns(clip_id: str, scale: dict[str, Any]) -> dict[str, Any]:
    return {"clip_id": clip_id, "video_id": video_of(clip_id), "metric": scale["metric"],
            "metric_from_sfm": scale["metric_from_sfm"], "sigma_log_scale": scale["sigma_log_scale"]}  # fmt: skip


def _write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    pq.write_table(pa.Table.from_pylist(rows, schema=INDEX_SCHEMA), path)


def _clip_json(
    workspace: Workspace,
    clip_id: str,
    sidecar: Path | None,
    views: ClipViews,
    scale: dict[str, Any],
    units: tuple[float, float],
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
        "depth_unit": units[0],
        "sigma_unit": units[1],
        "camera_as_filmed": views.undistortion.to_dict(),
        "stage_versions": {stage: manifest.version for stage, manifest in manifests.items()} | {STAGE: VERSION},
        "measures": {stage: manifest.measures for stage, manifest in manifests.items()},
        "config": {section: config[section] for section in ("clips", *UPSTREAM, STAGE, "seed")},
        "software": {name: version(name) for name in ("sfm-gt", "pycolmap", "numpy", "opencv-python-headless")},
    }


def _uploader_hash(sidecar: Path | None, uploader: str | None, salt_file: Path | None) -> str | None:
    try:
        return hashed_uploader(uploader, salt_file) if uploader else None
    except InputError as error:
        raise InputError(f"{sidecar}: {error}") from None
