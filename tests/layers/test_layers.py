"""Background plate and ordinal labels on scenes whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from sfm_gt.geometry.camera import pixel_grid, unproject
from sfm_gt.geometry.transforms import inverse_rigid
from sfm_gt.layers.background_plate import PlateView, background_plate
from sfm_gt.layers.ordinal_labels import FAR, NEAR, UNKNOWN, near_far, ordinal_pairs
from tests.dense import scenes


@pytest.fixture(scope="module")
def filmed():
    """A wide camera path: the board in front plays the person; truth is the wall alone."""
    scene = scenes.film(6, step=0.35)
    views = []
    for view, depth in zip(scene.views, scene.truth, strict=True):
        person = depth < 0.93 * wall(view)[0]
        views.append(PlateView(view.image, np.where(person, np.nan, depth), person, view.camera, view.cam_from_world))
    return views, [wall(view) for view in scene.views]


def wall(view) -> tuple[np.ndarray, np.ndarray]:
    """z-depth and grey value of the wall, as if nothing stood before it."""
    world_from_cam = inverse_rigid(view.cam_from_world)
    n = scenes.SUPERSAMPLING
    fine = pixel_grid(view.camera.width * n, view.camera.height * n) / n
    rays = unproject(view.camera, fine, np.ones(fine.shape[:-1])) @ world_from_cam[:3, :3].T
    depth, position = scenes._hit(world_from_cam[:3, 3], rays, scenes.WALL)
    cell = np.floor(position * 160.0).astype(int) % 1024
    grey = scenes._texture(1)[cell[..., 1], cell[..., 0]]
    shape = (view.camera.height, n, view.camera.width, n)
    return depth.reshape(shape).mean(axis=(1, 3)), grey.reshape(shape).mean(axis=(1, 3))


def test_the_plate_shows_what_stands_behind_and_is_invalid_where_nobody_saw_it(filmed):
    views, walls = filmed
    plate = background_plate(views[2], [*views[:2], *views[3:]])
    people = views[2].people
    behind = people & plate.valid
    assert 0.3 < behind.sum() / people.sum() < 1.0, "much of the wall behind the board is seen from the sides, not all"
    error = abs(plate.z_depth[behind] / walls[2][0][behind] - 1)
    assert np.quantile(error, 0.99) < 0.01, "depth of the wall, not of the board"
    assert (plate.image[~plate.valid] == 0).all()
    assert np.isnan(plate.z_depth[people & ~plate.valid]).all()
    assert (plate.image[~people] == views[2].image[~people]).all()


def test_the_plates_colours_are_the_walls(filmed):
    views, walls = filmed
    plate = background_plate(views[2], [*views[:2], *views[3:]])
    behind = views[2].people & plate.valid
    right = abs(plate.image[behind, 0] - walls[2][1][behind]).mean()
    shifted = abs(np.roll(plate.image, 2, axis=1)[behind, 0] - walls[2][1][behind]).mean()
    # The texture is noise of a pixel's size: interpolation costs some of it, two pixels aside nothing is left.
    assert right < 0.4 * shifted


def test_one_witness_is_not_enough(filmed):
    views, _ = filmed
    alone = background_plate(views[2], [views[5]])
    assert not (alone.valid & views[2].people).any()


def test_near_and_far_leave_out_what_the_error_bars_cannot_tell():
    depth = np.array([[1.0, 1.9, 2.0, 2.1, 4.0, np.nan]], np.float32)
    sigma = np.full_like(depth, 0.1)
    assert near_far(depth, sigma).tolist() == [[NEAR, UNKNOWN, UNKNOWN, UNKNOWN, FAR, UNKNOWN]]
    assert (near_far(np.full((2, 2), np.nan, np.float32), np.full((2, 2), np.nan, np.float32)) == UNKNOWN).all()


def test_pairs_are_certain_and_half_of_them_join_people_with_the_rest():
    rng = np.random.default_rng(0)
    truth = np.where(np.arange(64) < 20, 2.0, 4.0) * np.ones((48, 1))
    sigma = np.full(truth.shape, 0.05, np.float32)
    depth = (truth + rng.normal(scale=0.05, size=truth.shape)).astype(np.float32)
    depth[:5] = np.nan
    person = np.zeros(truth.shape, bool)
    person[10:40, :10] = True
    pairs = ordinal_pairs(depth, sigma, person, 2000, seed=1)
    za = truth[pairs["ya"].astype(int), pairs["xa"].astype(int)]
    zb = truth[pairs["yb"].astype(int), pairs["xb"].astype(int)]
    assert set(np.unique(pairs["relation"])) <= {-1, 0, 1}
    wrong = np.sign(za - zb) != pairs["relation"]
    # Three sigmas: 0.3 % of pairs on one surface pass for ordered by chance.
    assert wrong.mean() < 0.01
    assert (pairs["ya"] > 5).all(), "invalid pixels make no pair"
    on_person = person[pairs["ya"].astype(int), pairs["xa"].astype(int)]
    across = on_person & ~person[pairs["yb"].astype(int), pairs["xb"].astype(int)]
    assert across.sum() > 0.4 * 2000 * 0.6
    assert (ordinal_pairs(depth, sigma, person, 2000, seed=1) == pairs).all()
    assert len(ordinal_pairs(np.full((3, 3), np.nan, np.float32), sigma[:3, :3], None, 10, 0)) == 0
