"""A finished run's output folder: videos of one clip each, with every kind of file that a run leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd

from sfm_gt.config import Config, to_yaml
from sfm_gt.formats import dataset_layout as layout
from sfm_gt.formats.frame_index import vouch_for_index
from sfm_gt.formats.manifest import Manifest, write_json, write_manifest
from sfm_gt.formats.sources import source_of, write_sources
from sfm_gt.formats.verdict import Verdict, gather, write_verdict
from sfm_gt.formats.workspace import Workspace
from sfm_gt.models.shared.stored import image_sizes_measure, write_prediction


@dataclass(frozen=True)
class Shape:
    """Of every clip: its frames in the source video, and its pictures in pixels."""

    frame_indices: Sequence[int] = (3, 5)
    height: int = 48
    width: int = 64


def _write_frame(workspace: Workspace, clip_id: str, frame_index: int, shape: Shape) -> dict:
    size = shape.height, shape.width
    rng = np.random.default_rng([len(clip_id), ord(clip_id[0]), frame_index])
    depth = rng.uniform(1.0, 3.0, size)
    empty = np.zeros(size, np.uint8)
    layers = {
        "image": rng.integers(0, 255, (*size, 3), np.uint8), "depth": (depth * 1000).astype(np.uint16),
        "sigma": (depth * 50).astype(np.uint16), "outlier": empty, "moving": empty, "overlay": empty,
    }  # fmt: skip
    for layer, pixels in layers.items():
        path = layout.layer_path(workspace.dataset, clip_id, layer, frame_index)
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), pixels)
    values = {
        "clip_id": clip_id, "video_id": clip_id[:-4], "frame_index": frame_index, "timestamp_s": frame_index / 30,
        "metric": True, "width": shape.width, "height": shape.height, "fx": 60.0, "fy": 60.0, "cx": shape.width / 2,
        "cy": shape.height / 2, "cam_from_world": np.eye(4).ravel().tolist(), "depth_unit": 1e-3, "sigma_unit": 2e-4,
        "metric_from_sfm": 2.0, "sigma_log_scale": 0.01, "focal_sigma_rel": 0.004,
        "valid_fraction": 1.0, "moving_fraction": 0.0,
        "has_person": False,
    }  # fmt: skip
    return {column: values[column] for column in layout.INDEX_COLUMNS}


def _write_clip(workspace: Workspace, facts: dict, shape: Shape) -> list[dict]:
    video_id, size = facts["video_id"], (shape.height, shape.width)
    clip_id = f"{video_id}-000"
    rows = [_write_frame(workspace, clip_id, frame_index, shape) for frame_index in shape.frame_indices]
    folder = workspace.clip_stage(clip_id, "dataset")
    lens = {"model": "SIMPLE_RADIAL", "width": shape.width, "height": shape.height,
            "params": [60.0, shape.width / 2, shape.height / 2, 0.0]}  # fmt: skip
    info = {
        "clip_id": clip_id, "video_id": video_id, "source": facts, "depth_unit": 1e-3, "metric": True,
        "camera_as_filmed": lens, "scale": {"metric": True, "cues": {"known_distance": {}}, "notes": []},
    }  # fmt: skip
    write_json(folder / layout.CLIP_JSON, info)
    write_manifest(folder, Manifest("dataset", 3, measures={"frames": len(rows)}))
    workspace.mask_sheet(clip_id).mkdir(parents=True)
    (workspace.mask_sheet(clip_id) / "000000.jpg").write_bytes(f"masks of {clip_id}".encode())
    for stage in ("frames", "sfm"):
        (workspace.clip_stage(clip_id, stage)).mkdir(parents=True)
        (workspace.clip_stage(clip_id, stage) / "content.bin").write_bytes(f"{stage} of {clip_id}".encode())
        write_manifest(workspace.clip_stage(clip_id, stage), Manifest(stage, 1, measures={"registered_frames": 2}))
    for frame_index in shape.frame_indices:
        values = np.random.default_rng([ord(video_id[0]), frame_index]).uniform(1, 3, size)
        workspace.predictions("constant", clip_id).mkdir(parents=True, exist_ok=True)
        write_prediction(workspace.predictions("constant", clip_id), frame_index, values)
    gather(workspace, clip_id, workspace.verdict(video_id))
    said = {"kind": "metric_depth", "image_sizes": image_sizes_measure([size])}
    write_manifest(workspace.predictions("constant", clip_id), Manifest("predict", 1, measures=said))
    return rows


def _write_video(workspace: Workspace, facts: dict) -> dict:
    video_id = facts["video_id"]
    shot = {"clip_id": f"{video_id}-000", "video_id": video_id, "first_frame": 0, "last_frame": 9}
    write_json(workspace.ingest(video_id), facts)
    write_verdict(workspace.verdict(video_id), Verdict(f"key of {video_id}", "settings", facts, [shot]))
    (workspace.root / "logs" / "reconstruct").mkdir(parents=True, exist_ok=True)
    (workspace.root / "logs" / "reconstruct" / f"{video_id}.log").write_text("sfm: ok\n")
    workspace.lock("reconstruct", video_id).parent.mkdir(exist_ok=True)
    workspace.lock("reconstruct", video_id).touch()
    return shot


def write_run(workspace: Workspace, videos: Sequence[dict], shape: Shape) -> None:
    """What a run on these videos leaves; the constant model has predicted, nothing is evaluated yet.

    Args:
        videos: content of each one's ingest.json with what its sidecar says.
        shape: of their clips, whose pictures are noise.
    """
    shots = [_write_video(workspace, facts) for facts in videos]
    rows = [row for facts in videos for row in _write_clip(workspace, facts, shape)]
    pd.DataFrame(rows).to_parquet(workspace.dataset / layout.INDEX_NAME, index=False)
    write_sources(workspace.dataset, [source_of({"source": facts}, facts["video_id"]) for facts in videos])
    clip_ids = [shot["clip_id"] for shot in shots]
    vouch_for_index(workspace.dataset, {"format_version": 2, "clips": clip_ids, "frames": len(rows)})
    listed = [{key: facts[key] for key in ("video_id", "path", "status", "reason", "message")} for facts in videos]
    write_json(workspace.clip_list, {"clips": shots, "rejected": [], "videos": listed})
    kept = "".join(f"{clip_id}: kept\n" for clip_id in clip_ids)
    (workspace.root / "logs" / "index.log").write_text(f"index: {len(rows)} frames of {len(clip_ids)} clips\n{kept}")
    config = Config.model_validate(
        {"videos": "videos", "out": str(workspace.root), "evaluate": {"protocols": ("sfm_gt",), "min_pixels": 1},
         "models": [{"name": "constant", "method": "constant"}], "report": {"frames_per_clip": 1}}
    )  # fmt: skip
    workspace.config.write_text(to_yaml(config))
