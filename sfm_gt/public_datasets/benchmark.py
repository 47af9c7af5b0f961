"""A public benchmark with the interface of our own data set: the same names, as far as the benchmark has the thing.

What a benchmark does not have is None (camera, pose, time stamp, people, sigma of the scale), and ``sigma_m`` is NaN: no
benchmark states an error for each pixel. ``moving`` and ``overlay`` are False everywhere: all pixels that have GT are scored.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from sfm_gt.errors import InputError
from sfm_gt.geometry.conventions import valid_from_depth
from sfm_gt.geometry.types import PinholeCamera


@dataclass(frozen=True)
class Conventions:
    """How the field scores a benchmark, in the fields of an evaluation protocol.

    Attributes:
        gt_range_m: GT outside is not scored.
        crops: names of crops in use, the customary one first; empty where the whole image is scored.
        source: who scores so.
    """

    gt_range_m: tuple[float, float]
    crops: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class BenchmarkFrame:
    """One image with its GT; arrays are read when they are asked for.

    Attributes:
        clip_id: sequence or scene; with ``frame_index`` the address of a prediction on disk.
        video_id: what bootstrap intervals are drawn over: frames that share it are not independent.
        frame_index: as the benchmark counts, or the position in the sequence where it only names.
        timestamp_s: None where the benchmark has none.
        camera: pinhole camera of the image, pixel centres at +0.5; None where the benchmark's images have none.
        cam_from_world: (4, 4), metres; None where unknown.
        read_image: gives (H, W, 3) uint8, RGB.
        read_z_depth_m: gives (H, W) float32, metres, NaN = invalid.
        nearer_farther: pixels (row, column) in pairs whose first is nearer, where the benchmark has that and no depth.
    """

    clip_id: str
    video_id: str
    frame_index: int
    timestamp_s: float | None
    camera: PinholeCamera | None
    cam_from_world: Float[np.ndarray, "4 4"] | None
    read_image: Callable[[], UInt8[np.ndarray, "h w 3"]]
    read_z_depth_m: Callable[[], Float[np.ndarray, "h w"]]
    metric: bool = True
    sigma_log_scale: None = None
    person: None = None
    nearer_farther: Int[np.ndarray, "pairs 2 2"] | None = None

    @cached_property
    def image(self) -> UInt8[np.ndarray, "h w 3"]:
        """RGB. Raises InputError when the file is missing or damaged."""
        return self.read_image()

    @cached_property
    def z_depth_m(self) -> Float[np.ndarray, "h w"]:
        """z-depth in metres, float32, NaN = invalid, in the size of the image. Raises InputError."""
        depth = self.read_z_depth_m()
        if depth.shape != self.image.shape[:2]:
            raise InputError(
                f"{self.clip_id} frame {self.frame_index}: depth is {depth.shape[1]}x{depth.shape[0]} px, the image "
                f"{self.image.shape[1]}x{self.image.shape[0]}; the files do not belong together"
            )
        return depth

    @property
    def sigma_m(self) -> Float[np.ndarray, "h w"]:
        """NaN everywhere: unknown."""
        return np.full(self.z_depth_m.shape, np.nan, dtype=np.float32)

    @property
    def valid(self) -> Bool[np.ndarray, "h w"]:
        """Where there is GT."""
        return valid_from_depth(self.z_depth_m)

    @property
    def moving(self) -> Bool[np.ndarray, "h w"]:
        """False everywhere."""
        return np.zeros(self.z_depth_m.shape, dtype=bool)

    @property
    def overlay(self) -> Bool[np.ndarray, "h w"]:
        """False everywhere."""
        return np.zeros(self.z_depth_m.shape, dtype=bool)


class Benchmark:
    """Frames of one benchmark, ordered by clip and frame index.

    Raises:
        InputError: there are no frames; ``needed`` says what was looked for.
    """

    def __init__(self, name: str, conventions: Conventions, frames: Sequence[BenchmarkFrame], path: Path, needed: str):
        if not frames:
            raise InputError(f"{path}: holds no frame of {name}; needed {needed}")
        self.name = name
        self.conventions = conventions
        self.path = path
        self._frames = sorted(frames, key=lambda frame: (frame.clip_id, frame.frame_index))

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, number: int) -> BenchmarkFrame:
        # A copy, so that the arrays read through it go when it goes.
        return replace(self._frames[number])

    def __iter__(self) -> Iterator[BenchmarkFrame]:
        return (self[number] for number in range(len(self)))

    def chosen(
        self, name: str, source: str, clips: Collection[str] | None = None, frames: range | None = None
    ) -> Benchmark:
        """The frames that a paper scores: of some clips, with a ``frame_index`` in a range; None = all."""
        kept = [
            frame
            for frame in self._frames
            if (clips is None or frame.clip_id in clips) and (frames is None or frame.frame_index in frames)
        ]
        needed = f"{'any clip' if clips is None else ', '.join(clips)} with {frames or 'any frames'}"
        return Benchmark(name, replace(self.conventions, source=source), kept, self.path, needed)

    @property
    def has_pairs(self) -> bool:
        """Whether frames have ``nearer_farther`` in place of depth."""
        return self._frames[0].nearer_farther is not None

    @property
    def clip_ids(self) -> tuple[str, ...]:
        """Sequences or scenes, sorted."""
        return tuple(sorted({frame.clip_id for frame in self._frames}))

    def frames_of(self, clip_id: str) -> list[BenchmarkFrame]:
        """Frames of one clip in order."""
        return [replace(frame) for frame in self._frames if frame.clip_id == clip_id]


Reader = Callable[[Path], Benchmark]
