"""CUDA-free multi-view stereo: plane sweep with SGM at low resolution, PatchMatch rounds, agreement between views."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, cast

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int8, UInt8

from sfm_gt.dense.matching import kernels as numba_kernels
from sfm_gt.dense.matching.hypothesis import MAX_COST, Hypothesis
from sfm_gt.dense.matching.normals import surface_normals
from sfm_gt.dense.matching.overgrowth import find_overgrowth
from sfm_gt.dense.matching.passes import in_passes
from sfm_gt.dense.matching.patch import make_patch
from sfm_gt.dense.matching.propagate import OFFSETS, select_views
from sfm_gt.dense.matching.pyramid import (
    Pyramid,
    build_pyramid,
    integer_centred_matrix,
    pair_geometry,
    stack_geometry,
    stack_neighbours,
)
from sfm_gt.dense.matching.rounds import Kernels, Scene, propagated, refined, unmatched
from sfm_gt.dense.matching.sigma import joined, judged, sigma_of_matching
from sfm_gt.dense.matching.surface_evidence import Images
from sfm_gt.dense.matching.sweep import planes_from_inverse_depth, sweep
from sfm_gt.dense.matching.weak_texture import WeakTexture, find_plain_surfaces
from sfm_gt.dense.shared.estimate import DepthEstimate
from sfm_gt.errors import InputError
from sfm_gt.geometry.types import SparseModel, View

# 5 x 5 samples, every second pixel: 9 pixels wide. Outlines are redrawn with the same samples on 5 x 5 pixels. The grey
# levels that set surfaces apart were chosen on the rendered scenes studio and demo.
PATCH_SAMPLES, PATCH_STRIDE, PATCH_SIGMA_GREY = 5, 2, 10.0
SWEEP_VIEWS, SWEEP_BEST = 4, 2
# How many of the candidates' offsets are tried: at the coarsest level errors are still large, later they are small.
N_FAR_AND_NEAR, N_NEAR = len(OFFSETS), 4
SELECTION_WINDOW = 7
# Weight of a neighbour's own depth map against 1 - NCC.
AGREEMENT = np.float32(0.2)
# Outlines are redrawn in a window around places where planes of at most this sigma and cost differ by this much within
# some pixels, by patches of at least this variance (2.5 times the noise) and where another surface is better by this gain.
SHARPEN_SIGMA_PX, SHARPEN_COST, SHARPEN_REL, SHARPEN_STEP_PX, SHARPEN_WINDOW_PX = 1.0, 0.6, 0.03, 5, 9
SHARPEN_VARIANCE, SHARPEN_GAIN = np.float32(10.0), np.float32(0.02)
# Where warped maps differ by more than this, the images decide between them and what lies beside.
CARRIED_REL = 0.01
# Frames between anchors, whose surfaces are known but for details, make do with fewer source views.
FOLLOWED_SOURCE_VIEWS = 3
_ZERO = np.float32(0.0)


class PatchMatch:
    """See the module. Results are the same for any number of threads; nothing is drawn at random."""

    needs_cuda: ClassVar[bool] = False

    def __init__(self, min_consistent: int = 1, max_rel_difference: float = 0.02, device: str = "cpu"):
        """``min_consistent`` neighbours must agree within ``max_rel_difference`` of depth.

        Raises:
            InputError: ``device`` is "cuda" and there is none.
        """
        self._kernels = _kernels(device)
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

    def densify_clip(
        self,
        model: SparseModel,
        load_view: Callable[[int], View],
        frame_indices: Sequence[int],
        n_neighbours: int,
        n_threads: int,
        progress: Callable[[int, int], None],
    ) -> Iterator[tuple[int, DepthEstimate]]:
        """See :class:`~sfm_gt.dense.shared.method.DenseMethod` and :mod:`~sfm_gt.dense.matching.passes`."""
        return in_passes(model, load_view, frame_indices, self, n_neighbours, n_threads, progress)

    def pyramid(self, view: View) -> Pyramid:
        """The view made ready for matching."""
        return build_pyramid(view, int(self._patch.reach))

    def match(
        self, reference: Pyramid, neighbours: Sequence[Pyramid], depth_range_sfm: tuple[float, float]
    ) -> Hypothesis:
        """Planes at the coarsest level from the images alone."""
        limits = _limits(reference, depth_range_sfm)
        top = len(reference.levels) - 1
        scene = self._scene(reference, neighbours, top, limits, _ZERO)
        planes = sweep(reference, neighbours[:SWEEP_VIEWS], top, (float(limits[0]), float(limits[1])), SWEEP_BEST)
        return self._round(scene, planes, self._select_views(scene, planes), N_FAR_AND_NEAR)

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
        planes, source_views, found = coarse.planes, coarse.source_views, coarse
        for level in range(top, -1, -1):
            scene = self._scene(reference, neighbours, level, limits, AGREEMENT, inverse_depths)
            if level < top:
                planes, source_views = _finer(found, scene.here.camera.width, scene.here.camera.height)
            found = self._round(scene, planes, source_views, N_NEAR)
        return self._sharpen(scene, found)

    def follow(
        self,
        reference: Pyramid,
        neighbours: Sequence[Pyramid],
        depth_range_sfm: tuple[float, float],
        warped: Sequence[Float[np.ndarray, "h w"]],
        inverse_depths: Sequence[Float[np.ndarray, "h w"]],
    ) -> Hypothesis:
        """Planes of a frame between anchors, from their maps ``warped`` into it (0 = unknown), judged by the images.

        No search over depth: pixels on which the maps agree are only refined, the others look at their neighbourhood.
        """
        limits = _limits(reference, depth_range_sfm)
        scene = self._scene(reference, neighbours, 0, limits, AGREEMENT, inverse_depths)
        guesses = [planes_from_inverse_depth(np.clip(_filled(each), limits[0], limits[1])) for each in warped]
        source_views = self._views_at_half_size(reference, neighbours, limits, guesses[0])
        found = unmatched(scene, _checkerboard(guesses), source_views)
        found, _ = propagated(scene, found, _unsure(warped), self._patch, N_NEAR)
        return refined(scene, found, scene.everywhere, self._patch)

    def _scene(
        self,
        reference: Pyramid,
        neighbours: Sequence[Pyramid],
        level: int,
        limits: np.ndarray,
        geometric_weight: np.float32,
        inverse_depths: Sequence[np.ndarray] = (),
    ) -> Scene:
        stacked = stack_neighbours(reference, neighbours, level, inverse_depths)
        return Scene(reference.levels[level], stacked, limits, geometric_weight, self._kernels)

    def _select_views(self, scene: Scene, planes: Float[np.ndarray, "h w 3"]) -> Int8[np.ndarray, "h w v"]:
        # Every second pixel will do for what is averaged anyway; the patch's samples lie on those pixels alone.
        asked = scene.here.usable.copy()
        asked[1::2], asked[:, 1::2] = 0, 0
        image = scene.image._replace(usable=asked)
        costs = scene.kernels.all_view_costs(image, scene.neighbours, self._patch, planes)
        # A single neighbour leaves no last axis behind in OpenCV.
        return select_views(cv2.blur(costs, (SELECTION_WINDOW, SELECTION_WINDOW)).reshape(costs.shape))

    def _views_at_half_size(
        self, reference: Pyramid, neighbours: Sequence[Pyramid], limits: np.ndarray, planes: Float[np.ndarray, "h w 3"]
    ) -> Int8[np.ndarray, "h w v"]:
        coarse = np.ascontiguousarray(planes[::2, ::2])
        coarse[..., 1:] *= 2.0
        source_views = self._select_views(self._scene(reference, neighbours, 1, limits, _ZERO), coarse)
        source_views[..., FOLLOWED_SOURCE_VIEWS:] = -1
        height, width = planes.shape[:2]
        return np.ascontiguousarray(source_views.repeat(2, axis=0).repeat(2, axis=1)[:height, :width])

    def _round(
        self, scene: Scene, planes: Float[np.ndarray, "h w 3"], source_views: Int8[np.ndarray, "h w v"], n_offsets: int
    ) -> Hypothesis:
        """Propagation and refinement of all pixels."""
        found = unmatched(scene, planes, source_views)
        return refined(scene, *propagated(scene, found, scene.everywhere, self._patch, n_offsets), self._patch)

    def _sharpen(self, scene: Scene, found: Hypothesis) -> Hypothesis:
        """Outlines drawn anew with a patch of half the width.

        A patch that straddles an outline follows the surface with more texture, so surfaces grow over their outlines. A
        smaller patch decides there between the surfaces at hand, where it holds texture and its verdict is clear.
        """
        beside = _beside_steps(found)
        redrawn = propagated(scene, found, beside, self._small_patch, len(OFFSETS), SHARPEN_GAIN, SHARPEN_VARIANCE)
        return refined(scene, *redrawn, self._small_patch)

    def verify(
        self,
        reference: Pyramid,
        neighbours: Sequence[Pyramid],
        own: Hypothesis,
        inverse_depths: Sequence[Float[np.ndarray, "h w"]],
        n_dependent: int = 0,
    ) -> DepthEstimate:
        """Averages what the neighbours agree on and states its sigma; whether that is good enough is decided later.

        ``n_dependent``: so many of the neighbours agree because ``own`` came from them.
        """
        there = stack_geometry([pair_geometry(reference, other, 0) for other in neighbours])
        back = stack_geometry([pair_geometry(other, reference, 0) for other in neighbours])
        size = reference.levels[0].camera.width, reference.levels[0].camera.height
        maps = [cv2.resize(each, size, interpolation=cv2.INTER_NEAREST) for each in inverse_depths]
        fused, count, violations, spread = self._kernels.check_consistency(
            own.planes, own.cost, there, back, np.stack(maps), np.float32(self._max_rel_difference), MAX_COST
        )
        usable = reference.levels[0].usable > 0
        needed = n_dependent + min(self._min_consistent, max(len(neighbours) - n_dependent, 1))
        kept = (count >= needed) & usable & (fused > 0) & np.isfinite(own.sigma)
        matched = np.where(kept, fused, np.float32(0.0))
        matching = sigma_of_matching(own, spread, violations)
        images = Images.of(reference, neighbours, there)
        weak = WeakTexture.of(reference.levels[0])
        by_matching = judged(matched, matching, find_overgrowth(reference, images, own, matched), weak.outline)
        plain = find_plain_surfaces(weak, reference, images, by_matching)
        surface = joined(by_matching, plain)
        known = surface.inverse_depth > 0
        depth = _inverse(surface.inverse_depth, known)
        return DepthEstimate(
            z_depth_sfm=depth,
            sigma_sfm=np.where(known, surface.sigma_rel * depth, np.nan).astype(np.float32),
            normal_cam=surface_normals(
                surface.inverse_depth, known, integer_centred_matrix(reference.levels[0].camera)
            ),
            hypothesis_sfm=_inverse(own.inverse_depth, usable & (own.inverse_depth > 0)),
            n_consistent=count,
            outlier=np.where(known, surface.outlier, np.nan).astype(np.float32),
            inferred_sfm=_inverse(plain.inverse_depth, ~known & (plain.inverse_depth > 0)),
        )


def _inverse(values: Float[np.ndarray, "h w"], known: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """1 / ``values`` where ``known``, else NaN."""
    return np.where(known, 1.0 / np.where(known, values, 1.0), np.nan).astype(np.float32)


def _beside_steps(found: Hypothesis) -> UInt8[np.ndarray, "h w"]:
    """1 near places where surfaces that are matched well meet; a slope within a few pixels is no step."""
    sure = (found.sigma < SHARPEN_SIGMA_PX * found.step) & (found.cost < SHARPEN_COST)
    close = np.ones((SHARPEN_STEP_PX, SHARPEN_STEP_PX), dtype=np.uint8)
    # The median leaves surfaces and takes single wrong pixels, and what is unsure for the most part becomes 0.
    surface = cv2.medianBlur(np.where(sure, found.planes[..., 0], np.float32(0.0)), SHARPEN_STEP_PX)
    nearest = cv2.dilate(surface, close)
    farthest = cv2.erode(np.where(surface > 0, surface, np.float32(1e9)), close)
    step = (nearest > farthest * (1.0 + SHARPEN_REL)).astype(np.uint8)
    return cv2.dilate(step, np.ones((SHARPEN_WINDOW_PX, SHARPEN_WINDOW_PX), dtype=np.uint8))


def _kernels(device: str) -> Kernels:
    if device == "cpu":
        return cast(Kernels, numba_kernels)
    import torch

    from sfm_gt.dense.matching.torch_kernels import TorchKernels

    if not torch.cuda.is_available():
        raise InputError(
            "dense: device cuda found no GPU that torch can use, it needs one and a torch built for CUDA; "
            "install that or set dense: {device: cpu}"
        )
    return cast(Kernels, TorchKernels(device))


def _limits(reference: Pyramid, depth_range_sfm: tuple[float, float]) -> Float[np.ndarray, " 2"]:
    near, far = depth_range_sfm
    if not (np.isfinite([near, far]).all() and 0 < near < far):
        raise InputError(f"dense: frame {reference.frame_index}: depth range {near:g} to {far:g} is empty")
    return np.array([1.0 / far, 1.0 / near], dtype=np.float32)


def _finer(
    coarse: Hypothesis, width: int, height: int
) -> tuple[Float[np.ndarray, "h2 w2 3"], Int8[np.ndarray, "h2 w2 v"]]:
    """Planes and source views of the next finer level: the parent's, moved along its slope, so that no two surfaces mix."""
    rows, columns = np.arange(height) // 2, np.arange(width) // 2
    finer = coarse.planes[rows][:, columns]
    finer[..., 1:] *= 0.5
    # A fine pixel's centre lies a quarter of a coarse pixel beside its parent's.
    finer[..., 0] += finer[..., 1] * (np.arange(width) % 2 - 0.5).astype(np.float32)
    finer[..., 0] += finer[..., 2] * (np.arange(height) % 2 - 0.5).astype(np.float32)[:, None]
    return finer, coarse.source_views[rows][:, columns]


def _filled(inverse_depth: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Holes take the value of the nearest known pixel to their left or, at the border, right; 0 if nothing is known."""
    known = inverse_depth > 0
    column = np.maximum.accumulate(np.where(known, np.arange(known.shape[1]), -1), axis=1)
    first = np.where(known.any(axis=1), known.argmax(axis=1), 0)[:, None]
    return np.take_along_axis(inverse_depth, np.where(column >= 0, column, first), axis=1)


def _unsure(warped: Sequence[Float[np.ndarray, "h w"]]) -> UInt8[np.ndarray, "h w"]:
    """1 where the warped maps differ or one has a hole."""
    nearest, farthest = np.max(warped, axis=0), np.min(warped, axis=0)
    return (nearest > farthest * (1.0 + CARRIED_REL)).astype(np.uint8)


def _checkerboard(guesses: Sequence[Float[np.ndarray, "h w 3"]]) -> Float[np.ndarray, "h w 3"]:
    """The first and the last guess in turn: what lies beside a pixel is offered to it, so each pixel meets both."""
    mixed = guesses[0].copy()
    for start in (0, 1):
        mixed[start::2, 1 - start :: 2] = guesses[-1][start::2, 1 - start :: 2]
    return mixed


PLUGIN = PatchMatch
