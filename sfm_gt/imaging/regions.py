"""From scattered evidence to whole regions: votes over pairs, morphology, size."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, UInt8


def disc(radius_px: int) -> UInt8[np.ndarray, "k k"]:
    """A round structuring element."""
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1, 2 * radius_px + 1))


def clean(found: Bool[np.ndarray, "h w"], close_px: int, min_area_px: int) -> Bool[np.ndarray, "h w"]:
    """Regions without specks: small islands dropped, gaps up to twice ``close_px`` closed, enclosed holes filled."""
    return fill_holes(drop_small(closed(opened(found, 1), close_px), min_area_px), 4 * min_area_px)


def opened(found: Bool[np.ndarray, "h w"], radius_px: int) -> Bool[np.ndarray, "h w"]:
    """Regions without what is narrower than about twice ``radius_px``."""
    return cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_OPEN, disc(radius_px)).astype(bool)


def closed(found: Bool[np.ndarray, "h w"], radius_px: int) -> Bool[np.ndarray, "h w"]:
    """Regions with gaps of up to twice ``radius_px`` closed, at the border of the image too."""
    padded = cv2.copyMakeBorder(
        found.astype(np.uint8), radius_px, radius_px, radius_px, radius_px, cv2.BORDER_REPLICATE
    )
    inner = slice(radius_px, -radius_px)
    return cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disc(radius_px))[inner, inner].astype(bool)


def drop_small(found: Bool[np.ndarray, "h w"], min_area_px: int) -> Bool[np.ndarray, "h w"]:
    """Regions of at least ``min_area_px`` pixels."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8), connectivity=8)
    keep = stats[:, cv2.CC_STAT_AREA] >= min_area_px
    keep[0] = False
    return keep[labels]


def fill_holes(found: Bool[np.ndarray, "h w"], max_area_px: int) -> Bool[np.ndarray, "h w"]:
    """Regions with enclosed holes of up to ``max_area_px`` pixels filled."""
    return found | (~found & ~drop_small(~found, max_area_px + 1))


def dilate(found: Bool[np.ndarray, "h w"], radius_px: int) -> Bool[np.ndarray, "h w"]:
    """Regions grown by ``radius_px``."""
    if radius_px == 0:
        return found.copy()
    return cv2.dilate(found.astype(np.uint8), disc(radius_px)).astype(bool)


def keep_supported(
    found: Bool[np.ndarray, "h w"], evidence: Bool[np.ndarray, "h w"], share: float
) -> Bool[np.ndarray, "h w"]:
    """The connected regions of which ``evidence`` covers at least ``share``."""
    n, labels = cv2.connectedComponents(found.astype(np.uint8))
    area = np.bincount(labels.ravel(), minlength=n)
    supported = np.bincount(labels[evidence], minlength=n) >= share * area
    supported[0] = False
    return supported[labels]


def enlarge(found: Bool[np.ndarray, "h w"], height: int, width: int) -> Bool[np.ndarray, "h2 w2"]:
    """A mask found at reduced size, at full size, its outline smoothed."""
    if found.shape == (height, width):
        return found
    return cv2.resize(found.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR) >= 0.5
