"""NumPy's files as others write them: what their headers claim is checked before memory is asked for, nothing is unpickled."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Set
from pathlib import Path
from typing import IO, Any

import numpy as np

from sfm_gt.errors import InputError, one_line

MAX_VALUES = 100_000_000  # a map of 8K has 33 million
BYTES_A_VALUE = 16  # of complex numbers, the largest
MAX_STACK_VALUES = 1_000_000_000  # 3000 maps of 640x480
FRAME_INDEX = "frame_index"
_FAULTS = (
    ValueError, TypeError, OSError, EOFError, SyntaxError, RuntimeError, NotImplementedError, OverflowError, MemoryError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
_HEADERS: dict[tuple[int, int], Any] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_array(path: Path, key: str | None = None) -> np.ndarray:
    """The array of an ``.npy`` file, or that of an ``.npz`` file.

    Args:
        key: which one of an ``.npz`` file; None = its only one.

    Raises:
        FileNotFoundError: there is none.
        InputError: no such file or array, damaged or cut short, empty, of Python objects, or larger than a map can be.
    """
    try:
        with path.open("rb") as file:
            if zipfile.is_zipfile(file):
                with zipfile.ZipFile(file) as archive:
                    return _from_zip(path, archive, _chosen(path, archive, key), MAX_VALUES)
            file.seek(0)
            return _from_stream(path, file, path.stat().st_size, MAX_VALUES)
    except FileNotFoundError:
        raise
    except _FAULTS as error:
        raise _not_numpy(path, error) from None


def read_stack(path: Path, key: str | None = None) -> dict[int, np.ndarray]:
    """The maps of an ``.npz`` file that holds all of a clip, by frame index.

    The array ``frame_index`` (N,) says of which frame each of the N maps is, since a clip need not begin with frame 0.

    Args:
        key: of the array (N, …) of maps; None = the only one beside ``frame_index``.

    Raises:
        InputError: as :func:`read_array`, or the two arrays do not fit.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if f"{FRAME_INDEX}.npy" not in archive.namelist():
                raise InputError(f"{path}: holds no array {FRAME_INDEX}; add the frame index in the video of each map")
            frames = _from_zip(path, archive, f"{FRAME_INDEX}.npy", MAX_VALUES)
            maps = _from_zip(path, archive, _chosen(path, archive, key, {f"{FRAME_INDEX}.npy"}), MAX_STACK_VALUES)
    except _FAULTS as error:
        raise _not_numpy(path, error) from None
    if frames.ndim != 1 or frames.dtype.kind not in "iu" or maps.ndim < 3 or len(maps) != len(np.unique(frames)):
        raise InputError(
            f"{path}: {FRAME_INDEX} is {frames.dtype} of shape {frames.shape}, the maps have shape {maps.shape}; needed N "
            "different whole numbers and (N, H, W)"
        )
    return dict(zip(frames.tolist(), maps, strict=True))


def _not_numpy(path: Path, error: Exception) -> InputError:
    said = one_line(" ".join(str(error).split()))[:200]
    return InputError(f"{path}: not a NumPy array ({said}); write it anew with numpy.save")


def _chosen(path: Path, archive: zipfile.ZipFile, key: str | None, besides: Set[str] = frozenset()) -> str:
    """Name of the member that holds the array."""
    names = [name for name in archive.namelist() if name not in besides]
    if key is None and len(names) == 1:
        return names[0]
    if key is not None and f"{key}.npy" in names:
        return f"{key}.npy"
    found = one_line(", ".join(name.removesuffix(".npy") for name in names))[:200]
    needed = "one, or the key of one" if key is None else repr(key)
    raise InputError(f"{path}: holds {len(names)} arrays ({found}), needed {needed}")


def _from_zip(path: Path, archive: zipfile.ZipFile, name: str, most: int) -> np.ndarray:
    size = archive.getinfo(name).file_size
    if size > BYTES_A_VALUE * most:
        raise InputError(f"{path}: {name} unpacks to {size} bytes; needed at most {BYTES_A_VALUE * most}")
    with archive.open(name) as member:
        array = _from_stream(path, member, size, most)
        # Its checksum is compared at the end.
        if member.read(1):
            raise ValueError(f"{name} goes on behind its array")
    return array


def _from_stream(path: Path, stream: IO[bytes], size: int, most: int) -> np.ndarray:
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"version {version} of the format is for arrays with named fields")
    shape, _, dtype = _HEADERS[version](stream)
    n_values = math.prod(shape)
    if dtype.hasobject or n_values == 0 or n_values > most:
        raise InputError(f"{path}: found {dtype} of shape {shape}; needed 1 to {most} numbers")
    if n_values * dtype.itemsize > size - stream.tell():
        raise InputError(f"{path}: {size} bytes, its header promises {dtype} of shape {shape}; it is cut short")
    stream.seek(0)
    array: np.ndarray = np.lib.format.read_array(stream, allow_pickle=False)
    return array
