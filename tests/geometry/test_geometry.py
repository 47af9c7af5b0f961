"""Conventions, transforms and projection: numbers by hand and properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sfm_gt.geometry.alignment import align_similarity, align_similarity_robust
from sfm_gt.geometry.camera import pixel_grid, project, unproject
from sfm_gt.geometry.conventions import (
    integer_centred_from_pixel,
    nan_from_zero,
    pixel_from_integer_centred,
    valid_from_depth,
    zero_from_nan,
)
from sfm_gt.geometry.transforms import camera_centres, inverse_rigid, scale_world, transform_points
from sfm_gt.geometry.triangulation import triangulate
from sfm_gt.geometry.types import PinholeCamera

CAMERA = PinholeCamera(640, 480, 500.0, 510.0, 320.0, 240.0)
# Float64 round-off over a handful of multiplications.
EXACT = 1e-9
angles = st.floats(-3.0, 3.0)
lengths = st.floats(-10.0, 10.0)


def rigid(rotation_vector: list[float], translation: list[float]) -> np.ndarray:
    """A rigid transform from a rotation vector in radians and a translation."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(rotation_vector).as_matrix()
    matrix[:3, 3] = translation
    return matrix


poses = st.builds(rigid, st.lists(angles, min_size=3, max_size=3), st.lists(lengths, min_size=3, max_size=3))


def test_the_centre_of_the_first_pixel_is_at_one_half():
    assert pixel_grid(3, 2)[0, 0].tolist() == [0.5, 0.5]
    assert pixel_grid(3, 2)[1, 2].tolist() == [2.5, 1.5]
    assert integer_centred_from_pixel(np.array([[0.5, 0.5]])).tolist() == [[0.0, 0.0]]
    assert pixel_from_integer_centred(np.array([[2.0, 1.0]])).tolist() == [[2.5, 1.5]]


def test_a_point_right_of_and_below_the_axis_projects_right_of_and_below_the_centre():
    # x = 500 * 0.2 / 2 + 320, y = 510 * 0.4 / 2 + 240
    assert project(CAMERA, np.array([[0.2, 0.4, 2.0]]))[0] == pytest.approx([370.0, 342.0])


def test_a_point_behind_the_camera_has_no_projection():
    assert np.isnan(project(CAMERA, np.array([[0.2, 0.4, -2.0], [0.0, 0.0, 0.0]]))).all()


@given(st.floats(0, 640), st.floats(0, 480), st.floats(0.1, 100))
def test_unproject_then_project_is_identity(x, y, z):
    pixel = np.array([[x, y]])
    points = unproject(CAMERA, pixel, np.array([z]))
    assert points[0, 2] == z, "depth is z of the camera frame, not the length of the ray"
    assert project(CAMERA, points) == pytest.approx(pixel, abs=1e-6)


@given(st.floats(0, 640), st.floats(0, 480), st.floats(0.1, 100), st.integers(1, 2000), st.integers(1, 2000))
def test_resizing_the_camera_commutes_with_projection(x, y, z, width, height):
    point = unproject(CAMERA, np.array([[x, y]]), np.array([z]))
    expected = np.array([[x * width / 640, y * height / 480]])
    assert project(CAMERA.resized(width, height), point) == pytest.approx(expected, abs=1e-6)


@given(poses)
def test_inverse_of_a_rigid_transform(b_from_a):
    assert inverse_rigid(b_from_a) @ b_from_a == pytest.approx(np.eye(4), abs=EXACT)


@given(poses, st.floats(0.01, 100))
def test_scaling_the_world_scales_centres_and_keeps_rotations(cam_from_world, scale):
    scaled = scale_world(cam_from_world[None], scale)
    assert camera_centres(scaled) == pytest.approx(scale * camera_centres(cam_from_world[None]), abs=1e-6)
    assert (scaled[0, :3, :3] == cam_from_world[:3, :3]).all()


def test_invalid_depth_is_nan_in_memory_and_zero_on_disk():
    depth = np.array([[1.5, np.nan]], dtype=np.float32)
    assert zero_from_nan(depth).tolist() == [[1.5, 0.0]]
    assert np.isnan(nan_from_zero(zero_from_nan(depth))[0, 1])
    assert valid_from_depth(np.array([[1.0, np.nan, -1.0, 0.0, np.inf]])).tolist() == [
        [True, False, False, False, False]
    ]


@given(poses, st.floats(0.05, 20))
@settings(max_examples=30)
def test_similarity_is_recovered_exactly_without_noise(target_from_source, scale):
    source = np.random.default_rng(0).normal(size=(12, 3))
    target = scale * transform_points(target_from_source, source)
    found = align_similarity(source, target)
    assert found.scale == pytest.approx(scale, rel=1e-9)
    assert found.apply(source) == pytest.approx(target, abs=1e-8)


def test_robust_similarity_ignores_a_gross_outlier():
    rng = np.random.default_rng(1)
    source = rng.normal(size=(60, 3))
    target = 2.0 * source + rng.normal(scale=0.01, size=source.shape)
    target[0] += 5.0
    plain, (robust, weights) = align_similarity(source, target), align_similarity_robust(source, target, 0.01)
    # One coordinate's noise of 0.01 over 60 points of unit spread: scale is good to about 0.01 / sqrt(180) / 2 = 0.04 %.
    assert robust.scale == pytest.approx(2.0, rel=0.002)
    assert abs(plain.scale - 2.0) > abs(robust.scale - 2.0)
    assert weights[0] < 0.1


def test_a_similarity_needs_three_points():
    with pytest.raises(ValueError, match="three points"):
        align_similarity(np.zeros((2, 3)), np.zeros((2, 3)))


def cameras_on_a_line(n: int, baseline: float) -> np.ndarray:
    """Cameras that look along +z from x = 0 to x = baseline."""
    cam_from_world = np.tile(np.eye(4), (n, 1, 1))
    cam_from_world[:, 0, 3] = -np.linspace(0.0, baseline, n)
    return cam_from_world


def test_triangulation_error_stays_within_its_covariance():
    rng = np.random.default_rng(2)
    poses_, truth, sigma_px = cameras_on_a_line(9, 0.5), np.array([0.1, -0.2, 3.0]), 0.5
    exact = np.concatenate([project(CAMERA, transform_points(pose, truth[None])) for pose in poses_])
    normalised = []
    for _ in range(200):
        found = triangulate(CAMERA, poses_, exact + rng.normal(scale=sigma_px, size=exact.shape), sigma_px)
        normalised.append((found.point - truth)[2] / np.sqrt(found.covariance[2, 2]))
    # 200 normal draws: their standard deviation lies in 1 +- 3 / sqrt(400), plus the robust loss's small widening.
    assert 0.85 < np.std(normalised) < 1.25
    # The ray from x = 0 leans 1.9 degrees one way, that from x = 0.5 leans 7.6 degrees the other.
    assert found.angle_deg == pytest.approx(9.5, abs=0.3)
