"""Plain folders of ground truth: what a layout file says is what is read, and tables by hand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from sfm_gt.cli.app import app
from sfm_gt.errors import ConfigError, InputError
from sfm_gt.public_datasets.folder import open_folder
from tests.datasets.tree_parts import matrix, wall, write_depth_png, write_image, write_matrix

LAYOUT = """
image: "{clip}/rgb/{frame}.png"
depth: "{clip}/depth/{frame}.png"
unit_m: 0.002
mask: "{clip}/mask.png"
intrinsics: "{clip}/K.txt"
gt_range_m: [0.1, 10]
"""


@pytest.fixture
def folder(tmp_path):
    """Two clips of walls with frames 9 and 10; the left quarter is masked."""
    root = tmp_path / "gt"
    for clip in ("hall [a]", "yard"):
        for frame in (9, 10):
            write_image(root / clip / "rgb" / f"{frame}.png")
            write_depth_png(root / clip / "depth" / f"{frame}.png", wall(), 0.002)
        mask = np.full(wall().shape, 255, np.uint8)
        mask[:, :8] = 0
        assert cv2.imwrite(str(root / clip / "mask.png"), mask)
        write_matrix(root / clip / "K.txt", matrix())
    (tmp_path / "layout.yaml").write_text(LAYOUT)
    return root


def _relaid(folder, old, new):
    (folder.parent / "layout.yaml").write_text(LAYOUT.replace(old, new))
    return open_folder(folder, folder.parent / "layout.yaml")


def test_depth_mask_and_camera_of_a_plain_folder(folder):
    found = open_folder(folder, folder.parent / "layout.yaml")
    assert [(f.clip_id, f.video_id, f.frame_index) for f in found] == [
        (clip, clip, frame) for clip in ("hall [a]", "yard") for frame in (9, 10)
    ]
    expected = wall()
    expected[:, :8] = np.nan
    np.testing.assert_allclose(found[0].z_depth_m, expected, atol=1e-3)
    assert (found[0].camera.fx, found[0].camera.cx, found[0].camera.cy) == pytest.approx((30, 16, 12))
    assert found.conventions.gt_range_m == (0.1, 10)
    np.testing.assert_allclose(_relaid(folder, "0.002", "0.001")[0].z_depth_m, expected / 2, atol=1e-3)
    assert np.isfinite(_relaid(folder, 'mask: "{clip}/mask.png"', "")[0].z_depth_m[1:, :8]).all()


def test_arrays_by_key_and_names_that_are_no_numbers(folder):
    for clip in ("hall [a]", "yard"):
        for name in ("b", "a"):
            write_image(folder / clip / "rgb" / f"{name}.png")
            np.savez(folder / clip / "depth" / f"{name}.npz", z=wall() / np.float32(0.002), sigma=wall())
    found = _relaid(folder, '{frame}.png"\nunit', '{frame}.npz"\nkey: z\nunit')
    assert [f.frame_index for f in found] == [0, 1, 0, 1]
    np.testing.assert_allclose(found[0].z_depth_m[1:, 8:], wall()[1:, 8:], rtol=1e-6)


def test_a_folder_without_clips_is_one(folder):
    (folder.parent / "layout.yaml").write_text(LAYOUT.replace("{clip}/", ""))
    found = open_folder(folder / "yard", folder.parent / "layout.yaml")
    assert found.clip_ids == ("yard",)
    assert len(found) == 2


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("unit_m: 0.002", "", "'unit_m' is missing"),
        ("{frame}", "frame", "depth = "),
        ("{clip}/mask", "{scene}/mask", "mask = "),
        ("mask:", "masks:", "did you mean 'mask'"),
        ("[0.1, 10]", "[10, 0.1]", "needed the smaller bound first"),
    ],
)
def test_layouts_that_leave_something_open_are_refused(folder, old, new, words):
    with pytest.raises(ConfigError, match=words):
        _relaid(folder, old, new)


def test_two_files_of_one_frame_are_refused(folder):
    write_image(folder / "yard" / "rgb" / "009.png")
    write_depth_png(folder / "yard" / "depth" / "009.png", wall(), 0.002)
    with pytest.raises(InputError, match="009 and 9 are both frame 9 of yard; rename one of them"):
        _relaid(folder, "", "")


@pytest.mark.parametrize("broken", [-matrix(), matrix().T, 0 * matrix(), np.nan * matrix()])
def test_what_is_no_matrix_of_intrinsics_is_refused(folder, broken):
    write_matrix(folder / "yard" / "K.txt", broken)
    with pytest.raises(InputError, match=r"K\.txt: is no matrix of intrinsics; needed fx 0 cx"):
        _relaid(folder, "", "")


def test_files_that_do_not_fit(folder):
    with pytest.raises(InputError, match=r"holds no frame of gt; needed \{clip\}/z/\{frame\}\.png of"):
        _relaid(folder, "/depth/", "/z/")
    cv2.imwrite(str(folder / "yard" / "mask.png"), np.ones((3, 3), np.uint8))
    with pytest.raises(InputError, match=r"mask\.png: found shape \(3, 3\), needed that of the depth, \(24, 32\)"):
        _ = _relaid(folder, "", "")[2].z_depth_m


def test_predictions_are_evaluated_on_a_plain_folder(folder, tmp_path):
    predicted = np.nan_to_num(wall(), nan=1.0)
    for clip in ("hall [a]", "yard"):
        (tmp_path / "mine").mkdir(exist_ok=True)
        np.savez(tmp_path / "mine" / f"{clip}.npz", z=np.stack([predicted * 1.1] * 2), frame_index=np.array([9, 10]))
    given = ["--gt", folder, "--layout", tmp_path / "layout.yaml", "--predictions", tmp_path / "mine"]
    rest = ["--kind", "metric_depth", "--out", tmp_path / "found", "--protocol", "sfm_gt"]
    done = CliRunner().invoke(app, ["evaluate", *map(str, given + rest)])
    assert done.exception is None
    assert "| mine | – | 0.100 | 1.000 | none | metric_depth |" in done.output
    # 23 rows of 24 columns in each of 4 frames.
    assert f"| {4 * 23 * 24:,} |".replace(",", " ") in done.output
    done = CliRunner().invoke(app, ["evaluate", *map(str, given + rest), "--benchmark", "bonn"])
    assert "give --benchmark or --layout" in str(done.exception)
