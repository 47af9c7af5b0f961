"""Points on what moves leave the model, and tell whether what moved is back in its place."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest

from sfm_gt.sfm.observations import Observations
from sfm_gt.sfm.pruning import drop_observations, drop_torn_ends, keep_images, seen_again
from sfm_gt.sfm.undistortion import Undistortion

N_VIEWS, N_POINTS = 24, 60
LEAVES_AT, BACK_AT = 8, 14


@pytest.fixture
def model() -> pycolmap.Reconstruction:
    """A camera that passes points; the first half of them project to the left half of the picture."""
    options = pycolmap.SyntheticDatasetOptions()
    options.num_rigs, options.num_cameras_per_rig, options.num_frames_per_rig = 1, 1, N_VIEWS
    options.num_points3D, options.num_points2D_without_point3D = N_POINTS, 0
    pycolmap.set_random_seed(0)
    return pycolmap.synthesize_dataset(options)


def masks(seen: Observations, marked: np.ndarray, views: range) -> list[np.ndarray]:
    """Masks at a quarter of the size that cover the marked points in ``views``."""
    found = [np.zeros((seen.camera.height // 4, seen.camera.width // 4), dtype=bool) for _ in seen.names]
    for view, point, cell in zip(seen.views, seen.points, cells(seen), strict=True):
        if marked[point] and view in views:
            found[view][cell] = True
    return found


def cells(seen: Observations) -> list[tuple[int, int]]:
    """(row, column) of each observation in such a mask."""
    shape = np.array([seen.camera.height // 4, seen.camera.width // 4])
    places = Undistortion.of(seen.camera).undistorted_px(seen.xy)[:, ::-1] // 4
    return [tuple(cell) for cell in np.clip(places, 0, shape - 1).astype(int).tolist()]


def without(seen: Observations, keep: np.ndarray) -> Observations:
    from dataclasses import replace

    return replace(
        seen, views=seen.views[keep], points=seen.points[keep], keypoints=seen.keypoints[keep], xy=seen.xy[keep]
    )


def test_only_observations_under_the_mask_go(model: pycolmap.Reconstruction) -> None:
    seen = Observations.of(model)
    marked = np.arange(len(seen.xyz)) < 20
    in_view_3 = masks(seen, marked, range(3, 4))
    under = [bool(in_view_3[view][cell]) for view, cell in zip(seen.views, cells(seen), strict=True)]
    lens = Undistortion.of(seen.camera)
    drop_observations(model, dict(zip(seen.names, in_view_3, strict=True)), lens)
    left = Observations.of(model)
    assert len(seen.views) - len(left.views) == sum(under) >= 20
    assert not set(left.points[left.views == 3]) & set(np.flatnonzero(marked))


def test_only_the_named_images_stay(model: pycolmap.Reconstruction) -> None:
    names = set(Observations.of(model).names[4:9])
    keep_images(model, names)
    assert set(Observations.of(model).names) == names


@pytest.mark.parametrize("back", [True, False])
def test_what_comes_back_is_seen_again(model: pycolmap.Reconstruction, back: bool) -> None:
    seen = Observations.of(model)
    marked = np.arange(len(seen.xyz)) < 30
    moving = masks(seen, marked, range(LEAVES_AT, BACK_AT))
    # Tracks hold on while it moves; afterwards the points are there again, or never.
    gone = marked[seen.points] & (seen.views >= BACK_AT) & (not back)
    lens = Undistortion.of(seen.camera)
    assert seen_again(without(seen, ~gone), lens, moving, LEAVES_AT - 1, BACK_AT) == back


def test_with_too_few_points_nothing_came_back(model: pycolmap.Reconstruction) -> None:
    seen = Observations.of(model)
    moving = masks(seen, np.arange(len(seen.xyz)) < 3, range(LEAVES_AT, BACK_AT))
    assert not seen_again(seen, Undistortion.of(seen.camera), moving, LEAVES_AT - 1, BACK_AT)


def test_points_that_came_up_during_the_motion_do_not_tell_that_it_is_over(model: pycolmap.Reconstruction) -> None:
    seen = Observations.of(model)
    number = np.arange(len(seen.xyz))
    left_for_good, came_up = number < 15, (number >= 15) & (number < 45)
    moving = masks(seen, left_for_good | came_up, range(LEAVES_AT, BACK_AT))
    absent = left_for_good[seen.points] & (seen.views >= BACK_AT) | came_up[seen.points] & (seen.views < LEAVES_AT)
    assert not seen_again(without(seen, ~absent), Undistortion.of(seen.camera), moving, LEAVES_AT - 1, BACK_AT)


def thinned(model: pycolmap.Reconstruction, image: pycolmap.Image, share: float) -> None:
    """Takes observations from an image until this share of them is left."""
    rows = [row for row, point in enumerate(image.points2D) if point.has_point3D()]
    for row in rows[: round((1 - share) * len(rows))]:
        model.delete_observation(image.image_id, row)


def test_frames_at_the_ends_that_show_hardly_a_point_are_dropped_and_poor_ones_stay(model: pycolmap.Reconstruction):
    in_order = sorted(model.images.values(), key=lambda image: image.name)
    # Two torn ones at the beginning, a poor one at the end, and a torn one amid others, where no cut is.
    for position, share in ((0, 0.1), (1, 0.15), (12, 0.1), (-1, 0.5)):
        thinned(model, in_order[position], share)
    drop_torn_ends(model)
    assert [image.name for image in in_order if not image.has_pose] == [in_order[0].name, in_order[1].name]
