"""Maps and masks as pictures: fixed colours, invalid in grey, small enough for a page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

INVALID_RGB = (128, 128, 128)
MOVING_RGB = (230, 60, 120)
OVERLAY_RGB = (240, 200, 40)
PERSON_RGB = (60, 200, 220)
MASK_OPACITY = 0.45
LONG_SIDE_PX = 480
JPEG_QUALITY = 88
GRADIENT_STOPS = 16


@dataclass(frozen=True)
class ColourScale:
    """A colour map between two values, in the unit that its label names.

    Attributes:
        colour_map: an OpenCV colour map.
    """

    label: str
    lowest: float
    highest: float
    colour_map: int

    def paint(self, values: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
        """RGB of a map; values outside take the end colours, not finite ones are grey."""
        finite = np.isfinite(values)
        position = (np.where(finite, values, 0.0) - self.lowest) / (self.highest - self.lowest)
        rgb = self._colours(np.round(np.clip(position, 0, 1) * 255).astype(np.uint8))
        rgb[~finite] = INVALID_RGB
        return rgb

    @property
    def gradient(self) -> str:
        """The colour bar as a CSS gradient, lowest value left."""
        stops = self._colours(np.linspace(0, 255, GRADIENT_STOPS).round().astype(np.uint8)[None])[0]
        return f"linear-gradient(to right, {', '.join(f'#{bytes(stop).hex()}' for stop in stops)})"

    @property
    def ticks(self) -> tuple[str, str, str]:
        """Lowest, middle and highest value as text."""
        middle = (self.lowest + self.highest) / 2
        return tuple(f"{value:.3g}" for value in (self.lowest, middle, self.highest))  # type: ignore[return-value]

    def _colours(self, levels: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
        return cv2.cvtColor(cv2.applyColorMap(levels, self.colour_map), cv2.COLOR_BGR2RGB)


def depth_scale(depths: list[Float[np.ndarray, "h w"]], unit: str) -> ColourScale:
    """Inferno, whose lightness rises with depth, over the 2nd to 98th percentile of the valid depth of some frames."""
    lowest, highest = _percentiles(depths, 2, 98)
    return ColourScale(f"z-depth in {unit}", lowest, highest, cv2.COLORMAP_INFERNO)


def sigma_scale(relative_sigmas: list[Float[np.ndarray, "h w"]]) -> ColourScale:
    """Relative sigma in percent, from 0 to its 98th percentile."""
    _, highest = _percentiles([100 * sigma for sigma in relative_sigmas], 0, 98)
    return ColourScale("σ in % of depth", 0.0, highest, cv2.COLORMAP_VIRIDIS)


def error_scale() -> ColourScale:
    """Absolute relative error in percent; delta 1 ends about in the middle."""
    return ColourScale("|p − g| / g in %", 0.0, 50.0, cv2.COLORMAP_MAGMA)


def _percentiles(maps: list[Float[np.ndarray, "h w"]], low: float, high: float) -> tuple[float, float]:
    values = np.concatenate([one[np.isfinite(one)] for one in maps]) if maps else np.empty(0)
    if not values.size:
        return 0.0, 1.0
    lowest, highest = (float(value) for value in np.percentile(values, [low, high]))
    # A flat map still needs two ends.
    return lowest, highest if highest > lowest else lowest + max(abs(lowest), 1.0) * 0.01


def draw_masks(
    image: UInt8[np.ndarray, "h w 3"],
    moving: Bool[np.ndarray, "h w"],
    overlay: Bool[np.ndarray, "h w"],
    person: Bool[np.ndarray, "h w"] | None,
) -> UInt8[np.ndarray, "h w 3"]:
    """The image with moving regions and overlays tinted, and people outlined."""
    drawn = image.astype(np.float32)
    for mask, rgb in ((moving, MOVING_RGB), (overlay, OVERLAY_RGB)):
        drawn[mask] = (1 - MASK_OPACITY) * drawn[mask] + MASK_OPACITY * np.array(rgb, np.float32)
    picture = np.ascontiguousarray(drawn.round().astype(np.uint8))
    thickness = max(1, max(image.shape) // 300)
    for outline, rgb in ((moving, MOVING_RGB), (person, PERSON_RGB)):
        if outline is not None:
            edges, _ = cv2.findContours(outline.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(picture, edges, -1, rgb, thickness)
    return picture


def save_picture(path: Path, rgb: UInt8[np.ndarray, "h w 3"]) -> None:
    """Writes a JPEG of at most LONG_SIDE_PX; colours keep their resolution, since they carry the values."""
    scale = LONG_SIDE_PX / max(rgb.shape[:2])
    if scale < 1:
        size = (round(rgb.shape[1] * scale), round(rgb.shape[0] * scale))
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    path.parent.mkdir(parents=True, exist_ok=True)
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        JPEG_QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    if not cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options):
        raise OSError(f"{path}: could not be written")
