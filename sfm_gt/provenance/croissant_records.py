"""Files and record sets of a Croissant card: what a release holds, and how a reader makes records of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from sfm_gt.formats.dataset_layout import INDEX_NAME, LAYERS

PARQUET = "data/*.parquet"
_MIME = {".jpg": "image/jpeg", ".png": "image/png", ".parquet": "application/x-parquet"}
_MEANING = {
    "clip_id": "clip: a shot of a video", "video_id": "source video", "frame_index": "index in the source video",
    "timestamp_s": "presentation time in the source container, s", "metric": "whether lengths are metres, else SfM units",
    "width": "pixels", "height": "pixels", "fx": "focal length, px", "fy": "focal length, px",
    "cx": "principal point, px, pixel centres at +0.5", "cy": "principal point, px, pixel centres at +0.5",
    "cam_from_world": "4 x 4 matrix, row by row; camera +x right, +y down, +z forward",
    "depth_unit": "z-depth of one step of the depth PNG", "sigma_unit": "one standard deviation of one step of the sigma PNG",
    "metric_from_sfm": "metres per SfM unit", "sigma_log_scale": "one standard deviation of the clip's log scale",
    "focal_sigma_rel": "one standard deviation of the clip's focal length over it",
    "valid_fraction": "share of pixels with depth", "moving_fraction": "share of pixels that move",
    "has_person": "whether people were looked for", "license": "of the source video", "source": "of the video",
    "split": "train, val or test; whole videos", "image": "undistorted RGB",
    "depth": "z-depth in steps of depth_unit, 16 bits, 0 = invalid",
    "sigma": "one standard deviation of depth in steps of sigma_unit, 16 bits, 0 = invalid",
    "outlier": "probability that depth is off by more than 10 %, in steps of 1/255", "moving": "not 0 = moves",
    "overlay": "not 0 = caption, logo or bar", "person": "not 0 = person; none where nobody looked for people",
}  # fmt: skip


def distribution(mlc: Any, context: Any, folder: Path) -> list[Any]:
    """Every table with its SHA-256, and a file set for each kind of file that there are many of."""
    tables = sorted(folder.glob(PARQUET))
    if tables:
        files = [_file(mlc, context, path, folder) for path in tables]
        return [*files, _file_set(mlc, context, "tables", PARQUET)]
    sets = [_file_set(mlc, context, layer, f"clips/*/*/{place}/*{suffix}") for layer, (place, suffix) in LAYERS.items()]
    held = [one for one in sets if any(folder.glob(one.includes[0]))]
    return [_file(mlc, context, folder / INDEX_NAME, folder), *held]


def record_sets(mlc: Any, context: Any, folder: Path) -> list[Any]:
    """One record a frame with picture, depth and sigma; of a tree, one a row of its index and one a file of each layer."""
    tables = sorted(folder.glob(PARQUET))
    if tables:
        return [_frames(mlc, context, tables[0], {"file_set": "tables"})]
    layers = [layer for layer, (place, suffix) in LAYERS.items() if any(folder.glob(f"clips/*/*/{place}/*{suffix}"))]
    frames = _frames(mlc, context, folder / INDEX_NAME, {"file_object": INDEX_NAME})
    return [frames, *(_layer_files(mlc, context, layer) for layer in layers)]


def _file(mlc: Any, context: Any, path: Path, folder: Path) -> Any:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    place = path.relative_to(folder).as_posix()
    return mlc.FileObject(
        ctx=context, id=place, name=path.name, content_url=place, encoding_formats=[_MIME[path.suffix]], sha256=digest
    )


def _file_set(mlc: Any, context: Any, name: str, includes: str) -> Any:
    kind = _MIME[Path(includes).suffix]
    return mlc.FileSet(ctx=context, id=name, name=name, includes=[includes], encoding_formats=[kind])


def _frames(mlc: Any, context: Any, table: Path, place: dict[str, str]) -> Any:
    """The record set of a table: one record a row."""
    import pyarrow.parquet as pq

    fields = [_field(mlc, context, column, place) for column in pq.read_schema(table)]
    return mlc.RecordSet(ctx=context, id="frames", name="frames", fields=fields)


def _field(mlc: Any, context: Any, column: Any, place: dict[str, str]) -> Any:
    import pyarrow as pa

    is_picture = pa.types.is_struct(column.type)
    repeated = pa.types.is_list(column.type) or pa.types.is_fixed_size_list(column.type)
    source = mlc.Source(
        ctx=context, **place, extract=mlc.Extract(ctx=context, column=column.name),
        transforms=[mlc.Transform(ctx=context, json_path="bytes")] if is_picture else [],
    )  # fmt: skip
    shape = {"is_array": True, "array_shape": "16"} if repeated else {}
    return mlc.Field(
        ctx=context, id=f"frames/{column.name}", name=column.name, description=_MEANING[column.name],
        data_types=[mlc.DataType.IMAGE_OBJECT if is_picture else _data_type(mlc, column.type)], source=source, **shape,
    )  # fmt: skip


def _layer_files(mlc: Any, context: Any, layer: str) -> Any:
    """The record set of a layer: path, which holds clip and frame, of each of its files, and the pixels of pictures.

    mlcroissant turns every PNG file into 8-bit colour, which steps of depth are not: those are opened by their path.
    """
    kinds = {"path": ("fullpath", mlc.DataType.TEXT)}
    if layer == "image":
        kinds["pixels"] = ("content", mlc.DataType.IMAGE_OBJECT)
    fields = [
        mlc.Field(
            ctx=context, id=f"{layer}s/{name}", name=name, description=f"{name} of the {layer} file", data_types=[kind],
            source=mlc.Source(ctx=context, file_set=layer, extract=mlc.Extract(ctx=context, file_property=extracted)),
        )
        for name, (extracted, kind) in kinds.items()
    ]  # fmt: skip
    return mlc.RecordSet(ctx=context, id=f"{layer}s", name=f"{layer}s", fields=fields)


def _data_type(mlc: Any, kind: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_boolean(kind):
        return mlc.DataType.BOOL
    if pa.types.is_integer(kind):
        return mlc.DataType.INTEGER
    number = pa.types.is_floating(kind) or pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind)
    return mlc.DataType.FLOAT if number else mlc.DataType.TEXT
