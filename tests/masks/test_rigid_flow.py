"""With depth, motion in any direction is found, and a figure off its frozen place; parallax is no motion."""

import numpy as np
import pytest

from sfm_gt.geometry.camera import pixel_grid
from sfm_gt.geometry.types import PinholeCamera, View
from sfm_gt.masks.rigid_flow import ELSEWHERE, MISSED, PATCH_PX, WORKING_LONG_SIDE_PX, RigidFlow, evidence
from sfm_gt.masks.shared.rigid_view import Shot, project, render_view
from tests.masks.scenes import BOXES, CAMERA, FLOOR, WALL, Rectangle, Scene, render
from tests.video.make_videos import textured

MIN_RECALL = 0.8
MIN_RECALL_WRONG_DEPTH = 0.75  # partners in which the figure has the same wrong depth vouch for some of it
MARGIN_PX = 4
MAX_FALSE = 0.03  # includes the margin around the board
DEPTH_NOISE = 0.005  # relative, one standard deviation


def with_depth(scene: Scene, moving_factor: float = 1.0, holes: float = 0.0) -> list[View]:
    """Views with noisy depth, that of what moves times ``moving_factor``; blocks unknown with chance ``holes``."""
    rng = np.random.default_rng(0)
    views = []
    for view, moving in zip(scene.views, scene.moving, strict=True):
        z = view.z_depth_sfm * (1 + DEPTH_NOISE * rng.normal(size=moving.shape)) * np.where(moving, moving_factor, 1)
        z[np.kron(rng.random((12, 16)) < holes, np.ones((20, 20))) > 0] = np.nan
        views.append(view.with_depth(z.astype(np.float32)))
    return views


def rates(scene: Scene, views: list[View]) -> tuple[float, float]:
    found, truth = RigidFlow(dilate_px=MARGIN_PX).segment(scene.frames, views), np.array(scene.moving)
    return float(found[truth].mean()), float(found[~truth].mean())


def test_a_pixel_is_projected_by_hand() -> None:
    # Camera b stands 0.2 to the right: a point at depth 2 moves left by f * 0.2 / 2 = 10 px, at depth 4 by 5 px.
    camera = PinholeCamera(4, 2, 100.0, 100.0, 2.0, 1.0)
    b_from_a = np.eye(4)
    b_from_a[0, 3] = -0.2
    z = np.array([[2, 2, 4, 4], [2, np.nan, 4, 4]], np.float32)
    place, depth, _ = project(z, camera, b_from_a)
    assert depth == pytest.approx(z, nan_ok=True)
    flow = place - pixel_grid(4, 2)
    assert flow[..., 0] == pytest.approx(np.array([[-10, -10, -5, -5], [-10, np.nan, -5, -5]]), nan_ok=True, abs=1e-5)
    assert flow[..., 1] == pytest.approx(np.array([[0, 0, 0, 0], [0, np.nan, 0, 0]]), nan_ok=True, abs=1e-5)


def test_points_behind_the_other_camera_have_no_place_in_it() -> None:
    forward = np.eye(4)
    forward[2, 3] = -3.0
    place, depth, _ = project(np.full((240, 320), 2.0, np.float32), CAMERA, forward)
    assert np.isnan(place).all()
    assert np.isnan(depth).all()


@pytest.mark.parametrize("holes", [0.0, 0.3])
def test_strong_parallax_is_no_motion(frozen: Scene, holes: float) -> None:
    assert np.mean(RigidFlow().segment(frozen.frames, with_depth(frozen, holes=holes))) < 0.005


def test_motion_across_and_along_the_epipolar_lines_is_found(jumping: Scene, walking: Scene) -> None:
    for scene in (jumping, walking):
        recall, false = rates(scene, with_depth(scene))
        assert recall > MIN_RECALL
        assert false < MAX_FALSE


def test_a_wrong_depth_hides_no_motion(walking: Scene) -> None:
    # Matching gives a figure that walks with the camera a depth far behind its own.
    recall, false = rates(walking, with_depth(walking, moving_factor=1.5))
    assert recall > MIN_RECALL_WRONG_DEPTH
    assert false < MAX_FALSE


