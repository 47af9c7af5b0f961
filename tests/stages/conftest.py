"""A published data set of two small clips, written in the layout of ``dataset_layout`` with numbers known by hand.

``near`` is metric (1 SfM unit = 2 m), ``far`` is not. Every frame is 12 rows by 16 columns: GT depth 2 on the left half
and 4 on the right half. Row 0 is invalid, row 1 moves, row 2 is overlay; rows 3 to 11 are scored, 144 pixels, half of
each depth. The last four columns are a person in ``near``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest

from sfm_gt.formats import dataset_layout as layout
from sfm_gt.formats.manifest import Manifest, write_json, write_manifest
from sfm_gt.formats.verdict import gather
from sfm_gt.formats.workspace import Workspace
from sfm_gt.models.shared.stored import write_prediction

HEIGHT, WIDTH = 12, 16
FRAMES = (7, 9, 30)
DEPTH_UNIT, SIGMA_UNIT = 1e-3, 1e-4


def gt_depth() -> np.ndarray:
    """(12, 16) GT depth of every frame, NaN where invalid."""
    depth = np.full((HEIGHT, WIDTH), 2.0, np.float32)
    depth[:, WIDTH // 2 :] = 4.0
    depth[0] = np.nan
    return depth


def _write_layers(dataset: Path, clip_id: str, frame_index: int, has_person: bool) -> None:
    blank = np.zeros((HEIGHT, WIDTH), np.uint8)
    moving, overlay, person = blank.copy(), blank.copy(), blank.copy()
    moving[1], overlay[2], person[:, 12:] = 255, 255, 255
    # Depth under the masks is there and wrong: whoever forgets a mask gets other figures.
    depth = gt_depth()
    depth[1:3] = 30.0
    stored = np.nan_to_num(depth)
    layers = {
        "image": np.random.default_rng(frame_index).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8),
        "depth": np.round(stored / DEPTH_UNIT).astype(np.uint16),
        "sigma": np.round(0.01 * stored / SIGMA_UNIT).astype(np.uint16),
        "outlier": blank,
        "moving": moving,
        "overlay": overlay,
    } | ({"person": person} if has_person else {})
    for layer, pixels in layers.items():
        path = layout.layer_path(dataset, clip_id, layer, frame_index)
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), pixels)


def _index_row(clip_id: str, frame_index: int, metric: bool) -> dict:
    cam_from_world = np.eye(4)
    cam_from_world[:3, 3] = [-0.1 * frame_index, 0.0, -0.02 * frame_index]
    values = {
        "clip_id": clip_id, "video_id": f"video_{clip_id}", "frame_index": frame_index, "timestamp_s": frame_index / 30,
        "metric": metric, "width": WIDTH, "height": HEIGHT, "fx": 20.0, "fy": 20.0, "cx": 8.0, "cy": 6.0,
        "cam_from_world": cam_from_world.ravel().tolist(), "depth_unit": DEPTH_UNIT, "sigma_unit": SIGMA_UNIT,
        "metric_from_sfm": 2.0 if metric else None, "sigma_log_scale": 0.01 if metric else None,
        "focal_sigma_rel": 0.004,
        "valid_fraction": 11 / 12, "moving_fraction": 1 / 12, "has_person": metric,
    }  # fmt: skip
    return {column: values[column] for column in layout.INDEX_COLUMNS}


def _write_clip_files(workspace: Workspace, clip_id: str, metric: bool) -> None:
    folder = workspace.clip_stage(clip_id, "dataset")
    scale = {
        "metric": metric,
        "cues": {"known_distance": {}} if metric else {},
        "notes": ["known_distance: 2 of 2 agree"],
    }
    write_json(folder / layout.CLIP_JSON, {"clip_id": clip_id, "source": {"license": "CC0-1.0"}, "scale": scale})
    write_manifest(workspace.clip_stage(clip_id, "sfm"), Manifest("sfm", 1, measures={"registered_frames": 4.0}))
    write_manifest(folder, Manifest("dataset", 1, measures={"frames": len(FRAMES)}))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A run's output folder with the data set of clips ``near`` and ``far``; ``lost`` was rejected by SfM."""
    workspace = Workspace(tmp_path / "out")
    rows = []
    for clip_id, metric in (("far", False), ("near", True)):
        for frame_index in FRAMES:
            _write_layers(workspace.dataset, clip_id, frame_index, has_person=metric)
            rows.append(_index_row(clip_id, frame_index, metric))
        _write_clip_files(workspace, clip_id, metric)
        of_clip = [row for row in rows if row["clip_id"] == clip_id]
        pd.DataFrame(of_clip).to_parquet(workspace.clip_stage(clip_id, "dataset") / layout.CLIP_INDEX, index=False)
    pd.DataFrame(rows).to_parquet(workspace.dataset / layout.INDEX_NAME, index=False)
    lost = Manifest("sfm", 1, "rejected", "no_parallax", "lost.mp4: the camera only turns", 0.4, 1.0)
    write_manifest(workspace.clip_stage("lost", "sfm"), lost)
    write_manifest(workspace.clip_stage("lost", "dataset"), lost.skipped_in("dataset", 1))
    for clip_id in ("far", "lost", "near"):
        gather(workspace, clip_id, workspace.verdict(clip_id))
    clips = [
        {"clip_id": c, "video_id": f"video_{c}", "first_frame": 7, "last_frame": 31} for c in ("far", "lost", "near")
    ]
    broken = {
        "video_id": "b",
        "path": "b.mp4",
        "status": "rejected",
        "reason": "not_a_video",
        "message": "b.mp4: <text>",
    }
    short = {
        "clip_id": "far-001",
        "first_frame": 32,
        "last_frame": 34,
        "reason": "too_short",
        "message": "far.mp4: 3 frames",
        "measured": 3,
        "threshold": 15,
    }
    dissolve = {"clip_id": "near-transition-000", "first_frame": 0, "last_frame": 6, "reason": "transition",
                "message": "near.mp4: two scenes at once", "measured": 0.2, "threshold": 0.07}  # fmt: skip
    fine = [{"video_id": f"video_{c}", "path": f"{c}.mp4", "status": "ok", "reason": None, "message": None}
            for c in ("far", "lost", "near")]  # fmt: skip
    write_json(workspace.clip_list, {"clips": clips, "rejected": [short, dissolve], "videos": [broken, *fine]})
    return workspace


@pytest.fixture
def predict_by_hand(workspace: Workspace) -> Callable[..., None]:
    """Writes predictions of one model and clip: ``values(frame_index)`` gives a map, or None for a missing one."""

    def write(model: str, clip_id: str, kind: str, values: Callable[[int], np.ndarray | None]) -> None:
        folder = workspace.predictions(model, clip_id)
        folder.mkdir(parents=True)
        for frame_index in FRAMES:
            prediction = values(frame_index)
            if prediction is not None:
                write_prediction(folder, frame_index, prediction)
        write_manifest(folder, Manifest("predict", 3, measures={"kind": kind, "image_sizes": [[HEIGHT, WIDTH]]}))

    return write


@pytest.fixture
def tiny() -> SimpleNamespace:
    """Sizes and GT of the data set."""
    return SimpleNamespace(height=HEIGHT, width=WIDTH, frames=FRAMES, gt=gt_depth())
