"""What moves, judged by adjusted cameras: pictures that no static point could give.

Each frame is paired with frames before and after it, a short and a long way off. The poses say where a static point seen in
a pixel can appear in the partner: on the stretch of its epipolar line between infinity and the nearest depth. A pixel is a
candidate when its flow leads off that stretch, or when its partners ask for depths that contradict one another. It is held
to move when no depth at all makes the image fit in its partners about as well as the flow does: flow slips at depth steps and
from one stripe to the next, and a static point remains one however it was followed. Pairs are short and tracks are not
chained, so that slips do not add up. What cannot be followed is unknown, neither moving nor at rest.

A figure that keeps pace with the camera along its path shows what a static point at another depth would (two views never
tell them apart); it is left to the masks after dense depth.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from sfm_gt.geometry.epipolar import nearest_static
from sfm_gt.geometry.transforms import inverse_rigid
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.imaging import flow, regions
from sfm_gt.imaging.pools import in_parallel

Map = Float[np.ndarray, "h w"]
Image = UInt8[np.ndarray, "h w"]
Box = tuple[slice, slice]

# Median flow wanted between paired frames, as shares of the image width: a short pair for fast motion, a long for slow.
WANTED_MOTION = (0.015, 0.04)
MAX_GAP_S = 0.5  # pairs are this far apart where the picture hardly moves: more would see motion long before it starts
MAX_ROUND_TRIP_PX = 1.0
# Off its place by this many standard deviations of the clip's own flow, and by this much at the least.
THRESHOLD_SIGMAS = 5.0
MIN_THRESHOLD_PX = 0.67
SIGMA_PAIRS = 24  # pairs, spread over the clip, that the noise is measured on
PATCH_RATIO, PATCH_MARGIN = 1.3, 2.0  # how much worse (factor, grey levels) the best static depth must look
# The search for that depth: coarse steps that the patch's own width bridges, halved around the best of them.
STEP_PX, MAX_STEPS, HALVINGS = 2.0, 64, 2
PATCH_PX = 7
MIN_VOTES = 2
VOTE_SHARE = 0.6
CLOSE_PX = 4
MIN_AREA = 0.001  # of the image
NEIGHBOUR_SHARE = 0.3  # of a region that must move in a neighbouring view: slips come and go from one view to the next


@dataclass(frozen=True)
class PosedImage:
    """A small undistorted image with its camera; ``usable`` is False on overlays and outside of what was filmed."""

    grey: Image
    usable: Bool[np.ndarray, "h w"]
    camera: PinholeCamera
    cam_from_world: Float[np.ndarray, "4 4"]


@dataclass(frozen=True)
class Motion:
    """Verdict on the pixels of one view.

    Attributes:
        moving: what moves, against the frames before and after together.
        known: where anything could be followed; the rest may move or not. ``known_share``: of the usable pixels.
        share: of the known pixels that move.
        share_past, share_future: the same against the frames before alone, or after alone. Just before people start to move
            the past is still at rest, and just after they stop the future is.
        reach_past, reach_future: frames to the farthest partner before and after.
    """

    moving: Bool[np.ndarray, "h w"]
    known: Bool[np.ndarray, "h w"]
    known_share: float
    share: float
    share_past: float
    share_future: float
    reach_past: int
    reach_future: int


class _Limits(NamedTuple):
    """What is off its place, in pixels, and the inverse depth of the nearest thing there can be."""

    off_px: float
    max_inverse: float


@dataclass(frozen=True)
class _Opinion:
    """What one partner says of the pixels of a view.

    Attributes:
        usable: where the flow can be followed.
        flow_px: to the partner.
        off_px: distance of the flow's end from the nearest place that a static point could have.
        inverse_depth: of that static point; ``px_per_inverse_depth`` turns its errors into pixels.
    """

    partner: int
    usable: Bool[np.ndarray, "h w"]
    flow_px: Float[np.ndarray, "h w 2"]
    off_px: Map
    inverse_depth: Map
    px_per_inverse_depth: Map


def find_motion(
    views: Sequence[PosedImage], times_s: Float[np.ndarray, " n"], nearest_sfm: float, n_threads: int = 1
) -> list[Motion]:
    """The verdict on each view, in order: what moves there and in a neighbouring view as well.

    Args:
        views: consecutive registered frames of one clip, about 320 pixels on the long side.
        times_s: presentation time of each.
        nearest_sfm: nothing is nearer to a camera than this.
        n_threads: the result does not depend on it.
    """
    alone = list(_each(views, times_s, nearest_sfm, n_threads))
    settled = []
    for position, motion in enumerate(alone):
        beside = [alone[i].moving for i in (position - 1, position + 1) if 0 <= i < len(alone)]
        evidence = regions.dilate(np.any([np.zeros_like(motion.moving), *beside], axis=0), CLOSE_PX)
        moving = regions.keep_supported(motion.moving, evidence, NEIGHBOUR_SHARE)
        kept = moving.sum() / max(int(motion.moving.sum()), 1)
        share = float((moving & motion.known).sum()) / max(int(motion.known.sum()), 1)
        settled.append(
            replace(motion, moving=moving, share=share, share_past=motion.share_past * kept,
                    share_future=motion.share_future * kept)
        )  # fmt: skip
    return settled


def _each(
    views: Sequence[PosedImage], times_s: Float[np.ndarray, " n"], nearest_sfm: float, n_threads: int
) -> Iterator[Motion]:
    """The verdict on each view by itself."""
    pairs, max_inverse = _pairs([view.grey for view in views], times_s), 1.0 / nearest_sfm
    noise_px = THRESHOLD_SIGMAS * _sigma_px(views, pairs, max_inverse)
    limits = _Limits(max(MIN_THRESHOLD_PX, noise_px), max_inverse)
    heard = _heard(views, pairs, max_inverse, n_threads)
    yield from in_parallel(lambda told: _verdict(views, *told, limits), heard, n_threads)


def _heard(
    views: Sequence[PosedImage], pairs: Sequence[tuple[int, int]], max_inverse: float, n_threads: int
) -> Iterator[tuple[int, list[_Opinion]]]:
    """Each view with all that its partners say of it, in order."""
    waiting: dict[int, list[_Opinion]] = defaultdict(list)
    ready = 0
    told = in_parallel(lambda pair: _opinions(views, *pair, max_inverse), pairs, n_threads)
    for (first, _), opinions in zip(pairs, told, strict=True):
        for position in range(ready, first):
            yield position, waiting.pop(position, [])
        ready = max(ready, first)
        for source, opinion in opinions:
            waiting[source].append(opinion)
    for position in range(ready, len(views)):
        yield position, waiting.pop(position, [])


def _pairs(images: Sequence[Image], times_s: Float[np.ndarray, " n"]) -> list[tuple[int, int]]:
    """Pairs between which the picture moves as wanted, or, where it hardly moves, MAX_GAP_S apart."""
    path = np.concatenate([[0.0], np.cumsum(flow.median_motion_px(images)[:-1])])
    rows = np.arange(len(images))
    latest = np.maximum(np.searchsorted(times_s, times_s + MAX_GAP_S, side="right") - 1, rows + 1)
    pairs: set[tuple[int, int]] = set()
    for wanted in WANTED_MOTION:
        ends = np.minimum(np.searchsorted(path, path + wanted * images[0].shape[1]), latest)
        pairs |= {(int(i), int(j)) for i, j in zip(rows, ends, strict=True) if j < len(images)}
    return sorted(pairs)


def _sigma_px(views: Sequence[PosedImage], pairs: Sequence[tuple[int, int]], max_inverse: float) -> float:
    """Standard deviation of the flow across its epipolar line, from its median: at most half of the pixels may move."""
    chosen = [pairs[int(i)] for i in np.unique(np.linspace(0, len(pairs) - 1, SIGMA_PAIRS).round())] if pairs else []
    off = [one.off_px[one.usable] for pair in chosen for _, one in _opinions(views, *pair, max_inverse)]
    sigmas = [1.48 * float(np.median(one)) for one in off if len(one)]
    return float(np.median(sigmas)) if sigmas else 0.0


def _opinions(views: Sequence[PosedImage], first: int, second: int, max_inverse: float) -> list[tuple[int, _Opinion]]:
    there, back = flow.flow_both_ways([views[first].grey, views[second].grey], 0, 1, MAX_ROUND_TRIP_PX)
    return [
        (first, _opinion(views[first], views[second], second, there, max_inverse)),
        (second, _opinion(views[second], views[first], first, back, max_inverse)),
    ]


def _opinion(source: PosedImage, target: PosedImage, partner: int, seen: flow.FlowPair, max_inverse: float) -> _Opinion:
    ends = flow.grid(*source.grey.shape) + seen.flow_px
    usable = seen.followed & source.usable & (flow.sample(target.usable.astype(np.uint8), ends) > 0)
    pose = target.cam_from_world @ inverse_rigid(source.cam_from_world)
    static = nearest_static(seen.flow_px, source.camera, target.camera, pose, max_inverse)
    # A static point that has left the partner's picture cannot be seen there: flow over a bare surface stays inside.
    usable &= flow.sample(_with_whole_patches(target.usable), static.place - 0.5) > 0
    return _Opinion(partner, usable, seen.flow_px, static.off_px, static.inverse_depth, static.px_per_inverse_depth)


def _with_whole_patches(usable: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """1 where the whole patch round a pixel is usable, else 0."""
    patch = np.ones((PATCH_PX, PATCH_PX), np.uint8)
    return cv2.erode(usable.astype(np.uint8), patch, borderType=cv2.BORDER_CONSTANT, borderValue=0)


def _rays(view: PosedImage, positions: Float[np.ndarray, "h w 2"]) -> Float[np.ndarray, "h w 2"]:
    """Directions of integer-centred positions, x and y at unit depth."""
    camera = view.camera
    centre = np.array([camera.cx - 0.5, camera.cy - 0.5], np.float32)
    return (positions - centre) / np.array([camera.fx, camera.fy], np.float32)


def _far_and_shift(
    source: PosedImage, target: PosedImage, box: Box
) -> tuple[Float[np.ndarray, "bh bw 3"], Float[np.ndarray, " 3"]]:
    """Rays of a box of the source turned into the target's frame, and the way between the cameras there."""
    target_from_source = (target.cam_from_world @ inverse_rigid(source.cam_from_world)).astype(np.float32)
    rays = _rays(source, flow.grid(*source.grey.shape)[box])
    return cv2.transform(rays, np.ascontiguousarray(target_from_source[:3, :3])), target_from_source[:3, 3]


