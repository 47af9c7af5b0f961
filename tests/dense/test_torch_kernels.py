"""The torch kernels against the numba ones, on planes that are wrong in many ways: both have to decide alike."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import pytest
import torch

from sfm_gt.dense.matching import consistency, propagate, refine
from sfm_gt.dense.matching.patch import Geometry, Neighbours, Patch, ReferenceImage, make_patch
from sfm_gt.dense.matching.propagate import UNMATCHED, Candidates, PlaneField, Search, select_views
from sfm_gt.dense.matching.pyramid import (
    Level,
    build_pyramid,
    integer_centred_matrix,
    pair_geometry,
    stack_geometry,
    stack_neighbours,
)
from sfm_gt.dense.matching.torch_kernels import TorchKernels
from sfm_gt.geometry.types import PinholeCamera, View
from tests.dense.scenes import CAMERA, Scene

# Part of the synthetic views, across the board's outline: left, top, width, height.
LEFT, TOP, WIDTH, HEIGHT = 70, 60, 96, 64
REFERENCE = 2
# A pixel moves by about a pixel, so that true and false planes meet; slopes by a twentieth a pixel.
PLANE_NOISE_REL, SLOPE_NOISE_PX, UNKNOWN_SHARE = 0.05, 0.05, 0.1
NOISE_SEED = 0
# Here the images keep four grey levels: too little texture for some of the kernels' branches. Dark ones, because squares
# of small numbers cancel exactly: at grey 120 such patches differ by up to a thousandth of their cost.
DARK = np.s_[40:60, 5:35]
# Squares of grey values reach 65000 and are summed in another order: in float32 that leaves 0.01 in a patch's variance,
# against a noise term of 4: 1e-4 of the cost where both patches are nearly flat (measured: all but one patch in 10000).
COST_TOLERANCE = 1e-4
# A candidate is taken or not by a threshold: where two planes cost the same to within the rounding, or a patch touches
# the image border to within it, another one may win. Such pixels are rare, and their followers few (measured: at most
# one pixel of 6144 on the CPU).
ALIKE_SHARE = 0.998
# Planes that both took from the same pixel, and the steps of the Gauss-Newton systems, in pixels of displacement.
PLANE_TOLERANCE_PX, STEP_TOLERANCE_PX = 1e-4, 1e-2
SIGMA_TOLERANCE_REL = 0.01
# Means of a few values near 1.
FUSED_TOLERANCE = 1e-6


class Stage(NamedTuple):
    """What the kernels are given."""

    level: Level
    neighbours: Neighbours
    planes: np.ndarray
    source_views: np.ndarray
    limits: np.ndarray
    lens: np.ndarray
    step: np.float32
    there: Geometry
    back: Geometry

    @property
    def image(self) -> ReferenceImage:
        return ReferenceImage(self.level.grey, self.level.usable)

    @property
    def everywhere(self) -> np.ndarray:
        return np.ones((HEIGHT, WIDTH), dtype=np.uint8)


class Trial(NamedTuple):
    """Weights and choices of one round."""

    patch: Patch
    geometric_weight: np.float32
    candidates: Candidates


class Answer(NamedTuple):
    changed: np.ndarray
    planes: np.ndarray
    cost: np.ndarray
    sigma: np.ndarray


PATCH = make_patch(5, 2, 25.0)
TRIALS = {
    "images alone": Trial(PATCH, np.float32(0.0), Candidates(8, np.float32(0.01), np.float32(0.0))),
    "with the neighbours' maps": Trial(PATCH, np.float32(0.2), Candidates(4, np.float32(0.01), np.float32(0.0))),
    "small textured patches": Trial(
        make_patch(5, 1, 25.0), np.float32(0.2), Candidates(8, np.float32(0.02), np.float32(10.0))
    ),
}


@pytest.fixture(scope="module", params=["cpu", "cuda"])
def kernels(request: pytest.FixtureRequest) -> TorchKernels:
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device: the torch kernels were compared on the CPU alone")
    return TorchKernels(request.param)


@pytest.fixture(scope="module", params=[5, 2], ids=lambda n: f"{n} neighbours")
def stage(request: pytest.FixtureRequest, scene: Scene) -> Stage:
    """A view whose planes are noisy, with a hole in its mask, and neighbours with holes in their maps; partly dark."""
    camera = PinholeCamera(WIDTH, HEIGHT, CAMERA.fx, CAMERA.fy, CAMERA.cx - LEFT, CAMERA.cy - TOP)
    part = np.s_[TOP : TOP + HEIGHT, LEFT : LEFT + WIDTH]
    usable = np.ones((HEIGHT, WIDTH), dtype=bool)
    usable[20:28, 30:45] = False
    views = [View(v.frame_index, _darkened(v.image[part]), usable, camera, v.cam_from_world) for v in scene.views]
    pyramids = [build_pyramid(view, int(PATCH.reach)) for view in views]
    rows = [row for row in range(len(views)) if row != REFERENCE][: request.param]
    rng = np.random.default_rng(NOISE_SEED)
    truth = [(1.0 / depth[part]).astype(np.float32) for depth in scene.truth]
    maps = [np.where(rng.random((HEIGHT, WIDTH)) < UNKNOWN_SHARE, np.float32(0.0), truth[row]) for row in rows]
    there = [pair_geometry(pyramids[REFERENCE], pyramids[row], 0) for row in rows]
    back = [pair_geometry(pyramids[row], pyramids[REFERENCE], 0) for row in rows]
    neighbours = stack_neighbours(pyramids[REFERENCE], [pyramids[row] for row in rows], 0, maps)
    step = np.float32(1.0 / np.median(neighbours.shift_px))
    slopes = rng.normal(scale=SLOPE_NOISE_PX * step, size=(HEIGHT, WIDTH, 2))
    w = truth[REFERENCE] * (1.0 + rng.normal(scale=PLANE_NOISE_REL, size=(HEIGHT, WIDTH)))
    planes = np.concatenate([w[..., None], slopes], axis=-1).astype(np.float32)
    matrix = integer_centred_matrix(camera)
    level = pyramids[REFERENCE].levels[0]
    costs = propagate.all_view_costs(ReferenceImage(level.grey, level.usable), neighbours, PATCH, planes)
    return Stage(
        level=level,
        neighbours=neighbours,
        planes=planes,
        source_views=select_views(cv2.blur(costs, (7, 7))),
        limits=np.array([0.1, 0.35], dtype=np.float32),
        lens=matrix[[0, 1, 0, 1], [0, 1, 2, 2]].astype(np.float32),
        step=step,
        there=stack_geometry(there),
        back=stack_geometry(back),
    )


def _darkened(image: np.ndarray) -> np.ndarray:
    image = image.copy()
    image[DARK] //= 64
    return image


def propagated(kernels, stage: Stage, trial: Trial, active: np.ndarray) -> Answer:
    """One round on fresh copies; ``kernels``: what holds a function of that name."""
    planes, cost = stage.planes.copy(), np.full((HEIGHT, WIDTH), UNMATCHED)
    changed = kernels.propagate(
        stage.image, stage.neighbours, trial.patch, PlaneField(planes, cost, stage.source_views), active,
        Search(stage.limits, stage.lens, stage.step, trial.geometric_weight), trial.candidates,
    )  # fmt: skip
    return Answer(changed, planes, cost, np.full((HEIGHT, WIDTH), np.nan, dtype=np.float32))


def refined(kernels, stage: Stage, trial: Trial, before: Answer) -> Answer:
    planes, cost, sigma = before.planes.copy(), before.cost.copy(), before.sigma.copy()
    kernels.refine(
        stage.image, stage.neighbours, trial.patch, PlaneField(planes, cost, stage.source_views), before.changed,
        Search(stage.limits, stage.lens, stage.step, trial.geometric_weight), sigma,
    )  # fmt: skip
    return Answer(before.changed, planes, cost, sigma)


def close_in_pixels(first: np.ndarray, second: np.ndarray, step: np.float32, tolerance_px: float) -> np.ndarray:
    """(h, w): whether two planes say the same."""
    return (np.abs(first - second) <= tolerance_px * step).all(axis=-1)


def test_costs_are_equal(kernels: TorchKernels, stage: Stage) -> None:
    arguments = stage.image, stage.neighbours, PATCH, stage.planes
    expected, found = propagate.all_view_costs(*arguments), kernels.all_view_costs(*arguments)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert (np.abs(found - expected) <= COST_TOLERANCE).mean() >= ALIKE_SHARE
    matched = expected < 1.0
    assert 0.3 < matched.mean() < 0.9
    assert ((found < 1.0) == matched).mean() >= ALIKE_SHARE


@pytest.mark.parametrize("name", TRIALS)
def test_a_round_takes_the_same_planes(kernels: TorchKernels, stage: Stage, name: str) -> None:
    trial = TRIALS[name]
    active = np.where(np.random.default_rng(NOISE_SEED).random((HEIGHT, WIDTH)) < 0.95, 1, 0).astype(np.uint8)
    expected, found = (propagated(each, stage, trial, active) for each in (propagate, kernels))
    assert (found.changed == expected.changed).mean() >= ALIKE_SHARE
    assert not found.changed[(active == 0) | (stage.level.usable == 0)].any()
    alike = close_in_pixels(found.planes, expected.planes, stage.step, PLANE_TOLERANCE_PX)
    assert alike.mean() >= ALIKE_SHARE
    assert (np.abs(found.cost - expected.cost) <= COST_TOLERANCE).mean() >= ALIKE_SHARE
    # Enough pixels took another's plane, and enough kept their own, for the comparison to say something.
    assert 0.3 < (found.planes != stage.planes).any(axis=-1).mean() < 0.95


@pytest.mark.parametrize("name", TRIALS)
def test_a_refinement_takes_the_same_steps(kernels: TorchKernels, stage: Stage, name: str) -> None:
    trial = TRIALS[name]
    before = propagated(propagate, stage, trial, stage.everywhere)
    expected, found = (refined(each, stage, trial, before) for each in (refine, kernels))
    solved = np.isfinite(expected.sigma)
    assert (np.isfinite(found.sigma) == solved).mean() >= ALIKE_SHARE
    assert (np.isnan(found.sigma) == (before.changed == 0)).all()
    both = solved & np.isfinite(found.sigma)
    assert both.mean() > 0.6
    assert (np.abs(found.sigma[both] / expected.sigma[both] - 1.0) <= SIGMA_TOLERANCE_REL).mean() >= ALIKE_SHARE
    alike = close_in_pixels(found.planes, expected.planes, stage.step, STEP_TOLERANCE_PX)
    assert alike.mean() >= ALIKE_SHARE
    assert (np.abs(found.cost - expected.cost) <= COST_TOLERANCE).mean() >= ALIKE_SHARE
    # Short and long steps were taken: only long ones change the cost.
    assert (found.planes != before.planes).any(axis=-1).mean() > 0.5
    assert (found.cost < before.cost).mean() > 0.05


def test_unmatched_planes_get_their_cost(kernels: TorchKernels, stage: Stage) -> None:
    unmatched = Answer(
        stage.everywhere, stage.planes, np.full((HEIGHT, WIDTH), UNMATCHED), np.zeros((HEIGHT, WIDTH), dtype=np.float32)
    )
    expected, found = (refined(each, stage, TRIALS["images alone"], unmatched) for each in (refine, kernels))
    assert (np.abs(found.cost - expected.cost) <= COST_TOLERANCE).mean() >= ALIKE_SHARE
    assert ((found.cost < UNMATCHED) == (expected.cost < UNMATCHED)).all()
    assert (np.isfinite(found.sigma) == np.isfinite(expected.sigma)).mean() >= ALIKE_SHARE


def test_neighbours_agree_alike(kernels: TorchKernels, stage: Stage) -> None:
    cost = np.random.default_rng(NOISE_SEED).uniform(0.0, 1.0, (HEIGHT, WIDTH)).astype(np.float32)
    arguments = (
        stage.planes,
        cost,
        stage.there,
        stage.back,
        stage.neighbours.inverse_depths,
        np.float32(0.02),
        np.float32(0.9),
    )
    expected, found = consistency.check_consistency(*arguments), kernels.check_consistency(*arguments)
    assert [each.dtype for each in found] == [each.dtype for each in expected]
    same = (found[1] == expected[1]) & (found[2] == expected[2])
    assert same.mean() >= ALIKE_SHARE
    for k in (0, 3):
        assert np.abs(found[k] - expected[k])[same].max() <= FUSED_TOLERANCE
    assert expected[1].any()
    assert expected[2].any()


def test_results_repeat_and_inputs_stay(kernels: TorchKernels, stage: Stage) -> None:
    trial = TRIALS["with the neighbours' maps"]
    inputs = (*stage.neighbours, stage.level.grey, stage.level.usable, stage.source_views)
    before = [each.tobytes() for each in inputs]
    rounds = [propagated(kernels, stage, trial, stage.everywhere) for _ in range(2)]
    ends = [refined(kernels, stage, trial, each) for each in rounds]
    for first, second in zip(*ends, strict=True):
        assert first.tobytes() == second.tobytes()
    assert [each.tobytes() for each in inputs] == before


def test_nothing_to_do_changes_nothing(kernels: TorchKernels, stage: Stage) -> None:
    trial = TRIALS["images alone"]
    idle = propagated(kernels, stage, trial, np.zeros((HEIGHT, WIDTH), dtype=np.uint8))
    after = refined(kernels, stage, trial, idle)
    assert not idle.changed.any()
    assert (after.planes == stage.planes).all()
    assert np.isnan(after.sigma).all()
