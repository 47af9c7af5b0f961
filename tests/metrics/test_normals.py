"""Normals from depth: planes by hand, against a plain reimplementation of relative normals, and what they do not depend on."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sfm_gt.geometry.camera import pixel_grid, unproject
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.metrics.evaluation import EvaluatedFrame, Evaluation
from sfm_gt.metrics.grading import FramePrediction, GtFrame
from sfm_gt.metrics.leaderboard import rows
from sfm_gt.metrics.normals import N_PAIRS, NORMALS, RADIUS_PX, SCALES, NormalsGt
from sfm_gt.metrics.protocol import load_protocol

HEIGHT, WIDTH = 120, 160
CAMERA = PinholeCamera(WIDTH, HEIGHT, 150.0, 140.0, 70.0, 65.0)
SEED = (3, 5)
# float32 depth and inverse depth: 1e-7 of 1 / z over slopes of 1e-3 a pixel.
ROUNDING_DEG = 0.02
RAYS = unproject(CAMERA, pixel_grid(WIDTH, HEIGHT), np.ones((HEIGHT, WIDTH)))


def _plane(*normal):
    """z-depth of the plane n X = 3 that is seen everywhere."""
    return (3.0 / (RAYS @ (np.array(normal) / np.linalg.norm(normal)))).astype(np.float32)


def _wavy(amplitude):
    return (_plane(0.1, 0.2, 1) * (1 + amplitude * np.sin(np.arange(WIDTH) / 4))).astype(np.float32)


def test_the_angle_between_two_planes_is_that_of_their_normals():
    one, other = (0.2, -0.3, 1.0), (0.2, 0.1, 1.0)
    angle = math.degrees(math.acos(np.dot(one, other) / np.linalg.norm(one) / np.linalg.norm(other)))
    found = NormalsGt(_plane(*one), CAMERA, SEED).figures(_plane(*other))
    assert 11.25 < angle < 22.5
    assert found["normal_mean_deg"] == pytest.approx(angle, abs=ROUNDING_DEG)
    assert found["normal_median_deg"] == pytest.approx(angle, abs=ROUNDING_DEG)
    assert (found["normal_11"], found["normal_22"], found["normal_30"]) == (0.0, 1.0, 1.0)


def test_a_tilted_plane_has_the_right_relative_normals_and_a_wavy_one_has_not():
    gt = NormalsGt(_plane(0.1, 0.2, 1), CAMERA, SEED)
    tilted, wavy = gt.figures(_plane(0.5, 0.2, 1)), gt.figures(_wavy(0.01))
    # Triangles two pixels wide: rounding of depth alone turns them by 1e-2 degrees.
    assert tilted["rel_normal_deg"] < 0.1
    assert tilted["normal_mean_deg"] > 15
    assert wavy["rel_normal_deg"] > 5


def test_scale_does_not_count_and_shift_does():
    gt = NormalsGt(_plane(0.1, 0.2, 1), CAMERA, SEED)
    one, scaled = gt.figures(_wavy(0.01)), gt.figures(7 * _wavy(0.01))
    assert scaled == pytest.approx(one, rel=1e-3)
    assert gt.figures(_plane(0.1, 0.2, 1) + 1)["normal_mean_deg"] > 1


def test_windows_across_a_step_of_the_gt_are_left_out():
    depth = _plane(0, 0, 1)
    nearer = depth.copy()
    depth[:, 81:] *= 2
    # Across the step, normals point to opposite sides.
    nearer[:, 81:] /= 2
    found = NormalsGt(depth, CAMERA, SEED).figures(nearer)
    assert found["normal_mean_deg"] == pytest.approx(0, abs=ROUNDING_DEG)
    # Where the GT is smooth, a step of the prediction is an error.
    assert NormalsGt(_plane(0, 0, 1), CAMERA, SEED).figures(nearer)["normal_mean_deg"] > 1


def test_missing_predictions_are_no_errors():
    plane = _plane(0.1, 0.2, 1)
    holes = np.where(np.random.default_rng(0).random(plane.shape) < 0.02, np.nan, plane)
    found = NormalsGt(plane, CAMERA, SEED).figures(holes)
    assert found["normal_mean_deg"] == pytest.approx(0, abs=ROUNDING_DEG)
    assert found["rel_normal_deg"] == pytest.approx(0, abs=ROUNDING_DEG)
    nothing = NormalsGt(plane, CAMERA, SEED).figures(np.full_like(plane, np.nan))
    assert all(math.isnan(nothing[name]) for name in NORMALS)
    assert math.isnan(NormalsGt(plane[:2, :2], CAMERA, SEED).figures(plane[:2, :2])["rel_normal_deg"])


def _plain_relative_normals(depth, gt, n_pairs):
    """EvalMDE's definition in plain arrays, with pairs of its own; mean over scales, degrees."""

    def normals(points):
        first, second = points[2:, :-2] - points[:-2, :-2], points[:-2, 2:] - points[:-2, :-2]
        normal = np.cross(first, second)
        return normal / np.linalg.norm(normal, axis=-1, keepdims=True)

    rng, means = np.random.default_rng(9), []
    for scale in SCALES:
        middle = (scale - 1) // 2  # of the four next to the middle its code takes the first
        maps = [normals((RAYS * z[..., None])[middle::scale, middle::scale].astype(np.float64)) for z in (depth, gt)]
        height, width = maps[0].shape[:2]
        radius = max(RADIUS_PX // scale, 3)
        one = rng.integers(0, (height, width), (n_pairs, 2))
        other = one + rng.integers(-radius, radius, one.shape)
        inside = ((other >= 0) & (other < (height, width))).all(axis=1)
        i, j, k, m = *one[inside].T, *other[inside].T
        angles = [np.degrees(np.arccos(np.clip((n[i, j] * n[k, m]).sum(-1), -1, 1))) for n in maps]
        means.append(np.abs(angles[0] - angles[1]).mean())
    return np.mean(means)


def test_relative_normals_agree_with_their_definition():
    rng = np.random.default_rng(1)
    gt = _wavy(0.02)
    depth = (gt * (1 + 0.003 * rng.normal(size=gt.shape))).astype(np.float32)
    expected = _plain_relative_normals(depth, gt, 200_000)
    found = NormalsGt(gt, CAMERA, SEED).figures(depth)["rel_normal_deg"]
    # Angles are off by some 20 degrees: N_PAIRS of them on four scales leave 0.15.
    assert found == pytest.approx(expected, abs=4 * 20 / math.sqrt(4 * N_PAIRS))


def _row(kind, depth, gt, alignment, camera=CAMERA, own=None):
    nowhere = np.zeros(gt.shape, bool)
    frame = EvaluatedFrame(
        "v", "v", 0, GtFrame(gt, nowhere, nowhere, None, True, camera), None, None, None,
        {"m": FramePrediction(kind, depth, camera=own)},
    )  # fmt: skip
    evaluation = Evaluation([load_protocol("sfm_gt").completed(0.1, 1000.0, 10)], {"m": kind})
    evaluation.add(evaluation.grade(frame, evaluation.pools("clip", 1)))
    return next(row for row in rows(evaluation, "sfm_gt", 0) if row["alignment"] == alignment)


def test_normals_are_those_of_aligned_depth():
    gt = _wavy(0.05)
    disparity = _row("affine_invariant_disparity", 3 / gt + 7, gt, "ls_affine_disparity")
    depth = _row("affine_invariant_depth", 3 * gt - 1, gt, "ls_affine_depth")
    assert disparity["normal_mean_deg"] < 0.1
    assert depth["normal_mean_deg"] < 0.1
    assert math.isnan(_row("metric_depth", gt, gt, "none", camera=None)["normal_mean_deg"])


def test_a_wrong_focal_length_is_an_error_of_points_and_of_nothing_else():
    gt = _wavy(0.05)
    wide = PinholeCamera(WIDTH, HEIGHT, CAMERA.fx / 1.2, CAMERA.fy / 1.2, CAMERA.cx, CAMERA.cy)
    row = _row("metric_depth", gt, gt, "none", own=wide)
    points, truth = RAYS * [1.2, 1.2, 1] * gt[..., None], RAYS * gt[..., None]
    distance = np.linalg.norm(points - truth, axis=-1) / np.linalg.norm(truth, axis=-1)
    assert row["abs_rel"] == 0.0
    assert row["point_rel"] == pytest.approx(distance.mean(), rel=1e-5)
    assert row["point_delta1"] == 1.0
    assert _row("metric_depth", gt * np.float32(1.5), gt, "none", own=CAMERA)["point_rel"] == pytest.approx(
        0.5, rel=1e-5
    )
    assert math.isnan(_row("metric_depth", gt, gt, "none")["point_rel"])
