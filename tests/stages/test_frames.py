"""The folder of decoded frames."""

from pathlib import Path

import numpy as np
import pytest

from sfm_gt.config import FramesConfig
from sfm_gt.formats.frame_folder import read_frame, read_frame_list
from sfm_gt.formats.manifest import read_manifest
from sfm_gt.formats.overlay_folder import covered, read_overlays
from sfm_gt.formats.workspace import Workspace
from sfm_gt.report.mask_sheet import N_FRAMES
from sfm_gt.stages import frames
from sfm_gt.video.decode import iterate_frames
from tests.masks.scenes import film
from tests.video.framed import blurred, hand_held, placed
from tests.video.make_videos import panning, write_video

CLIP = {"clip_id": "a-000", "video_id": "a", "first_frame": 4, "last_frame": 30}


def test_frames_are_those_of_the_video_by_source_index(tmp_path: Path) -> None:
    path, workspace = write_video(tmp_path / "a.mp4", film(32).frames), Workspace(tmp_path / "out")
    manifest = frames.run(workspace, CLIP, path, FramesConfig())
    folder = workspace.clip_stage("a-000", "frames")
    listed = read_frame_list(folder)
    assert manifest.ok
    assert manifest == read_manifest(folder)
    assert [f.frame_index for f in listed.frames] == list(range(4, 31))
    assert sorted(p.name for p in folder.glob("*.png")) == [f"{i:06d}.png" for i in range(4, 31)]
    for (index, time, rgb), record in zip(iterate_frames(path, 4, 30), listed.frames, strict=True):
        assert np.array_equal(read_frame(folder, index), rgb)
        assert record.timestamp_s == time
    keys = [f.frame_index for f in listed.keyframes]
    assert keys[0] == 4
    assert keys[-1] == 30
    assert manifest.measures["n_keyframes"] == len(keys)


def test_large_frames_are_shrunk_and_say_so(tmp_path: Path) -> None:
    path, workspace = write_video(tmp_path / "a.mp4", film(32).frames), Workspace(tmp_path / "out")
    frames.run(workspace, CLIP, path, FramesConfig(max_long_side_px=200))
    listed = read_frame_list(workspace.clip_stage("a-000", "frames"))
    assert (listed.width, listed.height, listed.source_width, listed.source_height) == (200, 150, 320, 240)
    assert read_frame(workspace.clip_stage("a-000", "frames"), 4).shape == (150, 200, 3)


def test_the_picture_between_blurred_bars_is_known_and_the_rest_is_overlay(tmp_path: Path) -> None:
    rectangle = (0, 176, 288, 338)
    path = write_video(tmp_path / "a.mp4", placed(hand_held(32, 1), (288, 512), rectangle, blurred))
    workspace = Workspace(tmp_path / "out")
    manifest = frames.run(workspace, CLIP, path, FramesConfig())
    folder = workspace.clip_stage("a-000", "frames")
    assert manifest.ok
    # Coding smears the lines by a pixel.
    assert np.abs(np.array(read_frame_list(folder).picture) - rectangle).max() <= 1
    assert manifest.measures["picture_share"] == pytest.approx(162 / 512, abs=0.005)
    outside = np.ones((512, 288), dtype=bool)
    outside[174:340] = False
    for index in (4, 17, 30):
        covering = covered(read_overlays(folder), index, (512, 288), 0)
        assert covering[outside].all()
        assert covering[178:336].mean() < 0.01


def test_a_split_screen_is_refused_by_name(tmp_path: Path) -> None:
    pairs = zip(hand_held(32, 1), hand_held(32, 2), strict=True)
    path = write_video(tmp_path / "a.mp4", [np.concatenate(pair) for pair in pairs])
    manifest = frames.run(Workspace(tmp_path / "out"), CLIP, path, FramesConfig())
    assert (manifest.status, manifest.reason) == ("rejected", "split_screen")
    assert manifest.measured > manifest.threshold
    assert manifest.measures["n_frames"] == CLIP["last_frame"] + 1 - CLIP["first_frame"]
    assert manifest.measures["seam_share"] == manifest.measured


def test_one_still_image_is_a_verdict_and_leaves_no_frames(tmp_path: Path) -> None:
    still = [panning(1)[0]] * 40
    path = write_video(tmp_path / "a.mkv", still, codec="ffv1")
    workspace = Workspace(tmp_path / "out")
    manifest = frames.run(workspace, CLIP, path, FramesConfig())
    assert (manifest.status, manifest.reason, manifest.measured) == ("rejected", "still_image", 1)
    assert [p.name for p in workspace.clip_stage("a-000", "frames").iterdir()] == ["manifest.json"]
    assert len(list(workspace.mask_sheet("a-000").iterdir())) == N_FRAMES
