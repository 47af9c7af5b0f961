"""The folder of decoded frames."""

from pathlib import Path

import numpy as np

from sfm_gt.config import FramesConfig
from sfm_gt.formats.frame_folder import read_frame, read_frame_list
from sfm_gt.formats.manifest import read_manifest
from sfm_gt.formats.workspace import Workspace
from sfm_gt.stages import frames
from sfm_gt.video.decode import iterate_frames
from tests.masks.scenes import film
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


def test_one_still_image_is_a_verdict_and_leaves_no_frames(tmp_path: Path) -> None:
    still = [panning(1)[0]] * 40
    path = write_video(tmp_path / "a.mkv", still, codec="ffv1")
    workspace = Workspace(tmp_path / "out")
    manifest = frames.run(workspace, CLIP, path, FramesConfig())
    assert (manifest.status, manifest.reason, manifest.measured) == ("rejected", "still_image", 1)
    assert [p.name for p in workspace.clip_stage("a-000", "frames").iterdir()] == ["manifest.json"]
