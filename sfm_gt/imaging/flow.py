"""Dense optical flow between frames of a clip, its round trip, and what patches say of it. Integer-centred pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from sfm_gt.imaging.pools import one_thread_a_call
from sfm_gt.imaging.resizing import fitted
from sfm_gt.imaging.types import Frame

MOTION_WIDTH_PX = 160


@dataclass(frozen=True)
class FlowPair:
    """Flow from frame ``source`` to frame ``target``.

    Attributes:
        flow_px: (H, W, 2), target position minus source position.
        followed: (H, W), True where the flow stays inside the image and leads back to its start.
    """

    source: int
    target: int
    flow_px: Float[np.ndarray, "h w 2"]
    followed: Bool[np.ndarray, "h w"]


def working_images(frames: Sequence[Frame], max_long_side_px: int) -> list[UInt8[np.ndarray, "h2 w2"]]:
    """Grey frames with a long side of at most ``max_long_side_px``."""
    return [
        fitted(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if frame.ndim == 3 else frame, max_long_side_px)
        for frame in frames
    ]


def dis_flow(
    a: UInt8[np.ndarray, "h w"], b: UInt8[np.ndarray, "h w"], preset: int = cv2.DISOPTICAL_FLOW_PRESET_MEDIUM
) -> Float[np.ndarray, "h w 2"]:
    """DIS optical flow (Kroeger et al. 2016) from ``a`` to ``b``, in pixels."""
    return cv2.DISOpticalFlow_create(preset).calc(a, b, None)


def flow_both_ways(
    images: Sequence[UInt8[np.ndarray, "h w"]], source: int, target: int, max_round_trip_px: float
) -> tuple[FlowPair, FlowPair]:
    """Flow from ``source`` to ``target`` and from ``target`` to ``source``, each checked by the other."""
    there = dis_flow(images[source], images[target])
    back = dis_flow(images[target], images[source])
    return (
        FlowPair(source, target, there, followed(there, back, max_round_trip_px)),
        FlowPair(target, source, back, followed(back, there, max_round_trip_px)),
    )


def grid(height: int, width: int) -> Float[np.ndarray, "h w 2"]:
    """(x, y) of every pixel, integer-centred."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.stack([x, y], axis=-1)


def sample(image: np.ndarray, positions: Float[np.ndarray, "h w 2"]) -> np.ndarray:
    """``image`` at ``positions``, bilinear, edge pixels repeated beyond the border."""
    x, y = np.ascontiguousarray(positions[..., 0], np.float32), np.ascontiguousarray(positions[..., 1], np.float32)
    return cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def inside(positions: Float[np.ndarray, "h w 2"]) -> Bool[np.ndarray, "h w"]:
    """Positions that lie in an image of the same size."""
    height, width = positions.shape[:2]
    x, y = positions[..., 0], positions[..., 1]
    return (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)


def patch_difference(
    a: UInt8[np.ndarray, "h w"],
    b: UInt8[np.ndarray, "h2 w2"],
    positions: Float[np.ndarray, "h w 2"],
    window_px: int = 7,
) -> Float[np.ndarray, "h w"]:
    """Mean grey difference between the patch round each pixel of ``a`` and the one at ``positions`` in ``b``."""
    difference = np.abs(sample(b, positions).astype(np.float32) - a)
    return cv2.blur(difference, (window_px, window_px))


def followed(
    there: Float[np.ndarray, "h w 2"], back: Float[np.ndarray, "h w 2"], max_round_trip_px: float
) -> Bool[np.ndarray, "h w"]:
    """Where the flow ``there`` stays inside the image and ``back`` leads to its start again."""
    positions = grid(*there.shape[:2]) + there
    round_trip = there + sample(back, positions)
    # Long flows err by more; 1 % of their length is what DIS loses on clean input.
    limit = max_round_trip_px + 0.01 * np.hypot(there[..., 0], there[..., 1])
    return inside(positions) & (np.hypot(round_trip[..., 0], round_trip[..., 1]) < limit)


def median_motion_px(images: Sequence[UInt8[np.ndarray, "h w"]]) -> Float[np.ndarray, " n"]:
    """Median flow from each frame to the next, in pixels of ``images``; the last entry is 0."""
    small = working_images(images, MOTION_WIDTH_PX)
    factor = images[0].shape[1] / small[0].shape[1]
    with one_thread_a_call():
        flows = [dis_flow(a, b, cv2.DISOPTICAL_FLOW_PRESET_FAST) for a, b in pairwise(small)]
    return np.array([*(float(np.median(np.hypot(flow[..., 0], flow[..., 1]))) * factor for flow in flows), 0.0])
