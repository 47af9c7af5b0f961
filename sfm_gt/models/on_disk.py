"""Predictions that another program has written: ``path`` is a folder, ``kind`` in the configuration says what they are.

    <path>/<clip_id>/NNNNNN.npy     two-dimensional array, NNNNNN = frame_index in the source video
                     NNNNNN.npz     the same, one array in the file, or several and a stated key
                     NNNNNN.exr     one channel, or the first of several (needs the OpenEXR package)
                     NNNNNN.png     16 bit, one channel; 0 = no answer
    <path>/<clip_id>.npz            all maps of a clip, (N, H, W), with the array frame_index (N,)
    <path>/predictions.yaml         "unit: 0.001", only for png (value = pixel * unit; metres for metric_depth);
                                    "key: depth", only for npz with other arrays

A map may be smaller or larger than its image: evaluation resizes it in its own domain, by the protocol's rule. One of another
aspect ratio is refused, since it is transposed, cropped or squeezed and nobody said that it shows the whole image, unless it
comes from the predict stage, whose manifest next to it states the size of the image. Whole numbers are refused except in PNG,
where the unit is stated. A frame without a file counts as missing.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Annotated

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from pydantic import BaseModel, ConfigDict, Field

from sfm_gt.errors import ConfigError, InputError
from sfm_gt.formats.array_file import MAX_VALUES, read_array, read_stack
from sfm_gt.formats.validation import Number, validated
from sfm_gt.formats.yaml_text import read_yaml
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.models.shared.prediction import KINDS, FrameKey, MissingPredictionError, Prediction, required_path
from sfm_gt.models.shared.settings import ModelConfig
from sfm_gt.models.shared.stored import check_image_size, stated_image_sizes

SUFFIXES = (".npy", ".npz", ".png", ".exr")
DESCRIPTION = "predictions.yaml"
# Networks round each side to a multiple of 14 or 32 px, at 384 px up to 4 %.
ASPECT_TOLERANCE = 0.05


class Description(BaseModel):
    """Content of predictions.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    unit: Annotated[Number, Field(gt=0)] | None = None
    key: str | None = None


class OnDiskModel:
    """Reads instead of predicting. Raises ConfigError without a kind, InputError without a folder."""

    source_sha256 = None

    def __init__(self, config: ModelConfig):
        self._folder = Path(required_path(config, "the folder that holds <clip_id>/NNNNNN.npy"))
        if config.kind is None:
            raise ConfigError(f"models: {config.name}: predictions on disk need kind: one of {', '.join(KINDS)}")
        if config.flipped:
            raise ConfigError(
                f"models: {config.name}: what is stored cannot be made again for mirrored images; leave flipped out"
            )
        if not self._folder.is_dir():
            raise InputError(f"{self._folder}: no such folder; give the one that holds <clip_id>/NNNNNN.npy")
        if not any(_is_prediction(path) for path in self._folder.glob("*/*")) and not any(self._folder.glob("*.npz")):
            beside = sorted(self._folder.glob("*/*")) or sorted(self._folder.glob("*"))
            found = beside[0].relative_to(self._folder) if beside else "nothing"
            raise InputError(
                f"{self._folder}: holds no prediction <clip_id>/NNNNNN.npy (or {', '.join(SUFFIXES[1:])}) nor stack "
                f"<clip_id>.npz, found {found}; "
                "give the folder above those of the clips, files named by six digits of the frame index"
            )
        self.kind = config.kind
        self._image_sizes = lru_cache(maxsize=None)(stated_image_sizes)  # one manifest serves a clip
        self._described = _description(self._folder / DESCRIPTION)
        self._stack, self._reading = lru_cache(maxsize=1)(read_stack), Lock()

    def predict(self, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None, key: FrameKey) -> Prediction:
        """The stored map; the image gives its size and nothing else."""
        return Prediction(self.stored(key, *image.shape[:2]), self.kind)

    def stored(self, key: FrameKey, height: int, width: int) -> Float[np.ndarray, "h w"]:
        """The map as it is stored, float32, checked against the size of the image that it is of.

        Raises:
            MissingPredictionError: no file for this frame.
            InputError: the file cannot be read, or holds no map of such an image.
        """
        path, read = self._found(key)
        values = np.squeeze(read())
        if values.ndim != 2 or values.dtype.kind not in "fiu":
            raise InputError(f"{path}: found {values.dtype} of shape {values.shape}, needed one map of numbers (H, W)")
        if values.dtype.kind != "f":
            raise InputError(
                f"{path}: found {values.dtype}, needed float: whole numbers have a unit that the file does not state; "
                f"store float32, or 16-bit PNG with {DESCRIPTION}"
            )
        stated = self._image_sizes(path.parent)
        if stated is None:
            _check_aspect(path, values.shape, (height, width))
        else:
            check_image_size(path.parent, stated, (height, width))
        return values.astype(np.float32)

    def _found(self, key: FrameKey) -> tuple[Path, Callable[[], np.ndarray]]:
        """The file that holds the map of a frame, and what reads it."""
        stem, stack = self._folder / key.clip_id / f"{key.frame_index:06d}", self._folder / f"{key.clip_id}.npz"
        found = [path for path in (stem.with_name(stem.name + suffix) for suffix in SUFFIXES) if path.is_file()]
        maps = self._maps(stack) if stack.is_file() else {}
        found += [stack] if key.frame_index in maps else []
        if not found:
            raise MissingPredictionError(f"{stem}.npy: not there (nor {', '.join(SUFFIXES[1:])}, nor in {stack.name})")
        if len(found) > 1:
            raise InputError(f"{found[0]}: {found[1].name} exists as well; keep one of them")
        if found[0] == stack:
            return stack, lambda: maps[key.frame_index]
        return found[0], lambda: _READERS[found[0].suffix](found[0], self._described)

    def _maps(self, stack: Path) -> dict[int, np.ndarray]:
        """Of one clip at a time, whose frames are read side by side."""
        with self._reading:
            return self._stack(stack, self._described.key)


