"""The predictions of a run on disk: NNNNNN.npz a frame, one array, float32, not finite where the model gave no value.

Each is a map of the whole image at the size that the model answers in, whatever its aspect ratio. The manifest states what the
maps mean and the size of the images. The folder ``flipped`` holds the maps of the mirrored images, mirrored back,
where the model's ``flipped`` asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError
from sfm_gt.formats.array_file import read_array
from sfm_gt.formats.manifest import MANIFEST_NAME, read_json, read_manifest

FLIPPED = "flipped"
SIGMA, CONFIDENCE = "sigma", "confidence"
"""Folders of the model's own uncertainty, a map for each of its depth maps and of the same size."""
Size = tuple[int, int]
"""(height, width)"""


@dataclass(frozen=True)
class StoredPredictions:
    """What one model gave for one clip.

    Attributes:
        kind: what the values mean.
        image_sizes: of the images that the maps are of.
    """

    folder: Path
    kind: str
    image_sizes: frozenset[Size]

    @classmethod
    def open(cls, folder: Path) -> StoredPredictions:
        """Raises InputError where the predict stage did not leave predictions, or an earlier version of it did."""
        manifest, sizes = read_manifest(folder), stated_image_sizes(folder)
        if "kind" not in manifest.measures:
            raise InputError(
                f"{folder}: predictions were {manifest.status}, but the clip has frames; run predict again"
            )
        if sizes is None:
            raise InputError(f"{folder / MANIFEST_NAME}: does not say the size of the images; run predict again")
        return cls(folder, str(manifest.measures["kind"]), sizes)

    def read(
        self, frame_index: int, size: Size
    ) -> tuple[Float[np.ndarray, "h w"] | None, Float[np.ndarray, "h w"] | None]:
        """The map of a frame, and that of the mirrored image, mirrored back; None for one that does not exist.

        Args:
            size: of the frame's ground truth.

        Raises:
            InputError: the predictions are of images of another size, or a file cannot be read.
        """
        check_image_size(self.folder, self.image_sizes, size)
        values = read_map(self.folder, frame_index)
        return values, None if values is None else read_map(self.folder / FLIPPED, frame_index, values.shape)


def write_prediction(folder: Path, frame_index: int, values: Float[np.ndarray, "h w"]) -> None:
    """Writes one map into an existing folder."""
    # Compressed, since what a baseline says of a frame is a few numbers.
    np.savez_compressed(_path(folder, frame_index), values=values.astype(np.float32))


def read_map(folder: Path, frame_index: int, shape: tuple[int, ...] | None = None) -> Float[np.ndarray, "h w"] | None:
    """The stored map, or None where there is none for the frame.

    Args:
        shape: that it must have.

    Raises:
        InputError: the file cannot be read, or holds no map or one of another shape.
    """
    path = _path(folder, frame_index)
    if not path.is_file():
        path = path.with_suffix(".npy")  # what others lay beside their maps
    try:
        values = read_array(path)
    except FileNotFoundError:
        return None
    except InputError as error:
        raise InputError(f"{error}, or run predict again") from None
    if values.ndim != 2 or values.shape != (shape or values.shape):
        raise InputError(f"{path}: shape {values.shape}, needed {shape or 'one map (H, W)'}; run predict again")
    prediction: Float[np.ndarray, "h w"] = values
    return prediction


def image_sizes_measure(sizes: Iterable[Size]) -> list[list[int]]:
    """Sizes of images as the manifest holds them, under ``image_sizes``."""
    return [list(size) for size in sorted(set(sizes))]


def stated_image_sizes(folder: Path) -> frozenset[Size] | None:
    """What the manifest next to predictions says, None where there is none or it does not."""
    if not (folder / MANIFEST_NAME).is_file():
        return None
    content = read_json(folder / MANIFEST_NAME)
    measures = content.get("measures", {}) if isinstance(content, dict) else {}
    return (
        frozenset((height, width) for height, width in measures["image_sizes"]) if "image_sizes" in measures else None
    )


def check_image_size(folder: Path, stated: frozenset[Size], needed: Size) -> None:
    """Raises InputError where predictions are of images of another size than the ground truth."""
    if needed not in stated:
        found = ", ".join(f"{width}x{height}" for height, width in sorted(stated)) or "none"
        raise InputError(
            f"{folder}: predictions of images of {found} px, the ground truth has {needed[1]}x{needed[0]}; "
            "run predict again"
        )


def _path(folder: Path, frame_index: int) -> Path:
    return folder / f"{frame_index:06d}.npz"
