"""Overlay: captions, logos, timers, drifting watermarks and the camera's own mount, each with the frames where it is there.

What tells them from the scene is that they keep to the picture (or to a speed of their own) while the scene moves behind
them. Where the camera hardly moves nothing can be told, and nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from sfm_gt.formats.overlay_folder import Overlay
from sfm_gt.imaging.regions import dilate, enlarge
from sfm_gt.imaging.resizing import fitted
from sfm_gt.imaging.types import Frame
from sfm_gt.video import burned_in_text, fixed_parts, overlay_motion
from sfm_gt.video.burned_in_text import BurnedInText

WORKING_LONG_SIDE_PX = 640
SAMPLED_FRAMES = 32
# A window of frames wide enough for the scene to leave a text's place, short enough for a caption to fill it.
WINDOW_MOTION = 0.06
MIN_WINDOW_FRAMES = 12
SPEED_STEPS = 2  # a window's tracks know a drift to a twentieth of a pixel a frame, the frames where it is there better
SEARCH_PX = 3
COVERED_SHARE = 0.5  # of a text's area: found already
GROW_PX = 0

Grey = UInt8[np.ndarray, "h w"]


@dataclass(frozen=True)
class _Found:
    """A text in positions of the clip: present in ``there``, drifting by ``speed_px`` from where it is at ``anchor``."""

    shape: Bool[np.ndarray, "h w"]
    there: Bool[np.ndarray, " n"]
    speed_px: Float[np.ndarray, " 2"]
    anchor: int


def working_image(frame: Frame) -> UInt8[np.ndarray, "h2 w2"]:
    """The grey image that overlays are looked for in: a long side of at most WORKING_LONG_SIDE_PX."""
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if frame.ndim == 3 else frame
    return fitted(grey, WORKING_LONG_SIDE_PX)


def find_overlays(
    greys: Sequence[Grey],
    frame_indices: Sequence[int],
    height: int,
    width: int,
    picture: tuple[int, int, int, int] | None = None,
) -> list[Overlay]:
    """All overlays of one clip, on frames of ``height`` x ``width`` pixels.

    Args:
        greys: :func:`working_image` of every frame of the clip.
        frame_indices: of ``greys``, in the source video.
        picture: (x0, y0, x1, y1) in pixels of ``greys``, outside of which nothing is looked for; None: all of them.
    """
    canvas = greys[0].shape if len(greys) else (0, 0)
    x0, y0, x1, y1 = picture or (0, 0, canvas[1], canvas[0])
    greys = [np.ascontiguousarray(grey[y0:y1, x0:x1]) for grey in greys]
    if len(greys) < 2:
        return []
    flows = overlay_motion.scene_flows(greys)
    spans = overlay_motion.windows(flows, greys[0].shape[1], MIN_WINDOW_FRAMES, WINDOW_MOTION)
    found: list[_Found] = []
    # The whole clip first: it knows most of what stays, and what it knows is not looked for again.
    for first, last in [(0, len(greys) - 1), *spans]:
        _add_still(found, greys, flows, first, last)
    for first, last in spans:
        _add_drifting(found, greys, flows, first, last)
    mount = fixed_parts.find_fixed_parts([greys[i] for i in _sampled(0, len(greys) - 1)])
    if mount.any():
        found.append(_Found(mount, np.ones(len(greys), dtype=bool), np.zeros(2), 0))
    around = ((y0, canvas[0] - y1), (x0, canvas[1] - x1))
    on_canvas = [replace(each, shape=np.pad(each.shape, around)) for each in found]
    return [one for each in on_canvas for one in _overlays(each, frame_indices, height, width)]


def _add_still(
    found: list[_Found], greys: Sequence[Grey], flows: Float[np.ndarray, "f fh fw 2"], first: int, last: int
) -> None:
    for one in _prints(greys, flows, first, last, _min_edge_px(last - first + 1)):
        there = _runs_within(burned_in_text.present_frames(burned_in_text.presence(one, greys)), first, last)
        _add(found, one, greys, flows, there, np.zeros(2), 0)


def _add_drifting(
    found: list[_Found], greys: Sequence[Grey], flows: Float[np.ndarray, "f fh fw 2"], first: int, last: int
) -> None:
    for speed, area in overlay_motion.drift_speeds(greys[first : last + 1], flows[first:last]):
        for _ in range(SPEED_STEPS):
            # In frames moved back along the drift the text stands still, as in _add_still.
            aligned = [overlay_motion.shifted(grey, -(i - first) * speed) for i, grey in enumerate(greys)]
            against = flows - speed.astype(np.float32)
            texts = _prints(aligned, against, first, last, _min_edge_px(last - first + 1))
            texts = [one for one in texts if (one.edges & area).sum() > 0.5 * one.edges.sum()]
            if not texts:
                break
            one = max(texts, key=lambda each: int(each.edges.sum()))
            there = burned_in_text.present_frames(burned_in_text.presence(one, aligned, SEARCH_PX))
            there = _runs_within(there, first, last)
            speed = speed + burned_in_text.remaining_speed(one, aligned, there)
        else:
            _add(found, one, aligned, against, there, speed, first)


def _prints(
    greys: Sequence[Grey],
    flows: Float[np.ndarray, "f fh fw 2"],
    first: int,
    last: int,
    min_edge_px: int,
    min_displacement: float = burned_in_text.MIN_DISPLACEMENT,
) -> list[BurnedInText]:
    displacement = overlay_motion.displacement_px(flows[first:last], *greys[0].shape)
    sampled = [greys[i] for i in _sampled(first, last)]
    return burned_in_text.find_burned_in_text(sampled, displacement, min_edge_px, min_displacement)


def _add(
    found: list[_Found],
    one: BurnedInText,
    greys: Sequence[Grey],
    flows: Float[np.ndarray, "f fh fw 2"],
    there: Bool[np.ndarray, " n"],
    speed: Float[np.ndarray, " 2"],
    anchor: int,
) -> None:
    """Adds a text with the shape that it has in the frames where it is there, unless it is known already."""
    if not there.any():
        return
    first, last = max(burned_in_text.runs(there), key=lambda run: run[1] - run[0])
    near = dilate(one.edges, burned_in_text.RING_PX)
    known_way = burned_in_text.MIN_DISPLACEMENT_KNOWN
    there_alone = _prints(greys, flows, first, last, burned_in_text.MIN_EDGE_PX, known_way)
    clearer = [each for each in there_alone if (each.edges & near).any()]
    shape = dilate(np.any([each.shape for each in clearer or [one]], axis=0), GROW_PX)
    known = np.zeros_like(shape)
    for each in found:
        if (each.there & there).sum() >= COVERED_SHARE * there.sum():
            moved = (anchor - each.anchor) * each.speed_px
            known |= overlay_motion.shifted(each.shape.astype(np.uint8), moved) > 0
    if (known & shape).sum() < COVERED_SHARE * shape.sum():
        found.append(_Found(shape, there, speed, anchor))


def _runs_within(there: Bool[np.ndarray, " n"], first: int, last: int) -> Bool[np.ndarray, " n"]:
    """The runs that meet the window in which the text was found."""
    kept = np.zeros_like(there)
    for start, end in burned_in_text.runs(there):
        if start <= last and end >= first:
            kept[start : end + 1] = True
    return kept


def _overlays(found: _Found, frame_indices: Sequence[int], height: int, width: int) -> list[Overlay]:
    factor = width / found.shape.shape[1]
    overlays = []
    for start, end in burned_in_text.runs(found.there):
        at_start = overlay_motion.shifted(found.shape.astype(np.uint8), (start - found.anchor) * found.speed_px) > 0
        drift = (float(found.speed_px[0] * factor), float(found.speed_px[1] * factor))
        overlays.append(Overlay(frame_indices[start], frame_indices[end], enlarge(at_start, height, width), drift))
    return overlays


def _min_edge_px(n_frames: int) -> int:
    short = n_frames < burned_in_text.SHORT_WINDOW_FRAMES
    return burned_in_text.MIN_EDGE_PX_SHORT if short else burned_in_text.MIN_EDGE_PX


def _sampled(first: int, last: int) -> list[int]:
    return sorted({int(i) for i in np.round(np.linspace(first, last, SAMPLED_FRAMES))})
