"""The machine-readable card of a release: Croissant 1.1 with the fields of its Responsible AI extension (RAI 1.0).

Built and validated with mlcroissant (extra ``publish``), so a card that its own reader refuses is never written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sfm_gt.errors import InputError
from sfm_gt.formats.atomic import replacing_file
from sfm_gt.formats.dataset_layout import INDEX_NAME, LAYERS
from sfm_gt.formats.sources import Source

CROISSANT_JSON = "croissant.json"
CROISSANT_1_1 = "http://mlcommons.org/croissant/1.1"
RAI_1_0 = "http://mlcommons.org/croissant/RAI/1.0"
# Terms of 1.1 and of RAI that mlcroissant's default context leaves out.
_CONTEXT = {
    "rai": "http://mlcommons.org/croissant/RAI/", "arrayShape": "cr:arrayShape", "containedIn": "cr:containedIn",
    "isArray": "cr:isArray",
}  # fmt: skip
_MIME = {".jpg": "image/jpeg", ".png": "image/png"}
_MEANING = {
    "clip_id": "clip: a shot of a video", "video_id": "source video", "frame_index": "index in the source video",
    "timestamp_s": "presentation time in the source container, s", "metric": "whether lengths are metres, else SfM units",
    "width": "pixels", "height": "pixels", "fx": "focal length, px", "fy": "focal length, px",
    "cx": "principal point, px, pixel centres at +0.5", "cy": "principal point, px, pixel centres at +0.5",
    "cam_from_world": "4 x 4 matrix, row by row; camera +x right, +y down, +z forward",
    "depth_unit": "z-depth of one step of the depth PNG", "sigma_unit": "one standard deviation of one step of the sigma PNG",
    "metric_from_sfm": "metres per SfM unit", "sigma_log_scale": "one standard deviation of the clip's log scale",
    "valid_fraction": "share of pixels with depth", "moving_fraction": "share of pixels that move",
    "has_person": "whether people were looked for",
}  # fmt: skip


def write_croissant(folder: Path, sources: Sequence[Source], facts: Mapping[str, Any]) -> None:
    """Writes ``folder/croissant.json`` for the release that lies there.

    Args:
        facts: ``name``, ``version``, ``limits`` (lines), ``preprocessing`` (lines), ``personal`` (lines), ``missing``.

    Raises:
        InputError: mlcroissant is not installed, or refuses the card.
    """
    try:
        import mlcroissant as mlc
    except ImportError:
        raise InputError(
            "publish writes a Croissant card and needs mlcroissant: pip install 'sfm-gt[publish]'"
        ) from None
    context = mlc.Context(conforms_to=[CROISSANT_1_1, RAI_1_0])
    file_sets = _file_sets(mlc, context, folder)
    distribution = [_index_file(mlc, context, folder / INDEX_NAME), *file_sets]
    try:
        metadata = mlc.Metadata(
            ctx=context, name=facts["name"], version=facts["version"], conforms_to=[CROISSANT_1_1, RAI_1_0],
            license=sorted({source.license or "not stated" for source in sources}), url=facts["url"],
            date_published=datetime.now(UTC).replace(tzinfo=None), distribution=distribution,
            record_sets=[_frames(mlc, context, folder / INDEX_NAME), *(_pictures(mlc, context, one.name) for one in file_sets)],
            **_described(sources, facts),
        )  # fmt: skip
        content = metadata.to_json()
        content["@context"] |= _CONTEXT
        with replacing_file(folder / CROISSANT_JSON) as partial:
            partial.write_text(json.dumps(content, indent=1, default=str) + "\n")
        mlc.Dataset(jsonld=folder / CROISSANT_JSON)
    except mlc.ValidationError as error:
        raise InputError(f"{folder / CROISSANT_JSON}: not valid Croissant ({' '.join(str(error).split())})") from None


def _described(sources: Sequence[Source], facts: Mapping[str, Any]) -> dict[str, Any]:
    """What the card says in words, from the run."""
    dates = sorted(source.recorded_on for source in sources if source.recorded_on)
    return {
        "description": facts["description"],
        "keywords": ["depth", "structure from motion", "ground truth"],
        "cite_as": facts["cite_as"],
        "data_collection": f"{len(sources)} videos whose sources, licences and consent stand in sources.json; cameras by "
        "structure from motion, depth by multi-view stereo, no depth network",
        "data_collection_type": ["Others"],
        "data_collection_raw_data": f"videos of {dates[0]} to {dates[-1]}" if dates else "videos; dates not stated",
        "data_collection_missing_data": facts["missing"],
        "data_preprocessing_protocol": list(facts["preprocessing"]),
        "data_annotation_protocol": ["computed from the video by multi-view geometry; each value with a standard deviation"],
        "machine_annotation_tools": list(facts["tools"]),
        "data_use_cases": ["training and evaluation of depth estimation from single pictures, pairs and video"],
        "data_limitations": list(facts["limits"]),
        "data_biases": list(facts["biases"]),
        "data_social_impact": "depth estimation serves robots, cameras and people who see little, surveillance as well. The "
        "videos may show people who did not ask to be in a data set: sources.json says what consent there is",
        "personal_sensitive_information": list(facts["personal"]),
        "data_release_maintenance_plan": "a source is removed on request with `sfm-gt forget`; tombstones.json holds hashes of "
        "what must not come back, for holders of copies",
    }  # fmt: skip


def _index_file(mlc: Any, context: Any, path: Path) -> Any:
    return mlc.FileObject(
        ctx=context, id=path.name, name=path.name, content_url=path.name, encoding_formats=["application/x-parquet"],
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )  # fmt: skip


def _file_sets(mlc: Any, context: Any, folder: Path) -> list[Any]:
    """One file set a layer that the release holds."""
    held = {name: place for name, place in LAYERS.items() if any(folder.glob(f"clips/*/*/{place[0]}/*{place[1]}"))}
    return [
        mlc.FileSet(
            ctx=context, id=name, name=name, includes=[f"clips/*/*/{place}/*{suffix}"], encoding_formats=[_MIME[suffix]]
        )
        for name, (place, suffix) in held.items()
    ]


def _frames(mlc: Any, context: Any, index: Path) -> Any:
    """The record set of the index: one record a frame."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields = []
    for column in pq.read_schema(index):
        repeated = pa.types.is_list(column.type) or pa.types.is_fixed_size_list(column.type)
        source = mlc.Source(ctx=context, file_object=index.name, extract=mlc.Extract(ctx=context, column=column.name))
        shape = {"is_array": True, "array_shape": "16"} if repeated else {}
        fields.append(mlc.Field(
            ctx=context, id=f"frames/{column.name}", name=column.name, description=_MEANING.get(column.name, column.name),
            data_types=[_data_type(mlc, column.type)], source=source, **shape,
        ))  # fmt: skip
    return mlc.RecordSet(ctx=context, id="frames", name="frames", fields=fields)


def _pictures(mlc: Any, context: Any, layer: str) -> Any:
    """The record set of a layer: path, which holds clip and frame, of each of its files, and the pixels of pictures.

    mlcroissant turns every PNG into 8-bit colour, which steps of depth are not: those are opened by their path.
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
