"""Places that points have left: views that see through where something was a moment ago.

A figure that keeps to its epipolar lines, or is too fast for flow, shows in no pair of views. But the points that were found on
it while it stood still have a depth of their own, and once it has gone a view sees farther things where they would be. Nothing
that is static can look so: hidden by something nearer it would not be seen through. Points at outlines are lost by chance; what
counts are groups of which most are gone together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy.spatial import cKDTree

from sfm_gt.sfm.observations import Observations

# A moment: what walks has left its place, and the camera still sees that place from about the same side.
MOMENT_S = 1.0
# Frames in which a point was seen, so that its depth is its own.
MIN_SEEN = 5
# Points next to it in the image, as a share of the long side, and how many of them must be farther, and by how much.
NEAR, N_NEAR, FARTHER_SHARE, FARTHER = 0.03, 6, 0.8, 1.05
# It still is where it was when the image there looks as before, within a step of so many pixels.
PATCH_RADIUS_PX, STEP_PX = 4, 2
SAME_CORRELATION, MIN_CONTRAST = 0.6, 4.0
# Its own surface: points next to it at its depth, of which so many, and this share, must be gone as well.
SAME_DEPTH, MIN_GONE, GONE_SHARE = 0.05, 2, 0.5
# Points that chance leaves in a view: up to 3 in several frames of one static take of seventeen.
MIN_TOGETHER = 8

Patches = Float[np.ndarray, "n s s"]


@dataclass(frozen=True)
class _Seen:
    """A point where it was seen last."""

    view: Int[np.ndarray, " p"]
    xy: Float[np.ndarray, "p 2"]
    patch: Float[np.ndarray, "p s s"]


def vacated_shares(
    seen: Observations,
    times_s: Float[np.ndarray, " v"],
    load: Callable[[str], UInt8[np.ndarray, "h w"]],
) -> tuple[Float[np.ndarray, " v"], Float[np.ndarray, " v"]]:
    """Share of the points in each view, of those seen a moment before and a moment after, that have left their place.

    Args:
        seen: an adjusted model.
        times_s: presentation time of each view.
        load: grey image of a view by its name, as filmed.
    """
    back = replace(
        seen, names=seen.names[::-1], cam_from_world=seen.cam_from_world[::-1], views=len(seen.names) - 1 - seen.views
    )
    return _vacated(seen, times_s, load), _vacated(back, -times_s[::-1], load)[::-1]


def _vacated(
    seen: Observations, times_s: Float[np.ndarray, " v"], load: Callable[[str], UInt8[np.ndarray, "h w"]]
) -> Float[np.ndarray, " v"]:
    """Against the views before alone."""
    lasting = np.bincount(seen.points, minlength=len(seen.xyz)) >= MIN_SEEN
    last = _last_sightings(seen, load)
    distinct = lasting & (last.patch.std(axis=(1, 2)) >= MIN_CONTRAST)
    shares = np.zeros(len(seen.names))
    for view in range(len(seen.names)):
        here = np.zeros(len(seen.xyz), dtype=bool)
        here[seen.points[seen.rows_by_view[view]]] = True
        lately = (last.view < view) & (times_s[last.view] >= times_s[view] - MOMENT_S)
        missing = np.flatnonzero(distinct & lately & ~here)
        gone = np.zeros_like(here)
        gone[_seen_through(seen, view, missing, np.flatnonzero(here), last.patch, load)] = True
        together = sum(_goes_with_others(seen, last, int(point), gone, here) for point in np.flatnonzero(gone))
        if together >= MIN_TOGETHER:
            shares[view] = together / (together + int(here.sum()))
    return shares


def _last_sightings(seen: Observations, load: Callable[[str], UInt8[np.ndarray, "h w"]]) -> _Seen:
    view = np.full(len(seen.xyz), -1)
    np.maximum.at(view, seen.points, seen.views)
    rows = np.flatnonzero(seen.views == view[seen.points])
    xy, size = np.zeros((len(view), 2)), 2 * PATCH_RADIUS_PX + 1
    xy[seen.points[rows]] = seen.xy[rows]
    patch = np.zeros((len(view), size, size), np.float32)
    for number, name in enumerate(seen.names):
        mine = np.flatnonzero(view == number)
        if len(mine):
            patch[mine] = _patches(load(name), xy[mine])
    return _Seen(view, xy, patch)


def _seen_through(
    seen: Observations,
    view: int,
    missing: Int[np.ndarray, " m"],
    here: Int[np.ndarray, " n"],
    patch: Float[np.ndarray, "p s s"],
    load: Callable[[str], UInt8[np.ndarray, "h w"]],
) -> Int[np.ndarray, " g"]:
    """Those of ``missing`` at whose place the view sees farther points, and not what the points looked like."""
    if len(here) < N_NEAR or not len(missing):
        return missing[:0]
    (places, depths), (others, their_depths) = (_projected(seen, view, points) for points in (missing, here))
    size = np.array([seen.camera.width, seen.camera.height])
    margin = PATCH_RADIUS_PX + STEP_PX
    inside = (depths > 0) & ((places > margin) & (places < size - margin)).all(axis=1)
    missing, places, depths = missing[inside], places[inside], depths[inside]
    if not len(missing):
        return missing
    distance, beside = cKDTree(others).query(places, k=N_NEAR)
    farther = (their_depths[beside] > FARTHER * depths[:, None]).mean(axis=1) >= FARTHER_SHARE
    through = farther & (distance[:, -1] <= NEAR * size.max())
    missing, places = missing[through], places[through]
    if not len(missing):
        return missing
    image, steps = load(seen.names[view]), range(-STEP_PX, STEP_PX + 1)
    alike = [_correlation(patch[missing], _patches(image, places + np.array([dx, dy]))) for dx in steps for dy in steps]
    return missing[np.max(alike, axis=0) < SAME_CORRELATION]


def _goes_with_others(
    seen: Observations, last: _Seen, point: int, gone: Bool[np.ndarray, " p"], here: Bool[np.ndarray, " p"]
) -> bool:
    """Whether most of the surface round a point, as it was seen last, is gone too."""
    view = int(last.view[point])
    rows = seen.rows_by_view[view]
    reach = NEAR * max(seen.camera.width, seen.camera.height)
    rows = rows[np.linalg.norm(seen.xy[rows] - last.xy[point], axis=1) <= reach]
    around = seen.points[rows]
    _, depths = _projected(seen, view, around)
    _, depth = _projected(seen, view, np.array([point]))
    around = around[(np.abs(depths / depth - 1.0) < SAME_DEPTH) & (around != point)]
    n_gone, n_here = int(gone[around].sum()), int(here[around].sum())
    return n_gone >= max(MIN_GONE, GONE_SHARE * (n_gone + n_here))


def _projected(
    seen: Observations, view: int, points: Int[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, "n 2"], Float[np.ndarray, " n"]]:
    pose = seen.cam_from_world[view]
    in_cam = seen.xyz[points] @ pose[:3, :3].T + pose[:3, 3]
    # A place that the lens does not have lies outside of every image.
    return np.nan_to_num(seen.projected(in_cam), nan=-1e6), in_cam[:, 2]


def _patches(image: UInt8[np.ndarray, "h w"], xy: Float[np.ndarray, "n 2"]) -> Patches:
    """Squares round positions with pixel centres at +0.5."""
    offsets = np.arange(-PATCH_RADIUS_PX, PATCH_RADIUS_PX + 1, dtype=np.float32)
    size = len(offsets)
    if not len(xy):
        return np.zeros((0, size, size), np.float32)
    columns = np.broadcast_to(xy[:, 0, None, None] - 0.5 + offsets, (len(xy), size, size))
    rows = np.broadcast_to(xy[:, 1, None, None] - 0.5 + offsets[:, None], (len(xy), size, size))
    maps = [each.reshape(-1, size).astype(np.float32) for each in (columns, rows)]
    return (
        cv2.remap(image, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        .reshape(-1, size, size)
        .astype(np.float32)
    )


def _correlation(a: Patches, b: Patches) -> Float[np.ndarray, " n"]:
    a, b = (each - each.mean(axis=(1, 2), keepdims=True) for each in (a, b))
    return (a * b).sum(axis=(1, 2)) / np.sqrt(np.maximum((a * a).sum(axis=(1, 2)) * (b * b).sum(axis=(1, 2)), 1e-6))
