"""Background plate and ordinal labels on scenes whose truth is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from sfm_gt.geometry.camera import pixel_grid, unproject
from sfm_gt.geometry.transforms import inverse_rigid
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.layers.background_plate import PlateView, background_plate, with_agreed_cover
from sfm_gt.layers.ordinal_labels import FAR, NEAR, UNKNOWN, near_far, ordinal_pairs, trusted_depth
from tests.dense import scenes

DEMO = Path(__file__).parents[2] / "examples" / "demo" / "truth"
ROOM_FRAMES = (0, 12, 24, 36, 48)


@pytest.fixture(scope="module")
def filmed():
    """A wide camera path: the board in front plays the person; truth is the wall alone."""
    scene = scenes.film(10, step=0.4)
    views = []
    for view, depth in zip(scene.views, scene.truth, strict=True):
        person = depth < 0.93 * wall(view)[0]
        views.append(PlateView(view.image, depth, 0.005 * depth, person, view.camera, view.cam_from_world))
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
    plate = background_plate(views[4], [*views[:4], *views[5:]])
    people = views[4].hidden
    behind = people & plate.valid
    assert 0.3 < behind.sum() / people.sum() < 1.0, "much of the wall behind the board is seen from the sides, not all"
    error = abs(plate.z_depth[behind] / walls[4][0][behind] - 1)
    assert np.quantile(error, 0.99) < 0.01, "depth of the wall, not of the board"
    assert (plate.image[~plate.valid] == 0).all()
    assert np.isnan(plate.z_depth[people & ~plate.valid]).all()
    assert (plate.image[~people] == views[4].image[~people]).all()


def test_the_plates_colours_are_the_walls(filmed):
    views, walls = filmed
    plate = background_plate(views[4], [*views[:4], *views[5:]])
    behind = views[4].hidden & plate.valid
    right = abs(plate.image[behind, 0] - walls[4][1][behind]).mean()
    shifted = abs(np.roll(plate.image, 2, axis=1)[behind, 0] - walls[4][1][behind]).mean()
    # The texture is noise of a pixel's size: interpolation costs some of it, two pixels aside nothing is left.
    assert right < 0.4 * shifted


def test_two_witnesses_are_not_enough(filmed):
    views, _ = filmed
    for few in ([views[9]], [views[0], views[9]]):
        assert not (background_plate(views[4], few).valid & views[4].hidden).any()


def test_a_person_whom_all_others_missed_is_not_its_own_background(filmed):
    views, _ = filmed
    nobody = [replace(view, covered=np.zeros_like(view.covered)) for view in views]
    plate = background_plate(views[4], [*nobody[:4], *nobody[5:]])
    found = plate.valid & views[4].hidden
    assert found.any()
    assert (plate.z_depth[found] > views[4].z_depth[found] + 3 * views[4].sigma[found]).all()


@pytest.fixture(scope="module")
def party():
    """Every fourth frame of the demo clip with its truth and 0.5 % of noise; each person is missed in one frame of three."""
    truth = json.loads((DEMO / "truth.json").read_text())
    camera = PinholeCamera(*(truth["camera"][key] for key in ("width", "height", "fx", "fy", "cx", "cy")))
    rng = np.random.default_rng(0)
    views, people = {}, {}
    for frame in truth["frames"][::4]:
        index = frame["frame_index"]
        labels = read_png(f"person/{index:06d}.png")
        depth = read_png(f"depth/{index:06d}.png") * truth["unit_m"]
        depth = np.where(read_png(f"moving/{index:06d}.png") > 0, np.nan, depth)
        noisy = (depth * (1 + 0.005 * rng.standard_normal(depth.shape))).astype(np.float32)
        seen = np.isin(labels, [person["person_id"] for person in truth["people"] if rng.random() > 1 / 3])
        people[index] = labels > 0
        views[index] = PlateView(np.full((*depth.shape, 3), index, np.uint8), noisy, 0.005 * noisy,
                                 seen | np.isnan(depth), camera, np.array(frame["cam_from_world"]))  # fmt: skip
    room = {index: read_png(f"background/{index:06d}.png") * truth["unit_m"] for index in ROOM_FRAMES}
    return views, people, room


def read_png(name: str) -> np.ndarray:
    return cv2.imread(str(DEMO / name), cv2.IMREAD_UNCHANGED)


def test_what_is_called_background_is_the_room_though_masks_miss_people(party):
    views, people, room = party
    agreed = {index: with_agreed_cover(view, others_of(views, index)) for index, view in views.items()}
    right = called = found = n_people = own_people = n_own = 0
    for index, without_people in room.items():
        plate = background_plate(agreed[index], others_of(agreed, index))
        hidden = agreed[index].hidden
        filled = hidden & plate.valid
        # A pixel aside, the edge of a shelf is the shelf still.
        near, far = cv2.erode(without_people, np.ones((3, 3))), cv2.dilate(without_people, np.ones((3, 3)))
        is_room = (plate.z_depth > 0.97 * near) & (plate.z_depth < 1.03 * far)
        right, called = right + (filled & is_room).sum(), called + filled.sum()
        found, n_people = found + (filled & people[index]).sum(), n_people + people[index].sum()
        own_people, n_own = own_people + (~hidden & people[index]).sum(), n_own + (~hidden).sum()
    assert right / called > 0.98
    assert found / n_people > 0.25
    assert own_people / n_own < 0.005, "whom the frame's own mask missed, others found"


def others_of(views, index):
    return [view for other, view in views.items() if other != index]


def test_near_and_far_leave_out_what_the_error_bars_cannot_tell():
    depth = np.array([[1.0, 1.9, 2.0, 2.1, 4.0, np.nan]], np.float32)
    sigma = np.full_like(depth, 0.1)
    assert near_far(depth, sigma).tolist() == [[NEAR, UNKNOWN, UNKNOWN, UNKNOWN, FAR, UNKNOWN]]
    assert (near_far(np.full((2, 2), np.nan, np.float32), np.full((2, 2), np.nan, np.float32)) == UNKNOWN).all()


def test_ordered_pairs_are_right_though_depth_has_gross_errors():
    rng = np.random.default_rng(0)
    truth = np.linspace(2.0, 6.0, 96) * np.ones((64, 1))
    sigma = (0.005 * truth).astype(np.float32)
    depth = (truth + sigma * rng.standard_normal(truth.shape)).astype(np.float32)
    wild = rng.random(truth.shape) < 0.03
    depth[wild] *= rng.uniform(0.5, 1.5, int(wild.sum())).astype(np.float32)
    # What says so is a probability, not a verdict: some sound pixels share it.
    outlier = np.where(wild | (rng.random(truth.shape) < 0.1), 0.25, 0.01).astype(np.float32)

    def wrong(depth: np.ndarray) -> float:
        pairs = ordinal_pairs(depth, sigma, None, 20000, seed=1)
        ordered = pairs[pairs["relation"] != 0]
        assert len(ordered) > 10000
        za, zb = (truth[ordered["y" + end].astype(int), ordered["x" + end].astype(int)] for end in "ab")
        return float((np.sign(za - zb) != ordered["relation"]).mean())

    assert wrong(depth) > 0.01
    assert wrong(trusted_depth(depth, outlier)) < 0.005


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
