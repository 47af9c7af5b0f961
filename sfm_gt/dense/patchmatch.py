"""CUDA-free multi-view stereo: plane sweep with SGM at low resolution, PatchMatch rounds, agreement between views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float

from sfm_gt.dense.consistency import agree
from sfm_gt.dense.estimate import DepthEstimate
from sfm_gt.dense.patch import make_patch
from sfm_gt.dense.propagate import propagation_round, refine_depth
from sfm_gt.dense.pyramid import Neighbours, Pyramid, build_pyramid, integer_centred_matrix, pair_geometry, stack_neighbours
from sfm_gt.dense.sweep import sweep
from sfm_gt.errors import InputError
from sfm_gt.geometry.types import View

# 5 x 5 samples, every second pixel: 9 pixels wide.
PATCH_SAMPLES, PATCH_STRIDE, PATCH_SIGMA_GREY = 5, 2, 25.0
SWEEP_BEST = 3
# A worse match than this is none, whoever agrees.
MAX_COST = np.float32(0.6)
# Islands of fewer pixels than this, apart from their surroundings by more than SPECKLE_REL of inverse depth, are dropped.
SPECKLE_PIXELS, SPECKLE_REL = 80, 0.02
# Surfaces bleed over their outline by about the reach of a patch: within this margin of something farther behind by more
# than EDGE_REL, a depth is not trusted. Measured on the embedded clip: AbsRel 0.0106 to 0.0075 for 3 % of the pixels.
EDGE_MARGIN_PX, EDGE_REL = 3, 0.03
# Matching noise in pixels of one view, and the factor on the whole; calibrated on the embedded clip, see
# benchmarks/accuracy/demo.py (within_1_sigma).
SIGMA_MATCH_PX = 0.15
SIGMA_FACTOR = 1.8


@dataclass(frozen=True)
class Hypothesis:
    """One view's own answer: ``planes`` (h, w, 3) in inverse depth, ``cost`` (h, w) 0 best to 1, ``step`` one pixel."""

    planes: Float[np.ndarray, "h w 3"]
    cost: Float[np.ndarray, "h w"]
    step: float

    @property
    def inverse_depth(self) -> Float[np.ndarray, "h w"]:
        """NaN where nothing matches."""
        return np.where(self.cost < MAX_COST, self.planes[..., 0], np.float32(np.nan))


class PatchMatch:
    """See the module. Results are the same for any number of threads; nothing is drawn at random between runs."""

    def __init__(self, min_consistent: int = 3, max_rel_difference: float = 0.01):
        """``min_consistent`` neighbours must agree within ``max_rel_difference`` of depth."""
        self._min_consistent, self._max_rel_difference = min_consistent, max_rel_difference
        self._patch = make_patch(PATCH_SAMPLES, PATCH_STRIDE, PATCH_SIGMA_GREY)

    def estimate(
        self, view: View, neighbours: Sequence[View], depth_range_sfm: tuple[float, float]
    ) -> DepthEstimate:
        """Depth of ``view``; the neighbours' own hypotheses are computed first, so that they can agree or not.

        Raises:
            InputError: no neighbour, a pose that is not finite, or an empty depth range.
        """
        if not neighbours:
            raise InputError(f"dense: frame {view.frame_index} has no neighbour; at least 1 is needed, give more frames")
        pyramids = [self.pyramid(each) for each in (view, *neighbours)]
        answers = []
        for pyramid in pyramids:
            others = [other for other in pyramids if other is not pyramid]
            answers.append(self.match(pyramid, others, depth_range_sfm))
        inverse = [answer.inverse_depth for answer in answers[1:]]
        return self.verify(pyramids[0], pyramids[1:], answers[0], inverse)

    def pyramid(self, view: View) -> Pyramid:
        """The view made ready for matching."""
        return build_pyramid(view, int(self._patch.reach))

    def match(
        self, reference: Pyramid, neighbours: Sequence[Pyramid], depth_range_sfm: tuple[float, float]
    ) -> Hypothesis:
        """Planes of the reference from the images alone, before anybody has to agree."""
        near, far = depth_range_sfm
        if not (np.isfinite([near, far]).all() and 0 < near < far):
            raise InputError(f"dense: frame {reference.frame_index}: depth range {near:g} to {far:g} is empty")
        limits = np.array([1.0 / far, 1.0 / near], dtype=np.float32)
        top = len(reference.levels) - 1
        planes = sweep(reference, neighbours, top, (float(limits[0]), float(limits[1])), SWEEP_BEST)
        for level in range(top, -1, -1):
            here, stacked = reference.levels[level], stack_neighbours(reference, neighbours, level)
            if level < top:
                planes = _finer(planes, here.camera.width, here.camera.height)
            cost = np.ones(here.grey.shape, dtype=np.float32)
            step = _pixel_step(stacked)
            propagation_round(here.grey, here.usable, stacked, self._patch, planes, cost, limits, step, level)
        refine_depth(here.grey, here.usable, stacked, self._patch, planes, cost, step)
        return Hypothesis(planes, cost, float(step))

    def verify(
        self,
        reference: Pyramid,
        neighbours: Sequence[Pyramid],
        own: Hypothesis,
        inverse_depths: Sequence[Float[np.ndarray, "h w"]],
    ) -> DepthEstimate:
        """Keeps what enough neighbours agree on, averages it and states its sigma."""
        there = [pair_geometry(reference, other, 0) for other in neighbours]
        back = [pair_geometry(other, reference, 0) for other in neighbours]
        a, b, back_a, back_b = (
            np.stack([pair[k] for pair in pairs]).astype(np.float32) for pairs in (there, back) for k in (0, 1)
        )
        fused, count, spread = agree(
            own.planes, own.cost, a, b, back_a, back_b, np.stack(inverse_depths).astype(np.float32),
            np.float32(self._max_rel_difference), MAX_COST,
        )  # fmt: skip
        usable = reference.levels[0].usable > 0
        kept = (count >= min(self._min_consistent, len(neighbours))) & usable & np.isfinite(fused)
        kept &= ~_bleeding(own.inverse_depth, fused)
        kept &= ~_speckles(np.where(kept, fused, 0.0))
        # One view's matching noise, averaged over those that agree, beside what they really differ by.
        sigma = SIGMA_FACTOR * np.sqrt((SIGMA_MATCH_PX * own.step) ** 2 + spread**2) / np.sqrt(count + 1.0)
        depth = np.where(kept, 1.0 / np.where(kept, fused, 1.0), np.nan).astype(np.float32)
        hypothesis = own.inverse_depth
        return DepthEstimate(
            z_depth_sfm=depth,
            sigma_sfm=np.where(kept, sigma * depth**2, np.nan).astype(np.float32),
            normal_cam=_normals(reference, own.planes, kept),
            hypothesis_sfm=np.where(usable & (hypothesis > 0), 1.0 / hypothesis, np.nan).astype(np.float32),
            n_consistent=count,
        )


