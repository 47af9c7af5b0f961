"""Smaller images, averaged over areas."""

from __future__ import annotations

import cv2
import numpy as np


def fitted(image: np.ndarray, max_long_side_px: int) -> np.ndarray:
    """An image of (H, W) or (H, W, C) with a long side of at most ``max_long_side_px``, averaged over areas; a smaller one as
    it is."""
    height, width = image.shape[:2]
    factor = max_long_side_px / max(height, width)
    if factor >= 1:
        return image
    return cv2.resize(
        image, (max(1, round(width * factor)), max(1, round(height * factor))), interpolation=cv2.INTER_AREA
    )


def fitted_width(image: np.ndarray, max_width_px: int) -> np.ndarray:
    """An image of (H, W) or (H, W, C) at most ``max_width_px`` wide; a narrower one as it is."""
    height, width = image.shape[:2]
    if width <= max_width_px:
        return image
    return cv2.resize(image, (max_width_px, max(1, round(height * max_width_px / width))), interpolation=cv2.INTER_AREA)


def shrunk(image: np.ndarray, factor: float) -> np.ndarray:
    """An image of (H, W) or (H, W, C) times ``factor``, which also holds where a side is rounded to whole pixels; as it is
    where that would enlarge it."""
    if factor >= 1:
        return image
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
