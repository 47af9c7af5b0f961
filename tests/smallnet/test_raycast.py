"""The ray-caster against depths worked by hand.

World and camera: +x right, +y down, +z forward, metres; pixel centres at (c + 0.5, r + 0.5). The room is 4 m wide,
2.5 m high, and its far wall is 3 m ahead of a camera that stands at its middle, 1.5 m above the floor.
"""

import math

import numpy as np
import pytest

from benchmarks.smallnet.intersect import BOX, CAPSULE, CYLINDER, ELLIPSOID, PRIM_COLUMNS
from benchmarks.smallnet.raycast import Camera, Scene, render_colour, render_depth
from benchmarks.smallnet.scenes import random_sample, rotation_world_from_cam
from benchmarks.smallnet.textures import MATERIAL_COLUMNS

# float32 storage of metres below 10: half a unit in the last place is 5e-7.
DEPTH_TOLERANCE_M = 1e-6

# fx = fy = 20 px; an odd size puts the centre of pixel (r 10, c 10) at (10.5, 10.5), the principal point.
FOCAL_PX, SIZE_PX, CENTRE_PX = 20.0, 21, 10.5


def camera(rotation=None) -> Camera:
    turn = np.eye(3) if rotation is None else rotation
    return Camera(FOCAL_PX, FOCAL_PX, CENTRE_PX, CENTRE_PX, SIZE_PX, SIZE_PX, turn, np.array([0.0, -1.5, 0.0]))


def room_with(*rows) -> Scene:
    """The room of the docstring with the primitives given as (kind, centre, yaw, sizes, radius)."""
    primitives = np.zeros((len(rows), PRIM_COLUMNS))
    for row, (kind, centre, yaw, sizes, radius) in zip(primitives, rows, strict=True):
        row[0], row[1:4], row[4], row[5], row[6:9], row[9] = kind, centre, math.cos(yaw), math.sin(yaw), sizes, radius
    groups = np.array([[*row[1:4], 10.0, k, k + 1] for k, row in enumerate(primitives)]).reshape(-1, 6)
    materials = np.zeros((1, MATERIAL_COLUMNS))
    materials[0, 1], materials[0, 3:9] = 1.0, 0.5
    lights = np.array([[0.0, -2.4, 0.0, 1.0, 1.0, 1.0, 0.0]])
    sides = np.zeros(6, np.int64)
    return Scene(np.array([-2, 2, -2.5, 0, -3, 3.0]), sides, primitives, groups, materials, lights, np.full(3, 0.3))


def assert_depth(z_depth_m, row, column, expected_m):
    assert z_depth_m[row, column] == pytest.approx(expected_m, abs=DEPTH_TOLERANCE_M)


def test_room_sides():
    z_depth_m = render_depth(room_with(), camera())
    assert z_depth_m.shape == (SIZE_PX, SIZE_PX)
    assert z_depth_m.dtype == np.float32
    # Far wall: z-depth, not ray length, so it is 3 m off the axis too: at (r 15, c 5) the slopes are -0.25, 0.25.
    assert_depth(z_depth_m, 10, 10, 3.0)
    assert_depth(z_depth_m, 15, 5, 3.0)
    # Row 0 has its centre at y = 0.5, slope (0.5 - 10.5) / 20 = -0.5; the ceiling is 1.0 m above: z = 2.
    assert_depth(z_depth_m, 0, 10, 2.0)


def test_floor_seen_by_a_camera_that_looks_45_degrees_down():
    z_depth_m = render_depth(room_with(), camera(rotation_world_from_cam(0.0, -math.pi / 4, 0.0)))
    # On the axis the ray falls 1.5 m over a length of 1.5 sqrt(2), and on the axis length is z-depth.
    assert_depth(z_depth_m, 10, 10, 1.5 * math.sqrt(2))
    # Row 20: direction (0, 0.5, 1) in the camera falls (1 + 0.5) / sqrt(2) per metre of z-depth: z = sqrt(2).
    assert_depth(z_depth_m, 20, 10, math.sqrt(2))


def test_yaw_turns_right():
    z_depth_m = render_depth(room_with(), camera(rotation_world_from_cam(math.pi / 2, 0.0, 0.0)))
    # The wall at x = +2 stands square ahead.
    assert_depth(z_depth_m, 10, 10, 2.0)


