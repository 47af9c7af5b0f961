"""A published data set of two clips with geometry that fits: a slanted wall, seen by a camera that moves sideways.

``near`` is metric, ``far`` is not. Six frames of 64 x 48 pixels a clip. In every frame, row 0 is invalid, row 1 moves and row 2
is overlay, with depth under both that must never be handed on; row 6 may hold gross errors. The last eight columns of
``near`` are a person.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sfm_gt.formats import dataset_layout as layout
from sfm_gt.formats.clip_paths import clip_folder
from sfm_gt.formats.frame_index import vouch_for_index
from sfm_gt.formats.manifest import Manifest, files_of, write_json, write_manifest
from sfm_gt.geometry.camera import pixel_grid, unproject
from sfm_gt.geometry.types import PinholeCamera

CAMERA = PinholeCamera(64, 48, 60.0, 60.0, 32.0, 24.0)
FRAMES = (3, 4, 5, 6, 7, 9)
FPS = 25.0
STEP_M = 0.15  # of the camera, to the right, a frame
DEPTH_UNIT, SIGMA_UNIT = 1e-4, 1e-5
FIRST_TIMESTAMP_S = 0.5
OUTLIER_STEPS = 51  # of 255: one chance in five
FORBIDDEN = 1.0  # depth under what moves and under overlays


def pose(frame_index: int) -> np.ndarray:
    cam_from_world = np.eye(4)
    cam_from_world[0, 3] = -STEP_M * (frame_index - FRAMES[0])
    return cam_from_world


def wall_depth(frame_index: int) -> np.ndarray:
    """z of the plane z = 4 + 0.2 x, in the frame's own camera."""
    rays = unproject(CAMERA, pixel_grid(64, 48), np.ones((48, 64)))
    return (4.0 - 0.2 * pose(frame_index)[0, 3]) / (1.0 - 0.2 * rays[..., 0])


def exported_depth(frame_index: int) -> np.ndarray:
    """What a format with one depth map may hold."""
    depth = wall_depth(frame_index).astype(np.float32)
    depth[:3] = np.nan
    return depth


def _write_frame(dataset: Path, clip_id: str, frame_index: int, person: bool) -> None:
    blank = np.zeros((48, 64), np.uint8)
    moving, overlay, people, outlier = (blank.copy() for _ in range(4))
    outlier[6] = OUTLIER_STEPS
    moving[1], overlay[2], people[:, 56:] = 255, 255, 255
    depth = wall_depth(frame_index)
    depth[0], depth[1:3] = 0.0, FORBIDDEN
    image = np.random.default_rng(frame_index).integers(0, 255, (48, 64, 3), np.uint8)
    layers = {"image": image, "depth": np.rint(depth / DEPTH_UNIT).astype(np.uint16), "moving": moving,
              "sigma": np.rint(0.01 * depth / SIGMA_UNIT).astype(np.uint16), "overlay": overlay,
              "outlier": outlier}  # fmt: skip
    for layer, pixels in (layers | ({"person": people} if person else {})).items():
        path = layout.layer_path(dataset, clip_id, layer, frame_index)
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), pixels)


def _row(clip_id: str, frame_index: int, metric: bool) -> dict:
    return {
        "clip_id": clip_id, "video_id": clip_id.split("-")[0], "frame_index": frame_index,
        "timestamp_s": FIRST_TIMESTAMP_S + frame_index / FPS, "metric": metric, "width": 64, "height": 48, "fx": 60.0,
        "fy": 60.0, "cx": 32.0, "cy": 24.0, "cam_from_world": pose(frame_index).ravel().tolist(), "depth_unit": DEPTH_UNIT,
        "sigma_unit": SIGMA_UNIT, "metric_from_sfm": 2.0 if metric else None, "sigma_log_scale": 0.01 if metric else None,
        "focal_sigma_rel": 0.004, "valid_fraction": 0.9, "moving_fraction": 0.02, "has_person": metric,
    }  # fmt: skip


def write_dataset(folder: Path) -> Path:
    """Writes the data set to ``folder / "dataset"`` and returns ``folder``."""
    dataset, rows = folder / "dataset", []
    for clip_id, metric in (("far-000", False), ("near-000", True)):
        for frame_index in FRAMES:
            _write_frame(dataset, clip_id, frame_index, person=metric)
            rows.append(_row(clip_id, frame_index, metric))
        source = {"path": f"{clip_id}.mp4", "source": "https://example.org/near" if metric else None, "license": "CC0-1.0",
                  "first_timestamp_s": FIRST_TIMESTAMP_S, "source_sha256": "0" * 64}  # fmt: skip
        lens = {"model": "SIMPLE_RADIAL", "width": 64, "height": 48, "params": [60.0, 32.0, 24.0, -0.03]}
        write_json(clip_folder(dataset, clip_id) / layout.CLIP_JSON, {
            "clip_id": clip_id, "metric": metric, "length_unit": "m" if metric else "sfm", "source": source,
            "camera_as_filmed": lens})  # fmt: skip
        vouch(clip_folder(dataset, clip_id))
    pq.write_table(pa.Table.from_pylist(rows, schema=layout.INDEX_SCHEMA), dataset / layout.INDEX_NAME)
    vouch_for_index(dataset, {"format_version": layout.FORMAT_VERSION})
    return folder


def vouch(clip: Path) -> None:
    """Writes the clip's manifest for its files as they are."""
    write_manifest(clip, Manifest("dataset", 2, files=files_of(clip)))


def assert_on_wall(points: np.ndarray, tolerance: float) -> None:
    assert abs(points[:, 2] - 4.0 - 0.2 * points[:, 0]).max() < tolerance
