"""Pieces of SfM that can be checked without a video: pairs, choice of model, undistortion, verdicts."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest

from sfm_gt.errors import Rejected
from sfm_gt.geometry.camera import pixel_grid, project
from sfm_gt.geometry.transforms import transform_points
from sfm_gt.geometry.types import PinholeCamera, SparseModel
from sfm_gt.sfm.database import SEQUENTIAL_OVERLAP, choose_pairs
from sfm_gt.sfm.mapping import Candidate, choose_model
from sfm_gt.sfm.undistortion import Undistortion
from sfm_gt.sfm.verdicts import Bounds, judge, measure, reprojection_errors_px, triangulation_angles_deg

CAMERA = PinholeCamera(640, 480, 500.0, 500.0, 320.0, 240.0)


def test_pairs_join_neighbours_and_close_loops_without_repeats():
    names = [f"{i:06d}.png" for i in range(60)]
    pairs = choose_pairs(names, SEQUENTIAL_OVERLAP)
    assert len(set(pairs)) == len(pairs)
    assert all(a < b for a, b in pairs)
    assert ("000010.png", "000011.png") in pairs
    assert ("000000.png", "000056.png") in pairs, "every fourth keyframe meets every other fourth one"
    assert len(pairs) < 60 * 59 / 2 / 2, "far fewer than all pairs"


def test_pairs_of_a_long_clip_grow_no_faster_than_its_keyframes():
    def n_loops(n_keyframes: int) -> int:
        names = [f"{i:06d}.png" for i in range(n_keyframes)]
        pairs = choose_pairs(names, SEQUENTIAL_OVERLAP)
        assert {name for pair in pairs for name in pair} == set(names)
        return len([pair for pair in pairs if int(pair[1][:6]) - int(pair[0][:6]) > SEQUENTIAL_OVERLAP])

    assert n_loops(240) > 10 * n_loops(60)
    assert n_loops(960) <= 1.1 * n_loops(240)


def reconstruction(n_images: int, focal: float) -> pycolmap.Reconstruction:
    model = pycolmap.Reconstruction()
    camera = pycolmap.Camera(model="SIMPLE_RADIAL", width=640, height=480, params=[focal, 320, 240, 0.0], camera_id=1)
    model.add_camera_with_trivial_rig(camera)
    for number in range(1, n_images + 1):
        image = pycolmap.Image(name=f"{number:06d}.png", camera_id=1, image_id=number)
        model.add_image_with_trivial_frame(image, pycolmap.Rigid3d())
    return model


def test_the_right_model_is_kept_beside_spurious_ones():
    right, bent, tele, pair = (reconstruction(*model) for model in ((50, 523.0), (50, 540.0), (5, 2986.0), (2, 523.0)))
    assert choose_model([Candidate(tele, 0.9), Candidate(right, 0.8), Candidate(bent, 0.57)]) is right
    with pytest.raises(Rejected) as verdict:
        choose_model([Candidate(tele, 0.9), Candidate(pair, 0.1), Candidate(right, 0.0)])
    assert verdict.value.reason == "sfm_failed"


def test_a_fisheye_is_undistorted_to_a_pinhole_image_that_it_fills():
    lens = Undistortion("RADIAL_FISHEYE", 640, 360, [350.0, 320.0, 180.0, 0.01, 0.0])
    pixels = np.array([[5.0, 5.0], [320.0, 180.0], [600.0, 300.0]])
    assert lens.undistorted_px(lens.filmed_px(pixels)) == pytest.approx(pixels, abs=1e-3)
    # Equidistant: 45 degrees off the axis lie at f pi / 4, at f in the pinhole image.
    straight = Undistortion("RADIAL_FISHEYE", 640, 360, [350.0, 320.0, 180.0, 0.0, 0.0])
    assert straight.filmed_px(np.array([[670.0, 180.0]]))[0] == pytest.approx([320 + 350 * np.pi / 4, 180])
    assert lens.inside.all()


def test_undistortion_is_its_own_inverse_and_bends_the_right_way():
    lens = Undistortion("SIMPLE_RADIAL", 640, 480, [520.0, 320.0, 240.0, -0.03])
    pixels = np.array([[320.0, 240.0], [10.5, 20.5], [600.0, 400.0]])
    assert lens.filmed_px(lens.undistorted_px(pixels)) == pytest.approx(pixels, abs=1e-6)
    assert lens.undistorted_px(pixels)[0] == pytest.approx([320.0, 240.0]), "the axis stays"
    # Barrel distortion (k < 0) pulls points inwards when filming, so undistortion moves them outwards.
    assert lens.undistorted_px(pixels)[1][0] < 10.5
    assert lens.camera.width == 640
    assert lens.inside.mean() == 1.0, "barrel distortion leaves no empty border"
    assert Undistortion("SIMPLE_RADIAL", 640, 480, [520.0, 320.0, 240.0, 0.03]).inside.mean() < 1.0


def test_an_undistorted_image_shows_at_each_pixel_what_was_filmed_there():
    lens = Undistortion("SIMPLE_RADIAL", 64, 48, [50.0, 32.0, 24.0, -0.05])
    filmed = np.rint(pixel_grid(64, 48)[..., 0] * 3).astype(np.uint8)
    expected = lens.filmed_px(pixel_grid(64, 48).reshape(-1, 2))[:, 0].reshape(48, 64) * 3
    # A linear ramp is reproduced by cubic interpolation up to the rounding of input and output; the border is extrapolated.
    assert np.abs(lens.image(filmed)[3:-3, 3:-3] - expected[3:-3, 3:-3]).max() < 1.6


def two_view_model(baseline: float) -> SparseModel:
    points = np.array([[0.0, 0.0, 2.0], [0.2, 0.1, 4.0]])
    poses = np.stack([np.eye(4), np.eye(4)])
    poses[1, 0, 3] = -baseline
    seen = [(view, point) for view in (0, 1) for point in (0, 1)]
    pixels = np.concatenate([project(CAMERA, transform_points(pose, points)) for pose in poses])
    return SparseModel(CAMERA, np.array([0, 9]), poses, points, np.array(seen), pixels)


def test_triangulation_angle_by_hand():
    # Rays to (0, 0, 2) from x = 0 and x = 2 meet at 45 degrees.
    assert triangulation_angles_deg(two_view_model(2.0))[0] == pytest.approx(45.0)
    assert reprojection_errors_px(two_view_model(2.0)).max() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("baseline", "n_frames", "bounds", "reason"),
    [
        (0.01, 2, {}, "small_parallax"),
        (2.0, 9, {}, "few_registered"),
        (2.0, 2, {"min_points": 3}, "too_few_points"),
        (2.0, 2, {"max_reprojection_error_px": -1.0}, "poor_fit"),
    ],
)
def test_verdicts_carry_reason_figure_and_threshold(baseline, n_frames, bounds, reason):
    allowed = {
        "min_registered": 0.5,
        "min_points": 2,
        "max_reprojection_error_px": 2.0,
        "max_rel_depth_sigma": 0.05,
        "max_systematic_error_px": 1.0,
        "max_trajectory_jump": 0.05,
    }
    times_s = np.array([0.0, 0.3])
    measures = measure(two_view_model(baseline), n_frames, times_s)
    with pytest.raises(Rejected) as verdict:
        judge(measures, Bounds(**allowed | bounds))
    assert verdict.value.reason == reason
    assert verdict.value.measured is not None
    assert verdict.value.threshold is not None
    judge(measure(two_view_model(2.0), 2, times_s), Bounds(**allowed))
