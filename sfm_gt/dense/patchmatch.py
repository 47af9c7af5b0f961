"""CUDA-free multi-view stereo: plane sweep with SGM at low resolution, PatchMatch rounds, agreement between views."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int8, UInt8

from sfm_gt.dense.consistency import agree
from sfm_gt.dense.estimate import DepthEstimate
from sfm_gt.dense.hypothesis import MAX_COST, Hypothesis
from sfm_gt.dense.normals import surface_normals
from sfm_gt.dense.patch import Patch, make_patch
from sfm_gt.dense.propagate import OFFSETS, UNMATCHED, all_view_costs, choose_judges, propagate
from sfm_gt.dense.pyramid import (
    Level,
    Neighbours,
    Pyramid,
    build_pyramid,
    integer_centred_matrix,
    pair_geometry,
    stack_neighbours,
)
from sfm_gt.dense.refine import refine
from sfm_gt.dense.sweep import sweep
from sfm_gt.errors import InputError
from sfm_gt.geometry.types import View

# 5 x 5 samples, every second pixel: 9 pixels wide.
PATCH_SAMPLES, PATCH_STRIDE, PATCH_SIGMA_GREY = 5, 2, 25.0
SWEEP_VIEWS, SWEEP_BEST = 4, 2
# How many of the candidates' offsets are tried: at the coarsest level faults are still large, later they are small.
N_FAR_AND_NEAR, N_NEAR = len(OFFSETS), 4
JUDGE_WINDOW = 7
# A candidate plane has to be better by this much: in flat costs the plane that came first stays.
MIN_GAIN = np.float32(0.01)
# Outlines are redrawn where planes of at most this sigma and cost differ within this window, by patches of at least this
# variance (2.5 times the noise) and where another surface is better by this gain.
SHARPEN_SIGMA_PX, SHARPEN_COST, SHARPEN_WINDOW_PX = 1.0, 0.6, 11
SHARPEN_VARIANCE, SHARPEN_GAIN = np.float32(10.0), np.float32(0.02)
# Weight of a neighbour's own depth map against 1 - NCC.
AGREEMENT = np.float32(0.2)
_ZERO = np.float32(0.0)
# A neighbour that sees through a point takes back as many agreements.
VOTES_AGAINST = 2
# Islands of fewer pixels than this, apart from their surroundings by more than SPECKLE_REL of inverse depth, go.
SPECKLE_PIXELS, SPECKLE_REL = 80, 0.02
# Surfaces bleed over their outline by about the reach of a patch: within this margin of something farther behind by
# more than EDGE_REL, a depth is not trusted.
EDGE_MARGIN_PX, EDGE_REL = 5, 0.03
# The raw sigma, in pixels of displacement, is what the matching's normal equations and the scatter of the neighbours
# give together. True errors follow it in proportion while it is small and grow faster beyond the knee, where wrong
# matches begin; above the maximum half of the pixels are wrong. Factor and knee fitted once on the embedded clip.
SIGMA_FACTOR, SIGMA_KNEE_PX, MAX_RAW_SIGMA_PX = 0.5, 0.3, 1.0


class PatchMatch:
    """See the module. Results are the same for any number of threads; nothing is drawn at random."""

    def __init__(self, min_consistent: int = 3, max_rel_difference: float = 0.02):
        """``min_consistent`` neighbours must agree within ``max_rel_difference`` of depth."""
        self._min_consistent, self._max_rel_difference = min_consistent, max_rel_difference
        self._patch = make_patch(PATCH_SAMPLES, PATCH_STRIDE, PATCH_SIGMA_GREY)
        self._small_patch = make_patch(PATCH_SAMPLES, 1, PATCH_SIGMA_GREY)

    def estimate(self, view: View, neighbours: Sequence[View], depth_range_sfm: tuple[float, float]) -> DepthEstimate:
        """Depth of ``view``; the neighbours' own hypotheses are computed first, so that they can agree or not.

        Raises:
            InputError: no neighbour, a pose that is not finite, or an empty depth range.
        """
        if not neighbours:
            raise InputError(
                f"dense: frame {view.frame_index} has no neighbour, at least 1 is needed; give more frames"
            )
        pyramids = [self.pyramid(each) for each in (view, *neighbours)]
        others = [[other for other in pyramids if other is not pyramid] for pyramid in pyramids]
        coarse = [self.match(p, o, depth_range_sfm) for p, o in zip(pyramids, others, strict=True)]
        fine = []
        for k, pyramid in enumerate(pyramids):
            maps = [each.inverse_depth for i, each in enumerate(coarse) if i != k]
            fine.append(self.improve(pyramid, others[k], depth_range_sfm, coarse[k], maps))
        return self.verify(pyramids[0], pyramids[1:], fine[0], [each.inverse_depth for each in fine[1:]])

    def pyramid(self, view: View) -> Pyramid:
        """The view made ready for matching."""
        return build_pyramid(view, int(self._patch.reach))

    def match(
        self, reference: Pyramid, neighbours: Sequence[Pyramid], depth_range_sfm: tuple[float, float]
    ) -> Hypothesis:
        """Planes at the coarsest level from the images alone."""
        limits = _limits(reference, depth_range_sfm)
        top = len(reference.levels) - 1
        stacked = stack_neighbours(reference, neighbours, top)
        planes = sweep(reference, neighbours[:SWEEP_VIEWS], top, (float(limits[0]), float(limits[1])), SWEEP_BEST)
        judges = self._choose_judges(reference.levels[top], stacked, planes)
        return self._round(reference.levels[top], stacked, limits, judges, planes, _ZERO, N_FAR_AND_NEAR)

    def improve(
        self,
        reference: Pyramid,
        neighbours: Sequence[Pyramid],
        depth_range_sfm: tuple[float, float],
        coarse: Hypothesis,
        inverse_depths: Sequence[Float[np.ndarray, "h w"]],
    ) -> Hypothesis:
        """Planes at full size, starting from ``coarse`` and looking at the neighbours' own coarse maps."""
        limits = _limits(reference, depth_range_sfm)
        top = len(reference.levels) - 1
        planes, judges, found = coarse.planes, coarse.judges, coarse
        for level in range(top, -1, -1):
            here = reference.levels[level]
            stacked = stack_neighbours(reference, neighbours, level, inverse_depths)
            if level < top:
                planes, judges = _finer(found, here.camera.width, here.camera.height)
            found = self._round(here, stacked, limits, judges, planes, AGREEMENT, N_NEAR)
        return self._sharpen(here, stacked, limits, found)

    def _choose_judges(self, here: Level, stacked: Neighbours, planes: Float[np.ndarray, "h w 3"]) -> np.ndarray:
        costs = all_view_costs(here.grey, here.usable, stacked, self._patch, planes)
        # A single neighbour leaves no last axis behind in OpenCV.
        return choose_judges(cv2.blur(costs, (JUDGE_WINDOW, JUDGE_WINDOW)).reshape(costs.shape))

    def _round(
        self,
        here: Level,
        stacked: Neighbours,
        limits: np.ndarray,
        judges: np.ndarray,
        planes: Float[np.ndarray, "h w 3"],
        agreement: np.float32,
        n_offsets: int,
    ) -> Hypothesis:
        """Propagation and refinement of all pixels."""
        shape = here.grey.shape
        blank = Hypothesis(
            planes.copy(), np.full(shape, UNMATCHED), np.full(shape, np.inf, np.float32), float(_pixel_step(stacked)), judges
        )
        everywhere = np.ones(shape, dtype=np.uint8)
        return self._visit(here, stacked, limits, blank, everywhere, self._patch, agreement, n_offsets, MIN_GAIN, _ZERO)

    def _sharpen(self, here: Level, stacked: Neighbours, limits: np.ndarray, found: Hypothesis) -> Hypothesis:
        """Outlines drawn anew with a patch of half the width.

        A patch that straddles an outline follows the surface with more texture, so surfaces grow over their outlines. A
        smaller patch decides there between the surfaces at hand, where it holds texture and its verdict is clear.
        """
        beside = _beside_steps(found)
        return self._visit(
            here, stacked, limits, found, beside, self._small_patch, AGREEMENT, len(OFFSETS), SHARPEN_GAIN, SHARPEN_VARIANCE
        )

    @staticmethod
    def _visit(
        here: Level,
        stacked: Neighbours,
        limits: np.ndarray,
        found: Hypothesis,
        active: UInt8[np.ndarray, "h w"],
        patch: Patch,
        agreement: np.float32,
        n_offsets: int,
        min_gain: np.float32,
        min_variance: np.float32,
    ) -> Hypothesis:
        planes, cost, sigma = found.planes.copy(), found.cost.copy(), found.sigma.copy()
        camera = integer_centred_matrix(here.camera)
        lens = np.array([camera[0, 0], camera[1, 1], camera[0, 2], camera[1, 2]], dtype=np.float32)
        scene = stacked, found.judges, patch, planes, cost, limits, lens, np.float32(found.step), agreement
        changed = propagate(here.grey, here.usable, active, *scene, n_offsets, min_gain, min_variance)
        refine(here.grey, here.usable, changed, *scene, sigma)
        return Hypothesis(planes, cost, sigma, found.step, found.judges)

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
        size = reference.levels[0].camera.width, reference.levels[0].camera.height
        maps = [cv2.resize(each, size, interpolation=cv2.INTER_NEAREST) for each in inverse_depths]
        fused, count, against, spread = agree(
            own.planes, own.cost, a, b, back_a, back_b, np.stack(maps),
            np.float32(self._max_rel_difference), MAX_COST,
        )  # fmt: skip
        usable = reference.levels[0].usable > 0
        needed = min(self._min_consistent, len(neighbours)) + VOTES_AGAINST * against.astype(np.int32)
        sigma, known = _sigma(own, spread)
        kept = (count >= needed) & usable & (fused > 0) & known & ~_bleeding(own.inverse_depth, fused)
        kept &= ~_speckles(np.where(kept, fused, 0.0))
        depth = _inverse(fused, kept)
        return DepthEstimate(
            z_depth_sfm=depth,
            sigma_sfm=np.where(kept, sigma * depth**2, np.nan).astype(np.float32),
            normal_cam=surface_normals(fused, kept, integer_centred_matrix(reference.levels[0].camera)),
            hypothesis_sfm=_inverse(own.inverse_depth, usable & (own.inverse_depth > 0)),
            n_consistent=count,
        )


