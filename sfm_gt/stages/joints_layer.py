"""The layer of joints: those of the sidecar, or of the run's pose network, in published pixels and in the world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sfm_gt.errors import InputError, NoEvidenceError
from sfm_gt.formats.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np

    from sfm_gt.config import Config
    from sfm_gt.datasets.frames import Frame
    from sfm_gt.formats.people_joints import ClipJoints, PersonJoints
    from sfm_gt.geometry.types import SparseModel


def clip_joints(workspace: Workspace, clip_id: str, frames: Sequence[Frame]) -> ClipJoints:
    """Joints of one clip's people.

    Args:
        workspace: the run beside the data set: it knows the sidecar and the sparse model.
        frames: the clip's published ones.

    Raises:
        NoEvidenceError: nobody named joints and no pose network is configured, or the run is not there any more.
        InputError: the joints file cannot be read.
    """
    from sfm_gt.config import read_config
    from sfm_gt.formats.people_joints import ClipJoints
    from sfm_gt.scale.people import joints_of
    from sfm_gt.stages.clip_views import MODEL_NAME
    from sfm_gt.stages.scale import evidence_of_clip

    if not workspace.config.is_file() or not (workspace.clip_stage(clip_id, "sfm") / MODEL_NAME).is_file():
        raise NoEvidenceError("joints need the run's config.yaml and work/ beside the data set")
    config = read_config(workspace.config)
    sidecar = _sidecar(config, frames[0].video_id)
    evidence = evidence_of_clip(workspace, clip_id, sidecar, config.scale.model_copy(update={"cues": ()}))
    tracks, _ = joints_of(evidence)
    if not tracks:
        raise NoEvidenceError("the pose network found no people")
    pointed = evidence.stated.people is not None and evidence.stated.people.joints is not None
    people = {person: _person(evidence.model, joints, frames) for person, joints in tracks.items()}
    return ClipJoints(frames[0].metric, "sidecar" if pointed else "pose_network", people)


def _sidecar(config: Config, video_id: str) -> Path | None:
    from sfm_gt.video.catalog import list_videos

    try:
        videos = list_videos(config.videos)
    except InputError as gone:
        raise NoEvidenceError(f"the sidecar is not to be found: {gone}") from None
    return next((video.sidecar for video in videos if video.video_id == video_id), None)


def _person(
    model: SparseModel, tracks: Mapping[str, Mapping[int, np.ndarray]], frames: Sequence[Frame]
) -> PersonJoints:
    """Positions scaled as the data set is, see ``metric_from_sfm`` of its frames."""
    import numpy as np

    from sfm_gt.formats.people_joints import PersonJoints, WorldJoint
    from sfm_gt.scale.skeleton import skeleton

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
