"""Registers every frame between the keyframes: sparse points are tracked from the keyframes and the pose is solved.

Feature extraction and matching on every frame would cost many times more than all else in SfM; neighbouring video
frames are so alike that tracking finds the same points to a fraction of a pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import numpy as np
import pycolmap
from jaxtyping import Bool, Float, Int, UInt8

from sfm_gt.geometry.conventions import integer_centred_from_pixel, pixel_from_integer_centred
from sfm_gt.imaging.pools import in_parallel
from sfm_gt.imaging.tracking import Tracker

Gray = UInt8[np.ndarray, "h w"]
Ignored = Bool[np.ndarray, "h w"]

TRACKER = Tracker(window_px=15, levels=3, max_step_px=0.01, max_round_trip_px=0.7)
# Largest reprojection error of a track that takes part in the pose and in bundle adjustment.
MAX_POSE_ERROR_PX = 2.0
MIN_POSE_POINTS = 30


@dataclass(frozen=True)
class Observed:
    """Sparse points seen in one frame: ids and positions in pixels, centres at +0.5."""

    point_ids: Int[np.ndarray, " n"]
    xy: Float[np.ndarray, "n 2"]


@dataclass(frozen=True)
class Frames:
    """How to reach the frames of a clip: image name, grey image by its name, and pixels where no point may be tracked (or
    None)."""

    name_of: Callable[[int], str]
    load_gray: Callable[[str], Gray]
    ignored_in: Callable[[int], Ignored | None]


def register_frames(
    model: pycolmap.Reconstruction,
    frame_indices: Sequence[int],
    frames: Frames,
    seed: int,
    n_threads: int,
    given: Mapping[int, pycolmap.Rigid3d] = MappingProxyType({}),
) -> None:
    """Adds every frame of ``frame_indices`` whose pose can be solved to ``model``, with its observations.

    Args:
        model: keyframes only; it is extended in place.
        n_threads: stretches between keyframes are tracked side by side; their number does not change the result.
        given: poses that are known by frame; they are taken as they are, however few points support them.
    """
    by_name = {image.name: image for image in model.images.values() if image.has_pose}
    anchors = {index: _observed_points(by_name[frames.name_of(index)]) for index in frame_indices
               if frames.name_of(index) in by_name}  # fmt: skip
    solver = _PoseSolver(model, seed)

    def solve(stretch: Sequence[int]) -> list[tuple[int, Observed, pycolmap.Rigid3d]]:
        tracked = _track_stretch(stretch, anchors, frames)
        found = {index: solver.support(seen, given[index]) if index in given else solver.solve(seen)
                 for index, seen in tracked.items()}  # fmt: skip
        return [(index, *solved) for index, solved in found.items() if solved is not None]

    next_id = max(model.images) + 1
    for solved in in_parallel(solve, _stretches(frame_indices, anchors), n_threads):
        for index, seen, pose in solved:
            _add_image(model, next_id, frames.name_of(index), seen, pose)
            next_id += 1


def _stretches(frame_indices: Sequence[int], anchors: dict[int, Observed]) -> list[Sequence[int]]:
    """Runs of frames from one anchor to the next, both included; the first and the last may lack one."""
    cuts = [position for position, index in enumerate(frame_indices) if index in anchors]
    edges = sorted({0, *cuts, len(frame_indices) - 1})
    return [frame_indices[a : b + 1] for a, b in pairwise(edges)]


def _track_stretch(stretch: Sequence[int], anchors: dict[int, Observed], frames: Frames) -> dict[int, Observed]:
    """The points of the anchors at both ends, in the frames between them."""
    grays = {index: frames.load_gray(frames.name_of(index)) for index in stretch}
    found: dict[int, list[Observed]] = {index: [] for index in stretch if index not in anchors}
    for order in (stretch, stretch[::-1]):
        if order[0] not in anchors:
            continue
        seen = anchors[order[0]]
        for last, index in pairwise(order):
            seen = _advance(grays[last], grays[index], seen, frames.ignored_in(index))
            if index in found:
                found[index].append(seen)
    return {index: _merge(both) for index, both in found.items()}


def _advance(last: Gray, now: Gray, seen: Observed, ignored: Ignored | None) -> Observed:
    """Follows points into the next frame and drops those that slip, leave the image or enter ``ignored``."""
    if len(seen.xy) == 0:
        return seen
    after, keep = TRACKER.follow(last, now, integer_centred_from_pixel(seen.xy))
    height, width = now.shape
    column, row = np.rint(after).astype(int).T
    keep &= (column >= 0) & (column < width) & (row >= 0) & (row < height)
    if ignored is not None:
        keep[keep] &= ~ignored[row[keep], column[keep]]
    return Observed(seen.point_ids[keep], pixel_from_integer_centred(after[keep].astype(np.float64)))


def _observed_points(image: pycolmap.Image) -> Observed:
    points = [point for point in image.points2D if point.has_point3D()]
    ids = np.array([point.point3D_id for point in points], dtype=np.int64)
    return Observed(ids, np.array([point.xy for point in points], dtype=np.float64).reshape(-1, 2))


def _merge(observed: Sequence[Observed]) -> Observed:
    """Each point once: the mean of its positions, dropped where they disagree."""
    if not observed:
        return Observed(np.zeros(0, np.int64), np.zeros((0, 2)))
    every = np.concatenate([seen.point_ids for seen in observed])
    xy = np.concatenate([seen.xy for seen in observed])
    ids, own = np.unique(every, return_inverse=True)
    mean = np.stack([np.bincount(own, axis, len(ids)) for axis in xy.T], axis=1) / np.bincount(own)[:, None]
    lowest, highest = np.full((len(ids), 2), np.inf), np.full((len(ids), 2), -np.inf)
    np.minimum.at(lowest, own, xy)
    np.maximum.at(highest, own, xy)
    agreed = (highest - lowest).max(axis=1, initial=0.0) < MAX_POSE_ERROR_PX
    return Observed(ids[agreed], mean[agreed])


class _PoseSolver:
    """Poses against the sparse points of a model as it stands."""

    def __init__(self, model: pycolmap.Reconstruction, seed: int):
        self._camera = next(iter(model.cameras.values()))
        self._ids = np.array(sorted(model.points3D), dtype=np.int64)
        self._xyz = np.array([model.points3D[point_id].xyz for point_id in self._ids.tolist()]).reshape(-1, 3)
        self._options = pycolmap.AbsolutePoseEstimationOptions()
        self._options.ransac.max_error = MAX_POSE_ERROR_PX
        self._options.ransac.random_seed = seed

    def solve(self, seen: Observed) -> tuple[Observed, pycolmap.Rigid3d] | None:
        """The points that support one pose, and the pose; None where too few do."""
        if len(seen.point_ids) < MIN_POSE_POINTS:
            return None
        xyz = self._xyz[np.searchsorted(self._ids, seen.point_ids)]
        answer = pycolmap.estimate_and_refine_absolute_pose(seen.xy, xyz, self._camera, self._options)
        if answer is None or answer["num_inliers"] < MIN_POSE_POINTS:
            return None
        inlier = np.asarray(answer["inlier_mask"], dtype=bool)
        return Observed(seen.point_ids[inlier], seen.xy[inlier]), answer["cam_from_world"]

    def support(self, seen: Observed, pose: pycolmap.Rigid3d) -> tuple[Observed, pycolmap.Rigid3d]:
        """The points that fit a known pose, and the pose."""
        points = self._xyz[np.searchsorted(self._ids, seen.point_ids)] @ pose.rotation.matrix().T + pose.translation
        projected = np.asarray(self._camera.img_from_cam(points)).reshape(-1, 2)
        fits = (points[:, 2] > 0) & (np.linalg.norm(projected - seen.xy, axis=1) < MAX_POSE_ERROR_PX)
        return Observed(seen.point_ids[fits], seen.xy[fits]), pose


def _add_image(
    model: pycolmap.Reconstruction, image_id: int, name: str, seen: Observed, cam_from_world: pycolmap.Rigid3d
) -> None:
    camera = next(iter(model.cameras.values()))
    image = pycolmap.Image(name=name, keypoints=seen.xy, camera_id=camera.camera_id, image_id=image_id)
    model.add_image_with_trivial_frame(image, cam_from_world)
    for row, point_id in enumerate(seen.point_ids.tolist()):
        model.add_observation(point_id, pycolmap.TrackElement(image_id, row))
