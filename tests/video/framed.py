"""Takes put into frames: bars, blurred fills, split screens, pictures in pictures."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from tests.masks.scenes import film

WIDTH, HEIGHT = 288, 162  # of a take, 16:9
Fill = Callable[[np.ndarray, int, int], np.ndarray]


def hand_held(n_frames: int, seed: int) -> list[np.ndarray]:
    """A take of a rendered room by a camera that moves sideways and sways both ways, as hands do."""
    frames = film(n_frames).frames
    rng = np.random.default_rng(seed)
    phase, speed = rng.uniform(0, 2 * np.pi, 2), rng.uniform(0.15, 0.3, 2)
    takes = []
    for number, frame in enumerate(frames if seed % 2 else frames[::-1]):
        x, y = np.round([16, 39] + np.array([14, 30]) * np.sin(phase + speed * number)).astype(int)
        takes.append((frame if seed % 2 else frame[:, ::-1])[y : y + HEIGHT, x : x + WIDTH])
    return takes


def fitted(frame: np.ndarray, width: int, height: int) -> np.ndarray:
    """Scaled until it fills the size, and cropped to it."""
    factor = max(width / frame.shape[1], height / frame.shape[0])
    scaled = cv2.resize(frame, (round(frame.shape[1] * factor), round(frame.shape[0] * factor)))
    x, y = (scaled.shape[1] - width) // 2, (scaled.shape[0] - height) // 2
    return scaled[y : y + height, x : x + width]


def placed(
    take: list[np.ndarray], canvas: tuple[int, int], rectangle: tuple[int, int, int, int], fill: Fill
) -> list[np.ndarray]:
    """Frames of ``canvas`` (width, height) with the take in (x0, y0, x1, y1) and ``fill`` round it."""
    x0, y0, x1, y1 = rectangle
    framed = []
    for frame in take:
        whole = fill(frame, *canvas).copy()
        whole[y0:y1, x0:x1] = fitted(frame, x1 - x0, y1 - y0)
        framed.append(whole)
    return framed


def tone(*rgb: int) -> Fill:
    """One colour."""
    return lambda _, width, height: np.full((height, width, 3), rgb, np.uint8)


def gradient(_: np.ndarray, width: int, height: int) -> np.ndarray:
    """From dark to light, downwards."""
    ramp = np.linspace(30, 170, height)[:, None, None] * [0.6, 0.8, 1.0]
    return np.broadcast_to(ramp, (height, width, 3)).astype(np.uint8)


def blurred(frame: np.ndarray, width: int, height: int) -> np.ndarray:
    """The picture itself, enlarged to fill the canvas and blurred."""
    return cv2.GaussianBlur(fitted(frame, width, height), (0, 0), 0.03 * max(width, height))


def written(frames: list[np.ndarray], lines: list[tuple[str, tuple[int, int]]]) -> list[np.ndarray]:
    """White text with a black outline on all frames."""
    shown = []
    for frame in frames:
        copy = frame.copy()
        for text, origin in lines:
            for grey, thickness in ((0, 4), (255, 1)):
                cv2.putText(copy, text, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (grey,) * 3, thickness, cv2.LINE_AA)
        shown.append(copy)
    return shown


def inset(take: list[np.ndarray], other: list[np.ndarray], rectangle: tuple[int, int, int, int]) -> list[np.ndarray]:
    """A small picture in a large one."""
    x0, y0, x1, y1 = rectangle
    whole = [frame.copy() for frame in take]
    for frame, small in zip(whole, other, strict=True):
        frame[y0:y1, x0:x1] = fitted(small, x1 - x0, y1 - y0)
    return whole