def _sigma(
    own: Hypothesis, spread: Float[np.ndarray, "h w"]
) -> tuple[Float[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]:
    """Calibrated sigma of inverse depth, and where it is small enough to be one."""
    raw_px = np.hypot(own.sigma, spread) / own.step
    known = raw_px < MAX_RAW_SIGMA_PX
    raw_px = np.where(known, raw_px, 0.0)
    return SIGMA_FACTOR * own.step * raw_px * (1.0 + raw_px / SIGMA_KNEE_PX), known


def _inverse(values: Float[np.ndarray, "h w"], known: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """1 / ``values`` where ``known``, else NaN."""
    return np.where(known, 1.0 / np.where(known, values, 1.0), np.nan).astype(np.float32)


def _beside_steps(found: Hypothesis) -> UInt8[np.ndarray, "h w"]:
    """1 where surfaces that are matched well meet within the window."""
    sure = (found.sigma < SHARPEN_SIGMA_PX * found.step) & (found.cost < SHARPEN_COST)
    kernel = np.ones((SHARPEN_WINDOW_PX, SHARPEN_WINDOW_PX), dtype=np.uint8)
    nearest = cv2.dilate(np.where(sure, found.planes[..., 0], np.float32(0.0)), kernel)
    farthest = cv2.erode(np.where(sure, found.planes[..., 0], np.float32(1e9)), kernel)
    return (nearest > farthest * (1.0 + EDGE_REL)).astype(np.uint8)


def _pixel_step(neighbours: Neighbours) -> np.float32:
    """Inverse depth that moves a pixel by one pixel in a typical neighbour."""
    return np.float32(1.0 / max(float(np.median(neighbours.shift_px)), 1e-9))


def _limits(reference: Pyramid, depth_range_sfm: tuple[float, float]) -> Float[np.ndarray, " 2"]:
    near, far = depth_range_sfm
    if not (np.isfinite([near, far]).all() and 0 < near < far):
        raise InputError(f"dense: frame {reference.frame_index}: depth range {near:g} to {far:g} is empty")
    return np.array([1.0 / far, 1.0 / near], dtype=np.float32)


def _finer(
    coarse: Hypothesis, width: int, height: int
) -> tuple[Float[np.ndarray, "h2 w2 3"], Int8[np.ndarray, "h2 w2 v"]]:
    """Planes and judges of the next finer level: the parent's, moved along its slope, so that no two surfaces mix."""
    rows, columns = np.arange(height) // 2, np.arange(width) // 2
    finer = coarse.planes[rows][:, columns]
    finer[..., 1:] *= 0.5
    # A fine pixel's centre lies a quarter of a coarse pixel beside its parent's.
    finer[..., 0] += finer[..., 1] * (np.arange(width) % 2 - 0.5).astype(np.float32)
    finer[..., 0] += finer[..., 2] * (np.arange(height) % 2 - 0.5).astype(np.float32)[:, None]
    return finer, coarse.judges[rows][:, columns]


def _bleeding(inverse_depth: Float[np.ndarray, "h w"], fused: Float[np.ndarray, "h w"]) -> np.ndarray:
    """True beside a surface that lies farther away: there the nearer one has grown over its outline."""
    smooth = cv2.medianBlur(np.where(inverse_depth > 0, inverse_depth, np.float32(1e9)), 5)
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


PLUGIN = PatchMatch
