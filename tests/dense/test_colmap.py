"""COLMAP as a method: its workspace, its maps and its error line. Patch match itself needs CUDA; a stand-in takes its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pycolmap
import pytest

from sfm_gt.dense.colmap import Colmap, choose_sources, image_name, stated_sigma, write_workspace
from sfm_gt.dense.shared.estimate import DepthEstimate
from sfm_gt.errors import InputError
from sfm_gt.geometry.types import PinholeCamera, SparseModel, View
from tests.dense.conftest import silent
from tests.dense.scenes import CAMERA, Scene

NEIGHBOURS = {0: [10, 20], 10: [0, 20], 20: [10, 0]}
# The last one sees no sparse point.
FRAMES = [0, 10, 20, 30]
# Rows of the maps that the stand-in leaves empty, as COLMAP's filter does: zeros.
EMPTY_ROWS = slice(0, 7)


def exact_patch_match(scene: Scene, seen: list[Any]) -> Callable[..., None]:
    """A stand-in that writes the exact depth into the workspace and keeps what it was called with."""

    def run(workspace: Path, options: pycolmap.PatchMatchOptions) -> None:
        seen.append((pycolmap.Reconstruction(workspace / "sparse").num_reg_images(), options))
        for frame_index in NEIGHBOURS:
            depth = scene.truth[scene.model.row_of(frame_index)].copy()
            normal = np.zeros((*depth.shape, 3), dtype=np.float32)
            normal[..., 2] = -1.0
            for stage in ("photometric", "geometric"):
                name = f"{image_name(frame_index)}.{stage}.bin"
                pycolmap.DepthMap.from_array(depth, 1.0, 10.0).write(workspace / "stereo/depth_maps" / name)
                pycolmap.NormalMap.from_array(normal).write(workspace / "stereo/normal_maps" / name)
                depth[EMPTY_ROWS] = 0.0

    return run


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch, scene: Scene) -> list[Any]:
    """A pycolmap that says it has CUDA and whose patch match is the stand-in; the list holds its calls."""
    calls: list[Any] = []
    monkeypatch.setattr(pycolmap, "has_cuda", True)
    monkeypatch.setattr(pycolmap, "patch_match_stereo", exact_patch_match(scene, calls))
    return calls


def densified(scene: Scene, load: Callable[[int], View] | None = None) -> dict[int, DepthEstimate]:
    model = scene.model
    seen = model.observations[:, 0] != model.row_of(FRAMES[-1])
    poorer = replace(model, observations=model.observations[seen], observation_px=model.observation_px[seen])
    return dict(Colmap().densify_clip(poorer, load or scene.load, FRAMES, 5, 1, silent))


def test_without_cuda_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pycolmap, "has_cuda", False)
    with pytest.raises(InputError, match=r"without CUDA.*pycolmap-cuda12.*method: patchmatch") as caught:
        Colmap()
    assert "\n" not in str(caught.value)


class TestWorkspace:
    @pytest.fixture
    def folder(self, scene: Scene, tmp_path: Path) -> Path:
        write_workspace(tmp_path, scene.model, scene.load, NEIGHBOURS)
        return tmp_path

    def test_poses_camera_and_observations_come_back(self, scene: Scene, folder: Path) -> None:
        found = pycolmap.Reconstruction(folder / "sparse")
        assert found.num_reg_images() == 3
        assert found.camera(1).model_name == "PINHOLE"
        assert np.allclose(found.camera(1).calibration_matrix(), CAMERA.matrix)
        for row, frame_index in enumerate(NEIGHBOURS):
            image = found.find_image_with_name(image_name(frame_index))
            assert np.allclose(image.cam_from_world().matrix(), scene.model.cam_from_world[row, :3], atol=1e-9)
            mine = scene.model.observations[:, 0] == row
            assert np.allclose([point.xy for point in image.points2D], scene.model.observation_px[mine])
            points = np.array([found.point3D(point.point3D_id).xyz for point in image.points2D])
            assert np.allclose(points, scene.model.points_sfm[scene.model.observations[mine, 1]])

    def test_colmap_reads_the_depth_ranges_of_the_scene(self, scene: Scene, folder: Path) -> None:
        model = pycolmap.MVSModel()
        model.read_from_colmap(folder)
        for row, (near, far) in enumerate(model.compute_depth_ranges()):
            assert 0.5 * scene.truth[row].min() < near < far < 2.0 * scene.truth[row].max()

    def test_pairs_and_images(self, scene: Scene, folder: Path) -> None:
        lines = (folder / "stereo" / "patch-match.cfg").read_text().splitlines()
        assert lines[:4] == ["000000.png", "000010.png, 000020.png", "000010.png", "000000.png, 000020.png"]
        image = cv2.imread(str(folder / "images" / "000010.png"), cv2.IMREAD_COLOR_RGB)
        assert np.array_equal(image, scene.load(10).image)


def test_sources_are_chosen_among_the_frames_and_one_view_is_too_few(scene: Scene) -> None:
    found = choose_sources(scene.model, FRAMES, 2)
    assert list(found) == FRAMES
    assert all(
        len(others) == 2 and frame not in others and set(others) <= set(FRAMES) for frame, others in found.items()
    )
    with pytest.raises(InputError, match="at least 2"):
        choose_sources(one_view(scene), [0], 2)


def one_view(scene: Scene) -> SparseModel:
    model = scene.model
    mine = model.observations[:, 0] == 0
    return replace(
        model, frame_indices=model.frame_indices[:1], cam_from_world=model.cam_from_world[:1],
        observations=model.observations[mine], observation_px=model.observation_px[mine],
    )  # fmt: skip


class TestDensify:
    def test_maps_are_read_and_zeros_are_invalid(self, scene: Scene, cuda: list[Any]) -> None:
        found = densified(scene)
        assert list(found) == FRAMES
        for frame_index in NEIGHBOURS:
            estimate, truth = found[frame_index], scene.truth[scene.model.row_of(frame_index)]
            valid = np.isfinite(estimate.z_depth_sfm)
            assert not valid[EMPTY_ROWS].any()
            assert valid.mean() > 0.8
            assert np.array_equal(estimate.z_depth_sfm[valid], truth[valid])
            assert np.array_equal(np.isfinite(estimate.sigma_sfm), valid)
            assert np.array_equal(estimate.hypothesis_sfm, truth)
            assert np.array_equal(estimate.n_consistent > 0, valid)
            assert {each.dtype for each in (estimate.z_depth_sfm, estimate.sigma_sfm, estimate.normal_cam)} == {
                np.dtype(np.float32)
            }

    def test_frame_without_neighbours_is_empty(self, scene: Scene, cuda: list[Any]) -> None:
        assert not np.isfinite(densified(scene)[30].hypothesis_sfm).any()

    def test_no_more_agreement_is_asked_for_than_there_are_neighbours(self, scene: Scene, cuda: list[Any]) -> None:
        densified(scene)
        ((n_images, options),) = cuda
        assert n_images == 3
        assert options.filter_min_num_consistent == 2
        assert options.geom_consistency

    def test_map_that_is_missing_is_an_error(
        self, scene: Scene, cuda: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pycolmap, "patch_match_stereo", lambda workspace, options: None)
        with pytest.raises(InputError, match="no geometric map of frame 0"):
            densified(scene)


def test_masked_pixels_are_black_and_the_margin_of_a_patch_around_them_is_dropped(
    scene: Scene, cuda: list[Any], tmp_path: Path
) -> None:
    usable = scene.views[0].usable.copy()
    usable[60:80, 100:120] = False
    views = {frame: scene.load(frame) for frame in FRAMES}
    views[0] = replace(views[0], usable=usable)
    write_workspace(tmp_path, scene.model, views.__getitem__, NEIGHBOURS)
    image = cv2.imread(str(tmp_path / "images" / "000000.png"))
    assert not image[~usable].any()
    found = densified(scene, views.__getitem__)[0]
    reach = pycolmap.PatchMatchOptions().window_radius
    assert not np.isfinite(found.z_depth_sfm[60 - reach : 80 + reach, 100 - reach : 120 + reach]).any()
    assert np.isfinite(found.z_depth_sfm[70, 100 - reach - 1])
    assert np.isnan(found.hypothesis_sfm[~usable]).all()


class TestStatedSigma:
    def test_sideways_baseline_by_hand(self) -> None:
        """One pixel of disparity f b / z is z^2 / (f b) of depth: 16 / (200 * 0.4) = 0.2."""
        camera, here, aside = PinholeCamera(40, 30, 200.0, 200.0, 20.0, 15.0), np.eye(4), np.eye(4)
        aside[0, 3] = 0.1
        farther = np.eye(4)
        farther[0, 3] = -0.4
        depth = np.full((30, 40), 4.0, dtype=np.float32)
        sigma = stated_sigma(camera, depth, here, [aside, farther])
        # The farther neighbour is the better one, where the point lies inside its image: it moves 20 px to the left.
        assert np.allclose(sigma[:, 21:], 0.2, rtol=2e-3)
        assert np.allclose(sigma[:, :19], 0.8, rtol=2e-3)

    def test_unseen_and_unknown_pixels_have_no_finite_sigma(self) -> None:
        camera, behind = PinholeCamera(8, 6, 100.0, 100.0, 4.0, 3.0), np.diag([-1.0, 1.0, -1.0, 1.0])
        depth = np.full((6, 8), 2.0, dtype=np.float32)
        depth[0, 0] = 0.0
        assert np.isinf(stated_sigma(camera, depth, np.eye(4), [behind])).all()
        assert np.isinf(stated_sigma(camera, depth, np.eye(4), [np.eye(4)])).all()
