"""What every plug-in of dense/ promises, whichever methods lie in the folder.

A method that needs CUDA is held to its error line where there is none; any other method that fails here fails the test.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from sfm_gt import registry
from sfm_gt.config import DenseConfig
from sfm_gt.dense.shared.clip import densify
from sfm_gt.dense.shared.estimate import DepthEstimate
from sfm_gt.errors import InputError
from tests.dense.conftest import silent
from tests.dense.scenes import Scene, film

METHODS = registry.names("dense")
N_NEIGHBOURS = 3


def needs_more_than_this_machine(name: str) -> bool:
    # Imported after OpenCV, whose PNG writer else aborts the process.
    import pycolmap

    return getattr(registry.load("dense", name), "needs_cuda", False) and not pycolmap.has_cuda


def run(name: str, scene: Scene, n_workers: int) -> dict[int, DepthEstimate]:
    method = registry.load("dense", name)()
    frames = scene.model.frame_indices.tolist()
    return dict(densify(scene.model, scene.load, frames, method, N_NEIGHBOURS, n_workers, silent))


@pytest.fixture(scope="module")
def scene() -> Scene:
    return film(4)


@pytest.fixture(scope="module", params=METHODS)
def name(request: pytest.FixtureRequest) -> str:
    if needs_more_than_this_machine(request.param):
        pytest.skip(f"{request.param} needs CUDA, which this machine lacks: only its error line was tested")
    return request.param


@pytest.fixture(scope="module")
def found(name: str, scene: Scene) -> dict[int, DepthEstimate]:
    return run(name, scene, 1)


def test_the_default_method_runs_anywhere() -> None:
    assert not getattr(registry.load("dense", DenseConfig().method), "needs_cuda", False)


@pytest.mark.parametrize("name", [name for name in METHODS if needs_more_than_this_machine(name)])
def test_a_method_that_cannot_run_says_so_in_one_line(name: str) -> None:
    with pytest.raises(InputError, match=rf"method {name}.*needs.*(install|set)") as caught:
        registry.load("dense", name)()
    assert "\n" not in str(caught.value)


class TestEveryMethod:
    def test_shapes_types_and_nan_where_invalid(self, found: dict[int, DepthEstimate], scene: Scene) -> None:
        assert list(found) == scene.model.frame_indices.tolist()
        for estimate in found.values():
            shape = scene.truth[0].shape
            assert estimate.z_depth_sfm.shape == estimate.sigma_sfm.shape == estimate.hypothesis_sfm.shape == shape
            assert estimate.normal_cam.shape == (*shape, 3)
            assert estimate.z_depth_sfm.dtype == estimate.sigma_sfm.dtype == np.float32
            assert estimate.hypothesis_sfm.dtype == estimate.normal_cam.dtype == np.float32
            valid = np.isfinite(estimate.z_depth_sfm)
            assert valid.any()
            assert (estimate.z_depth_sfm[valid] > 0).all()
            assert (estimate.sigma_sfm[valid] > 0).all()
            assert np.isnan(estimate.z_depth_sfm[~valid]).all()
            assert np.isnan(estimate.sigma_sfm[~valid]).all()

    def test_odds_of_an_outlier_belong_to_depth_and_inferred_depth_lies_elsewhere(
        self, found: dict[int, DepthEstimate], scene: Scene
    ) -> None:
        for estimate in found.values():
            known = np.isfinite(estimate.z_depth_sfm)
            assert estimate.outlier.shape == estimate.inferred_sfm.shape == scene.truth[0].shape
            assert estimate.outlier.dtype == estimate.inferred_sfm.dtype == np.float32
            assert ((estimate.outlier[known] >= 0) & (estimate.outlier[known] <= 1)).all()
            assert np.isnan(estimate.outlier[~known]).all()
            assert np.isnan(estimate.inferred_sfm[known]).all()
            assert not (estimate.inferred_sfm <= 0).any()

    def test_depth_is_that_of_the_scene(self, found: dict[int, DepthEstimate], scene: Scene) -> None:
        for k, estimate in enumerate(found.values()):
            error = np.abs(estimate.z_depth_sfm / scene.truth[k] - 1.0)
            assert np.nanmedian(error) < 0.01

    def test_results_repeat_for_any_number_of_threads_and_input_stays(
        self, name: str, found: dict[int, DepthEstimate], scene: Scene
    ) -> None:
        images = [view.image.copy() for view in scene.views]
        poses = scene.model.cam_from_world.copy()
        again = run(name, scene, 3)
        for frame_index, estimate in found.items():
            assert np.array_equal(estimate.z_depth_sfm, again[frame_index].z_depth_sfm, equal_nan=True)
            assert np.array_equal(estimate.sigma_sfm, again[frame_index].sigma_sfm, equal_nan=True)
            assert np.array_equal(estimate.outlier, again[frame_index].outlier, equal_nan=True)
            assert np.array_equal(estimate.inferred_sfm, again[frame_index].inferred_sfm, equal_nan=True)
        assert all(np.array_equal(a, view.image) for a, view in zip(images, scene.views, strict=True))
        assert np.array_equal(poses, scene.model.cam_from_world)


def test_methods_import_without_torch_and_pycolmap() -> None:
    modules = ", ".join(f"sfm_gt.dense.{name}" for name in METHODS)
    code = f"import sys, {modules}; sys.exit(any(name in sys.modules for name in ('torch', 'pycolmap')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
