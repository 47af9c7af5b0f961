"""Figures that betray a model, on synthetic models with one fault each, and the bounds on them."""

from __future__ import annotations

import numpy as np
import pytest

from sfm_gt.errors import Rejected
from sfm_gt.geometry.camera import project
from sfm_gt.geometry.transforms import transform_points
from sfm_gt.geometry.types import PinholeCamera, SparseModel
from sfm_gt.sfm import model_checks
from sfm_gt.sfm.verdicts import Bounds, judge, judge_connection, measure, relative_depth_sigma

CAMERA = PinholeCamera(640, 480, 500.0, 500.0, 320.0, 240.0)
N_FRAMES, N_POINTS = 24, 300
NOISE_PX = 0.4
TIMES = np.arange(N_FRAMES) / 30
BOUNDS = Bounds(0.5, 100, 2.0, 0.05, 1.0, 0.05)


def filmed(skew_px: float = 0.0, radial: float = 0.0, step: float = 0.03) -> SparseModel:
    """A sideways path past points between 2 and 5 units away; what ails the film is in the observations only."""
    rng = np.random.default_rng(0)
    points = rng.uniform([-2, -1.5, 2], [2, 1.5, 5], (N_POINTS, 3))
    poses = np.tile(np.eye(4), (N_FRAMES, 1, 1))
    poses[:, 0, 3] = -step * (np.arange(N_FRAMES) - N_FRAMES / 2)
    observations, positions = [], []
    for frame, pose in enumerate(poses):
        xy = project(CAMERA, transform_points(pose, points))
        centred = (xy - [320, 240]) / CAMERA.fx
        xy = xy + radial * centred * np.sum(centred**2, axis=1, keepdims=True) * CAMERA.fx
        xy[:, 0] += skew_px * (xy[:, 1] / 480 - 0.5)
        inside = ((xy >= 0) & (xy < [640, 480])).all(axis=1)
        observations += [(frame, point) for point in np.flatnonzero(inside)]
        positions.append(xy[inside] + rng.normal(scale=NOISE_PX, size=(inside.sum(), 2)))
    return SparseModel(CAMERA, np.arange(N_FRAMES), poses, points, np.array(observations), np.concatenate(positions))


def reason(model: SparseModel) -> tuple[str | None, float | None]:
    try:
        judge(measure(model, N_FRAMES, TIMES), BOUNDS)
    except Rejected as verdict:
        return verdict.reason, verdict.measured
    return None, None


def test_a_sound_model_passes_and_its_figures_are_noise() -> None:
    model = filmed()
    assert reason(model) == (None, None)
    # Means of 20 and more noisy residuals a cell.
    assert model_checks.residual_field_px(model) < 0.15
    assert model_checks.row_skew_px(model) < 0.5


def test_a_rolling_shutter_is_named_and_measured() -> None:
    found, skew = reason(filmed(skew_px=3.0))
    assert found == "rolling_shutter"
    assert skew == pytest.approx(3.0, rel=0.2)


def test_distortion_beyond_the_model_is_named() -> None:
    assert reason(filmed(radial=0.05))[0] == "lens_distortion"


def test_a_jump_of_the_camera_is_named_and_measured() -> None:
    model = filmed()
    poses = model.cam_from_world.copy()
    poses[10, 1, 3] += 0.5
    jumped = SparseModel(CAMERA, model.frame_indices, poses, model.points_sfm, model.observations, model.observation_px)
    depth = jumped.median_depth_sfm
    jump, frame = model_checks.trajectory_jump(jumped, TIMES)
    assert jump == pytest.approx(0.5 / depth, rel=0.02)
    assert frame == model.frame_indices[10]
    # A gap in time may hold any motion.
    assert model_checks.trajectory_jump(jumped, TIMES * 20)[0] == 0.0
    # Nor does a clock that stands still say how far the camera should have gone.
    assert model_checks.trajectory_jump(jumped, TIMES * 0)[0] == 0.0


def test_a_steady_camera_in_uneven_time_has_not_jumped() -> None:
    # A variable frame rate: frames lie where the camera got to, nearer to the one neighbour than to the other.
    times = np.cumsum(np.tile([1.0, 2.0, 1.0, 3.0], N_FRAMES // 4)) / 90
    model = filmed()
    poses = model.cam_from_world.copy()
    poses[:, 0, 3] = -0.9 * times
    steady = SparseModel(CAMERA, model.frame_indices, poses, model.points_sfm, model.observations, model.observation_px)
    # Of an even speed nothing is left but rounding.
    assert model_checks.trajectory_jump(steady, times)[0] < 1e-9


def test_depth_accuracy_by_hand() -> None:
    # 1 px at a focal length of 1000 px is 0.001 rad, a tenth of 0.01 rad.
    assert relative_depth_sigma(1000.0, np.degrees(0.01), 1.0) == pytest.approx(0.1)


def test_too_short_a_path_is_refused_for_its_parallax() -> None:
    found, sigma = reason(filmed(step=0.0006))
    assert found == "small_parallax"
    assert sigma > BOUNDS.max_rel_depth_sigma


def test_many_keyframes_of_another_model_amid_the_chosen_one_are_refused() -> None:
    keyframes = [f"{i:06d}.png" for i in range(20)]
    judge_connection([set(keyframes)], 20)
    judge_connection([set(keyframes[:12]), set(keyframes[11:])], 20)
    judge_connection([set(keyframes), set(keyframes[::2])], 20)
    with pytest.raises(Rejected) as verdict:
        judge_connection([set(keyframes[:6] + keyframes[14:]), set(keyframes[6:14])], 20)
    assert (verdict.value.reason, verdict.value.measured) == ("disconnected_models", 0.4)
