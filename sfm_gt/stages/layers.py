"""Layers: background plate, foreground, near and far, joints of the published data set; see docs/layers.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfm_gt.errors import InputError, NoEvidenceError
from sfm_gt.formats.atomic import replacing_directory
from sfm_gt.formats.dataset_layout import LAYERS_FOLDER
from sfm_gt.formats.manifest import Manifest, write_manifest
from sfm_gt.formats.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np

    from sfm_gt.datasets.frames import Frame
    from sfm_gt.layers.background_plate import PlateView

STAGE = "layers"
VERSION: int = 2
PAIRS_NAME = "ordinal_pairs.parquet"
N_PAIRS = 1000
# Frames that a plate is made from, evenly over the clip: more see hardly more.
N_SOURCES = 16
NO_PEOPLE = "the data set holds no person layer: nobody looked for people"


def run(out: Path, clip_ids: Sequence[str], seed: int) -> dict[str, Manifest]:
    """Writes ``dataset/layers/<clip>/`` for these clips, all when empty, and returns their manifests.

    Raises:
        InputError: no data set, or an unknown clip.
    """
    from sfm_gt.datasets.frames import open_dataset

    dataset = open_dataset(out)
    unknown = sorted(set(clip_ids) - set(dataset.clip_ids))
    if unknown:
        raise InputError(f"{dataset.path}: no clip {unknown[0]!r}; known are {', '.join(dataset.clip_ids)}")
    manifests = {}
    for clip_id in clip_ids or dataset.clip_ids:
        folder = dataset.path / LAYERS_FOLDER / clip_id
        folder.parent.mkdir(exist_ok=True)
        with replacing_directory(folder) as partial:
            frames = dataset.frames_of(clip_id)
            measures = _build(partial, frames, seed)
            joints, missing = _write_joints(partial, Workspace(dataset.path.parent), clip_id, frames)
            absent = {**measures.pop("absent", {}), **missing}
            manifests[clip_id] = Manifest(STAGE, VERSION, measures=measures | joints | {"absent": absent})
            write_manifest(partial, manifests[clip_id])
    return manifests


def _build(folder: Path, frames: Sequence[Frame], seed: int) -> dict[str, Any]:
    import pandas as pd

    from sfm_gt.exporters.clip import name_of, static_depth, write_png
    from sfm_gt.layers.ordinal_labels import near_far, ordinal_pairs

    pairs = []
    for frame in frames:
        depth = static_depth(frame)
        sigma = frame.sigma_m if frame.metric else frame.sigma_sfm
        write_png(folder / "near_far" / f"{name_of(frame)}.png", near_far(depth, sigma))
        found = pd.DataFrame(ordinal_pairs(depth, sigma, frame.person, N_PAIRS, seed + frame.frame_index))
        pairs.append(found.assign(frame_index=frame.frame_index))
    pd.concat(pairs).to_parquet(folder / PAIRS_NAME, index=False)
    measures: dict[str, Any] = {"frames": len(frames), "pairs": sum(len(found) for found in pairs)}
    if not all(frame.has_person for frame in frames):
        return measures | {"absent": {"foreground": NO_PEOPLE, "plate": NO_PEOPLE}}
    return measures | _write_plates(folder, frames)


def _write_joints(
    folder: Path, workspace: Workspace, clip_id: str, frames: Sequence[Frame]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Measures of the joints, or why there are none."""
    from sfm_gt.formats.people_joints import write_clip_joints
    from sfm_gt.stages.joints_layer import clip_joints

    try:
        joints = clip_joints(workspace, clip_id, frames)
    except NoEvidenceError as reason:
        return {}, {"joints": str(reason)}
    write_clip_joints(folder, joints)
    found = [person for person in joints.people.values() if person.world]
    return {"people": len(joints.people), "people_in_world": len(found), "joints_from": joints.origin}, {}


def _write_plates(folder: Path, frames: Sequence[Frame]) -> dict[str, Any]:
    import cv2
    import numpy as np

    from sfm_gt.exporters.clip import name_of, write_png
    from sfm_gt.exporters.surfaces import evenly
    from sfm_gt.formats.dataset_layout import quantised
    from sfm_gt.layers.background_plate import background_plate

    sources = {frame.frame_index: _view(frame) for frame in evenly(frames, N_SOURCES)}
    n_behind = n_hidden = 0
    for frame in frames:
        view = _view(frame)
        plate = background_plate(view, [other for index, other in sources.items() if index != frame.frame_index])
        name = f"{name_of(frame)}.png"
        person = np.where(_person(frame), 255, 0).astype(np.uint8)
        write_png(folder / "foreground" / name, np.dstack([cv2.cvtColor(view.image, cv2.COLOR_RGB2BGR), person]))
        write_png(folder / "plate" / name, cv2.cvtColor(plate.image, cv2.COLOR_RGB2BGR))
        write_png(folder / "plate_depth" / name, quantised(plate.z_depth, frame.depth_unit))
        write_png(folder / "plate_valid" / name, np.where(plate.valid, 255, 0).astype(np.uint8))
        n_hidden += int(view.hidden.sum())
        n_behind += int((view.hidden & plate.valid).sum())
    return {"plate_found_fraction": n_behind / n_hidden if n_hidden else None}


def _view(frame: Frame) -> PlateView:
    from sfm_gt.exporters.clip import static_depth
    from sfm_gt.layers.background_plate import PlateView

    covered = _person(frame) | frame.moving | frame.overlay
    return PlateView(frame.image, static_depth(frame), covered, frame.camera, frame.cam_from_world)


def _person(frame: Frame) -> np.ndarray:
    assert frame.person is not None, "only clips with a person layer have plates"
    return frame.person
