"""The moving stage on a clip whose earlier stages are written by hand."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from sfm_gt.config import MovingConfig
from sfm_gt.formats.dense_maps import write_dense_maps
from sfm_gt.formats.frame_folder import FrameList, write_frame, write_frame_list
from sfm_gt.formats.manifest import Manifest, read_manifest, write_json, write_manifest
from sfm_gt.formats.overlay_folder import Overlay, write_overlays
from sfm_gt.formats.sparse_model import write_sparse_model
from sfm_gt.formats.workspace import Workspace
from sfm_gt.geometry.types import SparseModel
from sfm_gt.sfm.clip_views import write_mask
from sfm_gt.stages import moving
from tests.masks.scenes import CAMERA, Rectangle, Scene, film
from tests.video.make_videos import textured

CLIP = "a-000"
CAPTION = (slice(220, 236), slice(20, 120))
JUMPER = Rectangle((-0.1, -0.9, 3.2), (0.7, 0, 0), (0, 1.5, 0), 9, velocity=(0.0, 0.03, 0), moves_in=range(6, 11))


@pytest.fixture(scope="module")
def scene() -> Scene:
    return film(16, (JUMPER,))


def write_clip(workspace: Workspace, scene: Scene) -> None:
    frames, sfm, dense = (workspace.clip_stage(CLIP, stage) for stage in ("frames", "sfm", "dense"))
    for folder in (frames, sfm, dense):
        folder.mkdir(parents=True)
    overlay = np.zeros((240, 320), dtype=bool)
    overlay[CAPTION] = True
    print_on_it = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    for view in scene.views:
        write_frame(frames, view.frame_index, np.where(overlay[..., None], print_on_it, view.image))
        write_mask(sfm / "moving" / f"{view.frame_index:06d}.png", np.zeros_like(overlay))
        maps = {"hypothesis_sfm": view.z_depth_sfm, "z_depth_sfm": view.z_depth_sfm, "sigma_sfm": view.z_depth_sfm}
        write_dense_maps(dense, view.frame_index, maps)
    write_frame_list(frames, FrameList(320, 240, 320, 240, ()))
    write_overlays(frames, [Overlay(0, len(scene.views) - 1, overlay)])
    params = [CAMERA.fx, CAMERA.cx, CAMERA.cy, 0.0]
    write_json(sfm / "undistortion.json", {"model": "SIMPLE_RADIAL", "width": 320, "height": 240, "params": params})
    poses = np.stack([view.cam_from_world for view in scene.views])
    none = np.zeros((0, 2), dtype=np.int64)
    write_sparse_model(
        sfm / "model.npz", SparseModel(CAMERA, np.arange(len(poses)), poses, np.zeros((0, 3)), none, none.astype(float))
    )
    for folder in (frames, sfm, dense):
        write_manifest(folder, Manifest(folder.name, 1))


def test_masks_of_every_frame_and_figures(tmp_path: Path, scene: Scene) -> None:
    workspace = Workspace(tmp_path)
    write_clip(workspace, scene)
    manifest = moving.run(workspace, CLIP, MovingConfig())
    folder = workspace.clip_stage(CLIP, "moving")
    found = np.stack([cv2.imread(str(folder / f"{i:06d}.png"), cv2.IMREAD_UNCHANGED) for i in range(16)])
    truth = np.array(scene.moving)
    assert manifest == read_manifest(folder)
    assert found.dtype == np.uint8
    assert set(np.unique(found)) == {0, 255}
    assert (found[truth] > 0).mean() > 0.8
    assert (found[~truth] > 0).mean() < 0.03
    assert (found[:, *CAPTION] > 0).mean() < 0.05
    assert manifest.measures["frames"] == 16
    assert manifest.measures["moving_fraction_max"] == pytest.approx((found > 0).mean(axis=(1, 2)).max(), abs=1e-5)


def test_an_earlier_verdict_is_passed_on(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    dense = workspace.clip_stage(CLIP, "dense")
    dense.mkdir(parents=True)
    write_manifest(dense, Manifest("sfm", 1, "rejected", "no_parallax", "too little parallax", 0.4, 1.0))
    manifest = moving.run(workspace, CLIP, MovingConfig())
    assert (manifest.status, manifest.reason) == ("skipped", "no_parallax")


def test_print_that_looks_like_a_thing_of_the_scene_is_not_taken_for_motion(tmp_path: Path) -> None:
    # A picture in the picture, which flow follows well: it stands still while the scene goes by.
    workspace, logo = Workspace(tmp_path), np.zeros((240, 320), dtype=bool)
    logo[150:210, 110:210] = True
    still = film(10)
    write_clip(workspace, still)
    frames = workspace.clip_stage(CLIP, "frames")
    for view in still.views:
        write_frame(frames, view.frame_index, np.where(logo[..., None], textured(9, 240, 320), view.image))
    write_overlays(frames, [Overlay(0, 9, logo)])
    moving.run(workspace, CLIP, MovingConfig())
    folder = workspace.clip_stage(CLIP, "moving")
    found = np.stack([cv2.imread(str(folder / f"{i:06d}.png"), cv2.IMREAD_UNCHANGED) for i in range(10)])
    assert (found > 0).mean() < 0.03, "nothing moves"
