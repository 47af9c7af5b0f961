"""The clean stage on a clip whose earlier stages are written by hand: layout, counts, and what is passed on."""

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from sfm_gt.config import CleanConfig
from sfm_gt.dense.shared.cleaning import NO_DEPTH, Rule
from sfm_gt.formats.dense_maps import frames_with_maps, read_dense_maps, write_dense_maps
from sfm_gt.formats.manifest import Manifest, read_manifest, write_manifest
from sfm_gt.formats.sparse_model import read_sparse_model, write_sparse_model
from sfm_gt.formats.workspace import Workspace
from sfm_gt.sfm.clip_views import MODEL_NAME
from sfm_gt.stages import clean
from tests.masks.scenes import Rectangle, film
from tests.stages.test_moving import CLIP, write_clip

LATER = 2
STILL = Rectangle((-0.1, -0.9, 3.2), (0.7, 0, 0), (0, 1.5, 0), 9)
UNCERTAIN, WRONG, EMPTY = (
    (slice(150, 160), slice(20, 60)),
    (slice(20, 60), slice(240, 290)),
    (slice(0, 5), slice(0, 320)),
)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Eight frames of true depth, but for three blocks."""
    workspace = Workspace(tmp_path_factory.mktemp("clean"))
    write_clip(workspace, film(8, (STILL,)))
    dense = workspace.clip_stage(CLIP, "dense")
    for frame_index in frames_with_maps(dense):
        depth = read_dense_maps(dense, frame_index, "z_depth_sfm")[0].copy()
        depth[WRONG] *= 1.6
        depth[EMPTY] = np.nan
        sigma = 0.01 * depth
        sigma[UNCERTAIN] = 0.12 * depth[UNCERTAIN]
        maps = {"z_depth_sfm": depth, "sigma_sfm": sigma, "outlier": 0.0 * depth, "hypothesis_sfm": depth}
        write_dense_maps(dense, frame_index, maps)
    return workspace


def read(workspace: Workspace, first: int = 0) -> np.ndarray:
    folder = workspace.clip_stage(CLIP, "clean")
    return np.stack([cv2.imread(str(folder / f"{first + i:06d}.png"), cv2.IMREAD_UNCHANGED) for i in range(8)])


def test_every_pixel_names_its_rule_and_the_manifest_counts_them(workspace: Workspace) -> None:
    manifest = clean.run(workspace, CLIP, CleanConfig())
    assert manifest == read_manifest(workspace.clip_stage(CLIP, "clean"))
    found = read(workspace)
    assert found.dtype == np.uint8
    assert (found[:, *EMPTY] == NO_DEPTH).all()
    assert (found[:, *UNCERTAIN] == Rule.UNCERTAIN).all()
    # Some of its rim belongs to other rules, and flow says nothing of what leaves the image.
    assert (found[:, *WRONG] == Rule.AGAINST_PARALLAX).mean() > 0.5
    measures = manifest.measures
    assert (measures["frames"], measures["pixels"]) == (8, found.size)
    assert measures["pixels_valid"] == (found == 0).sum()
    assert [measures[f"dropped_{rule.label}"] for rule in Rule] == [(found == rule).sum() for rule in Rule]
    assert sum(measures[f"dropped_{rule.label}"] for rule in Rule) + (found == 0).sum() == measures["pixels_with_depth"]


def test_the_threshold_of_sigma_decides(workspace: Workspace) -> None:
    clean.run(workspace, CLIP, CleanConfig(max_rel_sigma=0.15))
    assert (read(workspace)[:, *UNCERTAIN] == 0).mean() > 0.9
    clean.run(workspace, CLIP, CleanConfig(max_rel_sigma=0.005))
    assert (read(workspace) != 0).all()


def test_an_earlier_verdict_is_passed_on(tmp_path: Path) -> None:
    dense = Workspace(tmp_path).clip_stage(CLIP, "dense")
    dense.mkdir(parents=True)
    write_manifest(dense, Manifest("sfm", 1, "rejected", "no_parallax", "too little parallax", 0.4, 1.0))
    manifest = clean.run(Workspace(tmp_path), CLIP, CleanConfig())
    assert (manifest.status, manifest.reason) == ("skipped", "no_parallax")


def test_a_clip_may_begin_at_any_frame_of_its_video(workspace: Workspace, tmp_path: Path) -> None:
    clean.run(workspace, CLIP, CleanConfig())
    expected = read(workspace)
    late = Workspace(tmp_path / "out")
    for stage in ("frames", "sfm", "dense"):
        shutil.copytree(workspace.clip_stage(CLIP, stage), late.clip_stage(CLIP, stage))
    # By two only: most numbers then name a frame before and after, and mixing them up shows in the verdicts alone.
    for path in sorted([*late.clip_stage(CLIP, "frames").glob("0*.png"), *late.clip_stage(CLIP, "dense").glob("*.parquet")],
                       reverse=True):  # fmt: skip
        path.rename(path.with_stem(f"{int(path.stem) + LATER:06d}"))
    sparse = late.clip_stage(CLIP, "sfm") / MODEL_NAME
    model = read_sparse_model(sparse)
    write_sparse_model(sparse, replace(model, frame_indices=model.frame_indices + LATER))
    clean.run(late, CLIP, CleanConfig())
    np.testing.assert_array_equal(read(late, LATER), expected)
