"""Parallax is no motion; motion across the epipolar lines is found; where nothing can be told, nothing is."""

import numpy as np
import pytest

from sfm_gt.masks.epipolar_flow import EpipolarFlow, epipolar_residual
from tests.masks.scenes import CAMERA, Scene
from tests.video.make_videos import panning

MIN_RECALL = 0.7  # the first and last frames of a motion have too few partners that show it
MAX_FALSE = 0.03  # includes the 4 px margin around the board


def test_strong_parallax_is_no_motion(frozen: Scene) -> None:
    assert np.mean(EpipolarFlow().segment(frozen.frames)) < 0.002


def test_motion_across_the_epipolar_lines_is_found(jumping: Scene) -> None:
    found, truth = EpipolarFlow().segment(jumping.frames), np.array(jumping.moving)
    assert found[truth].mean() > MIN_RECALL
    assert found[~truth].mean() < MAX_FALSE


def test_chosen_frames_get_the_masks_that_they_have_among_all(jumping: Scene) -> None:
    positions = [0, 11, 23]
    found = EpipolarFlow().segment_at(jumping.frames, positions)
    assert np.array_equal(found, EpipolarFlow().segment(jumping.frames)[positions])
    assert found[1].any()


def test_nothing_is_said_of_a_standing_camera(standing: Scene) -> None:
    assert not EpipolarFlow().segment(standing.frames).any()


def test_nothing_is_said_where_one_homography_explains_all() -> None:
    frames = panning(12, step_px=3)
    for number, frame in enumerate(frames):
        frame[80:140, 100 + 4 * number : 150 + 4 * number] = panning(1, seed=3)[0][:60, :50]
    assert not EpipolarFlow().segment(frames).any()


def test_sampson_distance_by_hand() -> None:
    # Sideways motion: epipolar lines are rows. A point 3 px off its row is 3 / sqrt(2) px from both lines at once.
    sideways = np.array([[0.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    start = np.array([[[10.0, 20.0], [50.0, 60.0]]])
    end = np.array([[[14.0, 23.0], [40.0, 60.0]]])
    distance, to_line = epipolar_residual(sideways, start, end)
    assert distance == pytest.approx(np.array([[3 / np.sqrt(2), 0.0]]))
    assert to_line == pytest.approx(np.array([[[0.0, -3.0], [0.0, 0.0]]]))


def test_exact_projections_have_no_residual(frozen: Scene) -> None:
    from sfm_gt.geometry.transforms import inverse_rigid
    from sfm_gt.masks import flow
    from sfm_gt.masks.rigid_flow import rigid_flow

    a, b = frozen.views[3], frozen.views[9]
    b_from_a = b.cam_from_world @ inverse_rigid(a.cam_from_world)
    x, y, z = b_from_a[:3, 3]
    essential = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]) @ b_from_a[:3, :3]
    # F for integer-centred pixels: the principal point lies half a pixel further left and up.
    matrix = CAMERA.matrix - np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])
    fundamental = np.linalg.inv(matrix).T @ essential @ np.linalg.inv(matrix)
    start = flow.grid(240, 320).astype(np.float64)
    distance, _ = epipolar_residual(fundamental, start, start + rigid_flow(a.z_depth_sfm, CAMERA, b_from_a))
    assert np.nanmax(distance) < 1e-3
