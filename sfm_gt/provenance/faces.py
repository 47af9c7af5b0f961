"""Faces made unrecognisable in released images, by YuNet through OpenCV (Wu et al. 2023). Geometry is done by then."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from sfm_gt.errors import InputError

MIN_SCORE = 0.5  # low: a poster that is blurred for nothing costs less than a face that is not
DETECTION_LONG_SIDE_PX = 1280  # smaller pictures are enlarged, since YuNet finds faces from about 10 pixels on
MARGIN = 0.25  # of the box, on each side: hair and chin tell people apart too
# What is left of a face across. A detector still finds a third of them at 6 pixels; these are made coarser, to one tone.
COARSE_PX = (6, 3, 1)
SAME_FACE_IOU = 0.3


@dataclass(frozen=True)
class Blurred:
    """A picture without faces.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        n_faces: faces that were found and blurred.
        n_found_again: of these, how many the detector still finds in the result.
    """

    image: UInt8[np.ndarray, "h w 3"]
    n_faces: int
    n_found_again: int


class FaceBlur:
    """Finds and blurs faces.

    Args:
        model: YuNet's ONNX file.

    Raises:
        InputError: the file is missing or no such model.
    """

    def __init__(self, model: Path):
        if not model.is_file():
            raise InputError(f"{model}: not found; give YuNet's ONNX file (face_detection_yunet of the OpenCV zoo)")
        try:
            self._detector = cv2.FaceDetectorYN.create(str(model), "", (320, 320), MIN_SCORE)
        except cv2.error as error:
            raise InputError(f"{model}: OpenCV cannot load it ({error.msg}); give YuNet's ONNX file") from None

    def boxes(self, image: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "n 4"]:
        """x, y, width and height of every face, in pixels."""
        height, width = image.shape[:2]
        scale = max(1.0, DETECTION_LONG_SIDE_PX / max(height, width))
        size = round(width * scale), round(height * scale)
        self._detector.setInputSize(size)
        _, found = self._detector.detect(cv2.cvtColor(cv2.resize(image, size), cv2.COLOR_RGB2BGR))
        return np.zeros((0, 4)) if found is None else found[:, :4].astype(np.float64) / scale

    def blur(self, image: UInt8[np.ndarray, "h w 3"]) -> Blurred:
        """The picture with every face reduced to a few pixels across, and how well that worked."""
        boxes, blurred = self.boxes(image), image.copy()
        standing = list(boxes)
        for coarse_px in COARSE_PX:
            if not standing:
                break
            for box in standing:
                _coarsen(blurred, box, coarse_px)
            again = self.boxes(blurred)
            standing = [box for box in boxes if any(_iou(box, other) > SAME_FACE_IOU for other in again)]
        return Blurred(blurred, len(boxes), len(standing))


def _coarsen(image: UInt8[np.ndarray, "h w 3"], box: Float[np.ndarray, " 4"], coarse_px: int) -> None:
    """Leaves ``coarse_px`` pixels across of the ellipse around a box, in place."""
    x, y, w, h = box
    left, right = int(max(0, x - MARGIN * w)), int(min(image.shape[1], x + (1 + MARGIN) * w + 1))
    top, bottom = int(max(0, y - MARGIN * h)), int(min(image.shape[0], y + (1 + MARGIN) * h + 1))
    if right <= left or bottom <= top:
        return
    part = image[top:bottom, left:right]
    tiny = cv2.resize(part, (coarse_px, coarse_px), interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(tiny, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
    inside = np.zeros(part.shape[:2], np.uint8)
    centre, axes = ((right - left) // 2, (bottom - top) // 2), ((right - left) // 2 + 1, (bottom - top) // 2 + 1)
    cv2.ellipse(inside, centre, axes, 0, 0, 360, 255, -1)
    part[inside > 0] = coarse[inside > 0]


def _iou(one: Float[np.ndarray, " 4"], other: Float[np.ndarray, " 4"]) -> float:
    low = np.maximum(one[:2], other[:2])
    high = np.minimum(one[:2] + one[2:], other[:2] + other[2:])
    shared = float(np.prod(np.clip(high - low, 0, None)))
    return shared / (float(np.prod(one[2:]) + np.prod(other[2:])) - shared)
