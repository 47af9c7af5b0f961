"""A published data set in small whose geometry is known: a camera that slides along a textured wall 2 m away."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from sfm_gt.formats import dataset_layout as layout
from sfm_gt.formats.clip_paths import clip_folder
from sfm_gt.formats.manifest import write_json

HEIGHT, WIDTH, FOCAL, DEPTH_M = 48, 64, 60.0, 2.0
STEP_M = 0.2  # between frames: 6 px of 64
DEPTH_UNIT, SIGMA_UNIT = 1e-3, 1e-4


def write_tree(folder: Path, videos: dict[str, int], perceptual_hashes: dict[str, list[str]] | None = None) -> Path:
    """One clip a video with the given number of frames; row 0 has no depth, row 1 moves, the last columns are a person."""
    rows = []
    for video_id, n_frames in videos.items():
        clip_id = f"{video_id}-000"
        for frame_index in range(n_frames):
            _write_frame(folder, clip_id, frame_index)
            rows.append(_row(clip_id, frame_index))
        source = {"license": "CC-BY-4.0", "perceptual_hash": (perceptual_hashes or {}).get(video_id, [])}
        write_json(
            clip_folder(folder, clip_id) / layout.CLIP_JSON,
            {"clip_id": clip_id, "video_id": video_id, "source": source},
        )
    pd.DataFrame(rows).to_parquet(folder / layout.INDEX_NAME, index=False)
    return folder


def depth_steps() -> np.ndarray:
    """(48, 64) uint16 as on disk."""
    steps = np.full((HEIGHT, WIDTH), round(DEPTH_M / DEPTH_UNIT), np.uint16)
    steps[0] = 0
    return steps


def outlier_steps() -> np.ndarray:
    """(48, 64) uint8 as on disk: one chance in five that depth is wrong in row 2, none elsewhere."""
    steps = np.zeros((HEIGHT, WIDTH), np.uint8)
    steps[2] = 51
    return steps


def _write_frame(folder: Path, clip_id: str, frame_index: int) -> None:
    rng = np.random.default_rng([ord(clip_id[0]), frame_index])
    moving, person = np.zeros((2, HEIGHT, WIDTH), np.uint8)
    moving[1], person[:, -4:] = 255, 255
    layers = {
        "image": rng.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8), "depth": depth_steps(),
        "sigma": (depth_steps() // 10), "outlier": outlier_steps(), "moving": moving, "overlay": np.zeros_like(moving),
        "person": person,
    }  # fmt: skip
    for layer, pixels in layers.items():
        path = layout.layer_path(folder, clip_id, layer, frame_index)
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), pixels)


def _row(clip_id: str, frame_index: int) -> dict:
    cam_from_world = np.eye(4)
    cam_from_world[0, 3] = -STEP_M * frame_index
    values = {
        "clip_id": clip_id, "video_id": clip_id[:-4], "frame_index": frame_index, "timestamp_s": frame_index / 30,
        "metric": True, "width": WIDTH, "height": HEIGHT, "fx": FOCAL, "fy": FOCAL, "cx": WIDTH / 2, "cy": HEIGHT / 2,
        "cam_from_world": cam_from_world.ravel().tolist(), "depth_unit": DEPTH_UNIT, "sigma_unit": SIGMA_UNIT,
        "metric_from_sfm": 1.0, "sigma_log_scale": 0.01, "focal_sigma_rel": 0.004,
        "valid_fraction": 1.0, "moving_fraction": 0.0, "has_person": True,
    }  # fmt: skip
    return {column: values[column] for column in layout.INDEX_COLUMNS}


def write_shards(tree: Path, folder: Path) -> Path:
    """The tree's frames as WebDataset shards, three frames each, all in the split train."""
    from sfm_gt.formats.shards import SHARDS_JSON, SUFFIXES, write_shard

    entries = []
    for clip_id, rows in pd.read_parquet(tree / layout.INDEX_NAME).groupby("clip_id"):
        for number in range(0, len(rows), 3):
            samples = []
            for row in rows.iloc[number : number + 3].to_dict("records"):
                key = f"{clip_id}_{row['frame_index']:06d}"
                layers = {suffix: layout.layer_path(tree, clip_id, layer, row["frame_index"]).read_bytes()
                          for layer, suffix in SUFFIXES.items()}  # fmt: skip
                facts = row | {"cam_from_world": row["cam_from_world"].tolist(), "license": "CC-BY-4.0"}
                samples.append((key, layers | {"json": json.dumps(facts).encode()}))
            name = f"{clip_id}-{number:03d}.tar"
            entry = write_shard(folder / name, samples) | {"metric": bool(rows["metric"].iloc[0])}
            entries.append({"shard": name, "clip_id": clip_id, "split": "train", **entry})
    write_json(folder / SHARDS_JSON, {"shards": entries})
    return folder
