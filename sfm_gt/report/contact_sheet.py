"""The contact sheet of one clip: some frames side by side, one strip a quantity, one colour scale a strip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from sfm_gt.datasets.frames import Frame
from sfm_gt.metrics.protocol import Protocol
from sfm_gt.report.aligned import NO_ALIGNMENT, aligned_depth, depth_of, shown_alignment
from sfm_gt.report.pictures import (
    MOVING_RGB,
    OVERLAY_RGB,
    PERSON_RGB,
    ColourScale,
    depth_scale,
    draw_masks,
    error_scale,
    save_picture,
    sigma_scale,
)
from sfm_gt.report.video import Panel

MASK_KEY = (("moving", MOVING_RGB), ("overlay", OVERLAY_RGB))


@dataclass(frozen=True)
class Picture:
    """One picture of a strip; ``src`` is relative to the page, None where there is ``nothing`` to show."""

    caption: str
    src: str | None
    nothing: str = ""


@dataclass(frozen=True)
class Strip:
    """One quantity of all shown frames."""

    title: str
    pictures: list[Picture]
    scale: ColourScale | None = None
    key: tuple[tuple[str, tuple[int, int, int]], ...] = ()


@dataclass(frozen=True)
class ModelMaps:
    """Predictions of one model for the shown frames, of any size, None where there is none."""

    name: str
    kind: str
    values: Sequence[Float[np.ndarray, "h w"] | None]


def chosen(n_frames: int, n_shown: int) -> list[int]:
    """Positions of evenly spread frames, first and last among them."""
    return sorted({int(i) for i in np.linspace(0, n_frames - 1, n_shown).round()}) if n_frames else []


def mask_strip(page_folder: Path, src: str) -> tuple[Strip, int, int]:
    """The mask sheet of a clip without ground truth, and the width and height of its pictures.

    Args:
        src: folder of ``NNNNNN.jpg``, masks drawn in, relative to the page.
    """
    paths = sorted((page_folder / src).iterdir())
    height, width = cv2.imread(str(paths[0])).shape[:2]
    pictures = [Picture(f"frame {int(path.stem)}", f"{src}/{path.name}") for path in paths]
    return Strip("Masks before SfM", pictures, key=MASK_KEY), width, height


class ContactSheet:
    """Draws the strips of one clip as pictures beside its page in ``folder``."""

    def __init__(self, folder: Path, frames: Sequence[Frame], protocol: Protocol):
        self._folder, self._frames, self._protocol = folder, frames, protocol
        self._depths = [depth_of(frame) for frame in frames]
        self._scale = depth_scale(self._depths, "m" if frames[0].metric else "SfM units")

    def ground_truth(self) -> list[Strip]:
        """Images with masks, depth, sigma."""
        images = [draw_masks(f.image, f.moving, f.overlay, f.person) for f in self._frames]
        person = (("person", PERSON_RGB),) if any(frame.has_person for frame in self._frames) else ()
        sigmas = [relative_sigma(frame) for frame in self._frames]
        of_sigma = sigma_scale(sigmas)
        return [
            Strip("Image", self._save("image", images), key=MASK_KEY + person),
            Strip(
                "Ground truth", self._save("depth", [self._scale.paint(depth) for depth in self._depths]), self._scale
            ),
            Strip("Uncertainty", self._save("sigma", [of_sigma.paint(100 * sigma) for sigma in sigmas]), of_sigma),
        ]

    def predictions(self, model: ModelMaps) -> list[Strip]:
        """The model's depth after the alignment it is ranked by, in the colours of the GT, and its error."""
        alignment = shown_alignment(self._protocol, model.kind, self._frames[0].metric)
        if alignment is None:
            return []
        depths = [
            aligned_depth(frame, values, alignment, self._protocol)
            for frame, values in zip(self._frames, model.values, strict=True)
        ]
        of_error = error_scale()
        errors = [
            depth if isinstance(depth, str) else of_error.paint(100 * np.abs(depth - gt) / gt)
            for depth, gt in zip(depths, self._depths, strict=True)
        ]
        painted = [depth if isinstance(depth, str) else self._scale.paint(depth) for depth in depths]
        title = f"{model.name}, {'unaligned' if alignment == 'none' else f'aligned by {alignment}'}"
        return [
            Strip(title, self._save(f"{model.name}_depth", painted), self._scale),
            Strip(f"{model.name}, error", self._save(f"{model.name}_error", errors), of_error),
        ]

    def panels(self, frame: Frame, models: Sequence[ModelMaps]) -> list[Panel]:
        """One frame of the clip for the video: its image, GT and every model's aligned depth, in the colours of the sheet.

        Args:
            models: with one map each, the frame's.
        """
        painted = [("image", frame.image), ("ground truth", self._scale.paint(depth_of(frame)))]
        for model in models:
            alignment = shown_alignment(self._protocol, model.kind, frame.metric)
            depth = (
                NO_ALIGNMENT if alignment is None else aligned_depth(frame, model.values[0], alignment, self._protocol)
            )
            nothing = np.full(depth_of(frame).shape, np.nan, np.float32)
            painted.append((model.name, self._scale.paint(nothing if isinstance(depth, str) else depth)))
        return [Panel(title, picture) for title, picture in painted]

    def _save(self, name: str, pictures: Sequence[UInt8[np.ndarray, "h w 3"] | str]) -> list[Picture]:
        saved = []
        for frame, picture in zip(self._frames, pictures, strict=True):
            caption = f"frame {frame.frame_index}, {frame.timestamp_s:.2f} s"
            if isinstance(picture, str):
                saved.append(Picture(caption, None, picture))
            else:
                src = f"{frame.frame_index:06d}_{name}.jpg"
                save_picture(self._folder / src, picture)
                saved.append(Picture(caption, src))
        return saved


def relative_sigma(frame: Frame) -> Float[np.ndarray, "h w"]:
    """One standard deviation of depth over depth, NaN = invalid."""
    return frame.sigma_sfm / frame.z_depth_sfm
