"""Displacement of a rolling shutter on disk: one npz a clip, coarse fields of pixels by frame."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from sfm_gt.errors import InputError
from sfm_gt.formats.atomic import replacing_file


@dataclass(frozen=True)
class ShutterShifts:
    """How far the readout displaced what each frame shows.

    Attributes:
        frame_indices: (N,) registered frames, ascending.
        shift_px: (N, Gh, Gw, 2) filmed position less the position that a global shutter would have seen, at filmed positions
            spread evenly from edge to edge of the frame.
    """

    frame_indices: Int[np.ndarray, " n"]
    shift_px: Float[np.ndarray, "n gh gw 2"]

    def of(self, frame_index: int) -> Float[np.ndarray, "gh gw 2"]:
        """Field of one frame; zero for a frame that is not registered."""
        rows = np.flatnonzero(self.frame_indices == frame_index)
        return self.shift_px[rows[0]] if len(rows) else np.zeros_like(self.shift_px[0])


def write_shutter_shifts(path: Path, shifts: ShutterShifts) -> None:
    """Writes ``shifts``; ``path`` ends in .npz."""
    with replacing_file(path) as partial:
        np.savez(partial, frame_indices=shifts.frame_indices, shift_px=shifts.shift_px.astype(np.float32))


def read_shutter_shifts(path: Path) -> ShutterShifts | None:
    """None when there is no file: the clip was filmed with a global shutter, as far as its residuals tell.

    Raises:
        InputError: the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        with np.load(path) as content:
            frame_indices, shift_px = content["frame_indices"], content["shift_px"].astype(np.float64)
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: holds no shutter displacement ({error}); copy or build the clip again") from None
    if shift_px.ndim != 4 or shift_px.shape[3] != 2 or frame_indices.shape != shift_px.shape[:1]:
        raise InputError(f"{path}: found {shift_px.shape} displacements of {frame_indices.shape} frames, needed (n, h, w, 2) "
                         "of (n,); copy or build the clip again")  # fmt: skip
    return ShutterShifts(frame_indices, shift_px)
