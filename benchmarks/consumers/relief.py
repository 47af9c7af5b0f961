"""A data set of three videos in two sizes whose every value is known: a relief, seen by cameras that slide and turn.

The world is the surface ``z = height(x, y)``, waved in both directions, with a brightness that is a function of the place, so
that a picture or a depth map that lies half a pixel off says so. Row 0 of every frame has no depth, row 1 moves, row 2 is
overlay (with depth under both), the last columns are a person in the first video, and row 6 may hold gross errors.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from sfm_gt.formats import dataset_layout as layout
from sfm_gt.formats.clip_paths import clip_folder
from sfm_gt.formats.manifest import Manifest, write_json, write_manifest
from sfm_gt.geometry.camera import pixel_grid, unproject
from sfm_gt.geometry.transforms import inverse_rigid
from sfm_gt.geometry.types import PinholeCamera

# One video in each split, by the hash of its name; an upright one, whose principal point is off the middle.
CAMERAS = {
    "anna": PinholeCamera(96, 72, 90.0, 92.0, 48.0, 36.0),
    "lisa": PinholeCamera(96, 72, 90.0, 92.0, 48.0, 36.0),
    "greta": PinholeCamera(60, 80, 75.0, 75.0, 31.5, 38.0),
}
SPLITS = {"anna": "train", "lisa": "val", "greta": "test"}
FRAMES = tuple(range(2, 14))
FPS = 25.0
DEPTH_UNIT, SIGMA_UNIT, SIGMA_SHARE = 1e-4, 1e-5, 0.01
OUTLIER_STEPS = 51  # of 255
PERSON_COLUMNS = 6
HIDDEN_DEPTH = 1.0  # under what moves and under overlays; no reader of one depth map may take it for the scene
LICENSE = "CC-BY-4.0"


def height(xy: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, " *n"]:
    """z of the relief, m."""
    return 4.0 + 0.15 * np.sin(3.0 * xy[..., 0]) + 0.15 * np.sin(3.5 * xy[..., 1] + 1.0) + 0.1 * xy[..., 0]


def brightness(xy: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, " *n"]:
    """Grey value, 0..255, of the relief at (x, y)."""
    return 128.0 + 50.0 * np.sin(9.0 * xy[..., 0]) + 50.0 * np.sin(8.0 * xy[..., 1])


def pose(frame_index: int) -> Float[np.ndarray, "4 4"]:
    """``cam_from_world`` of a frame."""
    step = frame_index - FRAMES[0]
    cam_from_world = np.eye(4)
    cam_from_world[:3, :3] = Rotation.from_euler("yx", [0.01 * step, -0.01 * step]).as_matrix()
    cam_from_world[:3, 3] = -cam_from_world[:3, :3] @ [0.2 * step, 0.05 * step, 0.0]
    return cam_from_world


def seen(
    rays: Float[np.ndarray, "*n 3"], cam_from_world: Float[np.ndarray, "4 4"]
) -> tuple[Float[np.ndarray, " *n"], Float[np.ndarray, " *n"]]:
    """z-depth in the camera and brightness of what each ray ``(x / z, y / z, 1)`` meets."""
    world_from_cam = inverse_rigid(cam_from_world)
    origin, directions = world_from_cam[:3, 3], rays @ world_from_cam[:3, :3].T
    depth = np.full(rays.shape[:-1], 4.0)
    for _ in range(24):  # a fixed point; slopes of a half make it converge to 1e-7
        points = origin + depth[..., None] * directions
        depth = depth + (height(points[..., :2]) - points[..., 2]) / directions[..., 2]
    return depth, brightness((origin + depth[..., None] * directions)[..., :2])


def write_relief(folder: Path) -> Path:
    """Writes the data set to ``folder / "dataset"`` and returns ``folder``."""
    dataset, rows = folder / "dataset", []
    for video_id, camera in CAMERAS.items():
        clip_id = f"{video_id}-000"
        for frame_index in FRAMES:
            _write_frame(dataset, clip_id, frame_index, camera, has_person=video_id == "anna")
            rows.append(_row(clip_id, frame_index, camera, has_person=video_id == "anna"))
        lens = {"model": "PINHOLE", "width": camera.width, "height": camera.height,
                "params": [camera.fx, camera.fy, camera.cx, camera.cy]}  # fmt: skip
        source = {"path": f"{video_id}.mp4", "source": f"https://example.org/{video_id}", "license": LICENSE,
                  "first_timestamp_s": 0.0, "source_sha256": video_id.encode().hex().zfill(64)}  # fmt: skip
        write_json(clip_folder(dataset, clip_id) / layout.CLIP_JSON, {
            "clip_id": clip_id, "video_id": video_id, "metric": True, "length_unit": "m", "source": source,
            "camera_as_filmed": lens})  # fmt: skip
        write_manifest(clip_folder(dataset, clip_id), Manifest("dataset", 3))
    pq.write_table(pa.Table.from_pylist(rows, schema=layout.INDEX_SCHEMA), dataset / layout.INDEX_NAME)
    return folder


def _write_frame(dataset: Path, clip_id: str, frame_index: int, camera: PinholeCamera, has_person: bool) -> None:
    shape = camera.height, camera.width
    depth, grey = seen(unproject(camera, pixel_grid(camera.width, camera.height), np.ones(shape)), pose(frame_index))
    moving, overlay, person, outlier = np.zeros((4, *shape), np.uint8)
    moving[1], overlay[2], person[:, -PERSON_COLUMNS:], outlier[6] = 255, 255, 255, OUTLIER_STEPS
    depth[0], depth[1:3] = 0.0, HIDDEN_DEPTH
    layers = {
        "image": cv2.cvtColor(np.rint(grey).astype(np.uint8), cv2.COLOR_GRAY2BGR), "outlier": outlier, "moving": moving,
        "depth": np.rint(depth / DEPTH_UNIT).astype(np.uint16), "overlay": overlay,
        "sigma": np.rint(SIGMA_SHARE * depth / SIGMA_UNIT).astype(np.uint16),
    }  # fmt: skip
    for layer, pixels in (layers | ({"person": person} if has_person else {})).items():
        path = layout.layer_path(dataset, clip_id, layer, frame_index)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not cv2.imwrite(str(path), pixels, [cv2.IMWRITE_JPEG_QUALITY, 98] if layer == "image" else []):
            raise OSError(f"{path}: cannot be written")


def _row(clip_id: str, frame_index: int, camera: PinholeCamera, has_person: bool) -> dict:
    return {
        "clip_id": clip_id, "video_id": clip_id[:-4], "frame_index": frame_index, "timestamp_s": frame_index / FPS,
        "metric": True, "width": camera.width, "height": camera.height, "fx": camera.fx, "fy": camera.fy, "cx": camera.cx,
        "cy": camera.cy, "cam_from_world": pose(frame_index).ravel().tolist(), "depth_unit": DEPTH_UNIT,
        "sigma_unit": SIGMA_UNIT, "metric_from_sfm": 1.0, "sigma_log_scale": 0.01, "valid_fraction": 0.95,
        "moving_fraction": 0.02, "has_person": has_person,
    }  # fmt: skip