def _verdict(views: Sequence[PosedImage], position: int, opinions: Sequence[_Opinion], limits: _Limits) -> Motion:
    def judged(heard: Sequence[_Opinion]) -> tuple[Bool[np.ndarray, "h w"], Bool[np.ndarray, "h w"], float]:
        moving, known = _moving(views, position, heard, limits)
        return moving, known, float((moving & known).sum()) / max(int(known.sum()), 1)

    moving, known, share = judged(opinions)
    partners = [one.partner for one in opinions]
    reach = position - min([*partners, position]), max([*partners, position]) - position
    known_share = float(known.sum()) / max(int(views[position].usable.sum()), 1)
    if share == 0.0:
        return Motion(moving, known, known_share, 0.0, 0.0, 0.0, *reach)
    _, _, past = judged([one for one in opinions if one.partner < position])
    _, _, future = judged([one for one in opinions if one.partner > position])
    return Motion(moving, known, known_share, share, past, future, *reach)


def _moving(
    views: Sequence[PosedImage], position: int, opinions: Sequence[_Opinion], limits: _Limits
) -> tuple[Bool[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]:
    """What moves against the partners heard, and where any of them could be followed."""
    shape = views[position].grey.shape
    moving, min_area = np.zeros(shape, dtype=bool), round(MIN_AREA * shape[0] * shape[1])
    if not opinions:
        return moving, moving
    usable = np.stack([one.usable for one in opinions])
    votes, seen = (usable & _off(opinions, limits.off_px)).sum(axis=0), usable.sum(axis=0)
    candidate = (votes >= min(MIN_VOTES, len(opinions))) & (votes >= VOTE_SHARE * seen)
    for box in _boxes(candidate, min_area):
        moving[box] |= candidate[box] & _unexplained(views, position, opinions, box, limits.max_inverse)
    return regions.clean(moving, CLOSE_PX, min_area), seen > 0


def _boxes(candidate: Bool[np.ndarray, "h w"], min_area: int) -> list[Box]:
    """Boxes round the regions of candidates, so that only they are searched."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(regions.opened(candidate, 1).astype(np.uint8), connectivity=8)
    return [
        (slice(max(0, y - PATCH_PX), y + high + PATCH_PX), slice(max(0, x - PATCH_PX), x + wide + PATCH_PX))
        for x, y, wide, high, area in stats[1:].tolist()
        if area >= min_area // 2
    ]


def _off(opinions: Sequence[_Opinion], threshold_px: float) -> Bool[np.ndarray, "p h w"]:
    """Where flow leaves its epipolar stretch, or asks for another depth than the median of all partners."""
    middle = _middle(np.stack([np.where(one.usable, one.inverse_depth, np.nan) for one in opinions]))
    return np.stack(
        [
            (one.off_px > threshold_px) | (np.abs(one.inverse_depth - middle) * one.px_per_inverse_depth > threshold_px)
            for one in opinions
        ]
    )


def _middle(values: Float[np.ndarray, "p h w"]) -> Map:
    """Median of those that are known, where two or more are, else NaN: :func:`numpy.nanmedian` takes ten times as long for a
    few values a pixel."""
    ordered, count = np.sort(values, axis=0), np.isfinite(values).sum(axis=0)  # NaN comes last
    low, high = (
        np.take_along_axis(ordered, np.maximum(each, 0)[None], axis=0)[0] for each in ((count - 1) // 2, count // 2)
    )
    return np.where(count >= 2, (low + high) / 2, np.nan).astype(np.float32)


def _unexplained(
    views: Sequence[PosedImage],
    position: int,
    opinions: Sequence[_Opinion],
    box: Box,
    max_inverse: float,
) -> Bool[np.ndarray, "bh bw"]:
    """Where in a box no depth makes the view fit its partners about as well as the flow does, by mean grey difference."""
    source, usable = views[position], np.stack([one.usable[box] for one in opinions])
    shape = usable.shape[1:]
    n_usable = np.maximum(usable.sum(axis=0), 1)
    grid, patch = flow.grid(*source.grey.shape)[box], source.grey[box]

    def difference(ends: Sequence[Float[np.ndarray, "bh bw 2"]]) -> Map:
        each = [
            flow.patch_difference(patch, views[one.partner].grey, end, PATCH_PX)
            for one, end in zip(opinions, ends, strict=True)
        ]
        return (np.stack(each) * usable).sum(axis=0) / n_usable

    by_flow = difference([grid + one.flow_px[box] for one in opinions])
    geometry = [_far_and_shift(source, views[one.partner], box) for one in opinions]

    def at_depth(inverse: Map | np.float32) -> Map:
        spread = np.broadcast_to(inverse, shape)[..., None]
        return difference(
            [
                _projected(views[one.partner], far + spread * shift)
                for one, (far, shift) in zip(opinions, geometry, strict=True)
            ]
        )

    return _least(at_depth, _depths_to_try(opinions, box, max_inverse)) > PATCH_RATIO * by_flow + PATCH_MARGIN


def _least(cost: Callable[[Map | np.float32], Map], depths: Float[np.ndarray, " d"]) -> Map:
    """The least cost of each pixel over ``depths``, which are evenly spread, and over halved steps around its best."""
    costs = np.stack([cost(depth) for depth in depths])
    at, best, step = depths[costs.argmin(axis=0)], costs.min(axis=0), depths[1] - depths[0]
    for _ in range(HALVINGS):
        step = step / 2
        for nearby in (at - step, at + step):
            there = cost(nearby)
            at, best = np.where(there < best, nearby, at), np.minimum(best, there)
    return best


def _depths_to_try(opinions: Sequence[_Opinion], box: Box, max_inverse: float) -> Float[np.ndarray, " d"]:
    """All inverse depths, a step apart in the partner that moves most: where a pattern repeats, every partner may be wrong."""
    slope = max(float(np.median(one.px_per_inverse_depth[box])) for one in opinions)
    return np.linspace(0.0, max_inverse, int(np.clip(max_inverse * slope / STEP_PX, 2, MAX_STEPS)), dtype=np.float32)


def _projected(target: PosedImage, points: Float[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w 2"]:
    """Integer-centred positions of points in the target's frame."""
    camera = target.camera
    at_unit = points[..., :2] / np.maximum(points[..., 2:], 1e-6)
    return at_unit * np.array([camera.fx, camera.fy], np.float32) + np.array(
        [camera.cx - 0.5, camera.cy - 0.5], np.float32
    )
