"""What the clips on which nothing may be accepted are made of: takes, procedural pictures, paths of cameras over flat sheets.

A :data:`Generator` takes a random generator and the :class:`Sources` and returns the frames of one clip, RGB.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from benchmarks.accuracy.footage import read_frames, resized

WIDTH, HEIGHT, FPS, N_FRAMES = 320, 240, 30, 48
SENSOR_NOISE_GREY = 1.5  # of what stands for a camera's picture, so that no two frames are the same
NIGHT_CONTRAST = 0.4  # share of the contrast that is left
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

Frame = UInt8[np.ndarray, "h w 3"]
Homography = Float[np.ndarray, "3 3"]


@dataclass(frozen=True)
class Sources:
    """Takes of scenes that have nothing in common, by name: video and first frame."""

    takes: dict[str, tuple[Path, int]]

    @classmethod
    def of(cls, kitchen: Path | None) -> Sources:
        """The embedded takes, and two places of the kitchen's video where there is one."""
        takes = {"mannequin": (EXAMPLES / "demo" / "videos" / "mannequin.mp4", 0)}
        takes |= {name: (EXAMPLES / "masks" / "videos" / f"{name}.mp4", 0) for name in ("close_up", "thin")}
        if kitchen is not None:
            takes |= {"kitchen_0": (kitchen, 0), "kitchen_300": (kitchen, 300)}
        return cls(takes)

    def draw(self, rng: np.random.Generator, n_takes: int) -> list[list[Frame]]:
        """Different takes of N_FRAMES frames each, from anywhere in the first second; short ones run forth and back."""
        names, found = sorted(self.takes), []
        for k in rng.permutation(len(names))[:n_takes]:
            cycle, start = _take(*self.takes[names[k]]), int(rng.integers(FPS))
            found.append([cycle[(start + j) % len(cycle)] for j in range(N_FRAMES)])
        return found

    def photograph(self, rng: np.random.Generator) -> Frame:
        """One frame of a take, enlarged to twice the size of a clip."""
        (take,) = self.draw(rng, 1)
        return cv2.resize(take[int(rng.integers(len(take)))], (2 * WIDTH, 2 * HEIGHT), interpolation=cv2.INTER_CUBIC)


@cache
def _take(video: Path, first: int) -> list[Frame]:
    """Frames enough for a clip that begins within the first second, and back."""
    frames = [resized(rgb, WIDTH, HEIGHT) for rgb in read_frames(video, first, first + N_FRAMES + FPS - 1)]
    return frames + frames[-2:0:-1]


