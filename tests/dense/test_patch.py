"""The fast cost against a slow one in plain numpy, and what the packing and the grid promise."""

from __future__ import annotations

import numpy as np
import pytest

from sfm_gt.dense.matching.patch import (
    NOISE_VARIANCE,
    Plane,
    ReferenceImage,
    load_reference,
    make_patch,
    make_scratch,
    pack_grey,
    patch_cost,
    project_patch,
)
from sfm_gt.dense.matching.pyramid import build_pyramid, integer_centred_matrix, stack_neighbours
from sfm_gt.geometry.camera import pixel_grid, project, unproject
from sfm_gt.geometry.transforms import inverse_rigid, transform_points
from tests.dense.scenes import CAMERA, Scene

SAMPLES, STRIDE, SIGMA_GREY = 5, 2, 25.0
REACH = STRIDE * (SAMPLES // 2)
# float32 against float64, and an affine patch against a projective one.
COST_TOLERANCE = 5e-3
# Position of the patch centre in a neighbour, in pixels: float32 homographies.
POSITION_TOLERANCE_PX = 1e-3


def slow_cost(scene: Scene, reference: int, neighbour: int, x: int, y: int, plane: tuple[float, float, float]) -> float:
    """1 - bilateral NCC of one patch by projecting each sample through 3D, float64."""
    offsets = np.arange(-REACH, REACH + 1, STRIDE)
    dv, du = (grid.ravel() for grid in np.meshgrid(offsets, offsets, indexing="ij"))
    grey = scene.views[reference].image[..., 0].astype(float)
    values = grey[y + dv, x + du]
    weights = np.exp(-np.abs(values - grey[y, x]) / SIGMA_GREY - (du**2 + dv**2) / (2.0 * REACH**2))
    weights /= weights.sum()
    inverse_depth = plane[0] + plane[1] * du + plane[2] * dv
    points = unproject(CAMERA, np.stack([x + du + 0.5, y + dv + 0.5], axis=-1), 1.0 / inverse_depth)
    poses = scene.model.cam_from_world
    seen = project(CAMERA, transform_points(poses[neighbour] @ inverse_rigid(poses[reference]), points)) - 0.5
    other = scene.views[neighbour].image[..., 0].astype(float)
    column, row = np.floor(seen).astype(int).T
    fx, fy = (seen - np.floor(seen)).T
    sampled = (1 - fy) * ((1 - fx) * other[row, column] + fx * other[row, column + 1])
    sampled += fy * ((1 - fx) * other[row + 1, column] + fx * other[row + 1, column + 1])
    a, b = values - weights @ values, sampled - weights @ sampled
    noise = float(NOISE_VARIANCE)
    return 1.0 - weights @ (a * b) / np.sqrt((weights @ a**2 + noise) * (weights @ b**2 + noise))


@pytest.mark.parametrize(("x", "y"), [(60, 50), (120, 90), (170, 120), (90, 30)])
@pytest.mark.parametrize("error", [0.0, 0.02, -0.05])
def test_fast_cost_equals_the_slow_one(scene: Scene, x: int, y: int, error: float) -> None:
    reference, neighbour = 2, 4
    pyramids = [build_pyramid(scene.views[i], REACH) for i in (reference, neighbour)]
    neighbours = stack_neighbours(pyramids[0], pyramids[1:], 0)
    patch = make_patch(SAMPLES, STRIDE, SIGMA_GREY)
    level = pyramids[0].levels[0]
    scratch = make_scratch(patch)
    here = load_reference(ReferenceImage(level.grey, level.usable), x, y, patch, scratch)
    plane = (1.0 / scene.truth[reference][y, x] * (1.0 + error), 2e-4, -1e-4)
    inside, footprint = project_patch(neighbours, 0, x, y, Plane(*map(np.float32, plane)), patch.reach)
    assert inside
    fast = patch_cost(here, neighbours, 0, footprint, patch.offsets, scratch)
    assert fast == pytest.approx(slow_cost(scene, reference, neighbour, x, y, plane), abs=COST_TOLERANCE)


def test_true_depth_costs_least(scene: Scene) -> None:
    errors = (-0.1, -0.05, 0.0, 0.05, 0.1)
    costs = [slow_cost(scene, 2, 4, 120, 90, ((1 + e) / float(scene.truth[2][90, 120]), 0.0, 0.0)) for e in errors]
    assert int(np.argmin(costs)) == 2


def test_pair_geometry_projects_like_the_cameras(scene: Scene) -> None:
    pyramids = [build_pyramid(scene.views[i], REACH) for i in (0, 5)]
    stacked = stack_neighbours(pyramids[0], pyramids[1:], 0)
    depth = scene.truth[0].astype(np.float64)
    relative = scene.model.cam_from_world[5] @ inverse_rigid(scene.model.cam_from_world[0])
    points = transform_points(relative, unproject(CAMERA, pixel_grid(CAMERA.width, CAMERA.height), depth))
    expected = project(CAMERA, points) - 0.5
    x, y = np.meshgrid(np.arange(CAMERA.width), np.arange(CAMERA.height))
    homogeneous = np.stack([x, y, np.ones_like(x)], -1) @ stacked.a[0].T + stacked.b[0] / depth[..., None]
    found = homogeneous[..., :2] / homogeneous[..., 2:]
    assert np.abs(found - expected).max() < POSITION_TOLERANCE_PX
    # The third coordinate times the depth is the depth in the neighbour.
    assert np.allclose(homogeneous[..., 2] * depth, points[..., 2], rtol=1e-5)


def test_integer_centred_matrix_shifts_half_a_pixel() -> None:
    assert integer_centred_matrix(CAMERA)[:2, 2].tolist() == [CAMERA.cx - 0.5, CAMERA.cy - 0.5]


def test_packing_keeps_the_four_pixels() -> None:
    grey = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.uint8)
    assert pack_grey(grey)[0, 1] == 2 | 3 << 8 | 5 << 16 | 6 << 24


def test_patch_without_enough_usable_samples_is_refused() -> None:
    patch = make_patch(SAMPLES, STRIDE, SIGMA_GREY)
    grey, usable = np.zeros((20, 20), np.uint8), np.zeros((20, 20), np.uint8)
    usable[:, :9] = 1
    image, scratch = ReferenceImage(grey, usable), make_scratch(patch)
    assert load_reference(image, 10, 10, patch, scratch).variance < 0
    assert load_reference(image, 8, 10, patch, scratch).variance == 0


def test_levels_halve_and_masks_shrink(scene: Scene) -> None:
    usable = np.ones((CAMERA.height, CAMERA.width), dtype=bool)
    usable[60:80, 100:120] = False
    view = scene.views[0]
    levels = build_pyramid(type(view)(0, view.image, usable, CAMERA, view.cam_from_world), REACH).levels
    assert [(level.camera.width, level.camera.height) for level in levels] == [(240, 180), (120, 90)]
    assert (levels[0].usable == usable).all()
    assert levels[0].matchable[60 - REACH, 100] == 0
    assert levels[0].matchable[60 - REACH - 1, 100] == 1
    assert levels[1].usable[30:40, 50:60].max() == 0
