"""``sfm-gt import``: the sidecar that it writes is the one a person would, and a bad file changes nothing."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from sfm_gt.commands import import_cameras as name_cameras
from sfm_gt.config import FramesConfig
from sfm_gt.errors import InputError
from sfm_gt.formats.camera_track import Lens
from sfm_gt.formats.pose_text import PoseText, write_pose_text
from sfm_gt.formats.workspace import Workspace
from sfm_gt.stages import ingest
from sfm_gt.video.catalog import list_videos

DEMO = Path(__file__).resolve().parents[2] / "examples" / "demo" / "videos" / "mannequin.mp4"


@pytest.fixture
def video(tmp_path) -> Path:
    folder = tmp_path / "videos"
    folder.mkdir()
    shutil.copyfile(DEMO, folder / "party.mp4")
    return folder / "party.mp4"


@pytest.fixture
def poses(tmp_path) -> Path:
    path = tmp_path / "0a1b.txt"
    matrices = np.tile(np.eye(4), (5, 1, 1))
    matrices[:, 0, 3] = np.arange(5)
    times = np.arange(5) * 40000
    write_pose_text(path, PoseText("https://example.org/watch?v=x", times, Lens(0.8, 1.4, 0.5, 0.5), matrices))
    return path


def test_a_text_file_from_elsewhere_ends_in_the_sidecar_with_its_url(video, poses):
    says = name_cameras.run(video, "mannequin_challenge", poses, refine=False)
    assert says.endswith("5 cameras of 0a1b.txt (mannequin_challenge)")
    stated = yaml.safe_load(video.with_suffix(".yaml").read_text())
    assert stated == {
        "import": {"format": "mannequin_challenge", "file": "0a1b.txt"},
        "source": "https://example.org/watch?v=x",
    }
    assert (video.parent / "0a1b.txt").read_bytes() == poses.read_bytes()
    with pytest.raises(InputError, match=r"imports '0a1b\.txt' already"):
        name_cameras.run(video, "mannequin_challenge", video.parent / "0a1b.txt", refine=False)


def test_a_sidecar_keeps_its_comments_and_its_source(video, poses):
    video.with_suffix(".yaml").write_text("source: mine  # filmed at home\nlicense: CC0-1.0")
    name_cameras.run(video, "realestate10k", poses, refine=True)
    text = video.with_suffix(".yaml").read_text()
    assert "# filmed at home" in text
    assert yaml.safe_load(text)["source"] == "mine"
    assert yaml.safe_load(text)["import"]["refine"] is True


@pytest.mark.parametrize(
    ("name", "says"), [("tum", "line 1: 1 entries; needed 8"), ("colmap_", "did you mean 'colmap'")]
)
def test_a_file_that_does_not_fit_changes_nothing(video, poses, name, says):
    with pytest.raises(InputError, match=says) as error:
        name_cameras.run(video, name, poses, refine=False)
    assert ".partial-" not in str(error.value), "that file is ours"
    assert [path.name for path in video.parent.iterdir()] == ["party.mp4"]


def kitti(folder: Path, n_poses: int) -> Path:
    path = folder / "00.txt"
    np.savetxt(path, [[1, 0, 0, 0.1 * i, 0, 1, 0, 0, 0, 0, 1, 0] for i in range(n_poses)])
    return path


def nerfstudio(folder: Path, numbers: range) -> Path:
    path = folder / "transforms.json"
    poses = [[[1, 0, 0, 0.1 * n], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]] for n in numbers]
    frames = [{"file_path": f"{n}.png", "transform_matrix": one} for n, one in zip(numbers, poses, strict=True)]
    path.write_text(json.dumps({"fl_x": 500.0, "frames": frames}))
    return path


def tum(folder: Path, times_s: np.ndarray) -> Path:
    path = folder / "track.txt"
    path.write_text("".join(f"{t} {0.1 * i} 0 0 0 0 0 1\n" for i, t in enumerate(times_s)))
    return path


@pytest.mark.parametrize(
    ("name", "make", "says"),
    [
        (
            "kitti",
            lambda folder: kitti(folder, 400),
            "340 of 400 poses lie outside of the video .*: 0 to 399; needed",
        ),
        ("nerfstudio", lambda folder: nerfstudio(folder, range(1, 61)), "1 of 60 poses lie outside .*first_number"),
        (
            "tum",
            lambda folder: tum(folder, np.arange(400) / 25),
            " of 400 poses lie outside .*: 0 to 15.96 s; needed",
        ),
    ],
)
def test_poses_beyond_the_end_of_the_video_are_said(video, tmp_path, name, make, says):
    video.with_suffix(".yaml").write_text("camera: {focal_px: 500}\n")
    first, warning = name_cameras.run(video, name, make(tmp_path), refine=False).split("\n")
    assert first.endswith(f"({name})")
    assert re.match(rf"warning: \S+: .*{says}", warning)
    facts = ingest.run(Workspace(tmp_path / "out"), list_videos(video.parent)[0], FramesConfig())
    assert facts["status"] == "ok"
    assert [re.search(says, one) is not None for one in facts["warnings"]] == [True]


@pytest.mark.parametrize(
    ("name", "make", "says"),
    [
        ("nerfstudio", lambda folder: nerfstudio(folder, range(1000, 1040)), "none of 40 poses is of this video: 1000 to "
         "1039; needed frames 0 to 59; correct import.first_number"),
        ("tum", lambda folder: tum(folder, 1.7e9 + np.arange(60) / 25), "none of 60 poses is of this video: 1700000000 to"),
    ],
)  # fmt: skip
def test_poses_of_which_none_is_of_the_video_are_refused(video, tmp_path, name, make, says):
    video.with_suffix(".yaml").write_text("camera: {focal_px: 500}\n")
    file = make(tmp_path)
    with pytest.raises(InputError, match=says) as error:
        name_cameras.run(video, name, file, refine=False)
    assert "\n" not in str(error.value)
    shutil.copyfile(file, video.parent / file.name)
    video.with_suffix(".yaml").write_text(f"camera: {{focal_px: 500}}\nimport: {{format: {name}, file: {file.name}}}\n")
    facts = ingest.run(Workspace(tmp_path / "out"), list_videos(video.parent)[0], FramesConfig())
    assert facts["reason"] == "import_invalid"
    assert says in facts["message"]


@pytest.mark.parametrize("n_poses", [2, 60])
def test_poses_of_frames_of_the_video_need_no_remark(video, tmp_path, n_poses):
    video.with_suffix(".yaml").write_text("camera: {focal_px: 500}\n")
    assert "\n" not in name_cameras.run(video, "kitti", kitti(tmp_path, n_poses), refine=False)


def test_ingest_refuses_cameras_that_cannot_be_read_before_any_work(video, poses, tmp_path):
    (video.parent / "cut.txt").write_text(poses.read_text()[:-30])
    video.with_suffix(".yaml").write_text("import: {format: mannequin_challenge, file: cut.txt}\n")
    facts = ingest.run(Workspace(tmp_path / "out"), list_videos(video.parent)[0], FramesConfig())
    assert (facts["status"], facts["reason"]) == ("rejected", "import_invalid")
    assert "cut.txt: line 6: 5 entries; needed 19" in facts["message"]
