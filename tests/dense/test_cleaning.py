"""Every cleaning rule on maps worked by hand, and what they do to depth that is right or wrong in a filmed scene."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.accuracy.rendered import RenderedScene
from sfm_gt.dense.shared.cleaning import (
    NO_DEPTH,
    Limits,
    Rule,
    bleeding_edges,
    clean,
    speckles,
    uncertain,
    unstable,
)
from sfm_gt.dense.shared.parallax import Companion, against_parallax, at_infinity, choose_companion, read_parallax
from sfm_gt.geometry.camera import pixel_grid, project, unproject
from sfm_gt.geometry.transforms import inverse_rigid, transform_points
from sfm_gt.geometry.types import PinholeCamera, View
from sfm_gt.imaging.flow import flow_both_ways
from tests.dense.scenes import Scene

LIMITS = Limits(
    max_rel_sigma=0.08,
    max_outlier=0.2,
    edge_margin_px=2,
    max_median_difference=0.15,
    max_parallax_difference=0.2,
    sky=True,
    speckle_pixels=80,
)
HEIGHT, WIDTH, FOCAL_PX = 60, 80, 100.0
CAMERA = PinholeCamera(WIDTH, HEIGHT, FOCAL_PX, FOCAL_PX, WIDTH / 2, HEIGHT / 2)
MIDDLE = (slice(20, 40), slice(30, 50))
# As the stage asks of its flow.
MAX_ROUND_TRIP_PX = 1.0
# A few patches of noise look like another one by chance, and the rules let them be.
LIKE_BY_CHANCE = 0.9
DEMO = Path(__file__).parents[2] / "examples" / "demo"


def flat(depth: float) -> np.ndarray:
    return np.full((HEIGHT, WIDTH), depth, np.float32)


def texture(seed: int = 0) -> np.ndarray:
    """Grey noise with grains of some pixels."""
    noise = np.random.default_rng(seed).normal(size=(HEIGHT, WIDTH + 40))
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 1.5), None, 20, 235, cv2.NORM_MINMAX).astype(np.uint8)


def beside(shift_px: np.ndarray | int, known_flow: bool = True) -> Companion:
    """A companion one unit to the right: what lies at depth z appears 100 / z pixels farther left.

    ``shift_px`` is one number, or one a row of the image.
    """
    whole = texture()
    shifts = np.broadcast_to(shift_px, HEIGHT).astype(int)
    a = np.ascontiguousarray(whole[:, :WIDTH])
    b = np.stack([row[shift : shift + WIDTH] for row, shift in zip(whole, shifts, strict=True)])
    pose = np.eye(4)
    pose[0, 3] = -1.0
    if not known_flow:
        there, _ = flow_both_ways([a, b], 0, 1, MAX_ROUND_TRIP_PX)
        return Companion(CAMERA, pose, a, b, there.flow_px, there.followed)
    flow = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    flow[..., 0] = -shifts[:, None]
    followed = np.arange(WIDTH)[None] - shifts[:, None] >= 0
    return Companion(CAMERA, pose, a, b, flow, followed)


def disagrees(depth: float, companion: Companion) -> np.ndarray:
    return against_parallax(flat(depth), read_parallax(flat(depth), companion), 0.2)[MIDDLE]


def test_uncertain_is_a_share_of_depth() -> None:
    depth = np.array([[1.0, 1.0, 10.0, 1.0, np.nan]], np.float32)
    sigma = np.array([[0.07, 0.09, 0.7, np.nan, np.nan]], np.float32)
    np.testing.assert_array_equal(uncertain(depth, sigma, 0.08), [[False, True, False, True, False]])


def test_probable_outliers_and_unknown_odds_are_dropped() -> None:
    depth = flat(2.0)
    depth[:5] = np.nan
    outlier = flat(0.2)  # at the limit
    outlier[:10] = np.nan
    outlier[30, 40:44] = 0.21, 1.0, 0.19, np.nan
    cleaned = clean(depth, 0.01 * depth, outlier, depth, None, LIMITS)
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[:5] = NO_DEPTH
    expected[5:10] = Rule.OUTLIER
    expected[30, [40, 41, 43]] = Rule.OUTLIER
    np.testing.assert_array_equal(cleaned.dropped_by, expected)
    assert cleaned.dropped[Rule.OUTLIER] == cleaned.found[Rule.OUTLIER] == 5 * WIDTH + 3


def test_the_limit_of_the_odds_decides() -> None:
    depth, outlier = flat(2.0), np.linspace(0.0, 1.0, WIDTH, dtype=np.float32) * np.ones((HEIGHT, 1), np.float32)
    for limit in (0.1, 0.5, 0.9):
        cleaned = clean(depth, 0.01 * depth, outlier, depth, None, replace(LIMITS, max_outlier=limit))
        np.testing.assert_array_equal(cleaned.valid, outlier <= limit)


def test_what_is_uncertain_as_well_counts_as_that() -> None:
    depth, outlier = flat(2.0), flat(0.5)
    sigma = 0.01 * depth
    sigma[:, :30] = 1.0
    cleaned = clean(depth, sigma, outlier, depth, None, LIMITS)
    assert (cleaned.dropped_by[:, :30] == Rule.UNCERTAIN).all()
    assert (cleaned.dropped_by[:, 30:] == Rule.OUTLIER).all()
    assert cleaned.found[Rule.OUTLIER] == depth.size


@pytest.mark.parametrize("margin_px", [1, 2, 4])
def test_the_nearer_side_of_a_step_loses_its_rim(margin_px: int) -> None:
    depth = flat(4.0)
    depth[:, :40] = 2.0
    expected = np.zeros((HEIGHT, WIDTH), dtype=bool)
    expected[:, 40 - margin_px : 40] = True
    np.testing.assert_array_equal(bleeding_edges(depth, depth, margin_px), expected)


def test_a_steep_floor_is_no_edge() -> None:
    # A floor 1 below the camera: its depth changes by 2 % to 20 % a pixel, far more than a step needs.
    rows = np.arange(HEIGHT) + 5.0
    floor = np.repeat((FOCAL_PX / rows)[:, None], WIDTH, axis=1).astype(np.float32)
    # Where the window leaves the image, one side of the slope is out of sight.
    assert not bleeding_edges(floor, floor, 2)[4:-4].any()


@pytest.mark.parametrize(("wide_px", "drops"), [(4, False), (8, False), (10, True)])
def test_thin_structures_keep_their_rims(wide_px: int, drops: bool) -> None:
    depth = flat(4.0)
    depth[:, 30 : 30 + wide_px] = 2.0
    assert bleeding_edges(depth, depth, 2).any() == drops


def test_what_lies_behind_is_seen_in_the_hypothesis() -> None:
    hypothesis = flat(4.0)
    hypothesis[:, :40] = 2.0
    depth = np.where(hypothesis == 2.0, hypothesis, np.nan).astype(np.float32)
    assert bleeding_edges(depth, hypothesis, 2)[:, 38:40].all()
    assert not bleeding_edges(depth, depth, 2).any()


def test_median_of_the_known_neighbours() -> None:
    depth = flat(2.0)
    depth[10, 10], depth[10, 30], depth[40, 40] = 2.4, 1.7, 2.25  # ratios 1.2, 1.18, 1.125
    depth[30:, :10] = np.nan
    depth[50, 5] = 9.0  # alone: its own median
    found = unstable(depth, 0.15)
    assert found[10, 10]
    assert found[10, 30]
    assert found.sum() == 2
    beside_a_hole = flat(2.0)
    beside_a_hole[20:, :10], beside_a_hole[40, 11] = np.nan, 3.0
    assert unstable(beside_a_hole, 0.15)[40, 11], "its window is known in part"
    assert unstable(beside_a_hole, 0.15).sum() == 1
    step = np.where(np.arange(WIDTH) < 40, 2.0, 4.0) * np.ones((HEIGHT, 1))
    assert not unstable(step.astype(np.float32), 0.15).any()


def test_islands_go_by_size() -> None:
    depth = flat(np.nan)
    depth[5:9, 5:15] = 2.0  # 40 pixels
    depth[5:9, 30:41] = 2.0  # 44
    depth[30:50, 10:50] = 3.0
    depth[35:39, 20:30] = 3.2  # within the wall, but apart by 6 %
    depth[45:49, 20:30] = 3.03  # by 1 %: part of the wall
    expected = (depth == 3.2) | (np.isfinite(depth) & (np.arange(WIDTH) < 20) & (np.arange(HEIGHT) < 20)[:, None])
    np.testing.assert_array_equal(speckles(depth, 40), expected)


@pytest.mark.parametrize(("ratio", "drops"), [(1.0, False), (1.4, False), (1.6, True), (0.7, False), (0.6, True)])
def test_depth_against_the_parallax_of_flow(ratio: float, drops: bool) -> None:
    # 10 px are depth 10; |r - 1| / (r + 1) is 0.2 at r = 1.5 and at r = 2 / 3.
    found = disagrees(10.0 * ratio, beside(10))
    assert found.mean() > LIKE_BY_CHANCE if drops else not found.any()


def test_flow_that_cannot_tell_says_nothing() -> None:
    companion = beside(10)
    assert not disagrees(20.0, replace(companion, followed=np.zeros_like(companion.followed))).any()
    other_image = replace(companion, grey_b=texture(7)[:, :WIDTH].copy())
    assert disagrees(20.0, other_image).mean() < 1.0 - LIKE_BY_CHANCE
    off_the_line = companion.flow_px + np.array([0.0, 3.0], np.float32)
    assert not disagrees(20.0, replace(companion, flow_px=off_the_line)).any()
    # Half a pixel against one is a factor of two in depth, and within what flow errs by.
    assert not disagrees(200.0, beside(1)).any()


@pytest.mark.parametrize(("flow_px", "tells"), [(4, True), (30, False)])
def test_the_noise_of_flow_grows_with_its_length(flow_px: int, tells: bool) -> None:
    # Two pixels beyond the end of the flow: clear of 3 (0.5 + 0.04) px, not of 3 (0.5 + 0.3) px.
    claimed = flat(100.0 / (flow_px + 2))
    found = against_parallax(claimed, read_parallax(claimed, beside(flow_px)), 0.02)[MIDDLE]
    assert found.mean() > 0.5 if tells else not found.any()


@pytest.mark.parametrize("shift", [(-1.0, 0.0, 0.0), (0.3, -0.5, 0.2), (0.1, 0.0, -0.8)])
def test_exact_flow_tells_the_depth_it_was_made_from(shift: tuple[float, float, float]) -> None:
    rng = np.random.default_rng(3)
    depth = rng.uniform(2.0, 30.0, (HEIGHT, WIDTH))
    b_from_a = np.eye(4)
    b_from_a[:3, :3] = cv2.Rodrigues(np.array([0.05, -0.1, 0.2]))[0]
    b_from_a[:3, 3] = shift
    grid = pixel_grid(WIDTH, HEIGHT)
    flow = project(CAMERA, transform_points(b_from_a, unproject(CAMERA, grid, depth))) - grid
    companion = replace(beside(0), b_from_a=b_from_a, flow_px=flow)
    # Rounding alone; close to the epipole parallax fades and magnifies it.
    np.testing.assert_allclose(read_parallax(depth, companion).inverse_depth, 1.0 / depth, atol=1e-6)


def test_without_a_baseline_parallax_says_nothing() -> None:
    companion = replace(beside(0), b_from_a=np.eye(4))
    parallax = read_parallax(flat(3.0), companion)
    assert not at_infinity(parallax).any()
    assert not against_parallax(flat(3.0), parallax, 0.2).any()


def test_sky_stands_still_before_a_near_wall() -> None:
    """Above clouds at infinity, below a wall at depth 10, and flow as the stage computes it."""
    rows = np.arange(HEIGHT)
    companion = beside(np.where(rows < 30, 0, 10), known_flow=False)
    claimed = np.where(rows < 30, 15.0, 10.0)[:, None] * np.ones((1, WIDTH))
    found = at_infinity(read_parallax(claimed.astype(np.float32), companion))
    # DIS blends the two motions within its patch of 8 pixels at the border between them.
    assert found[4:22].mean() > 0.95
    assert not found[38:].any()
    # Sky that is claimed to be so far that it would hardly move is let alone.
    assert not at_infinity(read_parallax(flat(100.0), companion)).any()


def test_companion_of_most_baseline_and_overlap() -> None:
    poses = np.repeat(np.eye(4)[None], 6, axis=0)
    poses[:, 0, 3] = -np.array([0.0, 1.0, 2.0, 3.0, 4.0, 2.5])
    frames = [0, 2, 4, 6, 8, 20]
    # At depth 10 a unit of baseline is 10 of 80 pixels: 4 units leave half, 3 units 62 %, and 3 x 0.62 > 2 x 0.75.
    assert choose_companion(flat(10.0), CAMERA, poses, frames, 0) == 3
    # At depth 5 it is 20 pixels: 1 unit leaves 75 %, 2 units half. Frame 20 would be too far apart in time anyway.
    assert choose_companion(flat(5.0), CAMERA, poses, frames, 0) == 1
    assert choose_companion(flat(1.0), CAMERA, poses, frames, 0) is None
    assert choose_companion(flat(np.nan), CAMERA, poses, frames, 0) is None


def dirty() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, Companion]:
    """Depth 10 before depth 20, with something for every rule; sky in the upper third."""
    rows = np.arange(HEIGHT)
    companion = beside(np.where(rows < 20, 0, 10))
    depth = flat(10.0)
    depth[45:, 60:] = 20.0
    depth[50, 20] = 12.0
    depth[20:22] = np.nan
    depth[30:34, 3:7] = np.nan
    depth[31:33, 4:6] = 10.0
    sigma = depth * 0.01
    sigma[40:44, 30:34] = 2.0
    outlier = depth * 0.0
    outlier[40:44, 40:44] = 0.5
    return depth, sigma, outlier, depth, companion


# The limits of sigma and of the odds of an outlier are what valid means: those rules cannot be off.
OFF = {
    Rule.BLEEDING_EDGES: {"edge_margin_px": 0},
    Rule.UNSTABLE: {"max_median_difference": 0.0},
    Rule.SKY: {"sky": False},
    Rule.AGAINST_PARALLAX: {"max_parallax_difference": 0.0},
    Rule.SPECKLES: {"speckle_pixels": 0},
}


@pytest.mark.parametrize("rule", OFF)
def test_a_rule_that_is_off_drops_nothing_and_the_others_find_the_same(rule: Rule) -> None:
    on, off = clean(*dirty(), LIMITS), clean(*dirty(), replace(LIMITS, **OFF[rule]))
    assert on.found[rule] > 0
    assert off.found[rule] == off.dropped[rule] == 0
    before_islands = [each for each in Rule if each not in (rule, Rule.SPECKLES)]
    assert [on.found[each] for each in before_islands] == [off.found[each] for each in before_islands]


def test_every_pixel_is_counted_once_for_the_first_rule() -> None:
    cleaned = clean(*dirty(), LIMITS)
    depth = dirty()[0]
    known = np.isfinite(depth)
    np.testing.assert_array_equal(cleaned.dropped_by == NO_DEPTH, ~known)
    assert sum(cleaned.dropped.values()) + cleaned.valid.sum() == known.sum()
    assert all(cleaned.dropped[each] <= cleaned.found[each] for each in Rule)
    # The still sky contradicts the parallax of its depth as well; it counts as sky.
    sky = cleaned.dropped_by[2:18, 14:-2]
    assert (sky == Rule.SKY).mean() > LIKE_BY_CHANCE
    assert cleaned.found[Rule.AGAINST_PARALLAX] >= cleaned.found[Rule.SKY]


def test_islands_are_cut_loose_by_the_other_rules() -> None:
    depth = flat(10.0)
    sigma = depth * 0.01
    sigma[30:40, 30:40] = 5.0
    sigma[33:37, 33:37] = 0.1
    cleaned = clean(depth, sigma, np.zeros_like(depth), depth, None, LIMITS)
    assert (cleaned.dropped_by[33:37, 33:37] == Rule.SPECKLES).all()
    assert cleaned.dropped[Rule.UNCERTAIN] == 84
    assert cleaned.valid.sum() == depth.size - 100


def companion_of(a: View, b: View) -> Companion:
    grey = [cv2.cvtColor(view.image, cv2.COLOR_RGB2GRAY) for view in (a, b)]
    there, _ = flow_both_ways(grey, 0, 1, MAX_ROUND_TRIP_PX)
    b_from_a = b.cam_from_world @ inverse_rigid(a.cam_from_world)
    return Companion(a.camera, b_from_a, grey[0], grey[1], there.flow_px, there.followed)


def test_a_filmed_scene_keeps_what_is_right_and_loses_what_is_wrong(scene: Scene) -> None:
    companion = companion_of(scene.views[2], scene.views[4])
    depth = scene.truth[2].astype(np.float32)
    parallax = read_parallax(depth, companion)
    # 1 % is left to flow that goes astray beside the board.
    assert against_parallax(depth, parallax, 0.2).mean() < 0.01
    assert at_infinity(parallax).mean() < 0.01
    wrong = depth.copy()
    patch = (slice(20, 60), slice(150, 210))
    wrong[patch] *= 1.6
    found = against_parallax(wrong, read_parallax(wrong, companion), 0.2)
    assert found[patch].mean() > 0.9
    found[patch] = False
    assert found.mean() < 0.01


def test_true_depth_of_the_embedded_clip_stays() -> None:
    rendered = RenderedScene(DEMO)
    poses = rendered.model.cam_from_world
    for frame_index in (10, 30):
        view = rendered.view(frame_index)
        depth = np.where(view.usable, rendered.z_depth_m(frame_index), np.nan).astype(np.float32)
        row = rendered.model.row_of(frame_index)
        other = choose_companion(depth, view.camera, poses, rendered.frame_indices, row)
        assert other is not None
        parallax = read_parallax(depth, companion_of(view, rendered.view(rendered.frame_indices[other])))
        known = np.isfinite(depth)
        assert against_parallax(depth, parallax, 0.2)[known].mean() < 0.01
        assert at_infinity(parallax)[known].mean() < 0.01
