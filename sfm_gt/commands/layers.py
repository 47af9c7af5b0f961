"""Layers: background plate, foreground, near and far, joints of the published data set; see docs/layers.md."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from sfm_gt.config import Config, read_config
from sfm_gt.datasets.frames import Frame, open_dataset
from sfm_gt.errors import InputError, NoEvidenceError
from sfm_gt.exporters.shared.clip import name_of, static_depth, write_png
from sfm_gt.exporters.shared.surfaces import evenly
from sfm_gt.formats.atomic import replacing_directory
from sfm_gt.formats.dataset_layout import LAYERS_FOLDER, layer_path, quantised
from sfm_gt.formats.manifest import MANIFEST_NAME, Manifest, read_manifest, write_manifest
from sfm_gt.formats.people_joints import ClipJoints, PersonJoints, WorldJoint, write_clip_joints
from sfm_gt.formats.sidecar import evidence_path, read_sidecar
from sfm_gt.formats.sidecar_row import SidecarRow, SidecarSource
from sfm_gt.formats.workspace import Workspace
from sfm_gt.geometry.types import SparseModel
from sfm_gt.layers.background_plate import PlateView, background_plate, with_agreed_cover
from sfm_gt.layers.ordinal_labels import near_far, ordinal_pairs, trusted_depth
from sfm_gt.scale.people import joints_of
from sfm_gt.scale.shared.skeleton import skeleton
from sfm_gt.sfm.clip_views import MODEL_NAME
from sfm_gt.stages.scale import evidence_of_clip
from sfm_gt.video.catalog import list_videos
from sfm_gt.workflow.progress import progress
from sfm_gt.workflow.versions import VERSIONS

STAGE = "layers"
VERSION = VERSIONS[STAGE]
PAIRS_NAME = "ordinal_pairs.parquet"
N_PAIRS = 1000
# Frames that a plate is made from, evenly over the clip: more see hardly more.
N_SOURCES = 16
NO_PEOPLE = "the data set holds no person mask"


def run(out: Path, clip_ids: Sequence[str], seed: int) -> dict[str, Manifest]:
    """Writes ``dataset/layers/<clip>/`` for these clips, all when empty, and returns their manifests.

    A clip whose layers were made from the same files, by this version and seed, is left as it is, so a killed run goes on.

    Raises:
        InputError: no data set, an unknown clip, a file of one that is not as it was written, or a forget was interrupted.
    """
    dataset = open_dataset(out)
    workspace = Workspace.around(dataset.path)
    workspace.require_no_forget()
    unknown = sorted(set(clip_ids) - set(dataset.clip_ids))
    if unknown:
        raise InputError(f"{dataset.path}: no clip {unknown[0]!r}; known are {', '.join(dataset.clip_ids)}")
    dataset.check_files(clip_ids or dataset.clip_ids)
    manifests = {}
    for clip_id in clip_ids or dataset.clip_ids:
        folder, frames = dataset.path / LAYERS_FOLDER / clip_id, dataset.frames_of(clip_id)
        made_from = {"seed": seed, "made_from_sha256": _digest(workspace, frames)}
        if (folder / MANIFEST_NAME).is_file():
            manifests[clip_id] = read_manifest(folder)
            if _is_current(manifests[clip_id], made_from):
                continue
        folder.parent.mkdir(exist_ok=True)
        with replacing_directory(folder) as partial, progress(f"layers {clip_id}") as report:
            measures = _build(partial, frames, seed, report)
            joints, missing = _write_joints(partial, workspace, clip_id, frames)
            absent = {**measures.pop("absent", {}), **missing}
            manifests[clip_id] = Manifest(STAGE, VERSION, measures=measures | joints | {"absent": absent} | made_from)
            write_manifest(partial, manifests[clip_id])
    return manifests


def _is_current(manifest: Manifest, made_from: Mapping[str, Any]) -> bool:
    return manifest.version == VERSION and made_from.items() <= manifest.measures.items()


def _digest(workspace: Workspace, frames: Sequence[Frame]) -> str:
    """Of everything that a clip's layers are made from: its published files, and for joints the run beside them."""
    clip_id = frames[0].clip_id
    folder = layer_path(frames[0].dataset, clip_id, "depth", frames[0].frame_index).parents[1]
    published = sorted(path for path in folder.rglob("*") if path.is_file())
    model = workspace.clip_stage(clip_id, "sfm") / MODEL_NAME
    digest = hashlib.sha256()
    sidecar = _stated(workspace, frames[0].video_id)
    for path in (*published, model, workspace.config, *_evidence_files(sidecar)):
        if path.is_file():
            digest.update(f"{path.name} {path.stat().st_size} ".encode() + path.read_bytes())
    if isinstance(sidecar, SidecarRow):
        digest.update(sidecar.text.encode())
    return digest.hexdigest()


def _stated(workspace: Workspace, video_id: str) -> SidecarSource | None:
    """The video's sidecar, where it is to be found."""
    try:
        return _sidecar(read_config(workspace.config), video_id) if workspace.config.is_file() else None
    except NoEvidenceError:
        return None


def _evidence_files(sidecar: SidecarSource | None) -> list[Path]:
    """The sidecar where it is a file, and the files that it names."""
    if sidecar is None:
        return []
    own = [sidecar] if isinstance(sidecar, Path) else []
    return [*own, *(evidence_path(sidecar, name) for name in read_sidecar(sidecar).scale.files)]


