"""Parts of the camera's mount in its picture: a bonnet, a gimbal's arm, a stick. They keep their place as text does.

They reach in from the border and stay as they are over the whole clip, while the scene passes right beside them. What is far
away stays in place too where the camera moves straight ahead, but things pass ever faster from there to the border: there is
no edge beside which all at once everything moves.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from sfm_gt.imaging.regions import dilate, drop_small, fill_holes
from sfm_gt.imaging.resizing import fitted
from sfm_gt.video.burned_in_text import gradients

Grey = UInt8[np.ndarray, "h w"]

LONG_SIDE_PX = 320
WINDOW_PX = 9
BLUR_PX = 1.0  # noise below that is no detail
MIN_GRADIENT = 1.5  # grey levels a pixel, root mean square over a window and time: less is noise
# Energy of the mean gradient against the mean energy of the gradients: 1 where all stays, about 1 / (number of frames) where
# the scene passes by.
# A part is fixed where most stays, sure where nearly all does, and so it must be in enough of it: reflections may pass over the
# rest. Set on mounts laid over bricks, breathing, the first part of the kitchen and golf_alley, and on these without: a far end
# of the alley has 0.2 of it sure, a corner of a walked room 0.3 of the energy beside it that stays.
FIXED, SURE, MIN_SURE, PASSES = 0.65, 0.85, 0.3, 0.25
MAX_SCENE = 0.35  # median of the picture: above, the scene itself hardly moves and nothing can be told
MIN_AREA, MAX_AREA = 0.005, 0.45  # of the picture
RING_PX = 8  # right beside a part, in which the scene passes
MIN_RING_PX = 40
MARGIN_PX = 2


def find_fixed_parts(greys: Sequence[Grey]) -> Bool[np.ndarray, "h w"]:
    """What is fixed in the picture from the first frame to the last and reaches in from its border.

    Args:
        greys: frames spread over the whole clip, without bars.
    """
    shape = greys[0].shape
    steadiness = _steadiness([fitted(grey, LONG_SIDE_PX) for grey in greys])
    known = np.isfinite(steadiness)
    if not known.any() or np.median(steadiness[known]) > MAX_SCENE:
        return np.zeros(shape, dtype=bool)
    fixed = np.nan_to_num(steadiness) > FIXED
    closed = cv2.morphologyEx(fixed.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((WINDOW_PX, WINDOW_PX), np.uint8)) > 0
    found = np.zeros(closed.shape, dtype=bool)
    n, labels = cv2.connectedComponents(drop_small(closed, round(MIN_AREA * closed.size)).astype(np.uint8))
    for label in range(1, n):
        region = labels == label
        sure = (np.nan_to_num(steadiness) > SURE)[region].mean() >= MIN_SURE
        if sure and _touches_border(region) and region.mean() <= MAX_AREA and _scene_passes_beside(region, steadiness):
            found |= fill_holes(region, int(region.sum()))
    if not found.any():
        return np.zeros(shape, dtype=bool)
    grown = dilate(found, MARGIN_PX).astype(np.uint8)
    return cv2.resize(grown, shape[::-1], interpolation=cv2.INTER_NEAREST) > 0


def _steadiness(greys: Sequence[Grey]) -> Float[np.ndarray, "h w"]:
    """Share of the gradients' energy that stays in place; NaN where there is no detail to tell by."""
    mean_x, mean_y, energy = (np.zeros(greys[0].shape, np.float32) for _ in range(3))
    for grey in greys:
        x, y = gradients(cv2.GaussianBlur(grey, (0, 0), BLUR_PX))
        mean_x, mean_y, energy = mean_x + x, mean_y + y, energy + x * x + y * y
    window = (WINDOW_PX, WINDOW_PX)
    n = len(greys)
    still, moving = (cv2.blur(each, window) for each in ((mean_x / n) ** 2 + (mean_y / n) ** 2, energy / n))
    return np.where(moving >= MIN_GRADIENT**2, still / np.maximum(moving, 1e-6), np.nan).astype(np.float32)


def _touches_border(region: Bool[np.ndarray, "h w"]) -> bool:
    near = WINDOW_PX // 2
    inner = np.zeros_like(region)
    inner[near:-near, near:-near] = True
    return bool((region & ~inner).any())


def _scene_passes_beside(region: Bool[np.ndarray, "h w"], steadiness: Float[np.ndarray, "h w"]) -> bool:
    # Windows at the edge of a part see both.
    ring = dilate(region, RING_PX + WINDOW_PX // 2) & ~dilate(region, WINDOW_PX // 2) & np.isfinite(steadiness)
    return bool(ring.sum() >= MIN_RING_PX and np.median(steadiness[ring]) <= PASSES)