def noise(rng: np.random.Generator, height: int = HEIGHT, width: int = WIDTH) -> Frame:
    """Random colours in cells of two pixels, which survive the codec."""
    cells = rng.integers(0, 256, ((height + 1) // 2, (width + 1) // 2, 3), dtype=np.uint8)
    return cv2.resize(cells, (width, height), interpolation=cv2.INTER_NEAREST)


def dead_leaves(rng: np.random.Generator, height: int = HEIGHT, width: int = WIDTH, n_leaves: int = 300) -> Frame:
    """Discs of all sizes that cover one another: the statistics of photographs without a scene."""
    picture = np.full((height, width, 3), 128, np.uint8)
    for radius in np.minimum(4.0 / np.sqrt(rng.uniform(0.005, 1, n_leaves)), min(height, width) / 4):
        centre = int(rng.integers(width)), int(rng.integers(height))
        cv2.circle(picture, centre, int(radius), rng.integers(0, 256, 3).tolist(), -1, cv2.LINE_AA)
    return picture


def page(rng: np.random.Generator, height: int, width: int) -> Frame:
    """A page of print: lines of random words, headings and boxes."""
    picture = np.full((height, width, 3), 245, np.uint8)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    for top in range(20, height, 14):
        if rng.random() < 0.06:
            box = int(rng.integers(20, width // 2)), int(rng.integers(12, 60))
            cv2.rectangle(picture, (12, top), (12 + box[0], top + box[1]), rng.integers(60, 230, 3).tolist(), -1)
        words = " ".join("".join(rng.choice(letters, rng.integers(2, 9))) for _ in range(width // 40))
        cv2.putText(picture, words, (12, top), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (30, 30, 40), 1, cv2.LINE_AA)
    return picture


def lattice(rng: np.random.Generator, height: int, width: int) -> Frame:
    """One small tile again and again, as on a wallpaper."""
    tile = dead_leaves(rng, 32, 40, 60)
    return np.tile(tile, (height // 32 + 1, width // 40 + 1, 1))[:height, :width]


def smooth_path(rng: np.random.Generator, n_values: int, knots: int = 6) -> Float[np.ndarray, "f k"]:
    """Random curves over the clip, about -1 to 1: a hand that holds a camera."""
    values = rng.uniform(-1, 1, (knots, n_values))
    at = np.linspace(0, knots - 1, N_FRAMES)
    return np.stack([np.interp(at, np.arange(knots), column) for column in values.T], axis=1)


def steady_path(rng: np.random.Generator, n_values: int) -> Float[np.ndarray, "f k"]:
    """Straight lines from one end to the other, -1 to 1 at most."""
    ends = rng.uniform(0.5, 1, n_values) * rng.choice([-1, 1], n_values)
    return np.linspace(-1, 1, N_FRAMES)[:, None] * ends


def filmed(sheet: Frame, frame_from_sheet: list[Homography]) -> list[Frame]:
    """A flat sheet under one homography a frame; what lies beyond its edges repeats them mirrored."""
    size = (WIDTH, HEIGHT)
    return [cv2.warpPerspective(sheet, matrix, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
            for matrix in frame_from_sheet]  # fmt: skip


def translated(shifts_px: Float[np.ndarray, "f 2"], sheet: Frame, zoom: float = 0.75) -> list[Homography]:
    """The sheet's centre in the middle of the picture, shifted."""
    return [_similarity(zoom, 0.0, shift, sheet) for shift in shifts_px]


def _similarity(zoom: float, angle_rad: float, shift_px: np.ndarray, sheet: Frame) -> Homography:
    c, s = zoom * np.cos(angle_rad), zoom * np.sin(angle_rad)
    to_centre = np.array([[1, 0, -sheet.shape[1] / 2], [0, 1, -sheet.shape[0] / 2], [0, 0, 1]])
    return np.array([[c, -s, WIDTH / 2 + shift_px[0]], [s, c, HEIGHT / 2 + shift_px[1]], [0, 0, 1]]) @ to_centre


def plane_path(rng: np.random.Generator, sheet: Frame) -> list[Homography]:
    """A hand-held camera that walks past a flat sheet and looks at it under changing angles."""
    focal = float(rng.uniform(0.7, 1.3)) * WIDTH
    camera = np.array([[focal, 0, WIDTH / 2], [0, focal, HEIGHT / 2], [0, 0, 1]])
    # One unit is the distance; the sheet is wide enough for the picture and half as much again.
    sheet_scale = 1.5 * WIDTH / focal / sheet.shape[1]
    to_plane = np.array([[sheet_scale, 0, -sheet_scale * sheet.shape[1] / 2],
                         [0, sheet_scale, -sheet_scale * sheet.shape[0] / 2], [0, 0, 1]])  # fmt: skip
    found = []
    for x, y, z, yaw, pitch, roll in smooth_path(rng, 6):
        rotation, _ = cv2.Rodrigues(np.array([0.1 * pitch, 0.15 * yaw + 0.25 * x, 0.05 * roll]))
        centre = np.array([0.3 * x, 0.15 * y, 0.15 * z])
        cam_from_plane = np.column_stack([rotation[:, 0], rotation[:, 1], rotation @ (np.array([0, 0, 1.0]) - centre)])
        found.append(camera @ cam_from_plane @ to_plane)
    return found


def turning_path(rng: np.random.Generator, sheet: Frame) -> list[Homography]:
    """A camera that only turns: the sheet stands for all that it sees, infinitely far away."""
    focal = float(rng.uniform(0.8, 1.2)) * WIDTH
    camera = np.array([[focal, 0, WIDTH / 2], [0, focal, HEIGHT / 2], [0, 0, 1]])
    to_rays = np.array(
        [[1 / focal, 0, -sheet.shape[1] / 2 / focal], [0, 1 / focal, -sheet.shape[0] / 2 / focal], [0, 0, 1]]
    )
    angles = smooth_path(rng, 3) * [0.08, 0.25, 0.03]
    return [camera @ cv2.Rodrigues(angle)[0] @ to_rays for angle in angles]


def with_sensor_noise(rng: np.random.Generator, frames: list[Frame]) -> list[Frame]:
    """What a camera adds."""
    return [np.clip(frame + rng.normal(0, SENSOR_NOISE_GREY, frame.shape), 0, 255).astype(np.uint8) for frame in frames]


def at_night(frame: Frame) -> Frame:
    """As a camera sees at night: no colour and little contrast."""
    grey = frame.mean(axis=2, keepdims=True) * NIGHT_CONTRAST + 20
    return np.repeat(grey, 3, axis=2).astype(np.uint8)


def warped(frame: Frame, dx_px: Float[np.ndarray, "h w"], dy_px: Float[np.ndarray, "h w"]) -> Frame:
    """The frame with every pixel taken from beside it."""
    x, y = np.meshgrid(np.arange(frame.shape[1], dtype=np.float32), np.arange(frame.shape[0], dtype=np.float32))
    return cv2.remap(frame, x + dx_px.astype(np.float32), y + dy_px.astype(np.float32), cv2.INTER_LINEAR,
                     borderMode=cv2.BORDER_REFLECT)  # fmt: skip


Generator = Callable[[np.random.Generator, Sources], list[Frame]]
