"""Against known cameras: parallax, strong or repeated, is no motion; what moves is found, and when; the rest is unknown."""

from __future__ import annotations

import cv2
import numpy as np

from sfm_gt.sfm.rigidity import Motion, PosedImage, _middle, find_motion
from tests.masks.scenes import BOXES, Rectangle, Scene, film

FPS = 15.0
NEAREST = 0.8  # the nearest box stands 1.8 away
MIN_RECALL = 0.6  # the first and last frames of a motion have too few partners that show it
MAX_FALSE = 0.03  # outlines of the board, closed gaps and what it uncovers
MAX_AT_REST = 0.01  # of the picture; the frozen interval allows twice that


def found_in(scene: Scene, n_threads: int = 1) -> list[Motion]:
    views = [
        PosedImage(cv2.cvtColor(view.image, cv2.COLOR_RGB2GRAY), view.usable, view.camera, view.cam_from_world)
        for view in scene.views
    ]
    return find_motion(views, np.arange(len(views)) / FPS, NEAREST, n_threads)


def test_strong_parallax_is_no_motion(frozen: Scene) -> None:
    motions = found_in(frozen)
    assert max(motion.share for motion in motions) < MAX_AT_REST
    assert min(motion.known_share for motion in motions) > 0.7


def test_a_pattern_that_repeats_is_no_motion() -> None:
    # Flow slips from one period to the next; the true depth still fits.
    tiled = Rectangle((-1.0, -0.9, 2.0), (1.2, 0, 0), (0, 1.6, 0), 12, repeat=8)
    shares = [motion.share for motion in found_in(film(12, (tiled,)))]
    assert np.median(shares) < MAX_AT_REST
    assert sum(share > 2 * MAX_AT_REST for share in shares) <= 2  # flicker that ends no interval


def test_motion_across_the_epipolar_lines_is_found(jumping: Scene) -> None:
    motions, truth = found_in(jumping), np.array(jumping.moving)
    moving = np.stack([motion.moving for motion in motions])
    assert moving[truth].mean() > MIN_RECALL
    assert moving[~truth].mean() < MAX_FALSE


def test_motion_is_the_same_on_any_number_of_threads() -> None:
    scene = film(6, (Rectangle((-1.0, -0.9, 2.0), (1.2, 0, 0), (0, 1.6, 0), 12, repeat=8),))
    for alone, together in zip(found_in(scene), found_in(scene, n_threads=3), strict=True):
        assert (alone.moving == together.moving).all()
        assert (alone.known == together.known).all()
        assert (alone.share_past, alone.share_future) == (together.share_past, together.share_future)


def test_against_the_past_motion_does_not_show_before_it_starts(jumping: Scene) -> None:
    motions = found_in(jumping)
    starts = next(i for i, mask in enumerate(jumping.moving) if mask.any())
    ahead = motions[starts - 2]
    assert ahead.share > 2 * MAX_AT_REST
    assert ahead.share_past < MAX_AT_REST
    assert ahead.reach_future > 2


def test_unrest_along_the_epipolar_lines_is_found_where_it_sets_in(walking: Scene) -> None:
    motions = found_in(walking)
    starts = next(i for i, mask in enumerate(walking.moving) if mask.any())
    assert max(motion.share for motion in motions[starts - 4 : starts + 5]) > 2 * MAX_AT_REST


def test_before_a_standing_camera_everything_that_moves_shows(standing: Scene) -> None:
    motions, truth = found_in(standing), np.array(standing.moving)
    assert np.stack([motion.moving for motion in motions])[truth].mean() > MIN_RECALL


def test_noise_is_not_said_to_move() -> None:
    rng = np.random.default_rng(0)
    scene = film(8)
    for view in scene.views:
        view.image[:, 160:] = rng.integers(0, 255, view.image[:, 160:].shape, dtype=np.uint8)
    motions = found_in(scene)
    assert max(motion.moving.mean() for motion in motions) < MAX_AT_REST
    assert np.mean([motion.known_share for motion in motions]) < 0.9


def test_nothing_is_said_of_print(frozen: Scene) -> None:
    # A caption keeps its place while the scene moves behind it.
    scene = Scene(list(frozen.views), frozen.moving)
    for view in scene.views:
        view.image[200:225, 60:260] = 255
        view.usable[195:230, 55:265] = False
    motions = found_in(scene)
    assert not any(motion.known[205:220, 70:250].any() for motion in motions)
    assert max(motion.share for motion in motions) < MAX_AT_REST


def test_a_bare_surface_at_the_border_of_a_turning_view_is_no_motion() -> None:
    # Flow over a surface without texture stays where it is, while its static place leaves what was filmed.
    scene = film(12, turn_rad=0.02)
    for view in scene.views:
        view.image[:110] = np.linspace(120, 180, 110)[:, None, None]
        view.image[:, :6] = view.image[:6] = 0
        view.usable[:, :6] = view.usable[:6] = False
    assert np.median([motion.share for motion in found_in(scene)]) < MAX_AT_REST


def test_the_boxes_are_nearer_than_the_limit() -> None:
    assert min(box.corner[2] for box in BOXES) > NEAREST


def test_the_middle_of_what_is_known_is_its_median_where_two_or_more_are() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(5, 20, 30)).astype(np.float32)
    values[rng.random(values.shape) < 0.5] = np.nan
    several = np.isfinite(values).sum(axis=0) >= 2
    middle = _middle(values)
    assert middle[several].tolist() == np.nanmedian(values[:, several], axis=0).tolist()
    assert several.any()
    assert np.isnan(middle[~several]).all()
