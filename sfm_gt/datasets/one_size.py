"""Frames of any size brought to one, so that they fit into a batch: videos of a folder are rarely all of one shape."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from sfm_gt.datasets.shared_memory_collate import StoredItem
from sfm_gt.errors import InputError

Size = tuple[int, int]
"""Height and width in pixels."""


def require_size(size: Size | None) -> None:
    """Raises InputError for what is no size that a picture may have."""
    if size is not None and not (isinstance(size, Sequence) and len(size) == 2 and all(map(_is_length, size))):
        raise InputError(f"size {size!r}: needed (height, width) in whole pixels, or None for frames as they are")


def _is_length(side: object) -> bool:
    return isinstance(side, int | np.integer) and not isinstance(side, bool) and int(side) > 0


def fitted(item: StoredItem, size: Size | None) -> StoredItem:
    """The largest crop round the frame's middle that has the shape of ``size``, resized to it; None leaves frames as they are.

    Depth, sigma and masks are taken from the nearest pixel, since a mean over an edge is a depth where nothing is. Intrinsics
    follow; depth and pose are those of the whole frame.
    """
    if size is None:
        return item
    facts, (height, width) = item.facts, size
    shape = min(facts["width"] / width, facts["height"] / height)
    crop_width, crop_height = max(1, round(width * shape)), max(1, round(height * shape))
    left, top = (facts["width"] - crop_width) // 2, (facts["height"] - crop_height) // 2
    scale_x, scale_y = width / crop_width, height / crop_height
    cropped = {name: layer[top : top + crop_height, left : left + crop_width] for name, layer in item.pixels.items()}
    camera = {
        "width": width, "height": height, "fx": facts["fx"] * scale_x, "fy": facts["fy"] * scale_y,
        "cx": (facts["cx"] - left) * scale_x, "cy": (facts["cy"] - top) * scale_y,
    }  # fmt: skip
    return StoredItem({name: _resized(layer, name, size) for name, layer in cropped.items()}, dict(facts) | camera)


def _resized(layer: np.ndarray, name: str, size: Size) -> np.ndarray:
    smooth = cv2.INTER_AREA if size[0] < layer.shape[0] else cv2.INTER_LINEAR
    # OpenCV's plain nearest takes the pixel at the corner, half a pixel off.
    return cv2.resize(layer, size[::-1], interpolation=smooth if name == "image" else cv2.INTER_NEAREST_EXACT)
