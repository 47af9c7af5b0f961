"""What every depth model gives back, and the interface that its plug-in keeps.

A plug-in is a class with ``__init__(config: ModelConfig)``, which does the heavy loading, and the members of
:class:`DepthModel`. Its module imports no runtime at the top.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, get_args

import numpy as np
from jaxtyping import Float, UInt8

from sfm_gt.errors import ConfigError, InputError
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.models.shared.settings import ModelConfig

Kind = Literal["metric_depth", "scale_invariant_depth", "affine_invariant_depth", "affine_invariant_disparity"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class FrameKey:
    """Which frame an image is: predictions on disk are found by it, networks do not look at it."""

    clip_id: str
    frame_index: int


@dataclass(frozen=True)
class Prediction:
    """One predicted map of a whole image, at the size that the model answers in.

    A protocol says how it comes to the size of the ground truth, so it is not resized before. Pixels need not be square: a
    network's input may be squeezed.

    Attributes:
        values: (H', W') float32. metric_depth: z-depth in metres; scale_invariant_depth: z-depth times an unknown scale;
            affine_invariant_depth: z-depth times an unknown scale plus an unknown shift; affine_invariant_disparity:
            the same of 1 / z-depth, larger = nearer. Not finite = no answer for the pixel.
        intrinsics: (3, 3), the model's own, in pixels of the image; None where it states none.
        cam_from_world: (4, 4), in a world and, unless depth is metric, in the unit of the depth of its clip; None likewise.
        confidence: (H', W'), larger where the model is surer; None likewise.
    """

    values: Float[np.ndarray, "h w"]
    kind: Kind
    intrinsics: Float[np.ndarray, "3 3"] | None = None
    cam_from_world: Float[np.ndarray, "4 4"] | None = None
    confidence: Float[np.ndarray, "h w"] | None = None


class MissingPredictionError(InputError):
    """The model has nothing for this frame. The frame is counted as missing and the run goes on."""


class DepthModel(Protocol):
    """A depth model, ready to run."""

    kind: Kind
    source_sha256: str | None
    """SHA-256 of the weights file, None where there is none."""

    def predict(self, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None, key: FrameKey) -> Prediction:
        """The prediction for one RGB image. The same input gives the same bytes, and the input is left as it is.

        Raises:
            MissingPredictionError: nothing for this frame.
            InputError: the model needs something that it did not get, or answered with something unusable.
        """
        ...


def agreed_kind(config: ModelConfig, own: Kind) -> Kind:
    """The kind of a model that knows its own.

    Raises:
        ConfigError: the configuration states another one.
    """
    if config.kind not in (None, own):
        raise ConfigError(
            f"models: {config.name}: kind: {config.kind} disagrees with the model's own, {own}; "
            f"leave kind out of the configuration, or fix the model's description"
        )
    return own


def required_path(config: ModelConfig, needed: str) -> str:
    """The configured path.

    Raises:
        ConfigError: none is configured.
    """
    if not config.path:
        raise ConfigError(f"models: {config.name}: method {config.method} needs path: {needed}")
    return config.path


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
