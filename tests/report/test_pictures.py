"""Pictures and plots of the report: colours at their ends, invalid in grey, masks in place, a level camera path."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pytest

from sfm_gt.report import pictures
from sfm_gt.report.contact_sheet import chosen
from sfm_gt.report.page import figure
from sfm_gt.report.trajectory import level_path, trajectory_svg


def test_colours_clamp_at_the_ends_and_invalid_is_grey():
    scale = pictures.ColourScale("z", 1.0, 3.0, cv2.COLORMAP_TURBO)
    rgb = scale.paint(np.array([[0.0, 1.0, 3.0, 99.0, np.nan, np.inf]], np.float32))[0]
    np.testing.assert_array_equal(rgb[0], rgb[1])
    np.testing.assert_array_equal(rgb[2], rgb[3])
    assert rgb[1][2] > rgb[1][0], "the near end of turbo is bluish"
    assert rgb[2][0] > rgb[2][2], "the far end of turbo is red"
    assert tuple(rgb[4]) == tuple(rgb[5]) == pictures.INVALID_RGB
    assert scale.ticks == ("1", "2", "3")
    assert scale.gradient.startswith(f"linear-gradient(to right, #{bytes(rgb[1]).hex()}")


@pytest.mark.parametrize("depths", [[], [np.full((2, 2), np.nan)], [np.full((2, 2), 5.0)]])
def test_depth_scale_always_has_two_ends(depths):
    scale = pictures.depth_scale(depths, "m")
    assert scale.highest > scale.lowest


def test_masks_tint_only_their_own_pixels():
    image = np.full((20, 20, 3), 100, np.uint8)
    moving, overlay, none = (np.zeros((20, 20), bool) for _ in range(3))
    moving[2:8, 2:8], overlay[15:] = True, True
    drawn = pictures.draw_masks(image, moving, overlay, None)
    assert (drawn[10:14] == 100).all()
    assert drawn[5, 5, 0] > 100 > drawn[5, 5, 1]
    assert drawn[17, 5, 2] < 100 < drawn[17, 5, 0]
    np.testing.assert_array_equal(pictures.draw_masks(image, none, none, none), image)


def test_chosen_frames():
    assert chosen(10, 4) == [0, 3, 6, 9]
    assert chosen(2, 4) == [0, 1]
    assert chosen(0, 4) == []
    assert chosen(9, 1) == [0]


def _poses(centres, world_from_cam):
    poses = np.tile(np.eye(4), (len(centres), 1, 1))
    poses[:, :3, :3] = world_from_cam.T
    poses[:, :3, 3] = -(np.asarray(centres) @ world_from_cam)
    return poses


def test_path_is_right_forward_up_whatever_the_world_axes():
    # A camera in any world frame that steps 1 to its right, then 2 ahead, then 3 up.
    world_from_cam, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    world_from_cam *= np.sign(np.linalg.det(world_from_cam))
    steps = np.array([[0, 0, 0], [1, 0, 0], [1, 0, 2], [1, -3, 2]], float)  # camera axes: y points down
    path, views = level_path(_poses(steps @ world_from_cam.T + 7, world_from_cam))
    np.testing.assert_allclose(path, [[0, 0, 0], [1, 0, 0], [1, 2, 0], [1, 2, 3]], atol=1e-9)
    np.testing.assert_allclose(views, np.tile([0, 1, 0], (4, 1)), atol=1e-9)


@pytest.mark.parametrize("n", [1, 2, 30])
def test_trajectory_svg_stands_alone_in_a_page(n):
    poses = _poses(np.cumsum(np.full((n, 3), 0.1), axis=0), np.eye(3))
    svg = trajectory_svg(poses, np.arange(n) / 30, "SfM units")
    assert svg.startswith("<svg")
    assert svg.rstrip().endswith("</svg>")
    assert "height in SfM units" in svg
    assert "currentColor" in svg
    assert not re.search(r'<svg[^>]* (width|height)="', svg)
    assert svg == trajectory_svg(poses, np.arange(n) / 30, "SfM units")


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (float("nan"), "–"), (True, "yes"), (3, "3"), (8123.0, "8123"), (0.123456, "0.1235"), ("a", "a")],
)
def test_figures(value, text):
    assert figure(value) == text
