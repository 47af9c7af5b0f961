"""A clip's decoded frames, ``NNNNNN.png`` by index in the source video and ``frames.json``; and its ``frozen.json``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from sfm_gt.errors import InputError, OutputError
from sfm_gt.formats.atomic import replacing_file
from sfm_gt.formats.manifest import read_json, write_json
from sfm_gt.imaging.resizing import shrunk

FRAMES_JSON = "frames.json"
FROZEN_JSON = "frozen.json"
THUMBNAIL_PX = 240
# Frames are read a few times and thrown away: speed counts for more than size. One row filter for all rows halves the
# time against the default, which tries several on every row, at equal size.
_PNG_OPTIONS = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP]


@dataclass(frozen=True)
class FrameRecord:
    """One decoded frame. ``sharpness``: variance of its Laplacian, in squared grey levels; ``repeated``: it shows the one
    before once more."""

    frame_index: int
    timestamp_s: float
    sharpness: float
    keyframe: bool
    repeated: bool = False


@dataclass(frozen=True)
class FrameList:
    """The frames of a clip, in order.

    Attributes:
        width, height: size of the PNG files.
        source_width, source_height: size of the video as shown, before shrinking.
        picture: (x0, y0, x1, y1) of the moving picture on the PNG files, in whole pixels, x1 and y1 outside; None: all of
            them. What lies outside are bars, which are an overlay of all frames.
    """

    width: int
    height: int
    source_width: int
    source_height: int
    frames: tuple[FrameRecord, ...]
    picture: tuple[int, int, int, int] | None = None

    @property
    def picture_area(self) -> tuple[int, int, int, int]:
        """``picture``, or all of the canvas."""
        return self.picture or (0, 0, self.width, self.height)

    @property
    def keyframes(self) -> tuple[FrameRecord, ...]:
        """Frames that SfM starts from."""
        return tuple(frame for frame in self.frames if frame.keyframe)

    def times_s(self, frame_indices: Iterable[int]) -> Float[np.ndarray, " n"]:
        """Presentation times of some frames, in their order."""
        by_index = {frame.frame_index: frame.timestamp_s for frame in self.frames}
        return np.array([by_index[int(index)] for index in frame_indices])


@dataclass(frozen=True)
class FrozenInterval:
    """Frames between which the scene is frozen, both included, and how frozen each registered frame of the clip is: the share
    of the picture that is at rest, None where it is unknown."""

    first_frame: int
    last_frame: int
    score: dict[int, float | None]


def frame_path(folder: Path, frame_index: int) -> Path:
    """Path of one frame."""
    return folder / f"{frame_index:06d}.png"


def write_frame(folder: Path, frame_index: int, rgb: UInt8[np.ndarray, "h w 3"]) -> None:
    """Writes one frame. Raises OutputError when it cannot be written."""
    path = frame_path(folder, frame_index)
    if not cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), _PNG_OPTIONS):
        raise OutputError(f"{path}: cannot be written; check free space and permissions")


def read_frame(folder: Path, frame_index: int) -> UInt8[np.ndarray, "h w 3"]:
    """One frame, RGB. Raises InputError when it is missing or damaged."""
    path = frame_path(folder, frame_index)
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise InputError(f"{path}: no readable frame; run `sfm-gt frames` on this clip again")
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def write_frame_list(folder: Path, frames: FrameList) -> None:
    """Writes ``frames.json``."""
    write_json(folder / FRAMES_JSON, asdict(frames))


def read_frame_list(folder: Path) -> FrameList:
    """Reads ``frames.json``. Raises InputError when it is missing or broken."""
    content = read_json(folder / FRAMES_JSON)
    records = tuple(FrameRecord(**record) for record in content["frames"])
    picture = tuple(content["picture"]) if content.get("picture") else None
    return FrameList(**content | {"frames": records, "picture": picture})


def write_frozen(folder: Path, interval: FrozenInterval) -> None:
    """Writes ``frozen.json``."""
    scores = {f"{index:06d}": score for index, score in interval.score.items()}
    write_json(folder / FROZEN_JSON, asdict(interval) | {"score": scores})


def read_frozen(folder: Path) -> FrozenInterval:
    """Reads ``frozen.json``. Raises InputError when it is missing or broken."""
    content = read_json(folder / FROZEN_JSON)
    return FrozenInterval(**content | {"score": {int(index): score for index, score in content["score"].items()}})


def write_thumbnail(path: Path, rgb: UInt8[np.ndarray, "h w 3"]) -> None:
    """Writes a JPEG of at most THUMBNAIL_PX. Raises OutputError when it cannot be written."""
    small = shrunk(rgb, THUMBNAIL_PX / max(rgb.shape[:2]))
    with replacing_file(path) as partial:
        if not cv2.imwrite(str(partial), cv2.cvtColor(small, cv2.COLOR_RGB2BGR)):
            raise OutputError(f"{path}: cannot be written; check free space and permissions")
