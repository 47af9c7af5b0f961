"""People's joints by MediaPipe's two pose networks (BlazePose, Bazarevsky et al. 2020) in LiteRT; optional.

The first finds people on a square picture, as a point between the hips and one that gives size and direction of the body;
the second finds 33 landmarks in the turned square around each. People are then followed from frame to frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from sfm_gt.errors import ConfigError, InputError
from sfm_gt.formats.joints import JointTracks
from sfm_gt.geometry.conventions import pixel_from_integer_centred

DETECTION_PX, LANDMARK_PX = 224, 256
# Stride of each layer and anchors a cell, as MediaPipe's graph sets them for this network.
ANCHOR_LAYERS = ((8, 2), (16, 2), (32, 6))
MIN_SCORE, MIN_VISIBILITY = 0.5, 0.7
# The square around a person, in diameters of the detector's circle.
BOX_SCALE = 1.25
# Detections whose hips lie nearer than this share of their size are one person.
SAME_PERSON = 0.25
MAX_FRAMES = 60
# A person's joints move by less than this share of the person's size between frames that are looked at.
MAX_STEP = 0.3
LANDMARKS = {
    "left_ear": 7, "right_ear": 8, "left_shoulder": 11, "right_shoulder": 12, "left_elbow": 13, "right_elbow": 14,
    "left_wrist": 15, "right_wrist": 16, "left_hip": 23, "right_hip": 24, "left_knee": 25, "right_knee": 26,
    "left_ankle": 27, "right_ankle": 28,
}  # fmt: skip

Image = UInt8[np.ndarray, "h w 3"]
Person = dict[str, Float[np.ndarray, "2"]]


@dataclass(eq=False)
class _Followed:
    """One person as far as followed; ``last`` is where the joints were seen last."""

    last: Person
    joints: dict[str, dict[int, Float[np.ndarray, "2"]]] = field(default_factory=dict)

    def add(self, frame_index: int, person: Person) -> None:
        self.last = person
        for name, px in person.items():
            self.joints.setdefault(name, {})[frame_index] = px


class PoseNetwork:
    """Both interpreters. Raises ConfigError without ai-edge-litert, InputError when a file is no such network."""

    def __init__(self, detection: Path, landmarks: Path):
        self._detector = _interpreter(detection, DETECTION_PX)
        self._landmarker = _interpreter(landmarks, LANDMARK_PX)
        self._anchors = _anchors()

    def find(self, frames: Sequence[int], load_rgb: Callable[[int], Image]) -> JointTracks:
        """Joints of all people in pixels (centres at +0.5) by person, joint and frame, on frames spread evenly."""
        chosen = np.unique(np.linspace(0, len(frames) - 1, MAX_FRAMES).round().astype(int))
        followed: list[_Followed] = []
        for frame_index in (frames[number] for number in chosen):
            free = list(followed)
            for person in self.people(load_rgb(frame_index)):
                known = min(free, key=lambda one: _apart(one.last, person), default=None)
                if known is None or _apart(known.last, person) > MAX_STEP:
                    known = _Followed(person)
                    followed.append(known)
                else:
                    free.remove(known)
                known.add(frame_index, person)
        return {f"person {number + 1}": one.joints for number, one in enumerate(followed)}

    def people(self, image: Image) -> list[Person]:
        """Visible joints of every person in one picture, RGB."""
        found = []
        for hips, top in self._detect(image):
            person = self._landmarks(image, hips, top)
            if person:
                found.append(person)
        return found

    def _detect(self, image: Image) -> list[tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2"]]]:
        """Middle of the hips and the point above it that gives size and direction, in OpenCV's pixels; best first."""
        height, width = image.shape[:2]
        side = max(height, width)
        square = np.zeros((side, side, 3), dtype=np.uint8)
        square[:height, :width] = image
        resized = cv2.resize(square, (DETECTION_PX, DETECTION_PX), interpolation=cv2.INTER_AREA)
        outputs = _run(self._detector, resized.astype(np.float32) / 127.5 - 1.0)
        raw = next(output for output in outputs if output.shape[-1] == 12)[0]
        scores = 1.0 / (
            1.0 + np.exp(-np.clip(next(output for output in outputs if output.shape[-1] == 1)[0, :, 0], -50, 50))
        )
        points = raw[:, 4:8].reshape(-1, 2, 2) / DETECTION_PX + self._anchors[:, None]
        people: list[tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2"]]] = []
        for number in np.argsort(-scores):
            if scores[number] < MIN_SCORE:
                break
            hips, top = points[number].astype(np.float64) * side
            size = float(np.linalg.norm(top - hips))
            if all(np.linalg.norm(hips - other) > SAME_PERSON * size for other, _ in people):
                people.append((hips, top))
        return people

    def _landmarks(self, image: Image, hips: Float[np.ndarray, "2"], top: Float[np.ndarray, "2"]) -> Person:
        up = top - hips
        right = np.array([-up[1], up[0]])
        corners = np.array(
            [hips + BOX_SCALE * (up - right), hips + BOX_SCALE * (up + right), hips - BOX_SCALE * (up + right)]
        )
        patch_corners = np.array([[0, 0], [LANDMARK_PX, 0], [0, LANDMARK_PX]], dtype=np.float32)
        patch_from_image = cv2.getAffineTransform(corners.astype(np.float32), patch_corners)
        patch = cv2.warpAffine(image, patch_from_image, (LANDMARK_PX, LANDMARK_PX), flags=cv2.INTER_LINEAR)
        outputs = _run(self._landmarker, patch.astype(np.float32) / 255.0)
        if float(next(output for output in outputs if output.shape == (1, 1))[0, 0]) < MIN_SCORE:
            return {}
        marks = next(output for output in outputs if output.shape[-1] == 195).reshape(39, 5)
        seen = 1.0 / (1.0 + np.exp(-np.clip(marks[:, 3], -50, 50)))
        image_from_patch = cv2.invertAffineTransform(patch_from_image)
        pixels = pixel_from_integer_centred(
            marks[:, :2].astype(np.float64) @ image_from_patch[:, :2].T + image_from_patch[:, 2]
        )
        return {name: pixels[row] for name, row in LANDMARKS.items() if seen[row] >= MIN_VISIBILITY}


def _interpreter(path: Path, side_px: int) -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        raise ConfigError("scale.pose_network needs ai-edge-litert; pip install 'sfm-gt[tflite]'") from None
    try:
        interpreter = Interpreter(model_path=str(path), num_threads=1)
    except (ValueError, RuntimeError, OSError) as error:
        raise InputError(f"{path}: LiteRT cannot load it ({' '.join(str(error).split())})") from None
    shape = tuple(interpreter.get_input_details()[0]["shape"].tolist())
    if shape != (1, side_px, side_px, 3):
        raise InputError(f"{path}: takes {shape}, needed (1, {side_px}, {side_px}, 3); give MediaPipe's pose networks")
    interpreter.allocate_tensors()
    return interpreter


def _run(interpreter: Any, tensor: Float[np.ndarray, "h w 3"]) -> list[np.ndarray]:
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], tensor[None].astype(np.float32))
    interpreter.invoke()
    return [interpreter.get_tensor(output["index"]) for output in interpreter.get_output_details()]


def _anchors() -> Float[np.ndarray, "n 2"]:
    """Centres of the detector's anchors in shares of the picture."""
    centres = []
    for stride, per_cell in ANCHOR_LAYERS:
        cells = DETECTION_PX // stride
        y, x = np.divmod(np.arange(cells * cells), cells)
        centres.append(np.repeat((np.stack([x, y], axis=1) + 0.5) / cells, per_cell, axis=0))
    return np.concatenate(centres)


def _apart(one: Person, other: Person) -> float:
    """Mean distance of common joints, in sizes of the person; infinite without common joints."""
    common = sorted(set(one) & set(other))
    if len(common) < 2:
        return float("inf")
    a, b = np.array([one[name] for name in common]), np.array([other[name] for name in common])
    return float(np.linalg.norm(a - b, axis=1).mean() / max(np.linalg.norm(np.ptp(b, axis=0)), 1.0))
