"""The base of plug-ins that run one network an image: three steps, so that the pass of the network alone can be timed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8

from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.models.shared.prediction import FrameKey, Kind, Prediction


@dataclass(frozen=True)
class NetworkFacts:
    """What a network is and where it runs.

    Attributes:
        parameters: number of weights, None where the runtime does not tell.
        device: "cpu" or "cuda".
        precision: of most weights, for example "float32".
        threads: cores that one pass may use.
        frames_per_pass: 1, or the window of a video network.
    """

    parameters: int | None
    device: str = "cpu"
    precision: str = "float32"
    threads: int = 1
    frames_per_pass: int = 1


class NetworkModel(ABC):
    """A depth model that is a network with something before and behind it. Keeps ``prediction.DepthModel``."""

    kind: Kind
    source_sha256: str | None
    facts: NetworkFacts

    @abstractmethod
    def prepare(self, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None) -> Any:
        """Preprocessing: an RGB image to what :meth:`forward` takes. Raises InputError for a camera that is needed."""

    @abstractmethod
    def forward(self, prepared: Any) -> Any:
        """One pass of the network."""

    @abstractmethod
    def finish(self, output: Any, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None) -> Prediction:
        """Postprocessing: what :meth:`forward` gave to a map of the image. Raises InputError if it is no map."""

    def predict(self, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None, key: FrameKey) -> Prediction:
        """The three steps in a row."""
        return self.finish(self.forward(self.prepare(image, camera)), image, camera)
