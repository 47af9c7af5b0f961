"""The published tree: names, columns and units of the ground-truth data set on disk.

    dataset/dataset.json                 format version, clips, counts
    dataset/index.parquet                one row a frame (columns: INDEX_SCHEMA)
    dataset/clips/<video>/<clip>/clip.json       versions, configuration, source hash, licence, scale and its sigma, units
    dataset/clips/<video>/<clip>/images/NNNNNN.jpg     undistorted RGB
    dataset/clips/<video>/<clip>/depth/NNNNNN.png      uint16, z-depth / depth_unit, 0 = invalid
    dataset/clips/<video>/<clip>/sigma/NNNNNN.png      uint16, sigma / sigma_unit, 0 where depth is invalid
    dataset/clips/<video>/<clip>/outlier/NNNNNN.png    8 bit, probability of a gross error x 255; 0 where depth is invalid
    dataset/clips/<video>/<clip>/moving/NNNNNN.png     8 bit, 255 = moving
    dataset/clips/<video>/<clip>/overlay/NNNNNN.png    8 bit, 255 = overlay (caption, logo, bars)
    dataset/clips/<video>/<clip>/person/NNNNNN.png     8 bit, 255 = person; only where a person method was configured
    dataset/clips/<video>/<clip>/frames.parquet        the clip's rows of the index
    dataset/clips/<video>/<clip>/shutter.npz           how images were brought to a global shutter; only where they were

NNNNNN is ``frame_index``, the index in the source video. Depth, sigma and poses of a metric clip are in metres; those of
a clip with ``metric: false`` are in SfM units, and ``length_unit`` in its clip.json says "sfm".
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Float, UInt16

from sfm_gt.formats.clip_paths import clip_folder

FORMAT_VERSION = 2
LAYERS = {
    "image": ("images", ".jpg"),
    "depth": ("depth", ".png"),
    "sigma": ("sigma", ".png"),
    "outlier": ("outlier", ".png"),
    "moving": ("moving", ".png"),
    "overlay": ("overlay", ".png"),
    "person": ("person", ".png"),
}
LAYERS_FOLDER = "layers"  # what `sfm-gt layers` adds, a folder a clip
INDEX_NAME = "index.parquet"
DATASET_JSON = "dataset.json"
CLIP_JSON = "clip.json"
CLIP_INDEX = "frames.parquet"
SHUTTER_NPZ = "shutter.npz"
INDEX_SCHEMA = pa.schema(
    [
        pa.field("clip_id", pa.string(), nullable=False),
        pa.field("video_id", pa.string(), nullable=False),
        pa.field("frame_index", pa.int64(), nullable=False),
        pa.field("timestamp_s", pa.float64(), nullable=False),
        pa.field("metric", pa.bool_(), nullable=False),
        pa.field("width", pa.int64(), nullable=False),
        pa.field("height", pa.int64(), nullable=False),
        *(pa.field(name, pa.float64(), nullable=False) for name in ("fx", "fy", "cx", "cy")),
        pa.field("cam_from_world", pa.list_(pa.float64(), 16), nullable=False),
        pa.field("depth_unit", pa.float64(), nullable=False),
        pa.field("sigma_unit", pa.float64(), nullable=False),
        pa.field("metric_from_sfm", pa.float64()),
        pa.field("sigma_log_scale", pa.float64()),
        pa.field("focal_sigma_rel", pa.float64()),
        pa.field("valid_fraction", pa.float64(), nullable=False),
        pa.field("moving_fraction", pa.float64(), nullable=False),
        pa.field("has_person", pa.bool_(), nullable=False),
    ]
)
INDEX_COLUMNS = tuple(INDEX_SCHEMA.names)
# Sigma is a fifth of depth at most (clean.max_rel_sigma), so a five times finer step still fits into 16 bits.
SIGMA_STEPS = 5
MAX_STEPS = np.iinfo(np.uint16).max
PROBABILITY_STEPS = np.iinfo(np.uint8).max


def depth_units(max_depth: float) -> tuple[float, float]:
    """Steps of the depth and sigma PNGs: the finest of 1, 2, 5 x 10^k whose 16 bits reach ``max_depth``."""
    exponent = math.floor(math.log10(max_depth / MAX_STEPS))
    depth_unit = next(m * 10.0**exponent for m in (1, 2, 5, 10) if m * 10.0**exponent * MAX_STEPS >= max_depth)
    return depth_unit, depth_unit / SIGMA_STEPS


def quantised(values: Float[np.ndarray, "h w"], unit: float) -> UInt16[np.ndarray, "h w"]:
    """NaN = invalid in memory to 0 = invalid on disk, in steps of ``unit``; a valid value is never rounded to 0."""
    steps = np.clip(np.rint(values / unit), 1, MAX_STEPS)
    return np.where(np.isfinite(values), steps, 0).astype(np.uint16)


def layer_path(dataset: Path, clip_id: str, layer: str, frame_index: int) -> Path:
    """Path of one layer of one frame; ``layer`` is a key of LAYERS."""
    folder, suffix = LAYERS[layer]
    return clip_folder(dataset, clip_id) / folder / f"{frame_index:06d}{suffix}"