def _pixel_step(neighbours: Neighbours) -> np.float32:
    """Inverse depth that moves a pixel by one pixel in a typical neighbour."""
    return np.float32(1.0 / max(float(np.median(neighbours.shift_px)), 1e-9))


def _finer(planes: Float[np.ndarray, "h w 3"], width: int, height: int) -> Float[np.ndarray, "h2 w2 3"]:
    """Planes of the next finer level: nearest, so that no value lies between two surfaces, then moved along the slope."""
    rows, columns = np.arange(height) // 2, np.arange(width) // 2
    finer = planes[rows][:, columns].copy()
    finer[..., 1:] *= 0.5
    # A fine pixel's centre lies a quarter of a coarse pixel beside its parent's.
    finer[..., 0] += finer[..., 1] * (np.arange(width) % 2 - 0.5).astype(np.float32)
    finer[..., 0] += finer[..., 2] * (np.arange(height) % 2 - 0.5).astype(np.float32)[:, None]
    return finer


def _bleeding(inverse_depth: Float[np.ndarray, "h w"], fused: Float[np.ndarray, "h w"]) -> np.ndarray:
    """True beside a surface that lies farther away: there the nearer one has grown over its outline."""
    smooth = cv2.medianBlur(np.nan_to_num(inverse_depth, nan=1e9).astype(np.float32), 5)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * EDGE_MARGIN_PX + 1, 2 * EDGE_MARGIN_PX + 1))
    with np.errstate(invalid="ignore"):
        return cv2.erode(smooth, kernel) * (1.0 + EDGE_REL) < fused


def _speckles(inverse_depth: Float[np.ndarray, "h w"]) -> np.ndarray:
    """True on small islands; logarithmic, so that the allowed step is relative."""
    known = inverse_depth > 0
    if not known.any():
        return known
    logs = np.log(np.where(known, inverse_depth, 1.0))
    lowest = logs[known].min()
    # filterSpeckles wants 16-bit steps; a hundred to the allowed difference leave room for a depth ratio of 700.
    steps = np.clip(1 + (logs - lowest) * (100.0 / SPECKLE_REL), 1, 32000)
    levels = np.where(known, steps, 0).astype(np.int16)
    filtered, _ = cv2.filterSpeckles(levels, 0, SPECKLE_PIXELS, 100)
    return known & (filtered == 0)


def _normals(reference: Pyramid, planes: Float[np.ndarray, "h w 3"], kept: np.ndarray) -> Float[np.ndarray, "h w 3"]:
    """Unit normals of planes ``w(x, y)``: with w = n . ray / d, n is proportional to (wx fx, wy fy, w at the axis)."""
    k = integer_centred_matrix(reference.levels[0].camera)
    height, width = kept.shape
    x, y = np.meshgrid(np.arange(width) - k[0, 2], np.arange(height) - k[1, 2])
    at_axis = planes[..., 0] - planes[..., 1] * x - planes[..., 2] * y
    normal = -np.stack([planes[..., 1] * k[0, 0], planes[..., 2] * k[1, 1], at_axis], axis=-1)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
    return np.where(kept[..., None], normal, np.nan).astype(np.float32)


PLUGIN = PatchMatch
