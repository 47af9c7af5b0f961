"""Rounds of PatchMatch over one view at one level, on whichever kernels the scene names; inputs stay untouched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float, Int8, UInt8

from sfm_gt.dense.matching.hypothesis import Hypothesis
from sfm_gt.dense.matching.patch import Neighbours, Patch, ReferenceImage
from sfm_gt.dense.matching.propagate import UNMATCHED, Candidates, PlaneField, Search
from sfm_gt.dense.matching.pyramid import Level, integer_centred_matrix

# A candidate plane has to be better by this much: in flat costs the plane that came first stays.
MIN_GAIN = np.float32(0.01)
_ZERO = np.float32(0.0)


class Kernels(Protocol):
    """The numba functions of :mod:`sfm_gt.dense.matching.kernels`, or others of the same arguments and meaning."""

    check_consistency: Any
    all_view_costs: Any
    propagate: Any
    refine: Any


@dataclass(frozen=True)
class Scene:
    """What a round reads beside its hypotheses.

    Attributes:
        limits: (2,) float32, least and largest inverse depth.
        geometric_weight: weight of the neighbours' own depth maps against 1 - NCC; 0 = the images alone.
        kernels: what the rounds run on.
    """

    here: Level
    neighbours: Neighbours
    limits: Float[np.ndarray, " 2"]
    geometric_weight: np.float32
    kernels: Kernels

    @property
    def image(self) -> ReferenceImage:
        """What the kernels read of the view itself."""
        return ReferenceImage(self.here.grey, self.here.usable)

    def search(self, step: float) -> Search:
        """What planes the kernels look for; ``step`` as in :class:`~sfm_gt.dense.matching.hypothesis.Hypothesis`."""
        camera = integer_centred_matrix(self.here.camera)
        lens = np.array([camera[0, 0], camera[1, 1], camera[0, 2], camera[1, 2]], dtype=np.float32)
        return Search(self.limits, lens, np.float32(step), self.geometric_weight)

    @property
    def everywhere(self) -> UInt8[np.ndarray, "h w"]:
        """A mask of all pixels."""
        return np.ones(self.here.grey.shape, dtype=np.uint8)


def unmatched(scene: Scene, planes: Float[np.ndarray, "h w 3"], source_views: Int8[np.ndarray, "h w v"]) -> Hypothesis:
    """Planes that have not met the images yet."""
    shape = planes.shape[:2]
    # Inverse depth that moves a pixel by one pixel in a typical neighbour.
    step = 1.0 / max(float(np.median(scene.neighbours.shift_px)), 1e-9)
    return Hypothesis(planes, np.full(shape, UNMATCHED), np.full(shape, np.inf, dtype=np.float32), step, source_views)


def propagated(
    scene: Scene,
    found: Hypothesis,
    active: UInt8[np.ndarray, "h w"],
    patch: Patch,
    n_offsets: int,
    min_gain: np.float32 = MIN_GAIN,
    min_variance: np.float32 = _ZERO,
) -> tuple[Hypothesis, UInt8[np.ndarray, "h w"]]:
    """After one red-black round over the ``active`` pixels, and 1 where plane or cost are new."""
    planes, cost = found.planes.copy(), found.cost.copy()
    field, search = PlaneField(planes, cost, found.source_views), scene.search(found.step)
    candidates = Candidates(n_offsets, min_gain, min_variance)
    changed = scene.kernels.propagate(scene.image, scene.neighbours, patch, field, active, search, candidates)
    return Hypothesis(planes, cost, found.sigma, found.step, found.source_views), changed


def refined(scene: Scene, found: Hypothesis, active: UInt8[np.ndarray, "h w"], patch: Patch) -> Hypothesis:
    """After one Gauss-Newton step of the ``active`` pixels, with their sigma; unmatched ones take the step at any cost."""
    planes, cost, sigma = found.planes.copy(), found.cost.copy(), found.sigma.copy()
    field = PlaneField(planes, cost, found.source_views)
    scene.kernels.refine(scene.image, scene.neighbours, patch, field, active, scene.search(found.step), sigma)
    return Hypothesis(planes, cost, sigma, found.step, found.source_views)
