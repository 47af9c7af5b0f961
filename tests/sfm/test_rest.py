"""What moves is judged from the reconstruction: a crowd is refused with pictures of it, one who starts late ends the clip."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from sfm_gt.config import FramesConfig, SfmConfig
from sfm_gt.formats.frame_folder import read_frozen
from sfm_gt.formats.manifest import Manifest
from sfm_gt.formats.sidecar import CameraHints
from sfm_gt.formats.sparse_model import read_sparse_model
from sfm_gt.formats.workspace import Workspace
from sfm_gt.report.mask_sheet import N_FRAMES
from sfm_gt.report.pictures import MASK_OPACITY, OVERLAY_RGB
from sfm_gt.sfm.clip_views import MODEL_NAME, MOVING_FOLDER
from sfm_gt.stages import frames, sfm
from tests.masks.scenes import CAMERA, Rectangle, Scene, film
from tests.video.make_videos import write_video

MIN_TINT = 30  # grey levels
STARTS_AT, N = 32, 42
MAX_FRAMES_OFF = 3
MAX_FOCAL_ERROR = 0.03  # of a scene this small, over 32 frames: 0.8 % off at a stated sigma of 2.2 %


def judged(scene: Scene, folder: Path) -> tuple[Manifest, Workspace]:
    path, workspace = write_video(folder / "a.mp4", scene.frames), Workspace(folder / "out")
    clip = {"clip_id": "a-000", "video_id": "a", "first_frame": 0, "last_frame": len(scene.frames) - 1}
    frames.run(workspace, clip, path, FramesConfig(min_keyframes=10))
    return sfm.run(workspace, "a-000", SfmConfig(max_features=1024), CameraHints(), seed=0, n_threads=1), workspace


def test_a_crowd_is_refused_with_pictures_of_what_moves_and_is_printed(tmp_path: Path) -> None:
    crowd = tuple(
        Rectangle((x, -0.9, 2.6), (0.45, 0, 0), (0, 1.8, 0), 20 + i, velocity=(0, (-1) ** i * 0.03, 0),
                  moves_in=range(100))
        for i, x in enumerate((-0.6, 0.6))
    )  # fmt: skip
    scene = film(32, crowd)
    for frame in scene.frames:
        frame[:20] = 0
    manifest, workspace = judged(scene, tmp_path)
    assert (manifest.status, manifest.reason) == ("rejected", "scene_not_frozen")
    assert manifest.measured < manifest.threshold
    pictures = sorted(workspace.mask_sheet("a-000").iterdir())
    assert len(pictures) == N_FRAMES
    middle = int(pictures[N_FRAMES // 2].stem)
    shown = cv2.cvtColor(cv2.imread(str(pictures[N_FRAMES // 2])), cv2.COLOR_BGR2RGB).astype(float)
    tint = shown - scene.frames[middle]
    # A mask pulls red up against green by far more than the encoders of video and JPEG do.
    redder, moves = tint[..., 0] - tint[..., 1] > MIN_TINT, scene.moving[middle]
    assert redder[moves].mean() > 0.5
    assert redder[~moves].mean() < 0.1
    assert shown[2:18].mean(axis=(0, 1)) == pytest.approx(MASK_OPACITY * np.array(OVERLAY_RGB), abs=8)


def test_who_starts_to_move_and_goes_on_ends_the_frozen_interval(tmp_path: Path) -> None:
    late = Rectangle(
        (-0.1, -0.9, 3.2), (0.7, 0, 0), (0, 1.5, 0), 9, velocity=(0.0, 0.03, 0), moves_in=range(STARTS_AT, 500)
    )
    manifest, workspace = judged(film(N, (late,)), tmp_path)
    assert manifest.ok, manifest
    folder = workspace.clip_stage("a-000", "sfm")
    interval = read_frozen(folder)
    assert interval.first_frame == 0
    assert abs(interval.last_frame - (STARTS_AT - 1)) <= MAX_FRAMES_OFF
    registered = read_sparse_model(folder / MODEL_NAME).frame_indices
    assert registered.max() == interval.last_frame
    assert len(list((folder / MOVING_FOLDER).iterdir())) == len(registered)
    assert interval.score[5] > 0.99
    assert manifest.measures["focal_px"] == pytest.approx(CAMERA.fx, rel=MAX_FOCAL_ERROR)
