"""Registers every frame between the keyframes: sparse points are tracked from the keyframes and the pose is solved.

Feature extraction and matching on every frame would cost many times more than all else in SfM; neighbouring video
frames are so alike that tracking finds the same points to a fraction of a pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import cv2
import numpy as np
import pycolmap
from jaxtyping import Bool, Float, Int, UInt8

from sfm_gt.geometry.conventions import integer_centred_from_pixel, pixel_from_integer_centred

Gray = UInt8[np.ndarray, "h w"]
Ignored = Bool[np.ndarray, "h w"]

KLT = {"winSize": (15, 15), "maxLevel": 3,
       "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 0.01)}  # fmt: skip
# A track that does not come back to within this distance has slipped.
MAX_ROUND_TRIP_PX = 0.7
# Largest reprojection error of a track that takes part in the pose and in bundle adjustment.
MAX_POSE_ERROR_PX = 2.0
MIN_POSE_POINTS = 30


class Tracks:
    """Sparse points followed from one keyframe through neighbouring frames."""

    def __init__(self, gray: Gray, point_ids: Int[np.ndarray, " n"], xy: Float[np.ndarray, "n 2"]):
        self._gray, self.point_ids = gray, point_ids
        self._xy = integer_centred_from_pixel(xy).astype(np.float32)

    def advance(self, gray: Gray, ignored: Ignored | None) -> None:
        """Follows the points into the next frame and drops those that slip, leave the image or enter ``ignored``."""
        if len(self._xy) == 0:
            return
        after, found, _ = cv2.calcOpticalFlowPyrLK(self._gray, gray, self._xy, None, **KLT)
        back, returned, _ = cv2.calcOpticalFlowPyrLK(gray, self._gray, after, None, **KLT)
        height, width = gray.shape
        keep = (found[:, 0] & returned[:, 0]).astype(bool)
        keep &= np.linalg.norm(back - self._xy, axis=1) < MAX_ROUND_TRIP_PX
        column, row = np.rint(after).astype(int).T
        keep &= (column >= 0) & (column < width) & (row >= 0) & (row < height)
        if ignored is not None:
            keep[keep] &= ~ignored[row[keep], column[keep]]
        self._gray, self._xy, self.point_ids = gray, after[keep], self.point_ids[keep]

    @property
    def xy(self) -> Float[np.ndarray, "n 2"]:
        """Current positions in pixels, centres at +0.5."""
        return pixel_from_integer_centred(self._xy.astype(np.float64))


def register_frames(
    model: pycolmap.Reconstruction,
    frame_indices: Sequence[int],
    name_of: Callable[[int], str],
    load_gray: Callable[[int], Gray],
    ignored_in: Callable[[int], Ignored | None],
    seed: int,
    given: Mapping[int, pycolmap.Rigid3d] = MappingProxyType({}),
) -> pycolmap.Reconstruction:
    """Adds every frame of ``frame_indices`` whose pose can be solved to ``model``, with its observations.

    Args:
        model: keyframes only; it is extended in place and returned.
        name_of: image name of a frame.
        ignored_in: pixels of a frame where no point may be tracked, or None.
        given: poses that are known by frame; they are taken as they are, however few points support them.
    """
    by_name = {image.name: image for image in model.images.values() if image.has_pose}
    anchors = [index for index in frame_indices if name_of(index) in by_name]
    found = _track_both_ways(by_name, anchors, frame_indices, name_of, load_gray, ignored_in)
    next_id = max(model.images) + 1
    for index in frame_indices:
        if index in anchors:
            continue
        point_ids, xy = _merge(found.get(index, []))
        if index in given:
            _add_given(model, next_id, name_of(index), point_ids, xy, given[index])
            next_id += 1
        elif _add_image(model, next_id, name_of(index), point_ids, xy, seed):
            next_id += 1
    return model


Observed = tuple[Int[np.ndarray, " _"], Float[np.ndarray, "_ 2"]]


def _track_both_ways(
    by_name: dict[str, pycolmap.Image],
    anchors: Sequence[int],
    frame_indices: Sequence[int],
    name_of: Callable[[int], str],
    load_gray: Callable[[int], Gray],
    ignored_in: Callable[[int], Ignored | None],
) -> dict[int, list[Observed]]:
    """Observations of sparse points in the frames between the anchors, from the anchor before and the one after."""
    found: dict[int, list[Observed]] = {}
    for order in (list(frame_indices), list(reversed(frame_indices))):
        tracks: Tracks | None = None
        for index in order:
            gray = load_gray(index)
            if index in anchors:
                tracks = Tracks(gray, *_observed_points(by_name[name_of(index)]))
            elif tracks is not None:
                tracks.advance(gray, ignored_in(index))
                found.setdefault(index, []).append((tracks.point_ids, tracks.xy))
    return found


def _observed_points(image: pycolmap.Image) -> Observed:
    points = [point for point in image.points2D if point.has_point3D()]
    ids = np.array([point.point3D_id for point in points], dtype=np.int64)
    return ids, np.array([point.xy for point in points], dtype=np.float64).reshape(-1, 2)


def _merge(observed: Sequence[Observed]) -> Observed:
    """Each point once: the mean of the two positions where both directions found it, dropped where they disagree."""
    positions: dict[int, list[np.ndarray]] = {}
    for ids, xy in observed:
        for point_id, position in zip(ids.tolist(), xy, strict=True):
            positions.setdefault(point_id, []).append(position)
    agreed = {p: np.mean(xy, axis=0) for p, xy in positions.items() if np.ptp(xy, axis=0).max() < MAX_POSE_ERROR_PX}
    ids = np.array(sorted(agreed), dtype=np.int64)
    return ids, np.array([agreed[point_id] for point_id in ids.tolist()]).reshape(-1, 2)


def _add_image(
    model: pycolmap.Reconstruction,
    image_id: int,
    name: str,
    point_ids: Int[np.ndarray, " n"],
    xy: Float[np.ndarray, "n 2"],
    seed: int,
) -> bool:
    """Solves one pose; False where too few points support it."""
    if len(point_ids) < MIN_POSE_POINTS:
        return False
    camera = next(iter(model.cameras.values()))
    estimation = pycolmap.AbsolutePoseEstimationOptions()
    estimation.ransac.max_error = MAX_POSE_ERROR_PX
    estimation.ransac.random_seed = seed
    xyz = np.array([model.points3D[point_id].xyz for point_id in point_ids.tolist()])
    answer = pycolmap.estimate_and_refine_absolute_pose(xy, xyz, camera, estimation)
    if answer is None or answer["num_inliers"] < MIN_POSE_POINTS:
        return False
    inlier = np.asarray(answer["inlier_mask"], dtype=bool)
    _insert(model, image_id, name, point_ids[inlier], xy[inlier], answer["cam_from_world"])
    return True


def _add_given(
    model: pycolmap.Reconstruction,
    image_id: int,
    name: str,
    point_ids: Int[np.ndarray, " n"],
    xy: Float[np.ndarray, "n 2"],
    pose: pycolmap.Rigid3d,
) -> None:
    """Adds a frame whose pose is known, with those observations that fit it."""
    points = np.array([model.points3D[point_id].xyz for point_id in point_ids.tolist()]).reshape(-1, 3)
    points_cam = points @ pose.rotation.matrix().T + pose.translation
    projected = np.asarray(next(iter(model.cameras.values())).img_from_cam(points_cam)).reshape(-1, 2)
    fits = (points_cam[:, 2] > 0) & (np.linalg.norm(projected - xy, axis=1) < MAX_POSE_ERROR_PX)
    _insert(model, image_id, name, point_ids[fits], xy[fits], pose)


def _insert(
    model: pycolmap.Reconstruction,
    image_id: int,
    name: str,
    point_ids: Int[np.ndarray, " n"],
    xy: Float[np.ndarray, "n 2"],
    pose: pycolmap.Rigid3d,
) -> None:
    camera_id = next(iter(model.cameras))
    image = pycolmap.Image(name=name, keypoints=xy, camera_id=camera_id, image_id=image_id)
    model.add_image_with_trivial_frame(image, pose)
    for row, point_id in enumerate(point_ids.tolist()):
        model.add_observation(point_id, pycolmap.TrackElement(image_id, row))
