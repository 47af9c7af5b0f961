"""The index of a data set or of one clip: a row a frame, with the columns of ``dataset_layout.INDEX_SCHEMA``.

Cameras, poses and units stand in the data set's index alone, so dataset.json vouches for it as manifests do for clips.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sfm_gt.errors import InputError, one_line
from sfm_gt.formats.clip_paths import require_id
from sfm_gt.formats.dataset_layout import DATASET_JSON, INDEX_NAME, INDEX_SCHEMA
from sfm_gt.formats.manifest import read_json_object, write_json

# A data set of before it was stated comes without.
OPTIONAL = "focal_sigma_rel"
POSITIVE = ("width", "height", "fx", "fy", "depth_unit", "sigma_unit")
FINITE = ("timestamp_s", "cx", "cy", "cam_from_world")
INDEX_SHA256 = "index_sha256"
REMEDY = "run the workflow again with the same output folder, or copy the data set again"


def read_index(path: Path) -> list[dict[str, Any]]:
    """Rows of ``path``, in order.

    Raises:
        InputError: the file cannot be read, a column is missing or holds what it cannot, or an id could lead out of the data
            set.
    """
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read as Parquet ({one_line(str(error))}); {REMEDY}") from None
    rows: list[dict[str, Any]] = _of_schema(table, path).to_pylist()
    for name in ("clip_id", "video_id"):
        for found in {row[name] for row in rows}:
            require_id(found, path)
    return rows


def _of_schema(table: pa.Table, path: Path) -> pa.Table:
    """The table in the types of the schema."""
    columns, given = {}, set(table.column_names)
    for field in INDEX_SCHEMA:
        if field.name not in given and field.name == OPTIONAL:
            continue
        try:
            columns[field.name] = table[field.name].cast(field.type)
        except (KeyError, pa.ArrowException):
            found = table.schema.field(field.name).type if field.name in given else "none"
            raise InputError(f"{path}: column {field.name!r}: found {found}, needed {field.type}; {REMEDY}") from None
        if not field.nullable and columns[field.name].null_count:
            raise InputError(f"{path}: column {field.name!r} lacks values; {REMEDY}")
    for name in (*POSITIVE, *FINITE):
        values = pc.list_flatten(columns[name]) if name == "cam_from_world" else columns[name]
        good = pc.is_finite(values) if name in FINITE else pc.and_(pc.is_finite(values), pc.greater(values, 0))
        if values.null_count or pc.any(pc.invert(good)).as_py():
            needed = "finite numbers" if name in FINITE else "finite numbers above 0"
            raise InputError(f"{path}: column {name!r}: needed {needed} alone; {REMEDY}")
    return pa.table(columns)


def index_sha256(dataset: Path) -> str:
    """SHA-256 of the index of a data set, by which its dataset.json vouches for it."""
    with (dataset / INDEX_NAME).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_index(dataset: Path) -> None:
    """Whether the index is the one that dataset.json was written with.

    Raises:
        InputError: it was changed since, or dataset.json cannot be read. A part of a data set without dataset.json, or one of
            before the hash was in it, is not asked.
    """
    stated = dataset / DATASET_JSON
    expected = read_json_object(stated).get(INDEX_SHA256) if stated.is_file() else None
    if expected is not None and index_sha256(dataset) != expected:
        raise InputError(f"{dataset / INDEX_NAME}: was changed after the data set was complete; {REMEDY}")


def vouch_for_index(dataset: Path, content: dict[str, Any]) -> None:
    """Writes dataset.json: ``content`` and the hash of the index as it is."""
    write_json(dataset / DATASET_JSON, content | {INDEX_SHA256: index_sha256(dataset)})