def test_box_ahead_and_its_edges():
    box = (BOX, (0.0, -1.5, 1.5), 0.0, (0.25, 0.25, 0.5), 0.0)
    z_depth_m = render_depth(room_with(box), camera())
    # Front face at z = 1, half width 0.25: slopes up to 0.25, which is 5 px: columns 5.5 to 15.5 of the image plane.
    # Column 14 (x = 14.5, slope 0.2) is on it, column 16 (slope 0.3) passes beside it to the far wall.
    assert_depth(z_depth_m, 10, 10, 1.0)
    assert_depth(z_depth_m, 10, 14, 1.0)
    assert_depth(z_depth_m, 10, 16, 3.0)
    assert_depth(z_depth_m, 6, 6, 1.0)
    assert_depth(z_depth_m, 4, 10, 3.0)


def test_box_turned_by_yaw():
    box = (BOX, (0.0, -1.5, 2.0), math.pi / 4, (0.5, 0.5, 0.5), 0.0)
    # An edge faces the camera: half diagonal 0.5 sqrt(2) before its centre.
    assert_depth(render_depth(room_with(box), camera()), 10, 10, 2.0 - 0.5 * math.sqrt(2))


@pytest.mark.parametrize(
    ("primitive", "expected_m"),
    [
        ((ELLIPSOID, (0.0, -1.5, 2.0), 0.0, (0.3, 0.4, 0.6), 0.0), 2.0 - 0.6),
        # Turned by a right angle, its x radius points at the camera.
        ((ELLIPSOID, (0.0, -1.5, 2.0), math.pi / 2, (0.3, 0.4, 0.6), 0.0), 2.0 - 0.3),
        ((CYLINDER, (0.0, -1.5, 2.0), 0.0, (0.3, 0.5, 0.2), 0.0), 2.0 - 0.2),
        # A capsule across the view: its side is one radius before its axis; along the view: its cap is, before end a.
        ((CAPSULE, (-0.5, -1.5, 2.0), 0.0, (1.0, 0.0, 0.0), 0.1), 2.0 - 0.1),
        ((CAPSULE, (0.0, -1.5, 2.0), 0.0, (0.0, 0.0, 0.5), 0.1), 2.0 - 0.1),
    ],
)
def test_round_things_on_the_axis(primitive, expected_m):
    assert_depth(render_depth(room_with(primitive), camera()), 10, 10, expected_m)


def test_sphere_off_the_axis():
    # Radius 0.5 about (0, -1.5, 2). Column 14 has slope k = 0.2: (1 + k^2) z^2 - 4 z + 3.75 = 0, smaller root.
    sphere = (ELLIPSOID, (0.0, -1.5, 2.0), 0.0, (0.5, 0.5, 0.5), 0.0)
    expected_m = (4.0 - math.sqrt(16.0 - 4.0 * 1.04 * 3.75)) / (2.0 * 1.04)
    assert_depth(render_depth(room_with(sphere), camera()), 10, 14, expected_m)


def test_cylinder_has_a_top():
    # Its top is 0.5 m below the camera and reaches from z = 0.5 to 1.5; row 20 falls 0.5 m per metre: z = 1.
    drum = (CYLINDER, (0.0, -0.5, 1.0), 0.0, (0.5, 0.5, 0.5), 0.0)
    assert_depth(render_depth(room_with(drum), camera()), 20, 10, 1.0)


def test_shadow_and_lambert():
    # The lamp hangs straight above the camera. A board between it and the floor leaves the ambient light alone.
    down = camera(rotation_world_from_cam(0.0, -math.pi / 2, 0.0))
    board = (BOX, (0.0, -2.0, 0.0), 0.0, (0.3, 0.01, 0.3), 0.0)
    lit = render_colour(room_with(), down)[10, 10, 0]
    shaded = render_colour(room_with(board), down)[10, 10, 0]
    # Albedo 0.5; ambient 0.3 less a percent or less for the corners; lamp 1 / (1 + 0.15 * 2.4^2) = 0.536 at the foot.
    # Two samples a quarter pixel off the centre see a lambert term within a percent of one.
    assert shaded == pytest.approx(0.15, rel=0.02)
    assert lit - shaded == pytest.approx(0.5 * 0.536, rel=0.02)


def test_sample_is_a_function_of_seed_and_index():
    image, z_depth_m = random_sample(5, 3, 96, 128)
    again, again_m = random_sample(5, 3, 96, 128)
    other, _ = random_sample(5, 4, 96, 128)
    assert image.shape == (96, 128, 3)
    assert image.dtype == np.uint8
    assert np.array_equal(image, again)
    assert np.array_equal(z_depth_m, again_m)
    assert not np.array_equal(image, other)
    assert np.isfinite(z_depth_m).all()
    assert z_depth_m.min() > 0.0
