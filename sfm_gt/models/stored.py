"""The predictions of a run on disk: NNNNNN.npy a frame, (H, W) float32, not finite where the model gave no value.

The folder ``flipped`` beside them holds those of the mirrored images, mirrored back, where the model's ``flipped`` asks for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError

FLIPPED = "flipped"


def write_prediction(folder: Path, frame_index: int, values: Float[np.ndarray, "h w"]) -> None:
    """Writes one map into an existing folder."""
    np.save(_path(folder, frame_index), values.astype(np.float32))


def read_prediction(folder: Path, frame_index: int, height: int, width: int) -> Float[np.ndarray, "h w"] | None:
    """The stored map, or None where the model gave none for the frame.

    Raises:
        InputError: the file cannot be read, or holds a map of another size.
    """
    path = _path(folder, frame_index)
    try:
        values: Any = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        return None
    except (ValueError, OSError, EOFError) as fault:
        raise InputError(f"{path}: not a NumPy array ({' '.join(str(fault).split())}); run predict again") from None
    if values.shape != (height, width):
        raise InputError(f"{path}: shape {values.shape}, the ground truth has {(height, width)}; run predict again")
    prediction: Float[np.ndarray, "h w"] = values
    return prediction


def _path(folder: Path, frame_index: int) -> Path:
    return folder / f"{frame_index:06d}.npy"
