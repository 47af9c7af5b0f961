"""Given cameras: what the sidecar's ``import`` names, read, checked against the images, kept or refined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pycolmap

from sfm_gt import registry
from sfm_gt.errors import ConfigError, InputError, Rejected
from sfm_gt.formats.camera_track import CameraTrack
from sfm_gt.formats.frame_folder import FrameList, frame_path
from sfm_gt.formats.scratch import scratch_folder
from sfm_gt.formats.sidecar import imported_path, read_sidecar
from sfm_gt.formats.sidecar_row import SidecarSource
from sfm_gt.importers.shared.video_facts import VideoFacts
from sfm_gt.sfm.adjustment import Adjusted, Begun, adjust_points, begin_adjustment, finish_adjustment
from sfm_gt.sfm.database import KnownCamera, match_sift, open_database
from sfm_gt.sfm.imported import align_to_input_gauge, camera_of, judge_imported, rigid, triangulate_imported
from sfm_gt.sfm.keyframes import KeyframeOptions
from sfm_gt.sfm.refinement import refine_observations
from sfm_gt.sfm.registration import Frames, register_frames
from sfm_gt.sfm.solution import Solution, times_of

MIN_POSES = 3


@dataclass(frozen=True)
class GivenCameras:
    """Cameras of a video from elsewhere.

    Attributes:
        refine: whether they are only where the adjustment to the images starts.
        remarks: one line on each thing that the file states and the video has no use for.
    """

    format: str
    track: CameraTrack
    refine: bool
    remarks: tuple[str, ...] = ()


def read_cameras(sidecar: SidecarSource | None, facts: dict[str, Any]) -> GivenCameras | None:
    """What the sidecar imports, None where it imports nothing.

    Args:
        facts: the video's ``ingest.json``, or the same keys from the probe.

    Raises:
        InputError: unknown format, a file that is not in it, or poses of which none is of a frame of the video.
    """
    stated = read_sidecar(sidecar)
    if stated.imported is None or sidecar is None:
        return None
    try:
        importer = registry.load("importers", stated.imported.format)()
    except ConfigError as error:
        raise InputError(f"{sidecar}: import.format: {error}") from None
    video = VideoFacts(facts["width"], facts["height"], facts["first_timestamp_s"], stated.camera.focal_px,
                       stated.imported.first_number)  # fmt: skip
    path = imported_path(sidecar, stated.imported)
    track = importer.read(path, video)
    remarks = (*track.remarks, *_beyond(path, track, facts))
    return GivenCameras(stated.imported.format, track, stated.imported.refine, remarks)


def _beyond(path: Path, track: CameraTrack, facts: dict[str, Any]) -> tuple[str, ...]:
    """A remark on poses that no frame of the video can have. Raises InputError where all are such."""
    first_s, usual_s = facts["first_timestamp_s"], facts["duration_s"] / facts["n_frames"]
    if track.frame_indices is not None:
        stated, unit, last = track.frame_indices, "", facts["n_frames"] - 1
        outside = stated > last
        needed = f"frames 0 to {last}; correct import.first_number, or give poses of this video"
    else:
        assert track.timestamps_s is not None, "a track has times or frames"
        stated, unit, last = track.timestamps_s, " s", first_s + facts["duration_s"]
        # Clocks of recordings are off by less than a frame.
        outside = (stated < first_s - usual_s) | (stated > last)
        needed = f"times {first_s:g} to {last:g} s; put them on the video's clock, or give poses of this video"
    if not outside.any():
        return ()
    found = f"{stated.min():.10g} to {stated.max():.10g}{unit}"
    if outside.all():
        raise InputError(f"{path}: none of {len(outside)} poses is of this video: {found}; needed {needed}")
    return (f"{path.name}: {outside.sum()} of {len(outside)} poses lie outside of the video and are left out: {found}; needed "
            f"{needed}",)  # fmt: skip


def reconstruct(
    cameras: GivenCameras,
    frames_folder: Path,
    listed: FrameList,
    indices: Sequence[int],
    load_gray: Callable[[str], np.ndarray],
    ignored: Callable[[int], np.ndarray],
    max_reprojection_error_px: float,
    options: KeyframeOptions,
) -> Solution:
    """The sparse model of the frames ``indices`` on the given cameras.

    Args:
        load_gray: grey image of a frame by its name.
        max_reprojection_error_px: at which the images still confirm them.

    Raises:
        Rejected: ``no_imported_poses`` when too few frames have one, ``poses_disagree`` when the images contradict them.
    """

    def name_of(index: int) -> str:
        return frame_path(frames_folder, index).name

    times_s = dict(zip(indices, listed.times_s(indices).tolist(), strict=True))
    poses = cameras.track.by_frame(times_s)
    if len(poses) < MIN_POSES:
        raise Rejected("no_imported_poses", f"{len(poses)} frames of this clip have an imported pose; needed {MIN_POSES} "
                       "(other times than the video's, or another shot)", len(poses), MIN_POSES)  # fmt: skip
    anchors = _anchors([frame.frame_index for frame in listed.keyframes if frame.frame_index in times_s], sorted(poses))
    model, error_px = _triangulate(
        cameras, frames_folder, listed, poses, anchors, ignored, max_reprojection_error_px, options
    )
    given = {} if cameras.refine else {index: rigid(pose) for index, pose in poses.items()}
    frames = Frames(name_of, load_gray, ignored)
    register_frames(model, indices, frames, options.seed, options.n_threads, given)
    refine_observations(model, load_gray, {name_of(index) for index in anchors}, options.n_threads)

    def begin(model: pycolmap.Reconstruction) -> Begun | None:
        return begin_adjustment(model, times_of(model, listed), options.known_camera) if cameras.refine else None

    def finish(model: pycolmap.Reconstruction, begun: Begun | None) -> Adjusted | None:
        if begun is None:
            adjust_points(model)
            return None
        adjusted = finish_adjustment(model, times_of(model, listed), options.known_camera, begun)
        align_to_input_gauge(model, {name_of(index): pose for index, pose in poses.items()})
        return adjusted

    known = {"format": cameras.format, "refined": cameras.refine, "poses": len(poses), "track_error_px": error_px}
    return Solution(model, begin, finish, {f"imported_{name}": value for name, value in known.items()})


def _triangulate(
    cameras: GivenCameras,
    frames_folder: Path,
    listed: FrameList,
    poses: dict[int, np.ndarray],
    anchors: list[int],
    ignored: Callable[[int], np.ndarray],
    max_reprojection_error_px: float,
    options: KeyframeOptions,
) -> tuple[pycolmap.Reconstruction, float]:
    """Points of the anchors, once their images have confirmed the poses; and how well they do, in pixels."""
    camera = camera_of(cameras.track.lens, listed.width, listed.height)
    known = KnownCamera(camera.model.name, tuple(camera.params), fixed=True)
    named = {frame_path(frames_folder, index).name: poses[index] for index in anchors}
    masks = {frame_path(frames_folder, index).name: ignored(index) for index in anchors}
    with scratch_folder() as scratch:
        database = scratch / "database.db"
        reader = open_database(database, frames_folder, list(named), known)
        match_sift(database, frames_folder, list(named), masks, reader, options.max_features, options.seed,
                   options.n_threads)  # fmt: skip
        error_px = judge_imported(database, camera, named, max_reprojection_error_px)
        model = triangulate_imported(database, frames_folder, scratch / "model", camera, named, options.seed)
        return model, error_px


def _anchors(keyframes: list[int], posed: list[int]) -> list[int]:
    """For each keyframe the nearest frame that has a pose, once each."""
    return sorted({min(posed, key=lambda index: (abs(index - keyframe), index)) for keyframe in keyframes})
