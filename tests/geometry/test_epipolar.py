"""Flow that a static point gives leads to its depth; flow across the epipolar line is off by its distance from that."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from sfm_gt.geometry.camera import pixel_grid, project, unproject
from sfm_gt.geometry.epipolar import nearest_static
from sfm_gt.geometry.transforms import transform_points
from sfm_gt.geometry.types import PinholeCamera

SOURCE = PinholeCamera(width=32, height=24, fx=30.0, fy=31.0, cx=15.0, cy=12.5)
TARGET = PinholeCamera(width=32, height=24, fx=28.0, fy=28.0, cx=16.5, cy=11.0)
DEPTH = np.linspace(2.0, 6.0, 32 * 24).reshape(24, 32)
FAR_ENOUGH = 1.0  # inverse depth of what is nearer than all
FLOAT32_PX = 1e-4  # rounding of pixel positions


@pytest.fixture
def pose() -> np.ndarray:
    """The target from the source: moved along all axes and turned."""
    pose = np.eye(4)
    pose[:3, :3] = cv2.Rodrigues(np.array([0.05, -0.1, 0.02]))[0]
    pose[:3, 3] = [0.3, -0.1, 0.05]
    return pose


def seen_from_target(pose: np.ndarray, z_depth: np.ndarray) -> np.ndarray:
    grid = pixel_grid(SOURCE.width, SOURCE.height)
    return project(TARGET, transform_points(pose, unproject(SOURCE, grid, z_depth)))


def flow_to(place: np.ndarray) -> np.ndarray:
    return (place - pixel_grid(SOURCE.width, SOURCE.height)).astype(np.float32)


def test_the_flow_of_a_static_scene_tells_its_depth(pose: np.ndarray) -> None:
    place = seen_from_target(pose, DEPTH)
    static = nearest_static(flow_to(place), SOURCE, TARGET, pose, FAR_ENOUGH)
    np.testing.assert_allclose(static.place, place, atol=FLOAT32_PX)
    np.testing.assert_allclose(static.inverse_depth, 1.0 / DEPTH, rtol=1e-4)
    assert static.off_px.max() < FLOAT32_PX


def test_an_error_of_inverse_depth_is_told_in_pixels(pose: np.ndarray) -> None:
    static = nearest_static(flow_to(seen_from_target(pose, DEPTH)), SOURCE, TARGET, pose, FAR_ENOUGH)
    step = 1e-4
    way_px = np.linalg.norm(
        seen_from_target(pose, 1.0 / (1.0 / DEPTH + step)) - seen_from_target(pose, 1.0 / (1.0 / DEPTH - step)), axis=-1
    )
    # The rate of the way at unit scale of the ray, which the camera's slight advance changes by some per cent.
    np.testing.assert_allclose(static.px_per_inverse_depth * 2 * step, way_px, rtol=0.1)


def test_flow_across_the_epipolar_line_is_off_by_its_distance(pose: np.ndarray) -> None:
    place = seen_from_target(pose, DEPTH)
    line = place - seen_from_target(pose, 2 * DEPTH)
    across = np.stack([-line[..., 1], line[..., 0]], axis=-1) / np.linalg.norm(line, axis=-1, keepdims=True)
    static = nearest_static(flow_to(place + 0.5 * across), SOURCE, TARGET, pose, FAR_ENOUGH)
    # Nearest in the linear system is nearest in the image but for the ray's change of scale along the line.
    np.testing.assert_allclose(static.off_px, 0.5, rtol=0.02)


def test_nothing_is_nearer_than_allowed(pose: np.ndarray) -> None:
    static = nearest_static(flow_to(seen_from_target(pose, DEPTH)), SOURCE, TARGET, pose, 1 / 4.0)
    assert static.inverse_depth.max() == pytest.approx(1 / 4.0)
    # f t (1 / 3.5 - 1 / 4) is 0.3 px and more.
    assert (static.off_px[DEPTH < 3.5] > 0.2).all()
