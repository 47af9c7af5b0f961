"""Publish: a release of a run's data set, with pictures or annotations only, its cards, and a licence gate before it all."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from sfm_gt import __version__
from sfm_gt.commands import export
from sfm_gt.config import ProvenanceConfig
from sfm_gt.datasets.frames import Dataset, open_dataset
from sfm_gt.errors import InputError
from sfm_gt.formats.atomic import replacing_directory
from sfm_gt.formats.clip_paths import clip_folder
from sfm_gt.formats.dataset_layout import (
    CLIP_JSON,
    DATASET_JSON,
    INDEX_NAME,
    LAYERS,
    SHUTTER_NPZ,
    layer_path,
)
from sfm_gt.formats.image_hashes import hash_image, write_image_hashes
from sfm_gt.formats.manifest import read_json, write_json
from sfm_gt.formats.sources import TOMBSTONES_JSON, Source, source_of, write_sources
from sfm_gt.formats.verdict import read_manifests
from sfm_gt.formats.workspace import Workspace
from sfm_gt.provenance import license_gate
from sfm_gt.provenance.croissant import write_croissant
from sfm_gt.provenance.faces import FaceBlur
from sfm_gt.provenance.publisher import Publisher
from sfm_gt.provenance.released_pictures import ReleasedPictures
from sfm_gt.report.datasheet import datasheet, limits
from sfm_gt.report.funnel import levels, refusals
from sfm_gt.workflow.versions import VERSIONS

STAGE = "publish"
VERSION = VERSIONS[STAGE]
RELEASE_JSON = "release.json"
DATASHEET = "DATASHEET.md"
CLIPS_JSONL = "clips.jsonl"
Layout = Literal["parquet", "tree"]
# What the Hugging Face hub takes (its page "Storage limits").
MAX_FILES, MAX_FILES_A_FOLDER = 100_000, 10_000
# What a release takes over as it is; pictures are another matter.
ANNOTATIONS = tuple(layer for layer in LAYERS if layer != "image")


def run(
    out: Path,
    release: Path,
    config: ProvenanceConfig,
    annotations_only: bool = False,
    faces: Path | None = None,
    name: str | None = None,
    layout: Layout | None = None,
    publisher: Publisher | None = None,
) -> dict[str, Any]:
    """Writes ``release`` whole and returns the content of its release.json.

    Args:
        out: output folder of a run.
        faces: YuNet's ONNX file; faces in the pictures are blurred then.
        layout: ``parquet`` packs frames into tables by split, ``tree`` is the data set's own; None = parquet, and a tree for
            annotations only, where ``hydrate`` has to put pictures.
        publisher: what only who publishes knows; None = nothing is stated.

    Raises:
        InputError: a source does not allow it, a file is not as it was written, the folder exists already, or a forget was
            interrupted.
    """
    dataset = open_dataset(out)
    Workspace.around(dataset.path).require_no_forget()
    license_gate.require(
        dataset, dataset.clip_ids, "publish_annotations" if annotations_only else "publish", config.use, config.terms
    )
    if release.exists():
        raise InputError(f"{release}: exists already; give a new folder, a release is never mixed with an older one")
    if annotations_only and faces:
        raise InputError("--blur-faces: an annotations-only release holds no pictures; leave one of the two out")
    if annotations_only and layout == "parquet":
        raise InputError(
            "--layout parquet: `sfm-gt hydrate` adds pictures to a tree; leave --layout or --annotations-only out"
        )
    publisher = publisher or Publisher()
    pictures = ReleasedPictures(dataset, FaceBlur(faces) if faces else None)
    with replacing_directory(release) as folder:
        if annotations_only or layout == "tree":
            _write_tree(dataset, folder, None if annotations_only else pictures)
        else:
            _write_tables(out, dataset, folder, pictures)
        content = {
            "name": name or out.resolve().name, "version": f"{VERSION}.0.0", "use": config.use,
            "annotations_only": annotations_only, "faces": pictures.counts, "not_stated": publisher.not_stated,
            "parents": [info["source"].get("source_sha256") for info in _infos(dataset)], "beyond_hub": _beyond_hub(folder),
        }  # fmt: skip
        write_json(folder / RELEASE_JSON, content)
        _write_cards(Workspace(out), dataset, folder, content, publisher)
    return content


def _write_tree(dataset: Dataset, folder: Path, pictures: ReleasedPictures | None) -> None:
    """The data set's own layout: a file a layer and frame."""
    dataset.check_files(dataset.clip_ids)
    for clip_id in dataset.clip_ids:
        _copy_annotations(dataset, clip_id, folder)
        if pictures is None:
            _write_hashes(dataset, clip_id, folder)
            continue
        for frame in dataset.frames_of(clip_id):
            target = layer_path(folder, clip_id, "image", frame.frame_index)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(pictures(frame))
    shutil.copyfile(dataset.path / INDEX_NAME, folder / INDEX_NAME)
    if (dataset.path / DATASET_JSON).is_file():
        shutil.copyfile(dataset.path / DATASET_JSON, folder / DATASET_JSON)


def _write_tables(out: Path, dataset: Dataset, folder: Path, pictures: ReleasedPictures) -> None:
    """Parquet by split, with the card of the Hugging Face hub, and the clips' clip.json as lines."""
    exporter, clips, _ = export.check(out, "huggingface", ())
    exporter.write(clips, folder, pictures)
    lines = [json.dumps(info, sort_keys=True) + "\n" for info in _infos(dataset)]
    (folder / CLIPS_JSONL).write_text("".join(lines), encoding="utf-8")


