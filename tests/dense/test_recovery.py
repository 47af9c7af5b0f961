"""Depth of a scene whose exact depth is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from sfm_gt.dense.patchmatch import PatchMatch
from sfm_gt.dense.shared.clip import densify
from sfm_gt.dense.shared.estimate import DepthEstimate
from sfm_gt.geometry.camera import pixel_grid, unproject
from sfm_gt.geometry.transforms import inverse_rigid
from tests.dense.conftest import silent, valid
from tests.dense.scenes import BOARD, CAMERA, WALL, Scene, scaled

# Median relative error. One pixel of displacement in a typical pair is 5 % of depth here, and the images carry noise of
# one grey level: below a thousandth of a pixel the truth would have leaked, above 0.07 px the sub-pixel fit is broken. A patch
# heeds what is alike to 10 grey levels, which is little of this harsh texture: 0.056 px (measured; 0.034 px with 25 levels).
MEDIAN_ERROR = (5e-5, 3.5e-3)
# Every pixel of the scene has texture; what is left out lies beside the board's outline and at the image border.
LEAST_SHARE = 0.75
# 92 % (measured; 98 % with 25 grey levels).
WITHIN_1_PERCENT = 0.90
# Share of the pixels within two of an outline whose own answer is off by 3 %. A patch of 9 pixels straddles outlines there:
# it leaves 33 %, one of half the width 22 % (measured); the bound lies between.
OUTLINE_PX, OUTLINE_WRONG = 2, 0.27
# One standard deviation of a normal is 68 %; the factor was fitted on another scene, and this one has no pose errors.
SIGMA_COVERAGE = (0.55, 0.90)
# Planes are fitted over 11 pixels, where an error of 0.03 px tilts them by some degrees; their mean must not lean.
MEAN_NORMAL_DEG, SINGLE_NORMAL_DEG = 3.0, 10.0
# float32 inverse depths round differently in another unit, and a flipped choice between two planes moves single pixels.
EQUIVARIANCE_REL, EQUIVARIANCE_SHARE = 1e-3, 0.99


def _errors(scene: Scene, estimates: dict[int, DepthEstimate]) -> tuple[np.ndarray, np.ndarray]:
    """Relative errors of all valid pixels, and sigma over truth."""
    error, sigma = [], []
    for frame_index, estimate in estimates.items():
        truth = scene.truth[scene.model.row_of(frame_index)]
        answered = valid(estimate)
        error.append(np.abs(estimate.z_depth_sfm - truth)[answered] / truth[answered])
        sigma.append(estimate.sigma_sfm[answered] / truth[answered])
    return np.concatenate(error), np.concatenate(sigma)


class TestAccuracy:
    def test_error_is_bounded_from_both_sides(self, scene: Scene, estimates: dict[int, DepthEstimate]) -> None:
        error, _ = _errors(scene, estimates)
        assert MEDIAN_ERROR[0] < np.median(error) < MEDIAN_ERROR[1]
        assert (error < 0.01).mean() > WITHIN_1_PERCENT

    def test_most_of_the_scene_is_answered(self, estimates: dict[int, DepthEstimate]) -> None:
        shares = [valid(each).mean() for each in estimates.values()]
        assert np.mean(shares) > LEAST_SHARE

    def test_surfaces_end_at_their_outlines(self, scene: Scene, estimates: dict[int, DepthEstimate]) -> None:
        beside, window = np.ones((3, 3), np.uint8), np.ones((2 * OUTLINE_PX + 1, 2 * OUTLINE_PX + 1), np.uint8)
        wrong = []
        for truth, estimate in zip(scene.truth, estimates.values(), strict=True):
            outline = (cv2.dilate(truth, beside) > 1.1 * cv2.erode(truth, beside)).astype(np.uint8)
            near = cv2.dilate(outline, window) > 0
            wrong.append((~(np.abs(estimate.hypothesis_sfm / truth - 1.0) < 0.03))[near].mean())
        assert np.mean(wrong) < OUTLINE_WRONG

    def test_sigma_covers_the_error(self, scene: Scene, estimates: dict[int, DepthEstimate]) -> None:
        error, sigma = _errors(scene, estimates)
        assert SIGMA_COVERAGE[0] < (error < sigma).mean() < SIGMA_COVERAGE[1]

    def test_small_sigma_means_small_error(self, scene: Scene, estimates: dict[int, DepthEstimate]) -> None:
        error, sigma = _errors(scene, estimates)
        low, high = np.percentile(sigma, [25, 75])
        assert error[sigma <= low].mean() < 0.5 * error[sigma >= high].mean()

    def test_normals_are_those_of_the_planes(self, scene: Scene, estimates: dict[int, DepthEstimate]) -> None:
        row = 2
        view, estimate = scene.views[row], estimates[scene.views[row].frame_index]
        answered = valid(estimate)
        on_board = _plane_distance(scene, row, BOARD) < _plane_distance(scene, row, WALL)
        for plane, here in ((BOARD, on_board & answered), (WALL, ~on_board & answered)):
            normal = view.cam_from_world[:3, :3] @ (plane[1] / np.linalg.norm(plane[1]))
            found = estimate.normal_cam[here]
            assert _degrees(np.median(found @ normal)) < SINGLE_NORMAL_DEG
            mean = found.mean(axis=0)
            assert _degrees(mean @ normal / np.linalg.norm(mean)) < MEAN_NORMAL_DEG


def _degrees(cosine: float) -> float:
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def _plane_distance(scene: Scene, row: int, plane: tuple) -> np.ndarray:
    """Distance of every true surface point of a view from an (endless) plane."""
    points = unproject(CAMERA, pixel_grid(CAMERA.width, CAMERA.height), scene.truth[row].astype(np.float64))
    world_from_cam = inverse_rigid(scene.views[row].cam_from_world)
    world = points @ world_from_cam[:3, :3].T + world_from_cam[:3, 3]
    return np.abs((world - plane[0]) @ (plane[1] / np.linalg.norm(plane[1])))


class TestContract:
    def test_shapes_types_and_nan_together(self, estimates: dict[int, DepthEstimate]) -> None:
        for each in estimates.values():
            shape = (CAMERA.height, CAMERA.width)
            assert each.z_depth_sfm.shape == each.sigma_sfm.shape == each.hypothesis_sfm.shape == shape
            assert each.normal_cam.shape == (*shape, 3)
            assert {each.z_depth_sfm.dtype, each.sigma_sfm.dtype, each.normal_cam.dtype} == {np.dtype(np.float32)}
            assert each.n_consistent.dtype == np.uint8
            assert each.outlier.shape == each.inferred_sfm.shape == shape
            valid = np.isfinite(each.z_depth_sfm)
            assert (np.isfinite(each.sigma_sfm) == valid).all()
            assert (np.isfinite(each.normal_cam).all(axis=-1) == valid).all()
            assert (each.z_depth_sfm[valid] > 0).all()
            assert (each.sigma_sfm[valid] > 0).all()
            assert (each.n_consistent[valid] >= 1).all()

    @pytest.mark.parametrize("n_workers", [3])
    def test_same_bytes_for_any_number_of_workers(
        self, scene: Scene, estimates: dict[int, DepthEstimate], n_workers: int
    ) -> None:
        frames = scene.model.frame_indices.tolist()
        again = dict(densify(scene.model, scene.load, frames, PatchMatch(), 5, n_workers, silent))
        assert list(again) == list(estimates)
        for frame_index, each in estimates.items():
            for name in (
                "z_depth_sfm", "sigma_sfm", "normal_cam", "hypothesis_sfm", "n_consistent", "outlier", "inferred_sfm",
            ):  # fmt: skip
                assert getattr(again[frame_index], name).tobytes() == getattr(each, name).tobytes()

    def test_a_world_three_times_as_large(self, scene: Scene, estimates: dict[int, DepthEstimate]) -> None:
        large = scaled(scene, 3.0)
        frames = large.model.frame_indices.tolist()
        for frame_index, each in densify(large.model, large.load, frames, PatchMatch(), 5, 1, silent):
            before = estimates[frame_index]
            both = np.isfinite(each.z_depth_sfm) & np.isfinite(before.z_depth_sfm)
            assert both.sum() > EQUIVARIANCE_SHARE * np.isfinite(before.z_depth_sfm).sum()
            for name in ("z_depth_sfm", "sigma_sfm"):
                ratio = getattr(each, name)[both] / getattr(before, name)[both] / 3.0
                assert (np.abs(ratio - 1.0) < EQUIVARIANCE_REL).mean() > EQUIVARIANCE_SHARE

    def test_progress_counts_up_to_the_end(self, scene: Scene) -> None:
        seen: list[tuple[int, int]] = []
        frames = scene.model.frame_indices.tolist()[:2]
        list(
            densify(scene.model, scene.load, frames, PatchMatch(), 5, 1, lambda done, total: seen.append((done, total)))
        )
        # Two frames are asked for, and all of this short scene are searched in two passes to see them from.
        n_steps = 2 + 2 * len(scene.model.frame_indices)
        assert seen == [(step, n_steps) for step in range(1, n_steps + 1)]
