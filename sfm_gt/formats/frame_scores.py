"""evaluation/frames.parquet: one row a frame, model, protocol, alignment, region and metric, in long format.

Written in row groups while frames stream by, so memory does not grow with their number. A figure that does not exist has no
row: it is never a zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sfm_gt.formats.atomic import replacing_file

_WORD = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        ("clip_id", _WORD),
        ("video_id", _WORD),
        ("frame_index", pa.int64()),
        ("model", _WORD),
        ("kind", _WORD),
        ("protocol", _WORD),
        ("alignment", _WORD),
        ("region", _WORD),
        ("metric", _WORD),
        ("value", pa.float64()),
        ("n_pixels", pa.int64()),
    ]
)
KEYS = ("clip_id", "video_id", "frame_index", "model", "kind", "protocol", "alignment")
ROWS_A_GROUP = 200_000


class FrameScoresWriter:
    """A context that writes the file whole or not at all."""

    def __init__(self, path: Path):
        self._file = replacing_file(path)
        self._blocks: list[pa.Table] = []
        self._n_rows = 0

    def __enter__(self) -> FrameScoresWriter:
        self._writer = pq.ParquetWriter(self._file.__enter__(), SCHEMA)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._flush()
        self._writer.close()
        self._file.__exit__(kind, error, trace)

    def append(
        self,
        keys: Mapping[str, str | int],
        regions: Sequence[str],
        metrics: Sequence[str],
        values: np.ndarray,
        n_pixels: np.ndarray,
    ) -> None:
        """One frame, model, protocol and alignment.

        Args:
            keys: the columns KEYS.
            values: (regions, metrics); what is not finite is left out.
            n_pixels: (regions,) pixels that went into the figures.
        """
        region, metric = np.nonzero(np.isfinite(values))
        columns = {name: _constant(keys[name], region.size) for name in KEYS} | {
            "region": _words(region, regions),
            "metric": _words(metric, metrics),
            "value": pa.array(values[region, metric]),
            "n_pixels": pa.array(n_pixels[region].astype(np.int64)),
        }
        self._blocks.append(pa.table(columns, schema=SCHEMA))
        self._n_rows += region.size
        if self._n_rows >= ROWS_A_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._blocks:
            self._writer.write_table(pa.concat_tables(self._blocks).unify_dictionaries())
        self._blocks, self._n_rows = [], 0


def _constant(value: str | int, n_rows: int) -> pa.Array:
    if isinstance(value, int):
        return pa.array(np.full(n_rows, value, dtype=np.int64))
    return _words(np.zeros(n_rows), [value])


def _words(numbers: np.ndarray, words: Sequence[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(numbers.astype(np.int32)), pa.array(list(words), pa.string()))
