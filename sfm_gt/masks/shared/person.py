"""People in single frames, by two small networks of MediaPipe, and moving masks that snap to their outlines.

The detector (BlazePose, Bazarevsky et al. 2020) finds whole people also where they are small; the segmentation network,
made for selfies, draws the outline of whoever fills its input. Weights are read from paths; LiteRT runs them on the CPU.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from sfm_gt.errors import ConfigError, InputError
from sfm_gt.imaging import regions

# BlazePose's detector: anchors a cell at each stride; box, then keypoints, relative to the anchor in input pixels.
ANCHORS_PER_CELL = {8: 2, 16: 2, 32: 6}
HIPS, FULL_BODY = 4, 6  # columns of the keypoints that give a person's middle and, by their distance, its radius
ROI_MARGIN = 1.25
MIN_SCORE = 0.5
MIN_CENTRE_DISTANCE = 0.5  # of the larger radius; nearer detections are one person
MIN_PROBABILITY = 0.5
MIN_MOVING_SHARE = 0.5  # of a person: a frozen dancer with a waving arm keeps its frozen rest
HALO_PX = 6  # round a person that moves: as far as a mask found by flow reaches over the outline
MIN_PERSON = 0.001  # of the image


class PersonFinder:
    """Finds people in frames.

    Args:
        segmentation: TFLite file of the segmentation network, (1, h, w, 3) in 0..1 to (1, h, w, 1) probability.
        detection: TFLite file of the pose detector; None: people must fill a good part of the frame to be found.

    Raises:
        ConfigError: LiteRT is not installed.
        InputError: a file is missing or no network of that kind.
    """

    def __init__(self, segmentation: Path, detection: Path | None = None):
        self._segmentation = _Network(segmentation, n_outputs=1)
        self._detection = _Network(detection, n_outputs=2) if detection else None

    def find(self, image: UInt8[np.ndarray, "h w 3"]) -> Bool[np.ndarray, "h w"]:
        """True on people; the image is RGB."""
        height, width = image.shape[:2]
        probability = self._outline(image, (0, 0, width, height))
        for box in self._boxes(image):
            probability = np.maximum(probability, self._outline(image, box))
        return regions.drop_small(probability > MIN_PROBABILITY, round(MIN_PERSON * height * width))

    def _outline(self, image: UInt8[np.ndarray, "h w 3"], box: tuple[int, int, int, int]) -> Float[np.ndarray, "h w"]:
        """Probability of a person, 0 outside ``box`` (left, top, right, bottom)."""
        left, top, right, bottom = box
        crop = image[top:bottom, left:right]
        (found,) = self._segmentation.run(crop.astype(np.float32) / 255)
        probability = np.zeros(image.shape[:2], np.float32)
        probability[top:bottom, left:right] = cv2.resize(found[0, ..., 0], (right - left, bottom - top))
        return probability

    def _boxes(self, image: UInt8[np.ndarray, "h w 3"]) -> list[tuple[int, int, int, int]]:
        """A square round each person that the detector finds in the frame and in square tiles along its long side."""
        if self._detection is None:
            return []
        height, width = image.shape[:2]
        side = min(height, width)
        starts = np.unique(np.linspace(0, max(height, width) - side, 3).astype(int))
        tiles = [(0, int(s)) if height > width else (int(s), 0) for s in starts]
        found = [self._detected(image, 0, 0, max(height, width))]
        found += [self._detected(image, x, y, side) for x, y in tiles]
        return [_box(one, width, height) for one in distinct(np.concatenate(found))]

    def _detected(self, image: UInt8[np.ndarray, "h w 3"], x: int, y: int, side: int) -> Float[np.ndarray, "n 4"]:
        """(centre x, centre y, radius, score) of the people in a square of the image, padded with black."""
        assert self._detection is not None
        crop = image[y : y + side, x : x + side]
        crop = cv2.copyMakeBorder(crop, 0, side - crop.shape[0], 0, side - crop.shape[1], cv2.BORDER_CONSTANT)
        outputs = self._detection.run(crop.astype(np.float32) / 127.5 - 1)
        raw, logit = sorted((output[0] for output in outputs), key=lambda output: -output.shape[1])
        size = self._detection.size
        score = 1 / (1 + np.exp(-logit[:, 0].astype(np.float64)))
        anchors = anchor_centres(size)
        hips = (raw[:, HIPS : HIPS + 2] / size + anchors) * side
        reach = (raw[:, FULL_BODY : FULL_BODY + 2] / size + anchors) * side
        radius = np.hypot(*(reach - hips).T)
        people = np.column_stack([hips + np.array([x, y]), radius, score])
        return people[score > MIN_SCORE]


class _Network:
    """One LiteRT interpreter with one image as input."""

    def __init__(self, path: Path, n_outputs: int):
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError:
            raise ConfigError("moving: person networks need ai-edge-litert; pip install 'sfm-gt[tflite]'") from None
        try:
            self._interpreter = Interpreter(model_path=str(path), num_threads=1)
        except (ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{path}: LiteRT cannot load it ({reason}); give a TFLite file") from None
        self._interpreter.allocate_tensors()
        (inputs, *more), self._outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        shape = [int(n) for n in inputs["shape"]]
        if more or len(shape) != 4 or shape[3] != 3 or len(self._outputs) != n_outputs:
            raise InputError(
                f"{path}: takes {shape} and gives {len(self._outputs)} outputs; needed one RGB image and {n_outputs}"
            )
        self._input = inputs["index"]
        self.size = shape[1]

    def run(self, image: Float[np.ndarray, "h w 3"]) -> list[Any]:
        """The outputs for an image of any size."""
        resized = cv2.resize(image, (self.size, self.size), interpolation=cv2.INTER_AREA)
        self._interpreter.set_tensor(self._input, resized[None].astype(np.float32))
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(output["index"]) for output in self._outputs]


def anchor_centres(size: int) -> Float[np.ndarray, "n 2"]:
    """(x, y) in 0..1 of the detector's anchors for a square input of ``size`` pixels, in the order of its outputs."""
    centres = []
    for stride, repeats in ANCHORS_PER_CELL.items():
        cells = size // stride
        y, x = np.mgrid[:cells, :cells]
        centres.append(np.repeat((np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) / cells, repeats, axis=0))
    return np.concatenate(centres)


