"""Cameras from elsewhere on a filmed scene with exact poses: confirmed and kept, refined when rough, refused when wrong."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from sfm_gt.config import SfmConfig
from sfm_gt.errors import Rejected
from sfm_gt.formats.camera_track import CameraTrack, Lens
from sfm_gt.formats.frame_folder import FrameList, FrameRecord
from sfm_gt.geometry.transforms import camera_centres, inverse_rigid
from sfm_gt.sfm.given_cameras import GivenCameras, reconstruct
from sfm_gt.sfm.keyframes import KeyframeOptions
from sfm_gt.sfm.undistortion import Undistortion, sparse_model
from tests.dense.scenes import CAMERA, Scene, film

LENS = Lens(220 / 240, 220 / 180, 0.5, 0.5)
N_VIEWS = 8
MAX_ERROR_PX = SfmConfig().max_reprojection_error_px
OPTIONS = KeyframeOptions(
    SfmConfig().max_features,
    SfmConfig().init_min_tri_angle_deg,
    None,
    None,
    0,
    1,
)
# Features on a noise texture are placed to about a third of a pixel; the scene's poses are exact.
CONFIRMED_PX = 0.7


@pytest.fixture(scope="module")
def scene() -> Scene:
    return film(N_VIEWS, step=0.11)


@pytest.fixture(scope="module")
def clip(scene, tmp_path_factory) -> tuple[Path, FrameList]:
    """Frames on disk; every other one is a keyframe."""
    folder = tmp_path_factory.mktemp("frames")
    for view in scene.views:
        assert cv2.imwrite(str(folder / f"{view.frame_index:06d}.png"), view.image)
    records = tuple(FrameRecord(10 * i, 1.0 + i / 25, 1.0, i % 2 == 0) for i in range(N_VIEWS))
    return folder, FrameList(CAMERA.width, CAMERA.height, CAMERA.width, CAMERA.height, records)


def read_grey(folder):
    """Grey images of the frames by their names."""
    return lambda name: cv2.imread(str(folder / name), cv2.IMREAD_GRAYSCALE)


def run(scene, clip, poses=None, lens=LENS, refine=False, rows=slice(None)):
    folder, listed = clip
    poses = scene.model.cam_from_world if poses is None else poses
    track = CameraTrack(poses[rows], lens, timestamps_s=np.array([f.timestamp_s for f in listed.frames])[rows])
    nothing = np.zeros((CAMERA.height, CAMERA.width), dtype=bool)
    indices = [frame.frame_index for frame in listed.frames]
    cameras = GivenCameras("by_hand", track, refine)
    solution = reconstruct(
        cameras, folder, listed, indices, read_grey(folder), lambda index: nothing, MAX_ERROR_PX, OPTIONS
    )
    model = solution.model
    solution.finish(model, solution.begin(model))
    lens_found = Undistortion.of(next(iter(model.cameras.values())))
    return sparse_model(model, lens_found, lambda name: int(Path(name).stem)), solution.known


def test_right_cameras_are_confirmed_and_kept_to_the_last_digit(scene, clip):
    model, known = run(scene, clip)
    assert known["imported_poses"] == N_VIEWS
    assert known["imported_track_error_px"] < CONFIRMED_PX
    assert model.cam_from_world == pytest.approx(scene.model.cam_from_world, abs=1e-12)
    assert model.camera == CAMERA
    assert len(model.points_sfm) > 100
    # Points lie on the surfaces that were filmed: within 1 % of the exact depth, for nine of ten.
    row = model.row_of(40)
    seen = model.observations[:, 0] == row
    points = model.points_sfm[model.observations[seen, 1]]
    z = points @ model.cam_from_world[row, 2, :3] + model.cam_from_world[row, 2, 3]
    column, line = model.observation_px[seen].astype(int).T
    assert np.quantile(abs(z / scene.truth[4][line, column] - 1), 0.9) < 0.01


def test_frames_without_a_pose_are_registered_among_those_that_have_one(scene, clip):
    model, known = run(scene, clip, rows=slice(None, None, 2))
    assert known["imported_poses"] == N_VIEWS // 2
    assert len(model.frame_indices) == N_VIEWS
    error = np.linalg.norm(camera_centres(model.cam_from_world) - camera_centres(scene.model.cam_from_world), axis=1)
    assert error.max() < 0.02, "about a fifth of the step between frames"


def wrong_clock(poses):
    return np.roll(poses, 4, axis=0)


def inverted(poses):
    return inverse_rigid(poses)


def mirrored_axes(poses):
    """OpenGL's camera axes taken for OpenCV's."""
    return np.diag([1.0, -1.0, -1.0, 1.0]) @ poses


def uneven_speed(poses):
    """Every view on the right path at the wrong place: epipolar lines hold, tracks do not."""
    bent = poses.copy()
    centres = camera_centres(poses)
    share = np.linspace(0, 1, len(poses)) ** 2
    centres = centres[0] + share[:, None] * (centres[-1] - centres[0])
    bent[:, :3, 3] = -np.einsum("nij,nj->ni", poses[:, :3, :3], centres)
    return bent


@pytest.mark.parametrize("spoil", [wrong_clock, inverted, mirrored_axes, uneven_speed])
def test_cameras_that_contradict_the_images_are_refused(scene, clip, spoil):
    with pytest.raises(Rejected, match="the imported cameras have a reprojection error of") as verdict:
        run(scene, clip, spoil(scene.model.cam_from_world))
    assert verdict.value.reason == "poses_disagree"
    assert verdict.value.measured > verdict.value.threshold


def test_poses_of_another_time_are_none_at_all(scene, clip):
    folder, listed = clip
    track = CameraTrack(scene.model.cam_from_world, LENS, timestamps_s=np.arange(N_VIEWS) / 25 + 100)
    with pytest.raises(Rejected) as verdict:
        indices = [frame.frame_index for frame in listed.frames]
        reconstruct(
            GivenCameras("by_hand", track, False),
            folder,
            listed,
            indices,
            read_grey(folder),
            lambda index: None,
            MAX_ERROR_PX,
            OPTIONS,
        )
    assert verdict.value.reason == "no_imported_poses"


def test_rough_cameras_are_refined_to_the_images(scene, clip):
    rng = np.random.default_rng(0)
    rough = scene.model.cam_from_world.copy()
    rough[:, :3, 3] += rng.normal(scale=0.025, size=(N_VIEWS, 3))
    kept, before = run(scene, clip, rough)
    refined, _ = run(scene, clip, rough, refine=True)
    assert before["imported_track_error_px"] > CONFIRMED_PX

    def relative_error(model):
        """Of distances between cameras, which know no gauge: against the exact ones after one common scale."""

        def distances(poses):
            centres = camera_centres(poses)
            return np.linalg.norm(centres[2:] - centres[:-2], axis=1)

        ratio = distances(model.cam_from_world) / distances(scene.model.cam_from_world)
        return (ratio / np.median(ratio)).std()

    assert relative_error(refined) < 0.5 * relative_error(kept)
    # In the world and the unit of the file: centres lie where the rough ones scatter about.
    drift = camera_centres(refined.cam_from_world) - camera_centres(scene.model.cam_from_world)
    assert np.abs(np.median(drift, axis=0)).max() < 0.025
