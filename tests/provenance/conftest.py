"""A finished run's output folder in small: two videos of one clip each, with every kind of file that a run leaves."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from sfm_gt.config import Config, to_yaml
from sfm_gt.formats import dataset_layout as layout
from sfm_gt.formats.manifest import Manifest, write_json, write_manifest
from sfm_gt.formats.sources import source_of, write_sources
from sfm_gt.formats.verdict import Verdict, gather, write_verdict
from sfm_gt.formats.workspace import Workspace
from sfm_gt.models.shared.stored import image_sizes_measure, write_prediction

HEIGHT, WIDTH = 48, 64
FRAMES = (3, 5)
VIDEOS = ("anna", "bert")
LENS = {"model": "SIMPLE_RADIAL", "width": WIDTH, "height": HEIGHT, "params": [60.0, WIDTH / 2, HEIGHT / 2, 0.0]}


def facts_of(video_id: str) -> dict:
    """Content of ingest.json, and what its sidecar says."""
    number = VIDEOS.index(video_id) + 1
    return {
        "video_id": video_id, "path": f"{video_id}.mp4", "status": "ok", "reason": None, "message": None,
        "source_sha256": f"{number}" * 64, "perceptual_hash": [f"{number}" * 16, f"{number + 2}" * 16],
        "source": f"https://example.org/{video_id}", "license": "CC-BY-4.0", "consent": "given",
        "recorded_by": None, "recorded_on": "2024-05-01", "uploader_hash": None,
    }  # fmt: skip


def _write_frame(dataset: Path, clip_id: str, frame_index: int) -> dict:
    rng = np.random.default_rng([len(clip_id), ord(clip_id[0]), frame_index])
    depth = rng.uniform(1.0, 3.0, (HEIGHT, WIDTH))
    empty = np.zeros((HEIGHT, WIDTH), np.uint8)
    layers = {
        "image": rng.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8), "depth": (depth * 1000).astype(np.uint16),
        "sigma": (depth * 50).astype(np.uint16), "outlier": empty, "moving": empty, "overlay": empty,
    }  # fmt: skip
    for layer, pixels in layers.items():
        path = layout.layer_path(dataset, clip_id, layer, frame_index)
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), pixels)
    values = {
        "clip_id": clip_id, "video_id": clip_id[:-4], "frame_index": frame_index, "timestamp_s": frame_index / 30,
        "metric": True, "width": WIDTH, "height": HEIGHT, "fx": 60.0, "fy": 60.0, "cx": 32.0, "cy": 24.0,
        "cam_from_world": np.eye(4).ravel().tolist(), "depth_unit": 1e-3, "sigma_unit": 2e-4, "metric_from_sfm": 2.0,
        "sigma_log_scale": 0.01, "valid_fraction": 1.0, "moving_fraction": 0.0, "has_person": False,
    }  # fmt: skip
    return {column: values[column] for column in layout.INDEX_COLUMNS}


def _write_clip(workspace: Workspace, video_id: str) -> list[dict]:
    clip_id = f"{video_id}-000"
    rows = [_write_frame(workspace.dataset, clip_id, frame_index) for frame_index in FRAMES]
    folder = workspace.clip_stage(clip_id, "dataset")
    info = {
        "clip_id": clip_id, "video_id": video_id, "source": facts_of(video_id), "depth_unit": 1e-3, "metric": True,
        "camera_as_filmed": LENS, "scale": {"metric": True, "cues": {"known_distance": {}}, "notes": []},
    }  # fmt: skip
    write_json(folder / layout.CLIP_JSON, info)
    write_manifest(folder, Manifest("dataset", 3, measures={"frames": len(FRAMES)}))
    workspace.mask_sheet(clip_id).mkdir(parents=True)
    (workspace.mask_sheet(clip_id) / "000000.jpg").write_bytes(f"masks of {clip_id}".encode())
    for stage in ("frames", "sfm"):
        (workspace.clip_stage(clip_id, stage)).mkdir(parents=True)
        (workspace.clip_stage(clip_id, stage) / "content.bin").write_bytes(f"{stage} of {clip_id}".encode())
        write_manifest(workspace.clip_stage(clip_id, stage), Manifest(stage, 1, measures={"registered_frames": 2}))
    for frame_index in FRAMES:
        values = np.random.default_rng([ord(video_id[0]), frame_index]).uniform(1, 3, (HEIGHT, WIDTH))
        workspace.predictions("constant", clip_id).mkdir(parents=True, exist_ok=True)
        write_prediction(workspace.predictions("constant", clip_id), frame_index, values)
    gather(workspace, clip_id, workspace.verdict(video_id))
    said = {"kind": "metric_depth", "image_sizes": image_sizes_measure([(HEIGHT, WIDTH)])}
    write_manifest(workspace.predictions("constant", clip_id), Manifest("predict", 1, measures=said))
    return rows


def _write_video(workspace: Workspace, video_id: str) -> dict:
    shot = {"clip_id": f"{video_id}-000", "video_id": video_id, "first_frame": 0, "last_frame": 9}
    write_json(workspace.ingest(video_id), facts_of(video_id))
    write_verdict(workspace.verdict(video_id), Verdict(f"key of {video_id}", "settings", facts_of(video_id), [shot]))
    (workspace.root / "logs" / "reconstruct").mkdir(parents=True, exist_ok=True)
    (workspace.root / "logs" / "reconstruct" / f"{video_id}.log").write_text("sfm: ok\n")
    workspace.lock("reconstruct", video_id).parent.mkdir(exist_ok=True)
    workspace.lock("reconstruct", video_id).touch()
    return shot


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """The run of ``anna.mp4`` and ``bert.mp4``; the constant model has predicted, nothing is evaluated yet."""
    workspace = Workspace(tmp_path / "out")
    shots = [_write_video(workspace, video_id) for video_id in VIDEOS]
    rows = [row for video_id in VIDEOS for row in _write_clip(workspace, video_id)]
    pd.DataFrame(rows).to_parquet(workspace.dataset / layout.INDEX_NAME, index=False)
    sources = [source_of({"source": facts_of(video_id)}, video_id) for video_id in VIDEOS]
    write_sources(workspace.dataset, sources)
    clip_ids = [shot["clip_id"] for shot in shots]
    write_json(workspace.dataset / layout.DATASET_JSON, {"format_version": 2, "clips": clip_ids, "frames": len(rows)})
    videos = [{key: facts_of(v)[key] for key in ("video_id", "path", "status", "reason", "message")} for v in VIDEOS]
    write_json(workspace.clip_list, {"clips": shots, "rejected": [], "videos": videos})
    (workspace.root / "logs" / "index.log").write_text("index: 4 frames of 2 clips\nanna-000: kept\nbert-000: kept\n")
    config = Config.model_validate(
        {"videos": "videos", "out": str(workspace.root), "evaluate": {"protocols": ("sfm_gt",), "min_pixels": 1},
         "models": [{"name": "constant", "method": "constant"}], "report": {"frames_per_clip": 1}}
    )  # fmt: skip
    workspace.config.write_text(to_yaml(config))
    return workspace
