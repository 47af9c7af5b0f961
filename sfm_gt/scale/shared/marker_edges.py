"""Corners of a black square as intersections of lines fitted to its edges.

Refining a corner by itself draws it into the square where the picture is blurred (half a pixel for an edge of fifty); a
straight edge blurs evenly to both sides and stays where it is.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from sfm_gt.geometry.conventions import integer_centred_from_pixel

# Samples along an edge keep away from its corners, where other black squares may touch.
ENDS = 0.15
SAMPLES = 24
# Profiles reach so far to both sides, or over so much of the black border where that is narrower.
REACH_PX, REACH_CELLS = 3.0, 0.8
STEP_PX = 0.25
# Grey levels between black and white below which an edge says nothing.
MIN_STEP = 20.0


def square_corners(
    gray: UInt8[np.ndarray, "h w"], corners: Float[np.ndarray, "4 2"], border_px: float
) -> Float[np.ndarray, "4 2"] | None:
    """Refined corners in pixels (centres at +0.5); None where an edge is too faint.

    Args:
        corners: in order around the square, good to about a pixel.
        border_px: width of the black border.
    """
    image = gray.astype(np.float32)
    lines = []
    for side in range(4):
        line = _edge(image, corners[side], corners[(side + 1) % 4], corners.mean(axis=0), border_px)
        if line is None:
            return None
        lines.append(line)
    refined = np.array([np.cross(lines[corner - 1], lines[corner]) for corner in range(4)])
    if (np.abs(refined[:, 2]) < 1e-9).any():
        return None
    return refined[:, :2] / refined[:, 2:]


def _edge(
    image: Float[np.ndarray, "h w"],
    start: Float[np.ndarray, "2"],
    end: Float[np.ndarray, "2"],
    middle: Float[np.ndarray, "2"],
    border_px: float,
) -> Float[np.ndarray, "3"] | None:
    """Homogeneous line through the places where grey rises fastest across one edge."""
    along = (end - start) / np.linalg.norm(end - start)
    outwards = np.array([-along[1], along[0]])
    outwards *= np.sign(outwards @ (0.5 * (start + end) - middle))
    reach = min(REACH_PX, REACH_CELLS * border_px)
    offsets = np.arange(-reach, reach + STEP_PX / 2, STEP_PX)
    bases = start + np.linspace(ENDS, 1.0 - ENDS, SAMPLES)[:, None] * (end - start)
    xy = integer_centred_from_pixel(bases[:, None] + offsets[:, None] * outwards).astype(np.float32)
    profiles = cv2.remap(image, xy[..., 0], xy[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    rise = np.clip(np.diff(profiles, axis=1), 0.0, None)
    total = rise.sum(axis=1)
    usable = total > MIN_STEP
    if usable.sum() < SAMPLES // 2:
        return None
    between = 0.5 * (offsets[1:] + offsets[:-1])
    shifts = (rise[usable] @ between) / total[usable]
    kept = np.abs(shifts - np.median(shifts)) < 1.0
    points = bases[usable][kept] + shifts[kept][:, None] * outwards
    centre = points.mean(axis=0)
    normal = np.linalg.svd(points - centre)[2][1]
    return np.append(normal, -normal @ centre)
