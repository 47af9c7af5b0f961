"""NumPy's files as others write them: what their headers claim is checked before memory is asked for, nothing is unpickled."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from sfm_gt.errors import InputError, one_line

MAX_VALUES = 100_000_000  # a map of 8K has 33 million
MAX_BYTES = 16 * MAX_VALUES  # complex numbers are the largest
_FAULTS = (
    ValueError, TypeError, OSError, EOFError, SyntaxError, RuntimeError, NotImplementedError, OverflowError, MemoryError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
_HEADERS: dict[tuple[int, int], Any] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_array(path: Path) -> np.ndarray:
    """The array of an ``.npy`` file, or the only one of an ``.npz`` file.

    Raises:
        FileNotFoundError: there is none.
        InputError: no such file, damaged or cut short, empty, of Python objects, larger than a map can be, or several arrays.
    """
    try:
        with path.open("rb") as file:
            if zipfile.is_zipfile(file):
                return _from_zip(path, file)
            file.seek(0)
            return _from_stream(path, file, path.stat().st_size)
    except FileNotFoundError:
        raise
    except _FAULTS as error:
        said = one_line(" ".join(str(error).split()))[:200]
        raise InputError(f"{path}: not a NumPy array ({said}); write it anew with numpy.save") from None


def _from_zip(path: Path, file: BinaryIO) -> np.ndarray:
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len(members) != 1:
            names = one_line(", ".join(member.filename.removesuffix(".npy") for member in members))[:200]
            raise InputError(f"{path}: holds {len(members)} arrays ({names}), needed one")
        size = members[0].file_size
        if size > MAX_BYTES:
            raise InputError(f"{path}: unpacks to {size} bytes; needed at most {MAX_BYTES}, one map")
        # Whole, so that its checksum is compared.
        return _from_stream(path, io.BytesIO(archive.read(members[0])), size)


def _from_stream(path: Path, stream: BinaryIO | io.BytesIO, size: int) -> np.ndarray:
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"version {version} of the format is for arrays with named fields")
    shape, _, dtype = _HEADERS[version](stream)
    n_values = math.prod(shape)
    if dtype.hasobject or n_values == 0 or n_values > MAX_VALUES:
        raise InputError(f"{path}: found {dtype} of shape {shape}; needed 1 to {MAX_VALUES} numbers, one map")
    if n_values * dtype.itemsize > size - stream.tell():
        raise InputError(f"{path}: {size} bytes, its header promises {dtype} of shape {shape}; it is cut short")
    stream.seek(0)
    array: np.ndarray = np.lib.format.read_array(stream, allow_pickle=False)
    return array
