"""Smaller images."""

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