def test_where_depth_is_missing_motion_across_the_epipolar_lines_is_still_found(jumping: Scene) -> None:
    recall, false = rates(jumping, with_depth(jumping, moving_factor=np.nan, holes=0.2))
    assert recall > MIN_RECALL
    assert false < MAX_FALSE


def shot(x: float, *extra: Rectangle) -> tuple[Shot, np.ndarray]:
    """What a camera at ``x`` sees of the frozen scene with something more in it, and where that is."""
    pose = np.eye(4)
    pose[0, 3] = -x
    view, added = render((WALL, FLOOR, *BOXES, *extra), pose, 0)
    return Shot.of(view.image, view, WORKING_LONG_SIDE_PX, PATCH_PX), added


def test_what_stood_in_front_at_another_time_says_nothing_of_what_is_behind() -> None:
    board = Rectangle((-0.5, -0.9, 2.6), (0.9, 0, 0), (0, 1.4, 0), 9, moves_in=range(1))
    (bare, _), (hidden, covered), (left, _), (right, _) = shot(0.0), shot(0.15, board), shot(-0.15), shot(0.25)
    assert covered.mean() > 0.2
    counts = evidence(bare, [hidden, left, right], 1.0)
    # A fifth of the picture does not look as the partner with the board expects it; what is left are its outlines.
    assert (counts[[ELSEWHERE, MISSED]].sum(axis=0) > 0).mean() < 0.005
    # The other way round it counts: partners that saw the wall must have seen through the board.
    (with_board, covered), (beside, _) = shot(0.0, board), shot(0.15)
    denied = evidence(with_board, [beside, left, right], 1.0)[[ELSEWHERE, MISSED]].sum(axis=0) >= 2
    assert denied[covered].mean() > 0.5
    assert denied[~covered].mean() < 0.005


def test_a_frozen_view_is_rendered_as_it_was_filmed() -> None:
    # A wall at depth 2 and a camera that slides along it by 0.1: its picture moves by 300 * 0.1 / 2 = 15 whole pixels, which
    # nothing has to interpolate.
    shift, (height, width) = 15, (CAMERA.height, CAMERA.width)
    wall = textured(3, height, width + shift)[..., 0]
    rng = np.random.default_rng(0)
    wall = np.clip(wall + rng.normal(scale=20, size=wall.shape), 0, 255).astype(np.uint8)  # no two neighbours are alike
    z, clear = np.full((height, width), 2.0, np.float32), np.ones((height, width), np.uint8)
    there = np.eye(4)
    there[0, 3] = -0.1
    filmed = Shot(0, np.ascontiguousarray(wall[:, :width]), CAMERA, np.eye(4), z, clear)
    partner = Shot(1, np.ascontiguousarray(wall[:, shift:]), CAMERA, there, z, clear)
    rendered = render_view(filmed, partner)
    # All of what both see, but for the rim.
    assert rendered.seen.mean() == pytest.approx(1 - shift / width, abs=2 * (1 / width + 1 / height))
    off = np.abs(rendered.grey[rendered.seen].astype(int) - filmed.grey[rendered.seen])
    assert off.max() <= 1, "rounding to grey levels"
    assert rendered.parallax_px[rendered.seen] == pytest.approx(shift, abs=0.01)


def test_depth_of_a_large_view_is_shrunk_without_mixing_two_surfaces() -> None:
    width, height = 2 * WORKING_LONG_SIDE_PX, WORKING_LONG_SIDE_PX
    z = np.full((height, width), 2.0, np.float32)
    z[:, width // 2 + 1 :] = 6.0  # an outline, and a hole, between pixels that become one
    z[101:151, 101:151] = np.nan
    image, usable = np.zeros((height, width, 3), np.uint8), np.ones((height, width), dtype=bool)
    view = View(0, image, usable, CAMERA.resized(width, height), np.eye(4), z)
    shrunk = Shot.of(image, view, WORKING_LONG_SIDE_PX, PATCH_PX).z_depth
    assert shrunk.shape == (height // 2, width // 2)
    assert set(np.unique(shrunk[np.isfinite(shrunk)])) == {2.0, 6.0}
    assert np.isnan(shrunk).sum() == 25**2


def test_a_missing_reconstruction_is_named(frozen: Scene) -> None:
    with pytest.raises(ValueError, match="one view a frame"):
        RigidFlow().segment(frozen.frames, frozen.views[:-1])
