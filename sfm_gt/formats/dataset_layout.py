"""The published tree: names, columns and units of the ground-truth data set on disk.

    dataset/dataset.json                 format version, clips, counts
    dataset/index.parquet                one row a frame (columns: INDEX_COLUMNS)
    dataset/clips/<clip>/clip.json       versions, configuration, source hash, licence, scale and its sigma, units
    dataset/clips/<clip>/images/NNNNNN.jpg     undistorted RGB
    dataset/clips/<clip>/depth/NNNNNN.png      uint16, z-depth / depth_unit, 0 = invalid
    dataset/clips/<clip>/sigma/NNNNNN.png      uint16, sigma / sigma_unit, 0 where depth is invalid
    dataset/clips/<clip>/moving/NNNNNN.png     8 bit, 255 = moving
    dataset/clips/<clip>/overlay/NNNNNN.png    8 bit, 255 = overlay (caption, logo, bars)
    dataset/clips/<clip>/person/NNNNNN.png     8 bit, 255 = person; only where a person method was configured

NNNNNN is ``frame_index``, the index in the source video. Depth, sigma and poses of a metric clip are in metres; those of
a clip with ``metric: false`` are in SfM units, and ``length_unit`` in its clip.json says "sfm".
"""

from __future__ import annotations

from pathlib import Path

FORMAT_VERSION = 1
LAYERS = {"image": ("images", ".jpg"), "depth": ("depth", ".png"), "sigma": ("sigma", ".png"),
          "moving": ("moving", ".png"), "overlay": ("overlay", ".png"), "person": ("person", ".png")}
INDEX_NAME = "index.parquet"
DATASET_JSON = "dataset.json"
CLIP_JSON = "clip.json"
INDEX_COLUMNS = (
    "clip_id", "video_id", "frame_index", "timestamp_s", "metric", "width", "height", "fx", "fy", "cx", "cy",
    "cam_from_world", "depth_unit", "sigma_unit", "metric_from_sfm", "sigma_log_scale", "valid_fraction",
    "moving_fraction", "has_person",
)  # fmt: skip


def layer_path(dataset: Path, clip_id: str, layer: str, frame_index: int) -> Path:
    """Path of one layer of one frame; ``layer`` is a key of LAYERS."""
    folder, suffix = LAYERS[layer]
    return dataset / "clips" / clip_id / folder / f"{frame_index:06d}{suffix}"