def _beyond_hub(folder: Path) -> list[str]:
    """In which way the files are more than the Hugging Face hub takes."""
    counts = Counter(path.parent for path in folder.rglob("*") if path.is_file())
    fullest = max(counts, key=lambda place: counts[place])
    found = (
        [f"{counts[fullest]} files in {fullest.relative_to(folder)}"] if counts[fullest] > MAX_FILES_A_FOLDER else []
    )
    return found + ([f"{counts.total()} files in all"] if counts.total() > MAX_FILES else [])


def _infos(dataset: Dataset) -> list[dict[str, Any]]:
    return [dataset.clip_info(clip_id) for clip_id in dataset.clip_ids]


def _copy_annotations(dataset: Dataset, clip_id: str, folder: Path) -> None:
    """Depth, sigma, masks and metadata of a clip, bit for bit."""
    target = clip_folder(folder, clip_id)
    target.mkdir(parents=True)
    for name in (CLIP_JSON, SHUTTER_NPZ):
        if name == CLIP_JSON or (clip_folder(dataset.path, clip_id) / name).is_file():
            shutil.copyfile(clip_folder(dataset.path, clip_id) / name, target / name)
    for frame in dataset.frames_of(clip_id):
        for layer in ANNOTATIONS if frame.has_person else [layer for layer in ANNOTATIONS if layer != "person"]:
            copied = layer_path(folder, clip_id, layer, frame.frame_index)
            copied.parent.mkdir(exist_ok=True)
            _copy(layer_path(dataset.path, clip_id, layer, frame.frame_index), copied)


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError:
        raise InputError(f"{source}: missing; rebuild the clip with `sfm-gt dataset`") from None


def _write_hashes(dataset: Dataset, clip_id: str, folder: Path) -> None:
    indices = [frame.frame_index for frame in dataset.frames_of(clip_id)]
    hashes = [hash_image(i, layer_path(dataset.path, clip_id, "image", i).read_bytes()) for i in indices]
    write_image_hashes(clip_folder(folder, clip_id), hashes)


def _write_cards(
    workspace: Workspace, dataset: Dataset, folder: Path, release: dict[str, Any], publisher: Publisher
) -> None:
    """Sources, tombstones, datasheet and Croissant card."""
    if (dataset.path / TOMBSTONES_JSON).is_file():
        shutil.copyfile(dataset.path / TOMBSTONES_JSON, folder / TOMBSTONES_JSON)
    infos = _infos(dataset)
    sources = list(
        {s.video_id: s for s in (source_of(info, f"{info['clip_id']}/{CLIP_JSON}") for info in infos)}.values()
    )
    write_sources(folder, sources)
    rows = [dict(row) for row in dataset.rows]
    sheet = datasheet(rows, infos, sources, *_funnel(workspace, rows), release, asdict(publisher))
    (folder / DATASHEET).write_text(sheet, encoding="utf-8")
    write_croissant(folder, sources, {
        "name": release["name"], "version": release["version"],
        "description": f"Metric depth ground truth from {len(sources)} frozen-scene videos: {len(rows)} frames with z-depth, "
        "its standard deviation, cameras, poses and masks, by structure from motion and multi-view stereo.",
        "cite_as": "@misc{" + release["name"].replace(" ", "_") + ", note={made with sfm_gt " + __version__ + "}}",
        "missing": "pixels without consistent depth are 0 in the depth PNG; frames with too few of them are left out",
        "preprocessing": ["frames undistorted to a pinhole camera", *_face_lines(release)],
        "tools": sorted({tool for info in infos for tool in info.get("software", {}).items()}),
        "limits": limits(rows, infos), "biases": _biases(sources, infos), "personal": _personal(sources, release),
    }, publisher)  # fmt: skip


def _funnel(workspace: Workspace, rows: Sequence[Mapping[str, Any]]) -> tuple[Sequence[Any], Sequence[Any]]:
    if not workspace.clip_list.is_file():
        return (), ()
    corpus = read_json(workspace.clip_list)
    manifests = {clip["clip_id"]: read_manifests(workspace, clip["clip_id"]) for clip in corpus["clips"]}
    return levels(corpus, manifests, rows), refusals(corpus, manifests)


def _face_lines(release: dict[str, Any]) -> list[str]:
    faces = release["faces"]
    if not faces:
        return []
    return [
        f"{faces['n_faces']} faces found by YuNet and blurred, {faces['n_found_again']} of them found again afterwards"
    ]


def _biases(sources: Sequence[Source], infos: Sequence[dict[str, Any]]) -> list[str]:
    metric = sum(bool(info.get("scale", {}).get("metric")) for info in infos)
    return [f"{len(sources)} videos, scenes that hold still and a camera that moves sideways; {metric} of {len(infos)} clips "
            "are metric; surfaces without texture, glass and water have no depth"]  # fmt: skip


def _personal(sources: Sequence[Source], release: dict[str, Any]) -> list[str]:
    consent = sorted({source.consent or "not stated" for source in sources})
    held = "no pictures" if release["annotations_only"] else "faces blurred" if release["faces"] else "faces as filmed"
    return [f"consent: {', '.join(consent)}; {held}; uploaders hashed under a private salt"]
