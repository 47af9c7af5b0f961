"""Resizing images with pixel centres at +0.5, which is OpenCV's rule for both filters used here; maps: ``metrics.resizing``."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import UInt8


def image_to_input(image: UInt8[np.ndarray, "h w 3"], width: int, height: int) -> UInt8[np.ndarray, "h2 w2 3"]:
    """The image stretched to a network's input size; the aspect ratio is not kept.

    Area averaging where both sides shrink, since plain bilinear sampling aliases there; bilinear otherwise.
    """
    rows, columns = image.shape[:2]
    if (rows, columns) == (height, width):
        return image.copy()
    shrinks = height <= rows and width <= columns
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
