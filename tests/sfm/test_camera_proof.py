"""What the images prove of a camera: models with a known lens, and what each path leaves open."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pycolmap
import pytest

from sfm_gt.errors import Rejected
from sfm_gt.sfm.bundle import CENTRE_SIGMA, Bundle
from sfm_gt.sfm.bundle_solver import solve
from sfm_gt.sfm.camera_proof import CameraProof, carry, judge_camera, prove_camera
from sfm_gt.sfm.database import KnownCamera
from sfm_gt.sfm.lens_noise import LensNoise, lens_noise
from sfm_gt.sfm.linearised import Linearised, lens_directions
from sfm_gt.sfm.observations import Observations
from sfm_gt.sfm.pixel_aspect import PixelAspect
from tests.sfm.synthetic import (
    FOCAL,
    HEIGHT,
    NOISE_PX,
    WIDTH,
    adjusted,
    filmed,
    room,
    sideways_path,
    sliding_path,
    times_s,
    turning_path,
)

N_FRAMES, N_POINTS = 30, 200
MAX_REL_SIGMA, MAX_DEPTH_SIGMA, MAX_SWING = 0.08, 0.05, 0.015
# Noise of a fifth of a pixel on a path that turns: far below what the verdicts ask for.
SURE = 0.02


def proven(model, known=None, times=None) -> CameraProof:
    times = times_s(N_FRAMES) if times is None else times
    return prove_camera(model, times, adjusted(model, times, known).settled)


def reason(proof: CameraProof) -> str | None:
    try:
        judge_camera(proof, MAX_REL_SIGMA, MAX_DEPTH_SIGMA, MAX_SWING)
    except Rejected as verdict:
        return verdict.reason
    return None


def test_a_path_that_turns_proves_the_focal_length() -> None:
    proof = proven(filmed(turning_path(N_FRAMES), room(N_POINTS)))
    assert reason(proof) is None
    assert proof.sigma.focal_rel < SURE
    assert proof.focal_px == pytest.approx(FOCAL, rel=2 * proof.sigma.focal_rel)
    assert proof.focal_range_px == pytest.approx((FOCAL, FOCAL), rel=2 * proof.sigma.focal_rel)


def test_a_model_in_a_wrong_valley_comes_back() -> None:
    model = filmed(turning_path(N_FRAMES), room(N_POINTS))
    seen = Observations.of(model)
    wrong = solve(Bundle.of(seen).stretched(2.0), "e", 3)
    carry(model, seen, wrong)
    assert model.cameras[1].mean_focal_length() == pytest.approx(2 * FOCAL)
    proof = proven(model)
    assert reason(proof) is None
    assert proof.focal_px == pytest.approx(FOCAL, rel=2 * proof.sigma.focal_rel)


def test_a_purely_sideways_move_needs_the_camera_stated() -> None:
    assert reason(proven(filmed(sideways_path(N_FRAMES), room(N_POINTS)))) == "focal_uncertain"
    with pytest.raises(Rejected, match=r"camera: \{focal_px"):
        judge_camera(proven(filmed(sideways_path(N_FRAMES), room(N_POINTS))), MAX_REL_SIGMA, MAX_DEPTH_SIGMA, MAX_SWING)


def depths(model: pycolmap.Reconstruction) -> np.ndarray:
    """Of every point in the first image, in the order of their numbers."""
    pose = model.images[1].cam_from_world().matrix()
    xyz = np.array([model.points3D[number].xyz for number in sorted(model.points3D)])
    return xyz @ pose[2, :3] + pose[2, 3]


def test_a_slide_in_the_hand_is_good_with_a_focal_length_that_is_uncertain_and_says_so() -> None:
    # Depths of a slide are the same whatever the focal length is, but for their scale.
    path = sliding_path(N_FRAMES)
    model = filmed(path, room(N_POINTS), noise_px=4 * NOISE_PX)
    true = depths(model)
    proof = proven(model)
    assert proof.sigma.focal_rel > MAX_REL_SIGMA
    assert proof.focal_px == pytest.approx(FOCAL, rel=2 * proof.sigma.focal_rel)
    assert reason(proof) is None
    ratio = np.log(depths(model) / true)
    assert np.sqrt(((ratio - np.median(ratio)) ** 2).mean()) < 0.02, "of which noise of the points is the most"
    assert proof.depth_change < 0.01
    assert reason(replace(proof, depth_change=1.01 * MAX_DEPTH_SIGMA)) == "focal_uncertain"
    assert reason(replace(proof, focal_open_ended=True)) == "focal_uncertain"


def test_a_focal_length_that_depths_change_with_has_to_be_certain() -> None:
    proof = proven(filmed(turning_path(N_FRAMES)[:8], room(40), noise_px=15 * NOISE_PX), times=times_s(8))
    assert proof.sigma.focal_rel > MAX_REL_SIGMA
    assert proof.depth_change > MAX_DEPTH_SIGMA
    assert proof.sigma.depth_rel >= proof.depth_change / 2
    assert reason(proof) == "focal_uncertain"


@pytest.mark.parametrize("fixed", [True, False])
def test_a_sideways_move_of_a_stated_camera_is_accepted(fixed: bool) -> None:
    stated = 1.02 * FOCAL
    known = KnownCamera("SIMPLE_RADIAL", (stated, WIDTH / 2, HEIGHT / 2, 0.0), fixed)
    model = filmed(sideways_path(N_FRAMES), room(N_POINTS))
    model.cameras[1].params = [stated, WIDTH / 2, HEIGHT / 2, 0.0]
    proof = proven(model, known)
    assert reason(proof) is None
    assert proof.focal_px == pytest.approx(stated, rel=0.01)
    assert proof.sigma.focal_rel <= known.focal_sigma_rel


def test_where_every_focal_length_fits_the_one_found_says_nothing_of_the_footage() -> None:
    proof = proven(filmed(turning_path(N_FRAMES), room(N_POINTS)))
    lost = replace(proof, focal_px=23.0, focal_by_long_side=0.036, focal_range_px=(23.0, 266.0), focal_open_ended=True)
    assert reason(lost) == "focal_uncertain"
    assert (
        reason(replace(proof, focal_px=23.0, focal_by_long_side=0.036, focal_range_px=(23.0, 23.0)))
        == "implausible_focal"
    )


def test_cameras_that_leave_depth_open_are_refused_and_state_how_far() -> None:
    short = proven(filmed(turning_path(N_FRAMES)[:6], room(20)), times=times_s(6))
    long = proven(filmed(turning_path(N_FRAMES), room(N_POINTS)))
    assert short.sigma.depth_rel > 3 * long.sigma.depth_rel > 0
    assert reason(replace(long, sigma=replace(long.sigma, depth_rel=2 * MAX_DEPTH_SIGMA))) == "small_parallax"


def test_points_seen_only_while_the_camera_rests_do_not_make_the_rest_uncertain() -> None:
    path, n_resting = turning_path(N_FRAMES), 15
    model = filmed([path[0]] * n_resting + path, room(N_POINTS))
    for point_id in list(model.points3D)[:5]:
        seen = [(element.image_id, element.point2D_idx) for element in model.points3D[point_id].track.elements]
        for image_id, keypoint in seen:
            if image_id > n_resting:
                model.delete_observation(image_id, keypoint)
    rested = proven(model, times=times_s(n_resting + N_FRAMES)).sigma.depth_rel
    alone = proven(filmed(path, room(N_POINTS))).sigma.depth_rel
    # The rest adds what its own views err; the five points would make it a hundred times as much.
    assert rested == pytest.approx(alone, rel=0.5)


def test_a_flat_scene_is_named_and_a_wall_with_relief_is_not() -> None:
    flat, relief = room(N_POINTS), room(N_POINTS)
    flat[:, 2] = 2.5 + 0.1 * flat[:, 0]
    relief[:, 2] = 2.5 + 0.1 * relief[:, 0] + np.where(np.arange(N_POINTS) % 4 == 0, 0.1, 0.0)
    assert reason(proven(filmed(turning_path(N_FRAMES), flat))) == "flat_scene"
    assert proven(filmed(turning_path(N_FRAMES), relief)).flatness.share < 0.9


def test_something_small_on_a_table_makes_the_scene_no_flat_one_and_badly_seen_points_do_not() -> None:
    # 3 % of the points: an apple of a tenth of the distance.
    on_table = room(N_POINTS)
    on_table[:, 2] = 2.5 + 0.1 * on_table[:, 0]
    on_table[:: N_POINTS // 6, 2] -= 0.25
    assert reason(proven(filmed(turning_path(N_FRAMES), on_table))) is None
    # The same points seen worse than all others, as on a page's gloss.
    model, rng = filmed(turning_path(N_FRAMES), on_table), np.random.default_rng(0)
    for image in model.images.values():
        for point in image.points2D:
            if point.has_point3D() and point.point3D_id % (N_POINTS // 6) == 1:
                point.xy = point.xy + rng.normal(0, 2.0, 2)
    assert reason(proven(model)) == "flat_scene"


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        (1 + 0.03 * np.sin(2 * np.pi * times_s(N_FRAMES) / 1.2), "breathing"),
        (1 + 0.03 * np.cos(np.pi * np.arange(N_FRAMES) / N_FRAMES), "zoom"),
        (1 + 0.03 * np.tanh((np.arange(N_FRAMES) - N_FRAMES / 2) / 2.0), "zoom"),
    ],
)
def test_a_focal_length_that_changes_is_named_by_its_shape(curve: np.ndarray, expected: str) -> None:
    proof = proven(filmed(turning_path(N_FRAMES), room(N_POINTS), zoom=curve.tolist()))
    assert reason(proof) == expected
    # Cosines of a second and more cannot follow a step.
    assert proof.curve.swing == pytest.approx(np.ptp(curve), rel=0.3)


def test_a_crop_off_the_centre_is_found_and_measured() -> None:
    model = filmed(turning_path(N_FRAMES), room(N_POINTS), centre=(WIDTH / 2 + 70, HEIGHT / 2 - 50))
    proof = proven(model)
    assert reason(proof) is None
    assert proof.focal_px == pytest.approx(FOCAL, rel=0.02)
    assert model.cameras[1].params[1:3] == pytest.approx([WIDTH / 2 + 70, HEIGHT / 2 - 50], abs=5)
    assert proven(filmed(turning_path(N_FRAMES), room(N_POINTS))).principal_point_off < CENTRE_SIGMA / 2


def test_a_squeezed_picture_is_refused_with_its_ratio() -> None:
    squeezed = pycolmap.Camera(model="PINHOLE", width=WIDTH, height=HEIGHT,
                               params=[FOCAL, 0.75 * FOCAL, WIDTH / 2, HEIGHT / 2])  # fmt: skip
    proof = proven(filmed(turning_path(N_FRAMES), room(N_POINTS), lens=squeezed))
    assert reason(proof) == "non_square_pixels"
    # One step from a compromise between two focal lengths.
    assert proof.aspect.ratio == pytest.approx(0.75, abs=0.1)
    assert proven(filmed(turning_path(N_FRAMES), room(N_POINTS))).aspect.square


def test_where_a_slide_leaves_the_focal_length_open_nothing_is_said_of_the_pixels() -> None:
    proof = proven(filmed(sideways_path(N_FRAMES), room(N_POINTS)))
    squeezed = replace(proof, aspect=PixelAspect(0.1, 8.0))
    assert reason(squeezed) == "focal_uncertain"
    with pytest.raises(Rejected, match=r"px and beyond fit .* depths differ .*camera: .*turns a little") as verdict:
        judge_camera(squeezed, MAX_REL_SIGMA, MAX_DEPTH_SIGMA, MAX_SWING)
    assert f"{proof.focal_px:.0f} px)" not in str(verdict.value), "of those that fit none is the one"


def test_a_fisheye_is_found_behind_a_radial_lens() -> None:
    focal = 280.0
    lens = pycolmap.Camera(model="SIMPLE_RADIAL_FISHEYE", width=WIDTH, height=HEIGHT,
                           params=[focal, WIDTH / 2, HEIGHT / 2, 0.0])  # fmt: skip
    wide = room(N_POINTS) * [2.0, 2.0, 1.0]
    model = filmed(turning_path(N_FRAMES), wide, lens=lens)
    # What mapping makes of it: the nearest lens with one radial term.
    model.cameras[1].params = [320.0, WIDTH / 2, HEIGHT / 2, -0.15]
    proof = proven(model)
    assert model.cameras[1].model.name == "RADIAL_FISHEYE"
    assert proof.focal_px == pytest.approx(focal, rel=0.01)
    assert reason(proof) is None


def test_a_clock_that_stands_still_says_nothing_of_a_zoom() -> None:
    proof = proven(filmed(turning_path(N_FRAMES), room(N_POINTS)), times=np.zeros(N_FRAMES))
    assert proof.curve.swing == 0.0


def test_noise_is_measured_and_a_lens_that_changes_over_time_or_image_spreads() -> None:
    def noise(zoom: list[float], bend_px: float = 0.0) -> LensNoise:
        bundle = Bundle.of(Observations.of(filmed(turning_path(N_FRAMES), room(N_POINTS), zoom=zoom)))
        # Corners drawn outwards on the left, inwards on the right: no lens with an axis does that.
        x, y = (bundle.xy / [WIDTH, HEIGHT] * 2 - 1).T
        bent = bundle.xy + bend_px * np.stack([x * y**2, x**2 * y], axis=1) * np.sign(x)[:, None]
        return lens_noise(solve(replace(bundle, xy=bent)))

    constant = noise([1.0] * N_FRAMES)
    # Thousands of observations: known to a few per cent. The loss halves the weight of an error of three medians, which
    # takes the variance of normal errors to 0.78 of what it was.
    assert constant.noise_px2 == pytest.approx(0.78 * NOISE_PX**2, rel=0.1)
    # Independent errors alone: what the variances by twelve and by eight parts scatter.
    assert constant.spread < 1.4
    assert noise(np.linspace(1.0, 1.05, N_FRAMES).tolist()).spread > 3 * constant.spread
    # Parts of the time show half of it, since the path turns.
    assert noise([1.0] * N_FRAMES, bend_px=1.0).spread > 3 * constant.spread


def test_the_step_of_a_lens_parameter_is_the_parameter() -> None:
    """From the right poses of a lens that is off by 2 % and some pixels, one Gauss-Newton step finds both."""
    model = filmed(
        turning_path(N_FRAMES), room(N_POINTS), zoom=[1.02] * N_FRAMES, centre=(WIDTH / 2 + 5, HEIGHT / 2 - 4)
    )
    bundle = Bundle.of(Observations.of(model))
    estimate = Linearised(bundle, lens_directions(bundle.camera, "fp")).estimate
    sigma = np.sqrt(np.diag(estimate.clustered))
    assert np.abs(estimate.step - [np.log(1.02), 5, -4]).max() < 3
    assert (np.abs(estimate.step - [np.log(1.02), 5, -4]) < 4 * sigma + [0.004, 0.5, 0.5]).all()
