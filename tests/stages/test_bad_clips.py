"""Clips that are hard on the pipeline, from video file to the verdict of SfM: a verdict each, and no depth that is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from sfm_gt.config import Config
from sfm_gt.formats.frame_folder import read_frame_list
from sfm_gt.formats.manifest import Manifest
from sfm_gt.formats.sidecar import CameraHints
from sfm_gt.formats.workspace import Workspace
from sfm_gt.stages import clips, frames, ingest, sfm
from sfm_gt.stages.clip_views import ClipViews
from sfm_gt.video.catalog import list_videos
from tests.masks.scenes import CAMERA, Rectangle, Scene, film
from tests.video.make_videos import write_video

N_FRAMES = 16
# One texture a tile: those of the plain scene repeat, and nothing but luck tells one repeat from the next.
TILES = (
    *(
        Rectangle((3 * i - 6, 2 * j - 4, 5.99), (3, 0, 0), (0, 2, 0), 100 + 4 * i + j)
        for i in range(4)
        for j in range(3)
    ),
    *(
        Rectangle((3 * i - 6, 1.19, 2 * j + 2.2), (3, 0, 0), (0, 0, 2), 200 + 4 * i + j)
        for i in range(4)
        for j in range(3)
    ),
)
# What sparse points of a sound clip keep: a corner that lies on an edge has the depth of either side.
MAX_DEPTH_ERROR, MIN_RIGHT = 0.03, 0.95
LANDSCAPE = (CAMERA.fx, CAMERA.fy, CAMERA.cx, CAMERA.cy)
CHEAP = {"frames": {"min_keyframes": 8, "max_long_side_px": 320}, "sfm": {"max_features": 800}}


@pytest.fixture(scope="module")
def scene() -> Scene:
    """A camera that passes a frozen scene."""
    return film(N_FRAMES, TILES, step=0.06, turn_rad=0.006)


def judged(
    folder: Path, pictures: Sequence[np.ndarray], fps: int = 30, intrinsics_px: tuple[float, ...] | None = None
) -> tuple[Manifest, Workspace]:
    """The verdict on the one clip of a video, with the stages that gave it."""
    (folder / "videos").mkdir()
    write_video(folder / "videos" / "a.mp4", pictures, fps=fps)
    config = Config(videos=folder / "videos", out=folder / "out", **CHEAP)
    workspace, (video,) = Workspace(config.out), list_videos(config.videos)
    assert ingest.run(workspace, video, config.frames)["status"] == "ok"
    (clip,) = clips.run(workspace, video.video_id, video.path, config.clips)["clips"]
    frames.run(workspace, clip, video.path, config.frames)
    return sfm.run(workspace, "a-000", config.sfm, CameraHints(intrinsics_px=intrinsics_px), 0, 1), workspace


def right_share(workspace: Workspace, depths: Sequence[np.ndarray]) -> float:
    """Share of the sparse points' observations with the right depth, up to one scale.

    Args:
        depths: the truth by frame; NaN where there is none, and nothing is asked.
    """
    model = ClipViews(workspace, "a-000").model
    rows, points = model.observations.T
    homogeneous = np.column_stack([model.points_sfm[points], np.ones(len(points))])
    z = np.einsum("kj,kj->k", model.cam_from_world[rows, 2], homogeneous)
    height, width = depths[0].shape
    x, y = np.clip(np.floor(model.observation_px).astype(int), 0, (width - 1, height - 1)).T
    ratio = z / np.array(depths)[model.frame_indices[rows], y, x]
    ratio = ratio[np.isfinite(ratio)]
    return float((np.abs(ratio / np.median(ratio) - 1) < MAX_DEPTH_ERROR).mean())


def upright(image: np.ndarray) -> np.ndarray:
    """The middle of a picture as a camera held upright sees it: 180 x 320 pixels."""
    return np.rot90(image, -1)[:, 30:210]


def test_a_phone_held_upright_at_4k_and_60_frames_a_second_gives_the_right_depth(scene: Scene, tmp_path: Path) -> None:
    filmed = [cv2.resize(upright(frame), (2160, 3840), interpolation=cv2.INTER_CUBIC) for frame in scene.frames]
    verdict, workspace = judged(tmp_path, filmed, 60, (12 * CAMERA.fx, 12 * CAMERA.fy, 1080.0, 1920.0))
    assert verdict.ok, verdict
    listed = read_frame_list(workspace.clip_stage("a-000", "frames"))
    assert (listed.width, listed.height, listed.source_width, listed.source_height) == (180, 320, 2160, 3840)
    assert [frame.timestamp_s for frame in listed.frames] == pytest.approx(np.arange(N_FRAMES) / 60, abs=1e-4)
    assert right_share(workspace, [upright(view.z_depth_sfm) for view in scene.views]) > MIN_RIGHT


def shaken(image: np.ndarray, angle_rad: float, length_px: int) -> np.ndarray:
    """The image as a camera sees it that moves by ``length_px`` while the shutter is open."""
    kernel, middle = np.zeros((length_px, length_px), np.float32), length_px // 2
    step = middle * np.array([np.cos(angle_rad), np.sin(angle_rad)])
    ends = [tuple(int(v) for v in np.round(middle + sign * step)) for sign in (-1, 1)]
    cv2.line(kernel, *ends, 1.0)
    return cv2.filter2D(image, -1, kernel / kernel.sum())


def test_heavy_motion_blur_throughout_is_refused(scene: Scene, tmp_path: Path) -> None:
    angles = np.random.default_rng(0).uniform(0, np.pi, N_FRAMES)
    blurred = [shaken(frame, angle, 25) for frame, angle in zip(scene.frames, angles, strict=True)]
    verdict, _ = judged(tmp_path, blurred)
    assert verdict.reason in ("scene_not_frozen", "sfm_failed", "too_few_points"), verdict


def mirrored(image: np.ndarray, from_column: int) -> np.ndarray:
    """A picture whose columns from ``from_column`` on show the mirror image of those before."""
    width = image.shape[1] - from_column
    return np.concatenate([image[:, :from_column], image[:, from_column - width : from_column][:, ::-1]], axis=1)


def test_a_mirror_across_half_the_picture_is_refused(scene: Scene, tmp_path: Path) -> None:
    # Each half alone is the picture of a frozen world, both together are none.
    verdict, _ = judged(tmp_path, [mirrored(frame, 160) for frame in scene.frames], intrinsics_px=LANDSCAPE)
    assert verdict.reason == "scene_not_frozen", verdict
    assert verdict.measured > verdict.threshold


def test_a_mirror_across_a_fifth_of_the_picture_spoils_no_depth_beside_it(scene: Scene, tmp_path: Path) -> None:
    verdict, workspace = judged(tmp_path, [mirrored(frame, 256) for frame in scene.frames], intrinsics_px=LANDSCAPE)
    assert verdict.ok, verdict
    # To geometry the mirror is a window on another frozen world; what lies in it has no true depth here.
    in_mirror = np.arange(CAMERA.width) >= 256
    depths = [np.where(in_mirror, np.nan, view.z_depth_sfm) for view in scene.views]
    assert right_share(workspace, depths) > MIN_RIGHT
