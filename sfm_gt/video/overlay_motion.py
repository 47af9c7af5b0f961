"""How far the scene moves behind each pixel, and text that drifts over the picture at a speed of its own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from sfm_gt.imaging.flow import MOTION_WIDTH_PX, grid, sample
from sfm_gt.imaging.pools import one_thread_a_call
from sfm_gt.imaging.resizing import shrunk
from sfm_gt.imaging.tracking import Tracker

Grey = UInt8[np.ndarray, "h w"]

# The scene's motion is smooth next to a caption's size: a median over this share of the width ignores the caption.
SCENE_BLUR = 0.25
MAX_CORNERS = 400
MAX_ROUND_TRIP_PX = 0.5
# A drift is one speed: its tracks lie on a straight line in time, but for the half pixel by which text that is drawn on
# whole pixels jumps.
MAX_LINE_RESIDUAL_PX = 0.6
MIN_DRIFT_PX = 3.0  # over the window; less is standing still
MIN_OFF_SCENE_PX = 5.0  # how far a drifting track and the scene part over the window
SAME_SPEED_PX = 0.12  # a frame
MIN_TRACKS = 8
MAX_SPREAD = 0.4  # of the image's sides: tracks of one text lie together
MIN_EVEN = 0.5  # share of the scene's tracks that are straight lines where the camera slides evenly: most of them
_TRACKER = Tracker(window_px=11, levels=2, max_step_px=0.03, max_round_trip_px=MAX_ROUND_TRIP_PX)


def scene_flows(greys: Sequence[Grey]) -> Float[np.ndarray, "f fh fw 2"]:
    """Flow of the scene from each frame to the next, small text ignored, at MOTION_WIDTH_PX, in pixels of ``greys``."""
    width = greys[0].shape[1]
    factor = min(1.0, MOTION_WIDTH_PX / width)
    small = [shrunk(grey, factor) for grey in greys]
    kernel = min(255, int(SCENE_BLUR * small[0].shape[1]) | 1)
    flows = []
    with one_thread_a_call():
        dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        for before, after in pairwise(small):
            flow = dis.calc(before, after, None)
            flows.append(np.stack([_median_blur(flow[..., axis], kernel) for axis in (0, 1)], axis=-1) / factor)
    return np.array(flows, np.float32).reshape(-1, *small[0].shape, 2)


def _median_blur(values: Float[np.ndarray, "h w"], kernel: int) -> Float[np.ndarray, "h w"]:
    # Large medians work on bytes only: a quarter of a pixel of the small image a step is fine enough.
    coded = np.clip(np.round(values * 4) + 128, 0, 255).astype(np.uint8)
    return (cv2.medianBlur(coded, kernel).astype(np.float32) - 128) / 4


def displacement_px(flows: Float[np.ndarray, "f fh fw 2"], height: int, width: int) -> Float[np.ndarray, "h w"]:
    """Farthest that the scene got from where it was, at each pixel; trembling adds up to nothing."""
    if len(flows) == 0:
        return np.zeros((height, width), np.float32)
    gone = np.cumsum(flows, axis=0)
    farthest = np.hypot(gone[..., 0], gone[..., 1]).max(axis=0)
    return cv2.resize(farthest, (width, height), interpolation=cv2.INTER_LINEAR)


def windows(flows: Float[np.ndarray, "f fh fw 2"], width: int, min_frames: int, wanted: float) -> list[tuple[int, int]]:
    """(first, last) of half-overlapping runs of frames in which the scene moves by ``wanted`` of the width."""
    n = len(flows) + 1
    typical = np.median(flows.reshape(len(flows), -1, 2), axis=1)
    found, start = [], 0
    while start < n - 1:
        gone = np.hypot(*np.cumsum(typical[start:], axis=0).T)
        far = np.flatnonzero(np.maximum.accumulate(gone) >= wanted * width)
        last = n - 1 if not len(far) else min(n - 1, start + max(int(far[0]) + 1, min_frames - 1))
        found.append((start, last))
        if last == n - 1:
            break
        start += max(1, (last - start) // 2)
    return found


def drift_speeds(
    greys: Sequence[Grey], flows: Float[np.ndarray, "f fh fw 2"]
) -> list[tuple[Float[np.ndarray, " 2"], Bool[np.ndarray, "h w"]]]:
    """Speeds (pixels a frame) at which something drifts unlike the scene, and where it is in the first frame.

    Args:
        greys: frames of one window.
        flows: of :func:`scene_flows`, one less than frames.
    """
    tracks = _follow(greys)
    if tracks.shape[1] < MIN_TRACKS:
        return []
    times = np.arange(len(greys)) - (len(greys) - 1) / 2
    speed = np.tensordot(times, tracks, axes=(0, 0)) / (times**2).sum()
    straight = tracks.mean(axis=0) + times[:, None, None] * speed
    residual = np.linalg.norm(tracks - straight, axis=-1).max(axis=0)
    scene = _scene_displacement(flows, tracks[0], greys[0].shape)
    gone = speed * (len(greys) - 1)
    even = residual < MAX_LINE_RESIDUAL_PX
    drifting = even & (np.linalg.norm(gone, axis=1) > MIN_DRIFT_PX)
    drifting &= np.linalg.norm(gone - scene, axis=1) > MIN_OFF_SCENE_PX
    drifting &= ~_at_other_depths(speed, even, drifting, len(greys))
    return _clusters(tracks[0][drifting], speed[drifting], greys[0].shape)


def _at_other_depths(
    speed: Float[np.ndarray, "k 2"], even: Bool[np.ndarray, " k"], drifting: Bool[np.ndarray, " k"], n_frames: int
) -> Bool[np.ndarray, " k"]:
    """What a camera that slides evenly shows of things at other distances: they go the scene's way at a speed of their own.

    No hand is that even, but a dolly is: then most of the scene's tracks are straight lines as well. A print that drifts the
    scene's way cannot be told from them there.
    """
    none, scene = np.zeros(len(speed), dtype=bool), ~drifting
    if not scene.any() or even[scene].mean() < MIN_EVEN:
        return none
    way = np.median(speed[scene & even], axis=0)
    length = float(np.linalg.norm(way))
    if length * (n_frames - 1) < MIN_DRIFT_PX:
        return none
    along, across = speed @ way / length, speed @ np.array([-way[1], way[0]]) / length
    return (np.abs(across) < SAME_SPEED_PX) & (along > 0)


def _follow(greys: Sequence[Grey]) -> Float[np.ndarray, "n k 2"]:
    corners = cv2.goodFeaturesToTrack(greys[0], MAX_CORNERS, 0.02, 4)
    if corners is None:
        return np.zeros((len(greys), 0, 2), np.float32)
    path = [corners.reshape(-1, 2)]
    alive = np.ones(len(path[0]), dtype=bool)
    for before, after in pairwise(greys):
        moved, followed = _TRACKER.follow(before, after, path[-1])
        alive &= followed
        path.append(moved)
    return np.array(path)[:, alive]


def _scene_displacement(
    flows: Float[np.ndarray, "f fh fw 2"], points: Float[np.ndarray, "k 2"], shape: tuple[int, ...]
) -> Float[np.ndarray, "k 2"]:
    factor = flows.shape[2] / shape[1]
    return sample(flows.sum(axis=0), (points * factor)[None])[0]


def _clusters(
    points: Float[np.ndarray, "k 2"], speeds: Float[np.ndarray, "k 2"], shape: tuple[int, ...]
) -> list[tuple[Float[np.ndarray, " 2"], Bool[np.ndarray, "h w"]]]:
    found = []
    left = np.ones(len(points), dtype=bool)
    while left.sum() >= MIN_TRACKS:
        near = np.linalg.norm(speeds[:, None] - speeds[None], axis=-1) < SAME_SPEED_PX
        near &= left[None] & left[:, None]
        centre = int(np.argmax(near.sum(axis=1)))
        members = near[centre]
        if members.sum() < MIN_TRACKS:
            break
        spread = np.quantile(points[members], 0.9, axis=0) - np.quantile(points[members], 0.1, axis=0)
        if (spread < MAX_SPREAD * np.array(shape[1::-1])).all():
            found.append((np.median(speeds[members], axis=0), _area(points[members], shape)))
        left &= ~members
    return found


def _area(points: Float[np.ndarray, "k 2"], shape: tuple[int, ...]) -> Bool[np.ndarray, "h w"]:
    """The surroundings of a cluster's tracks, where its text can be."""
    margin = 0.06 * shape[1]
    low, high = np.quantile(points, 0.05, axis=0) - margin, np.quantile(points, 0.95, axis=0) + margin
    positions = grid(shape[0], shape[1])
    return ((positions >= low) & (positions <= high)).all(axis=-1)


def shifted(grey: Grey, offset_px: Float[np.ndarray, " 2"]) -> Grey:
    """The frame moved by ``offset_px`` (x, y)."""
    matrix = np.array([[1.0, 0.0, offset_px[0]], [0.0, 1.0, offset_px[1]]])
    return cv2.warpAffine(grey, matrix, grey.shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
