"""What tracks say of a clip before any reconstruction: does the camera move at all, and is there parallax?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from sfm_gt.errors import Rejected, knowing
from sfm_gt.imaging.resizing import shrunk
from sfm_gt.imaging.tracking import Tracker

Grey = UInt8[np.ndarray, "h w"]

WORKING_LONG_SIDE_PX = 480
# Tracks start at so many frames of the clip and are judged after so many frames each.
N_STARTS = 6
GAPS = (5, 10, 20, 40, 80)
LONG_GAP = 40  # starts leave room for a pair this long, where the clip is long enough
CELL_PX = 10  # one corner a cell: tracks cover the picture, not just its most textured part
MIN_CORNER_QUANTILE = 0.2
MAX_ROUND_TRIP_PX = 0.5
MIN_TRACKS = 50
MIN_SURVIVORS = 0.4  # of a start's tracks: what is left of fewer is chosen by its stillness
# Distance from a homography within which a track is explained by it, as a share of the long side: twice what lens
# distortion and rolling shutter leave of a mere turn.
HOMOGRAPHY_TOLERANCE = 0.004
_TRACKER = Tracker(window_px=15, levels=3, max_step_px=0.03, max_round_trip_px=MAX_ROUND_TRIP_PX)


@dataclass(frozen=True)
class PairMotion:
    """Tracks between two frames of a clip.

    Attributes:
        motion: median length of the tracks, as a share of the long side of the image.
        by_homography: share of the tracks that one homography explains, as a turn of the camera or a flat scene would.
    """

    first: int
    last: int
    motion: float
    by_homography: float


def motion_image(grey: Grey) -> UInt8[np.ndarray, "h2 w2"]:
    """The small image that tracks are followed in."""
    factor = WORKING_LONG_SIDE_PX / max(grey.shape)
    return shrunk(grey, factor)


def measure_motion(greys: Sequence[Grey], ignored: Bool[np.ndarray, "h w"]) -> list[PairMotion]:
    """Motion between frames some way apart, all over the clip; empty where nothing can be followed.

    Args:
        greys: :func:`motion_image` of consecutive frames.
        ignored: where no track may start, as on overlays.
    """
    found = []
    for start in sorted({int(i) for i in np.linspace(0, max(len(greys) // 2, len(greys) - 1 - LONG_GAP), N_STARTS)}):
        origin = points = corners(greys[start], ignored)
        n_started = len(origin)
        for position in range(start + 1, min(len(greys), start + GAPS[-1] + 1)):
            points, kept = follow(greys[position - 1], greys[position], points)
            points, origin = points[kept], origin[kept]
            if len(points) < max(MIN_TRACKS, MIN_SURVIVORS * n_started):
                break
            if position - start in GAPS or position == len(greys) - 1:
                found.append(_judge(start, position, origin, points, max(greys[0].shape)))
    return found


def _judge(
    first: int, last: int, origin: Float[np.ndarray, "k 2"], points: Float[np.ndarray, "k 2"], long_side: int
) -> PairMotion:
    tolerance_px = HOMOGRAPHY_TOLERANCE * long_side
    cv2.setRNGSeed(0)
    homography, _ = cv2.findHomography(
        origin, points, cv2.USAC_MAGSAC, tolerance_px / 2, maxIters=2000, confidence=0.999
    )
    explained = 0.0
    if homography is not None:
        distance = np.linalg.norm(cv2.perspectiveTransform(origin[:, None], homography)[:, 0] - points, axis=1)
        explained = float((distance < tolerance_px).mean())
    moved = float(np.median(np.linalg.norm(points - origin, axis=1))) / long_side
    return PairMotion(first, last, moved, explained)


def judge_parallax(pairs: Sequence[PairMotion], min_motion: float, max_by_homography: float) -> dict[str, float]:
    """Figures on the camera for the manifest, where there is anything to measure.

    Args:
        min_motion: median motion between two frames, as a share of the long side; one pair must reach it.
        max_by_homography: share of tracks that one homography may explain; one pair must stay below.

    Raises:
        Rejected: ``static_camera`` or ``rotation_only``.
    """
    if not pairs:
        return {}
    motion = max(pair.motion for pair in pairs)
    by_homography = min(pair.by_homography for pair in pairs)
    measures = {"camera_motion": round(motion, 5), "homography_share": round(by_homography, 4)}
    with knowing(measures):
        _judge_parallax(motion, by_homography, min_motion, max_by_homography)
    return measures


def _judge_parallax(motion: float, by_homography: float, min_motion: float, max_by_homography: float) -> None:
    if motion < min_motion:
        raise Rejected("static_camera", f"the picture as a whole moves by {100 * motion:.2f} % of its long side, needed "
                       f"{100 * min_motion:g} % (frames.min_motion); film with a camera that moves sideways",
                       round(motion, 5), min_motion)  # fmt: skip
    if by_homography > max_by_homography:
        raise Rejected("rotation_only", f"one homography explains {100 * by_homography:.1f} % of all tracks, at most "
                       f"{100 * max_by_homography:g} % allowed (frames.max_homography): the camera only rotates, or "
                       "the scene is planar; move it sideways", round(by_homography, 4), max_by_homography)  # fmt: skip


def corners(grey: Grey, ignored: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "k 2"]:
    """The best corner of every cell with texture, (x, y)."""
    strength = cv2.cornerMinEigenVal(grey, 5)
    strength[ignored] = 0.0
    rows, columns = (size // CELL_PX for size in grey.shape)
    cells = strength[: rows * CELL_PX, : columns * CELL_PX].reshape(rows, CELL_PX, columns, CELL_PX)
    cells = cells.transpose(0, 2, 1, 3).reshape(rows, columns, -1)
    best = cells.argmax(axis=-1)
    y = np.arange(rows)[:, None] * CELL_PX + best // CELL_PX
    x = np.arange(columns)[None] * CELL_PX + best % CELL_PX
    textured = cells.max(axis=-1) > max(float(np.quantile(strength, MIN_CORNER_QUANTILE)), 1e-5)
    return np.stack([x, y], axis=-1)[textured].astype(np.float32)


def follow(
    before: Grey, after: Grey, points: Float[np.ndarray, "k 2"]
) -> tuple[Float[np.ndarray, "k 2"], Bool[np.ndarray, " k"]]:
    """Positions of ``points`` in the next frame, and which of them come back and stay in the picture."""
    moved, kept = _TRACKER.follow(before, after, points)
    height, width = before.shape
    inside = (moved >= 0).all(axis=1) & (moved[:, 0] < width) & (moved[:, 1] < height)
    return moved, kept & inside