def _description(path: Path) -> Description:
    if not path.exists():
        return Description()
    return validated(Description, read_yaml(path), str(path), InputError)


def _is_prediction(path: Path) -> bool:
    return path.suffix in SUFFIXES and len(path.stem) == 6 and path.stem.isdigit()


def _check_aspect(path: Path, found: tuple[int, ...], image: tuple[int, ...]) -> None:
    if abs(found[1] * image[0] / (found[0] * image[1]) - 1) > ASPECT_TOLERANCE:
        raise InputError(
            f"{path}: found {found[1]}x{found[0]} px for an image of {image[1]}x{image[0]}, needed its aspect ratio; "
            "bring the map back to the whole image before storing it"
        )


def _read_numpy(path: Path, described: Description) -> np.ndarray:
    return read_array(path, described.key if path.suffix == ".npz" else None)


def _read_png(path: Path, described: Description) -> Float[np.ndarray, "h w"]:
    with path.open("rb") as file:
        head = file.read(24)
    if head[12:16] == b"IHDR" and len(head) == 24:
        _check_size(path, *struct.unpack(">II", head[16:]))
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.ndim != 2 or pixels.dtype != np.uint16:
        found = "an unreadable file" if pixels is None else f"{pixels.dtype} of shape {pixels.shape}"
        raise InputError(f"{path}: found {found}, needed 16 bit and one channel; use npy for anything else")
    if described.unit is None:
        raise InputError(
            f"{path.parent.parent / DESCRIPTION}: states no unit; PNG predictions need it, for example: unit: 0.001"
        )
    values: Float[np.ndarray, "h w"] = pixels.astype(np.float32) * np.float32(described.unit)
    values[pixels == 0] = np.nan
    return values


def _read_exr(path: Path, _: Description) -> np.ndarray:
    try:
        import OpenEXR
    except ImportError:
        raise ConfigError(f"{path}: reading EXR needs the OpenEXR package; pip install OpenEXR, or use npy") from None
    try:
        with OpenEXR.File(str(path), header_only=True) as file:
            low, high = (np.array(corner, dtype=np.int64) for corner in file.header()["dataWindow"])
            n_channels = len(file.header()["channels"])
        width, height = (high - low + 1).tolist()
        _check_size(path, width, height, max(n_channels, 1))
        with OpenEXR.File(str(path)) as file:
            channels = {name: np.array(channel.pixels) for name, channel in file.channels().items()}
    except (RuntimeError, OSError, ValueError, KeyError, TypeError, MemoryError) as error:
        raise InputError(f"{path}: not an EXR image ({' '.join(str(error).split())}); it may be cut short") from None
    if not channels or min(channel.size for channel in channels.values()) == 0:
        raise InputError(f"{path}: holds no pixels; write one channel of 32-bit float")
    first: np.ndarray = next(iter(channels.values()))
    # OpenEXR joins R, G and B into one array; a depth map in colour channels repeats the same value.
    return first[..., 0] if first.ndim == 3 else first


def _check_size(path: Path, width: int, height: int, n_channels: int = 1) -> None:
    """Before memory is asked for: what the header claims."""
    if not 0 < width * height * n_channels <= MAX_VALUES:
        raise InputError(f"{path}: its header states {width}x{height} px in {n_channels} channels; needed 1 to {MAX_VALUES} "
                         "values, one map")  # fmt: skip


_READERS = {".npy": _read_numpy, ".npz": _read_numpy, ".png": _read_png, ".exr": _read_exr}
PLUGIN = OnDiskModel
