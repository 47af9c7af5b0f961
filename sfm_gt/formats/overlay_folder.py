"""Overlays of a clip on disk: ``overlays.json`` with one entry each, and one 8-bit PNG for each mask (255 = overlay)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool

from sfm_gt.errors import InputError, OutputError
from sfm_gt.formats.manifest import read_json, write_json
from sfm_gt.imaging.regions import dilate

OVERLAYS_JSON = "overlays.json"


@dataclass(frozen=True)
class Overlay:
    """Burned-in text, a logo or the like on the picture during an interval.

    Attributes:
        first_frame, last_frame: both included; indices in the source video.
        mask: (H, W), True where it covers the picture in its first frame, on frames as filmed.
        drift_px: (x, y) that it moves by from one frame index to the next; (0, 0) for what stands still.
    """

    first_frame: int
    last_frame: int
    mask: Bool[np.ndarray, "h w"]
    drift_px: tuple[float, float] = (0.0, 0.0)

    def mask_in(self, frame_index: int) -> Bool[np.ndarray, "h w"]:
        """True where it covers this frame; nowhere outside its interval."""
        if not self.first_frame <= frame_index <= self.last_frame:
            return np.zeros_like(self.mask)
        if self.drift_px == (0.0, 0.0):
            return self.mask
        dx, dy = ((frame_index - self.first_frame) * speed for speed in self.drift_px)
        moved = np.array([[1, 0, dx], [0, 1, dy]], dtype=np.float64)
        return cv2.warpAffine(self.mask.astype(np.uint8), moved, self.mask.shape[::-1], flags=cv2.INTER_NEAREST) > 0


def covered(
    overlays: Sequence[Overlay], frame_index: int, shape: tuple[int, int], margin_px: int
) -> Bool[np.ndarray, "h w"]:
    """All overlays of one frame together, grown by ``margin_px``."""
    union = np.zeros(shape, dtype=bool)
    for overlay in overlays:
        union |= overlay.mask_in(frame_index)
    if margin_px == 0 or not union.any():
        return union
    return dilate(union, margin_px)


def covered_ever(
    overlays: Sequence[Overlay], frame_indices: Sequence[int], shape: tuple[int, int], margin_px: int
) -> Bool[np.ndarray, "h w"]:
    """Where the overlay lies in any of the frames: all of its path if it drifts."""
    ever = np.zeros(shape, dtype=bool)
    for overlay in overlays:
        seen = [index for index in frame_indices if overlay.first_frame <= index <= overlay.last_frame]
        for index in seen if overlay.drift_px != (0.0, 0.0) else seen[:1]:
            ever |= covered([overlay], index, shape, margin_px)
    return ever


def write_overlays(folder: Path, overlays: Sequence[Overlay]) -> None:
    """Writes ``overlays.json`` and its masks into ``folder``."""
    entries = []
    for number, one in enumerate(overlays):
        name = f"overlay_{number:02d}.png"
        if not cv2.imwrite(str(folder / name), one.mask.astype(np.uint8) * 255):
            raise OutputError(f"{folder / name}: cannot be written; check free space and permissions")
        entries.append({"first_frame": one.first_frame, "last_frame": one.last_frame, "mask": name,
                        "drift_px": list(one.drift_px)})  # fmt: skip
    write_json(folder / OVERLAYS_JSON, entries)


def read_overlays(folder: Path) -> list[Overlay]:
    """Reads what :func:`write_overlays` wrote. Raises InputError when a file is missing or broken."""
    overlays = []
    for entry in read_json(folder / OVERLAYS_JSON):
        pixels = cv2.imread(str(folder / entry["mask"]), cv2.IMREAD_GRAYSCALE)
        if pixels is None:
            raise InputError(f"{folder / entry['mask']}: missing or unreadable; run `sfm-gt frames` on this clip again")
        drift_px = (float(entry["drift_px"][0]), float(entry["drift_px"][1]))
        overlays.append(Overlay(entry["first_frame"], entry["last_frame"], pixels > 0, drift_px))
    return overlays
