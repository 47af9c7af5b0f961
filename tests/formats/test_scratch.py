"""A full disk below temporary files is said in one line, whatever the library that writes there makes of it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pycolmap
import pytest

from sfm_gt.config import SfmConfig
from sfm_gt.errors import Rejected, SfmGtError
from sfm_gt.formats.scratch import saying_if_full, scratch_folder
from sfm_gt.sfm.keyframes import KeyframeOptions, reconstruct_keyframes
from sfm_gt.sfm.observations import _keypoints
from tests.video.make_videos import panning

SIZE_BYTES = 100 << 10
OPTIONS = KeyframeOptions(SfmConfig().max_features, SfmConfig().init_min_tri_angle_deg, None, None, 0, 1)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that SIZE_BYTES fill."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs leave to mount a small file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_features_that_do_not_fit_on_the_disk_end_in_one_line_that_names_it(tmp_path: Path, tiny_disk: Path) -> None:
    for number, frame in enumerate(panning(3)):
        cv2.imwrite(str(tmp_path / f"{number}.png"), frame)
    scratch = tiny_disk / "scratch"
    scratch.mkdir()
    with pytest.raises(SfmGtError, match="the disk of temporary files is full") as error:
        reconstruct_keyframes(tmp_path, [f"{number}.png" for number in range(3)], {}, scratch, OPTIONS)
    assert not isinstance(error.value, Rejected), "no verdict on the clip"
    assert str(tiny_disk) in str(error.value)
    assert "TMPDIR" in str(error.value)
    assert "\n" not in str(error.value)


def model_with(n_keypoints: int) -> pycolmap.Reconstruction:
    model = pycolmap.Reconstruction()
    camera = pycolmap.Camera(model="SIMPLE_PINHOLE", width=640, height=480, params=[500.0, 320.0, 240.0], camera_id=1)
    model.add_camera_with_trivial_rig(camera)
    image = pycolmap.Image(name="0.png", keypoints=np.ones((n_keypoints, 2)), camera_id=1, image_id=1)
    model.add_image_with_trivial_frame(image, pycolmap.Rigid3d())
    return model


def test_a_model_that_colmap_cuts_short_without_a_word_is_noticed(
    tiny_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tiny_disk))
    assert len(_keypoints(model_with(1000))[1]) == 1000
    with pytest.raises(SfmGtError, match="the disk of temporary files is full"):
        _keypoints(model_with(10_000))


def test_other_errors_stay_what_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError), saying_if_full(tmp_path):
        _ = 1 // 0
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(SfmGtError, match=r"is full \(integer division"), saying_if_full(tmp_path):
        _ = 1 // 0


def test_no_temporary_folder_at_all_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "mkdtemp", fail)
    with pytest.raises(SfmGtError, match=r"no temporary folder can be written .*set TMPDIR"), scratch_folder():
        pass
