"""Publish: a release of a run's data set, with pictures or annotations only, its cards, and a licence gate before it all."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2

from sfm_gt import __version__
from sfm_gt.config import ProvenanceConfig
from sfm_gt.datasets.frames import Dataset, open_dataset
from sfm_gt.errors import InputError, OutputError
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
from sfm_gt.formats.sources import SOURCES_JSON, TOMBSTONES_JSON, Source, source_of, write_sources
from sfm_gt.formats.verdict import read_manifests
from sfm_gt.formats.workspace import Workspace
from sfm_gt.provenance import license_gate
from sfm_gt.provenance.croissant import write_croissant
from sfm_gt.provenance.faces import FaceBlur
from sfm_gt.report.datasheet import datasheet, limits
from sfm_gt.report.funnel import levels, refusals
from sfm_gt.workflow.versions import VERSIONS

STAGE = "publish"
VERSION = VERSIONS[STAGE]
RELEASE_JSON = "release.json"
DATASHEET = "DATASHEET.md"
# What a release takes over as it is; pictures are another matter.
ANNOTATIONS = tuple(layer for layer in LAYERS if layer != "image")


def run(
    out: Path,
    release: Path,
    config: ProvenanceConfig,
    annotations_only: bool = False,
    faces: Path | None = None,
    name: str | None = None,
) -> dict[str, Any]:
    """Writes ``release`` whole and returns the content of its release.json.

    Args:
        out: output folder of a run.
        faces: YuNet's ONNX file; faces in the pictures are blurred then.

    Raises:
        InputError: a source does not allow it, or the folder exists already.
    """
    dataset = open_dataset(out)
    license_gate.require(
        dataset, dataset.clip_ids, "publish_annotations" if annotations_only else "publish", config.use, config.terms
    )
    if release.exists():
        raise InputError(f"{release}: exists already; give a new folder, a release is never mixed with an older one")
    if annotations_only and faces:
        raise InputError("--blur-faces: an annotations-only release holds no pictures; leave one of the two out")
    blur = _face_blur(faces)
    counts = {"n_faces": 0, "n_found_again": 0}
    with replacing_directory(release) as folder:
        for clip_id in dataset.clip_ids:
            _copy_annotations(dataset, clip_id, folder)
            if annotations_only:
                _write_hashes(dataset, clip_id, folder)
            else:
                _copy_images(dataset, clip_id, folder, blur, counts)
        content = {
            "name": name or out.resolve().name, "version": f"{VERSION}.0.0", "use": config.use,
            "annotations_only": annotations_only, "faces": counts if blur else None,
            "parents": [info["source"].get("source_sha256") for info in _infos(dataset)],
        }  # fmt: skip
        write_json(folder / RELEASE_JSON, content)
        _write_cards(Workspace(out), dataset, folder, content)
    return content


def _face_blur(model: Path | None) -> FaceBlur | None:
    return FaceBlur(model) if model else None


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


def _copy_images(dataset: Dataset, clip_id: str, folder: Path, blur: FaceBlur | None, counts: dict[str, int]) -> None:
    """Pictures as they are; one with faces is encoded anew, without them."""
    quality = dataset.clip_info(clip_id).get("config", {}).get("dataset", {}).get("jpeg_quality", 95)
    for frame in dataset.frames_of(clip_id):
        target = layer_path(folder, clip_id, "image", frame.frame_index)
        target.parent.mkdir(exist_ok=True)
        found = blur.blur(frame.image) if blur else None
        if found is None or not found.n_faces:
            _copy(layer_path(dataset.path, clip_id, "image", frame.frame_index), target)
            continue
        counts["n_faces"] += found.n_faces
        counts["n_found_again"] += found.n_found_again
        bgr = cv2.cvtColor(found.image, cv2.COLOR_RGB2BGR)
        if not cv2.imwrite(str(target), bgr, [cv2.IMWRITE_JPEG_QUALITY, quality]):
            raise OutputError(f"{target}: cannot be written; check free space and permissions")


def _write_cards(workspace: Workspace, dataset: Dataset, folder: Path, release: dict[str, Any]) -> None:
    """Index, sources, tombstones, datasheet and Croissant card."""
    for name in (INDEX_NAME, DATASET_JSON, TOMBSTONES_JSON):
        if (dataset.path / name).is_file():
            shutil.copyfile(dataset.path / name, folder / name)
    infos = _infos(dataset)
    sources = list(
        {s.video_id: s for s in (source_of(info, f"{info['clip_id']}/{CLIP_JSON}") for info in infos)}.values()
    )
    write_sources(folder, sources)
    rows = [dict(row) for row in dataset.rows]
    sheet = datasheet(rows, infos, sources, *_funnel(workspace, rows), release)
    (folder / DATASHEET).write_text(sheet, encoding="utf-8")
    write_croissant(folder, sources, {
        "name": release["name"], "version": release["version"], "url": _url(sources),
        "description": f"Metric depth ground truth from {len(sources)} frozen-scene videos: {len(rows)} frames with z-depth, "
        "its standard deviation, cameras, poses and masks, by structure from motion and multi-view stereo.",
        "cite_as": "@misc{" + release["name"].replace(" ", "_") + ", note={made with sfm_gt " + __version__ + "}}",
        "missing": "pixels without consistent depth are 0 in the depth PNG; frames with too few of them are left out",
        "preprocessing": ["frames undistorted to a pinhole camera", *_face_lines(release)],
        "tools": sorted({f"{tool} {version}" for info in infos for tool, version in info.get("software", {}).items()}),
        "limits": limits(rows, infos), "biases": _biases(sources, infos), "personal": _personal(sources, release),
    })  # fmt: skip


def _funnel(workspace: Workspace, rows: Sequence[Mapping[str, Any]]) -> tuple[Sequence[Any], Sequence[Any]]:
    if not workspace.clip_list.is_file():
        return (), ()
    corpus = read_json(workspace.clip_list)
    manifests = {clip["clip_id"]: read_manifests(workspace, clip["clip_id"]) for clip in corpus["clips"]}
    return levels(corpus, manifests, rows), refusals(corpus, manifests)


def _url(sources: Sequence[Source]) -> str:
    """Croissant wants a page for the data set; a local release has none but its own list of sources."""
    urls = {source.url for source in sources}
    return urls.pop() or SOURCES_JSON if len(urls) == 1 else SOURCES_JSON


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
