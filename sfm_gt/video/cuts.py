"""Hard cuts: where PySceneDetect or TransNet V2 sees one and the pictures before and after it bear it out."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import UInt8

from sfm_gt.video.blanks import is_blank

Grey = UInt8[np.ndarray, "h w"]

# A cut leaves little that flow can follow; a jolt of the camera or its exposure scores as high, but most stays in view. Of the
# detail of 300 pairs of different takes up to 0.25 is found again, of consecutive frames from 0.34 on (sv_bikes) where points
# cannot be matched, with lamp bands of a quarter or without. One of many pairs may look alike by chance: a return needs more.
SAME_SCENE_SHARE, RETURNED_SHARE = 0.3, 0.5
MAX_ROUND_TRIP_PX = 1.0  # forward flow, then backward flow: how near its start a pixel must come back
MAX_GREY_CHANGE = 30.0  # of evened pictures
EVENING_BLUR_PX, EVENED_GREY, EVENED_CONTRAST, NOISE_GREYS, MIN_DETAIL = 6.0, 128.0, 40.0, 2.0, 20.0
FLASH_FRAMES = 4  # what is back after so few frames was never cut away from: a flash, a few frames lost to interference
# Change of size from one frame to the next, beyond that of the frames around them: 1.07 where things are shaken before the
# lens (ct_pillow), where the camera walks it is the same in each; cutters punch in by 1.1 and more.
MIN_PUNCH_IN = 1.09
MAX_CHANGE_OF_SIZE = 8.0  # beyond, what is matched is no picture of the same thing
MIN_MATCHES, MATCH_TOLERANCE_PX = 20, 1.5


def confirmed_cuts(greys: Sequence[Grey], suspects: Sequence[int]) -> list[int]:
    """Positions of the frames that start a new scene, of those that a detector suspects.

    Args:
        greys: small grey images of consecutive frames.
        suspects: positions, each the first frame of what may be a new scene.
    """
    positions = [position for position in sorted(set(suspects)) if 0 < position < len(greys)]
    return [position for position in positions if is_punch_in(greys, position) or _is_cut(greys, position)]


def _is_cut(greys: Sequence[Grey], position: int) -> bool:
    """Whether the view changes here, and neither was there shortly before nor comes back shortly after, as around a flash."""
    if shows_same_view(greys[position - 1], greys[position]):
        return False
    comes_back = [(position - 1, p) for p in range(position + 1, min(position + 1 + FLASH_FRAMES, len(greys)))]
    was_there = [(p, position) for p in range(max(0, position - 1 - FLASH_FRAMES), position - 1)]
    return not any(shows_same_view(greys[a], greys[b], RETURNED_SHARE) for a, b in [*comes_back, *was_there])


def shows_same_view(before: Grey, after: Grey, share: float = SAME_SCENE_SHARE) -> bool:
    """Whether ``before`` is found again in ``after``, by matched points or by flow; one even tone shows no view."""
    if is_blank(before) or is_blank(after):
        return False
    before, after = evened(before), evened(after)
    return change_of_size(before, after) is not None or shows_same_scene(before, after, share)


def is_punch_in(greys: Sequence[Grey], position: int) -> bool:
    """Whether all that is seen changes its size at once from the frame before, and neither just before nor just after."""
    scale = change_of_size(evened(greys[position - 1]), evened(greys[position]))
    if scale is None or abs(np.log(scale)) < np.log(MIN_PUNCH_IN):
        return False
    around = [(p - 1, p) for p in (position - 1, position + 1) if 0 < p < len(greys)]
    usual = [change for a, b in around if (change := change_of_size(evened(greys[a]), evened(greys[b]))) is not None]
    return all(abs(np.log(scale / change)) >= np.log(MIN_PUNCH_IN) for change in usual)


def evened(grey: Grey) -> UInt8[np.ndarray, "h w"]:
    """The picture with its rows and then its surroundings brought to one brightness and contrast.

    Lamps that flicker lay bands over the rows of a rolling shutter; exposure steps and flashes change all of them.
    """
    values = grey.astype(np.float32)
    values *= values.mean() / np.maximum(values.mean(axis=1, keepdims=True), 1.0)
    deviation = values - cv2.GaussianBlur(values, (0, 0), EVENING_BLUR_PX)
    contrast = np.sqrt(cv2.GaussianBlur(deviation**2, (0, 0), EVENING_BLUR_PX) + NOISE_GREYS**2)
    return np.clip(EVENED_GREY + EVENED_CONTRAST * deviation / contrast, 0, 255).astype(np.uint8)


def change_of_size(before: Grey, after: Grey) -> float | None:
    """Factor by which what both (evened) frames show has grown; None where they have too little in common to tell."""
    sift = cv2.SIFT_create(nfeatures=400, contrastThreshold=0.02)
    (points, words), (points_after, words_after) = (sift.detectAndCompute(grey, None) for grey in (before, after))
    if words is None or words_after is None or min(len(words), len(words_after)) < MIN_MATCHES:
        return None
    pairs = [
        p
        for p in cv2.BFMatcher().knnMatch(words, words_after, k=2)
        if len(p) == 2 and p[0].distance < 0.8 * p[1].distance
    ]
    if len(pairs) < MIN_MATCHES:
        return None
    start = np.array([points[best.queryIdx].pt for best, _ in pairs])
    end = np.array([points_after[best.trainIdx].pt for best, _ in pairs])
    cv2.setRNGSeed(0)
    similarity, inliers = cv2.estimateAffinePartial2D(start, end, ransacReprojThreshold=MATCH_TOLERANCE_PX)
    if similarity is None or int(inliers.sum()) < MIN_MATCHES:
        return None
    size = float(np.hypot(*similarity[:, 0]))
    # Where a pattern repeats, all matches may lead to one spot.
    return size if 1 / MAX_CHANGE_OF_SIZE < size < MAX_CHANGE_OF_SIZE else None


def shows_same_scene(before: Grey, after: Grey, share: float = SAME_SCENE_SHARE) -> bool:
    """Whether this share of the detail of ``before`` is found in ``after`` by optical flow there and back; both evened."""
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flow_ab, flow_ba = dis.calc(before, after, None), dis.calc(after, before, None)
    height, width = before.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    map_x, map_y = x + flow_ab[..., 0], y + flow_ab[..., 1]
    inside = (map_x >= 0) & (map_x <= width - 1) & (map_y >= 0) & (map_y <= height - 1)
    back = cv2.remap(flow_ba, map_x, map_y, cv2.INTER_LINEAR)
    grey_change = np.abs(cv2.remap(after, map_x, map_y, cv2.INTER_LINEAR).astype(np.float32) - before)
    followed = inside & (np.hypot(*np.moveaxis(flow_ab + back, -1, 0)) < MAX_ROUND_TRIP_PX)
    detailed = np.abs(before.astype(np.float32) - EVENED_GREY) > MIN_DETAIL  # even ground looks the same everywhere
    return bool(detailed.any()) and float((followed & (grey_change < MAX_GREY_CHANGE))[detailed].mean()) >= share
