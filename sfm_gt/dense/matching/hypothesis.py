"""One view's own answer before its neighbours have to agree, and a small form of it to keep for a whole clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float16, Float32, Int8

# A worse match than this is none, whoever agrees. It is high on purpose: in weak texture agreement decides.
MAX_COST = np.float32(0.95)


@dataclass(frozen=True)
class Hypothesis:
    """One view's own answer at one level.

    Attributes:
        planes: (h, w, 3), inverse depth and its change per pixel to the right and down.
        cost: (h, w), patch cost, 0 best, 2 = not matched.
        sigma: (h, w), of inverse depth, from the matching alone and before calibration; infinite where unknown.
        step: inverse depth that moves a pixel by one pixel in a typical neighbour.
        source_views: (h, w, 4) int8, which neighbours the pixel was matched with, -1 = none.
    """

    planes: Float[np.ndarray, "h w 3"]
    cost: Float[np.ndarray, "h w"]
    sigma: Float[np.ndarray, "h w"]
    step: float
    source_views: Int8[np.ndarray, "h w v"]

    @property
    def inverse_depth(self) -> Float[np.ndarray, "h w"]:
        """0 where nothing matches."""
        return np.where(self.cost < MAX_COST, self.planes[..., 0], np.float32(0.0))


@dataclass(frozen=True)
class StoredHypothesis:
    """A hypothesis in 10 bytes a pixel instead of 24: what verification reads, lengths in units of ``step``.

    Attributes:
        inverse_depth: (h, w), 0 where nothing matches; exact.
        slopes: (h, w, 2), of the planes.
        sigma: (h, w).
    """

    inverse_depth: Float32[np.ndarray, "h w"]
    slopes: Float16[np.ndarray, "h w 2"]
    sigma: Float16[np.ndarray, "h w"]
    step: float


def store(hypothesis: Hypothesis) -> StoredHypothesis:
    """Half precision for what is uncertain by far more than a thousandth."""
    with np.errstate(over="ignore"):
        slopes = (hypothesis.planes[..., 1:] / hypothesis.step).astype(np.float16)
        sigma = (hypothesis.sigma / hypothesis.step).astype(np.float16)
    return StoredHypothesis(hypothesis.inverse_depth, slopes, sigma, hypothesis.step)


def restore(stored: StoredHypothesis) -> Hypothesis:
    """The hypothesis without its source views; the cost says only whether the pixel was matched (0) or not (2)."""
    step = np.float32(stored.step)
    planes = np.concatenate([stored.inverse_depth[..., None], stored.slopes.astype(np.float32) * step], axis=-1)
    cost = np.where(stored.inverse_depth > 0, np.float32(0.0), np.float32(2.0))
    source_views = np.full((*cost.shape, 0), -1, dtype=np.int8)
    return Hypothesis(planes, cost, stored.sigma.astype(np.float32) * step, stored.step, source_views)