def _build(folder: Path, frames: Sequence[Frame], seed: int, report: Callable[[int, int], None]) -> dict[str, Any]:
    pairs = []
    for frame in frames:
        depth = trusted_depth(static_depth(frame), frame.outlier)
        sigma = frame.sigma_m if frame.metric else frame.sigma_sfm
        write_png(folder / "near_far" / f"{name_of(frame)}.png", near_far(depth, sigma))
        found = pd.DataFrame(ordinal_pairs(depth, sigma, frame.person, N_PAIRS, seed + frame.frame_index))
        pairs.append(found.assign(frame_index=frame.frame_index))
    pd.concat(pairs).to_parquet(folder / PAIRS_NAME, index=False)
    measures: dict[str, Any] = {"frames": len(frames), "pairs": sum(len(found) for found in pairs)}
    if not all(frame.has_person for frame in frames):
        return measures | {"absent": {"foreground": NO_PEOPLE, "plate": NO_PEOPLE}}
    return measures | _write_plates(folder, frames, report)


def _write_joints(
    folder: Path, workspace: Workspace, clip_id: str, frames: Sequence[Frame]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Measures of the joints, or why there are none."""
    try:
        joints = _clip_joints(workspace, clip_id, frames)
    except NoEvidenceError as reason:
        return {}, {"joints": str(reason)}
    write_clip_joints(folder, joints)
    found = [person for person in joints.people.values() if person.world]
    return {"people": len(joints.people), "people_in_world": len(found), "joints_from": joints.origin}, {}


def _write_plates(folder: Path, frames: Sequence[Frame], report: Callable[[int, int], None]) -> dict[str, Any]:
    seen = {frame.frame_index: _view(frame) for frame in evenly(frames, N_SOURCES)}
    sources = {index: with_agreed_cover(view, _without(seen, index)) for index, view in seen.items()}
    n_behind = n_hidden = 0
    for done, frame in enumerate(frames, start=1):
        view = with_agreed_cover(_view(frame), _without(seen, frame.frame_index))
        plate = background_plate(view, _without(sources, frame.frame_index))
        name = f"{name_of(frame)}.png"
        person = np.where(_person(frame), 255, 0).astype(np.uint8)
        write_png(folder / "foreground" / name, np.dstack([cv2.cvtColor(view.image, cv2.COLOR_RGB2BGR), person]))
        write_png(folder / "plate" / name, cv2.cvtColor(plate.image, cv2.COLOR_RGB2BGR))
        write_png(folder / "plate_depth" / name, quantised(plate.z_depth, frame.depth_unit))
        write_png(folder / "plate_valid" / name, np.where(plate.valid, 255, 0).astype(np.uint8))
        n_hidden += int(view.hidden.sum())
        n_behind += int((view.hidden & plate.valid).sum())
        report(done, len(frames))
    return {"plate_found_fraction": n_behind / n_hidden if n_hidden else None}


def _without(views: Mapping[int, PlateView], frame_index: int) -> list[PlateView]:
    return [view for index, view in views.items() if index != frame_index]


def _view(frame: Frame) -> PlateView:
    depth, sigma = static_depth(frame), frame.sigma_m if frame.metric else frame.sigma_sfm
    covered = _person(frame) | frame.moving | frame.overlay
    return PlateView(frame.image, depth, sigma, covered, frame.camera, frame.cam_from_world)


def _person(frame: Frame) -> np.ndarray:
    assert frame.person is not None, "only clips with a person layer have plates"
    return frame.person


def _clip_joints(workspace: Workspace, clip_id: str, frames: Sequence[Frame]) -> ClipJoints:
    """Joints of one clip's people.

    Args:
        workspace: the run next to the data set: it knows the sidecar and the sparse model.
        frames: the clip's published ones.

    Raises:
        NoEvidenceError: nobody named joints and no pose network is configured, or the run is not there any more.
        InputError: the joints file cannot be read.
    """
    if not workspace.config.is_file() or not (workspace.clip_stage(clip_id, "sfm") / MODEL_NAME).is_file():
        raise NoEvidenceError("joints need the run's config.yaml and work/ next to the data set")
    config = read_config(workspace.config)
    sidecar = _sidecar(config, frames[0].video_id)
    evidence = evidence_of_clip(workspace, clip_id, sidecar, config.scale.model_copy(update={"cues": ()}))
    tracks, _ = joints_of(evidence)
    if not tracks:
        raise NoEvidenceError("the pose network found no people")
    pointed = evidence.stated.people is not None and evidence.stated.people.joints is not None
    people = {person: _person_joints(evidence.model, joints, frames) for person, joints in tracks.items()}
    return ClipJoints(frames[0].metric, "sidecar" if pointed else "pose_network", people)


def _sidecar(config: Config, video_id: str) -> SidecarSource | None:
    try:
        videos = list_videos(config.videos)
    except InputError as gone:
        raise NoEvidenceError(f"the sidecar was not found: {gone}") from None
    return next((video.sidecar for video in videos if video.video_id == video_id), None)


def _person_joints(
    model: SparseModel, tracks: Mapping[str, Mapping[int, np.ndarray]], frames: Sequence[Frame]
) -> PersonJoints:
    """Positions scaled as the data set is, see ``metric_from_sfm`` of its frames."""
    published = [frame.frame_index for frame in frames]
    seen = {
        index: {name: by_frame[index] for name, by_frame in tracks.items() if index in by_frame} for index in published
    }
    seen = {index: joints for index, joints in seen.items() if joints}
    scale = frames[0].metric_from_sfm or 1.0
    try:
        found = skeleton(model, tracks)
    except NoEvidenceError as refusal:
        return PersonJoints(seen, {}, str(refusal))
    world = {
        name: WorldJoint(scale * joint.point, scale * np.sqrt(np.diag(joint.covariance)))
        for name, joint in found.items()
    }
    return PersonJoints(seen, world, None)
