"""A clip's dense depth between its stages: ``NNNNNN.parquet`` a frame, a column a map.

Parquet splits numbers into their bytes before it compresses them, which halves depth against a plain archive. Digits that mean
nothing are rounded away. Depth keeps more of them than its sigma asks for: at 12 bits the mask of a mover that comes to rest
fell apart, as the flow that is held against depth decides on small differences.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float, Float32

from sfm_gt.errors import InputError

MANTISSA_BITS = {"z_depth_sfm": 16, "sigma_sfm": 6, "hypothesis_sfm": 9}
"""Of float32's 23. Sigma itself is known to some 10 %; the hypothesis decides about steps of several per cent."""
OUTLIER_STEPS = 255
"""A probability has as many steps as in the data set."""
_FLOAT32_BITS = 23
_SUFFIX = ".parquet"


def write_dense_maps(folder: Path, frame_index: int, maps: Mapping[str, Float[np.ndarray, "h w"]]) -> None:
    """Writes ``z_depth_sfm``, ``sigma_sfm``, ``hypothesis_sfm`` and ``outlier`` of one frame, or some of them."""
    columns = {name: rounded(maps[name], bits).ravel() for name, bits in MANTISSA_BITS.items() if name in maps}
    halves = list(columns)
    if "outlier" in maps:
        columns["outlier"] = np.rint(np.nan_to_num(maps["outlier"]) * OUTLIER_STEPS).astype(np.uint8).ravel()
    height, width = maps["z_depth_sfm"].shape
    table = pa.table(columns).replace_schema_metadata({"height": str(height), "width": str(width)})
    pq.write_table(table, _path(folder, frame_index), compression="zstd", compression_level=3, use_dictionary=False,
                   use_byte_stream_split=halves, write_statistics=False)  # fmt: skip


def read_dense_maps(folder: Path, frame_index: int, *names: str) -> tuple[Float32[np.ndarray, "h w"], ...]:
    """Some maps of one frame, float32, NaN where there is no value.

    Raises:
        InputError: the file is missing or damaged.
    """
    path = _path(folder, frame_index)
    try:
        table = pq.read_table(path, columns=sorted({*names, "z_depth_sfm"}), use_threads=False)
        shape = int(table.schema.metadata[b"height"]), int(table.schema.metadata[b"width"])
        found = {name: table[name].to_numpy().reshape(shape) for name in table.column_names}
        if "outlier" in found:
            probability = found["outlier"].astype(np.float32) / np.float32(OUTLIER_STEPS)
            found["outlier"] = np.where(np.isnan(found["z_depth_sfm"]), np.float32(np.nan), probability)
        return tuple(found[name] for name in names)
    except (OSError, pa.ArrowException, KeyError, TypeError) as error:
        raise InputError(f"{path}: no readable maps ({error}); run `sfm-gt dense` on this clip again") from None


def frames_with_maps(folder: Path) -> list[int]:
    """Index of every frame that has maps, sorted."""
    return sorted(int(path.stem) for path in folder.glob(f"*{_SUFFIX}"))


def remove_dense_maps(folder: Path, frame_index: int) -> None:
    """Removes the maps of one frame."""
    _path(folder, frame_index).unlink(missing_ok=True)


def rounded(values: Float[np.ndarray, "h w"], mantissa_bits: int) -> Float32[np.ndarray, "h w"]:
    """Float32 whose mantissa has only so many bits, the nearest such; what is not finite stays."""
    exact = np.ascontiguousarray(values, dtype=np.float32)
    dropped = np.uint32(_FLOAT32_BITS - mantissa_bits)
    half = np.uint32(1) << (dropped - np.uint32(1))
    nearest = (((exact.view(np.uint32) + half) >> dropped) << dropped).view(np.float32)
    return np.where(np.isfinite(exact), nearest, exact)


def _path(folder: Path, frame_index: int) -> Path:
    return folder / f"{frame_index:06d}{_SUFFIX}"
