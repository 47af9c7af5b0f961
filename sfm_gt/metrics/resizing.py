"""Bringing a predicted map to the size of the GT; the GT is never resized, since that would mix depths across edges."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float

ResizeRule = Literal["bilinear", "bilinear_align_corners", "nearest"]


def resized(values: Float[np.ndarray, "h w"], height: int, width: int, rule: ResizeRule) -> Float[np.ndarray, "h2 w2"]:
    """The map at another size, float32, in the domain of its values (disparity stays disparity).

    ``bilinear`` and ``nearest`` take pixel centres at +0.5, which is OpenCV's rule; ``bilinear_align_corners`` puts the
    centres of the corner pixels onto each other, as torch does under that name. A value that is not finite spreads to
    every pixel that it would have a part in.
    """
    values = values.astype(np.float32, copy=False)
    if values.shape == (height, width):
        return values
    if rule == "bilinear_align_corners":
        rows, columns = (
            np.linspace(0, old - 1, new, dtype=np.float32)
            for old, new in zip(values.shape, (height, width), strict=True)
        )
        grid = np.meshgrid(columns, rows)
        # OpenCV would look beyond the last row and column, with weight zero, and zero times NaN is NaN.
        return cv2.remap(values, grid[0], grid[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    filter_ = cv2.INTER_LINEAR if rule == "bilinear" else cv2.INTER_NEAREST_EXACT
    return cv2.resize(values, (width, height), interpolation=filter_)
