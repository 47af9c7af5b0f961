"""One synthetic clip and its depth for all tests of the folder: matching is the slow part."""

from __future__ import annotations

import numpy as np
import pytest

from sfm_gt.config import CleanConfig
from sfm_gt.dense.patchmatch import PatchMatch
from sfm_gt.dense.shared.cleaning import Limits, clean
from sfm_gt.dense.shared.clip import densify
from sfm_gt.dense.shared.estimate import DepthEstimate
from tests.dense.scenes import Scene, film


def silent(done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture(scope="session")
def scene() -> Scene:
    return film()


@pytest.fixture(scope="session")
def estimates(scene: Scene) -> dict[int, DepthEstimate]:
    frames = scene.model.frame_indices.tolist()
    return dict(densify(scene.model, scene.load, frames, PatchMatch(), 5, 1, silent))


def valid(estimate: DepthEstimate) -> np.ndarray:
    """(h, w) bool: what cleaning leaves of an estimate at the default limits, without a second opinion from flow."""
    limits = Limits(**CleanConfig().model_dump())
    return clean(
        estimate.z_depth_sfm, estimate.sigma_sfm, estimate.outlier, estimate.hypothesis_sfm, None, limits
    ).valid