def distinct(people: Float[np.ndarray, "n 4"]) -> list[Float[np.ndarray, " 4"]]:
    """Detections (x, y, radius, score) by falling score without those that are another one's person again."""
    kept: list[np.ndarray] = []
    for person in people[np.argsort(-people[:, 3], kind="stable")]:
        near = (np.hypot(*(person[:2] - k[:2])) < MIN_CENTRE_DISTANCE * max(person[2], k[2]) for k in kept)
        if not any(near):
            kept.append(person)
    return kept


def _box(person: Float[np.ndarray, " 4"], width: int, height: int) -> tuple[int, int, int, int]:
    x, y, reach = person[0], person[1], ROI_MARGIN * max(person[2], 8.0)
    left, top = int(np.clip(x - reach, 0, width - 2)), int(np.clip(y - reach, 0, height - 2))
    return left, top, int(np.clip(x + reach, left + 2, width)), int(np.clip(y + reach, top + 2, height))


def snapped(moving: Bool[np.ndarray, "h w"], person: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Moving masks that take the outline of each person of whom most moves; all else stays as it is.

    A person that is frozen stays out of the mask, and one of whom little moves keeps what was found.
    """
    result = moving.copy()
    n, labels = cv2.connectedComponents(person.astype(np.uint8))
    for label in range(1, n):
        body = labels == label
        if moving[body].mean() >= MIN_MOVING_SHARE:
            result &= ~(regions.dilate(body, HALO_PX) & ~person)
            result |= body
    return result
