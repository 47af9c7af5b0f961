"""``sfm-gt import``: the sidecar that it writes is the one a person would, and a bad file changes nothing."""

from __future__ import annotations

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


def test_ingest_refuses_cameras_that_cannot_be_read_before_any_work(video, poses, tmp_path):
    (video.parent / "cut.txt").write_text(poses.read_text()[:-30])
    video.with_suffix(".yaml").write_text("import: {format: mannequin_challenge, file: cut.txt}\n")
    facts = ingest.run(Workspace(tmp_path / "out"), list_videos(video.parent)[0], FramesConfig())
    assert (facts["status"], facts["reason"]) == ("rejected", "import_invalid")
    assert "cut.txt: line 6: 5 entries; needed 19" in facts["message"]
