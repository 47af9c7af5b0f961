"""Formats of cameras from elsewhere: right files mean the right poses, wrong ones get one line that names them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

import sfm_gt
from sfm_gt import registry
from sfm_gt.commands import export
from sfm_gt.errors import InputError
from sfm_gt.formats.camera_track import CameraTrack, Lens
from sfm_gt.formats.pose_text import PoseText, read_pose_text, write_pose_text
from sfm_gt.formats.sidecar import read_sidecar
from sfm_gt.formats.tum_trajectory import read_trajectory, write_trajectory
from sfm_gt.geometry.transforms import inverse_rigid, transform_points
from sfm_gt.importers.shared.video_facts import VideoFacts
from tests.exporters.small_dataset import write_dataset

VIDEO = VideoFacts(width=640, height=480, first_timestamp_s=0.2, focal_px=500.0)
LENS = Lens(0.8, 1.1, 0.5, 0.49, -0.03)


def poses(n: int = 4) -> np.ndarray:
    matrices = np.tile(np.eye(4), (n, 1, 1))
    for i in range(n):
        c, s = np.cos(0.1 * i), np.sin(0.1 * i)
        matrices[i, :3, :3] = [[c, 0, s], [0, 1, 0], [-s, 0, c]]
        matrices[i, :3, 3] = [0.1 * i, -0.2, 0.03 * i]
    return matrices


def importer(name: str):
    return registry.load("importers", name)()


@pytest.fixture
def pose_file(tmp_path) -> Path:
    path = tmp_path / "clip.txt"
    write_pose_text(path, PoseText("https://example.org/v", np.array([0, 40000, 80000, 120000]), LENS, poses()))
    return path


@pytest.mark.parametrize("name", ["mannequin_challenge", "realestate10k"])
def test_pose_text_round_trip_on_the_clock_of_the_container(name, pose_file):
    track = importer(name).read(pose_file, VIDEO)
    assert track.timestamps_s == pytest.approx([0.2, 0.24, 0.28, 0.32]), "the file counts from the start of the video"
    assert track.cam_from_world == pytest.approx(poses(), abs=1e-11)
    assert track.lens == LENS


def spoiled(path: Path, change) -> Path:
    lines = path.read_text().splitlines()
    path.write_text("\n".join(change(lines)) + "\n")
    return path


def in_line(number, column, value):
    def change(lines):
        words = lines[number].split()
        words[column] = value
        return [*lines[:number], " ".join(words), *lines[number + 1 :]]

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda lines: [*lines[:-1], lines[-1][:40]], "line 5: 8 entries; needed 19"),
        (lambda lines: lines[:2], "1 frames; needed two or more"),
        (in_line(2, 7, "nan"), "line 3: rx1 is 'nan'; needed a number from -2 to 2"),
        (in_line(2, 7, "-1.0"), "no rotation"),
        (in_line(2, 0, "900000"), "times do not ascend"),
        (in_line(3, 1, "0.9"), "lens changes"),
        (lambda lines: ["url", *(line.replace(" 0.8 ", " -0.8 ", 1) for line in lines[1:])], "line 2: fx is '-0.8'"),
    ],
)
def test_a_bad_pose_file_gets_one_line(pose_file, change, says):
    with pytest.raises(InputError) as error:
        read_pose_text(spoiled(pose_file, change))
    assert says in str(error.value)
    assert str(pose_file) in str(error.value)
    assert "\n" not in str(error.value)


def test_tum_trajectory_round_trip_and_the_focal_length_of_the_sidecar(tmp_path):
    path = tmp_path / "poses.txt"
    write_trajectory(path, np.arange(4) / 25, poses())
    track = importer("tum").read(path, VIDEO)
    assert track.cam_from_world == pytest.approx(poses(), abs=1e-10)
    assert track.lens == Lens(500 / 640, 500 / 480, 0.5, 0.5)
    with pytest.raises(InputError, match=r"state camera: \{focal_px: \.\.\.\} in the sidecar"):
        importer("tum").read(path, VideoFacts(640, 480, 0.0))
    path.write_text("0.0 1 2 3 0 0 0 0\n")
    with pytest.raises(InputError, match="quaternion of length 0"):
        read_trajectory(path)


def write_arkit(folder: Path, header: bool) -> None:
    folder.mkdir()
    world_from_cam = inverse_rigid(poses())
    lines = ["timestamp, frame, x, y, z, qx, qy, qz, qw"] if header else []
    for i, matrix in enumerate(world_from_cam):
        angle = -0.1 * i
        row = [*matrix[:3, 3], 0.0, np.sin(angle / 2), 0.0, np.cos(angle / 2)]
        lines.append(", ".join(str(value) for value in ([100.0 + i / 60, i] if header else []) + row))
    (folder / "odometry.csv").write_text("\n".join(lines))
    (folder / "camera_matrix.csv").write_text("500.0, 0.0, 321.0\n0.0, 500.0, 242.0\n0.0, 0.0, 1.0")


@pytest.mark.parametrize("header", [True, False])
def test_arkit_recording_of_both_versions_of_the_app(tmp_path, header):
    write_arkit(tmp_path / "rec", header)
    track = importer("arkit").read(tmp_path / "rec", VIDEO)
    assert track.frame_indices.tolist() == [0, 1, 2, 3]
    assert track.cam_from_world == pytest.approx(poses(), abs=1e-9)
    assert track.lens.cy == pytest.approx(242 / 480)


def test_an_arkit_matrix_of_another_picture_is_refused(tmp_path):
    write_arkit(tmp_path / "rec", True)
    with pytest.raises(
        InputError, match=r"camera_matrix\.csv: the principal point lies at 17 %, 13 % of a video of 1920"
    ):
        importer("arkit").read(tmp_path / "rec", VideoFacts(1920, 1920, 0.0))
    (tmp_path / "rec" / "odometry.csv").write_text("x, y\n1, 2")
    with pytest.raises(InputError, match=r"odometry\.csv: 2 columns"):
        importer("arkit").read(tmp_path / "rec", VIDEO)


def test_transforms_json_of_our_own_export_means_the_same_cameras(tmp_path):
    out = write_dataset(tmp_path / "out")
    export.run(out, "nerfstudio", tmp_path / "to", ["near-000"])
    video = VideoFacts(width=128, height=96, first_timestamp_s=0.0)
    track = importer("nerfstudio").read(tmp_path / "to" / "near-000" / "transforms.json", video)
    frames = sfm_gt.open_dataset(out).frames_of("near-000")
    assert track.frame_indices.tolist() == [frame.frame_index for frame in frames]
    assert track.cam_from_world == pytest.approx(np.stack([frame.cam_from_world for frame in frames]), abs=1e-9)
    assert track.lens == Lens(60 / 64, 60 / 48, 0.5, 0.5), "in shares, whatever the size of the video"


def transforms(**changes) -> dict:
    """A Blender scene of two frames that look along +y and +x of a world with +z up."""
    ahead = [[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
    right = [[0, 0, -1, 2], [-1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
    frames = [{"file_path": "./r_7", "transform_matrix": right}, {"file_path": "./r_3", "transform_matrix": ahead}]
    return {"camera_angle_x": 2 * np.arctan(0.5), "frames": frames} | changes


def test_blenders_scenes_by_their_angle_of_view(tmp_path):
    path = tmp_path / "transforms.json"
    path.write_text(json.dumps(transforms()))
    track = importer("nerfstudio").read(path, VIDEO)
    assert track.frame_indices.tolist() == [3, 7]
    assert (track.lens.fx, track.lens.fy) == (pytest.approx(1.0), pytest.approx(640 / 480))
    # A point 5 ahead of each camera and 1 above, in axes +x right, +y down, +z forward.
    for pose, point in zip(track.cam_from_world, ([0.0, 5.0, 1.0], [7.0, 0.0, 1.0]), strict=True):
        assert transform_points(pose, np.array([point]))[0] == pytest.approx([0, -1, 5])


def frames_with(*poses: np.ndarray, **more) -> list[dict]:
    return [{"file_path": f"{i}", "transform_matrix": pose.tolist()} | more for i, pose in enumerate(poses)]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"frames": []}, "no transforms.json|0 poses"),
        ({"p1": 0.01}, "p1 of the lens"),
        ({"camera_angle_x": float("nan")}, "finite"),
        ({"w": 480, "h": 640}, "480 x 640"),
        ({"frames": [{"file_path": "a", "transform_matrix": np.eye(4).tolist()}]}, "does not say which frame"),
        ({"frames": frames_with(np.diag([1.0, 1, 2, 1]))}, "no rotation"),
        ({"frames": [{"file_path": "1"}]}, "no transforms.json"),
        ({"frames": frames_with(np.eye(4)) + frames_with(np.eye(4), fl_x=500)}, "focal length changes by 24.6 %"),
        (
            {"frames": frames_with(np.eye(4)) + frames_with(np.eye(4), k1=0.1)},
            "distortion at the corners changes by 3.8 %",
        ),
        ({"frames": frames_with(np.eye(4)) + frames_with(np.eye(4), cx=330)}, "principal point changes by 1.6 %"),
        ({"camera_angle_x": 0.0}, "camera_angle_x is 0"),
        ({"w": 0, "h": 0}, "images are 0 x 0"),
        ({"w": float("inf"), "h": float("inf")}, "images are inf x inf"),
        ({"fl_x": 1e-200}, "fx is 1.5"),
    ],
)
def test_a_bad_transforms_json_gets_one_line(tmp_path, changes, says):
    path = tmp_path / "transforms.json"
    path.write_text(json.dumps(transforms(**changes)))
    with pytest.raises(InputError, match=says) as error:
        importer("nerfstudio").read(path, VIDEO)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("lens", "says"),
    [
        (
            {"camera_model": "OPENCV_FISHEYE"},
            "a lens camera_model OPENCV_FISHEYE; needed camera_model SIMPLE_PINHOLE, ",
        ),
        ({"camera_model": "EQUIRECTANGULAR"}, "a lens camera_model EQUIRECTANGULAR; needed"),
        ({"camera_model": "FISHEYE624"}, "a lens camera_model FISHEYE624; needed"),
        ({"camera_model": ["PINHOLE"]}, "a lens camera_model .'PINHOLE'.; needed"),
        ({"is_fisheye": True}, "a lens is_fisheye; needed"),
        ({"equirectangular": True}, "a lens equirectangular; needed"),
        ({"ftheta_p0": 0.0}, "a lens ftheta_p0; needed"),
    ],
)
@pytest.mark.parametrize("of_one_frame", [False, True])
def test_a_lens_that_is_no_pinhole_is_refused_by_name(tmp_path, lens, says, of_one_frame):
    content = transforms()
    (content["frames"][1] if of_one_frame else content).update(lens)
    path = tmp_path / "transforms.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=says) as error:
        importer("nerfstudio").read(path, VIDEO)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("model", ["SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV"])
def test_pinholes_of_transforms_json_are_read_as_before(tmp_path, model):
    path = tmp_path / "transforms.json"
    path.write_text(json.dumps(transforms(camera_model=model, is_fisheye=False, k1=-0.02, p1=0.0)))
    assert importer("nerfstudio").read(path, VIDEO).lens.k1 == -0.02


def test_kitti_odometry_by_order_of_frames(tmp_path):
    path = tmp_path / "00.txt"
    np.savetxt(path, np.stack([inverse_rigid(pose)[:3].ravel() for pose in poses()]))
    track = importer("kitti").read(path, VIDEO)
    assert track.frame_indices.tolist() == [0, 1, 2, 3]
    assert track.cam_from_world == pytest.approx(poses())
    np.savetxt(path, np.zeros((4, 11)))
    with pytest.raises(InputError, match="4 lines of 11 numbers; needed twelve"):
        importer("kitti").read(path, VIDEO)


METASHAPE = """<?xml version="1.0" encoding="UTF-8"?>
<document version="2.0.0"><chunk label="Chunk 1"><sensors><sensor id="0" label="rgb" type="frame">
<resolution width="1280" height="960"/><calibration type="frame" class="adjusted"><resolution width="1280" height="960"/>
<f>1024</f><cx>12.8</cx><cy>-9.6</cy><k1>-0.03</k1>{more}</calibration></sensor></sensors><cameras>
<camera id="0" sensor_id="0" label="frame_0004"><transform>{second}</transform></camera>
<camera id="1" sensor_id="0" label="frame_0002"><transform>{first}</transform></camera>
<camera id="2" sensor_id="0" label="frame_0003"/></cameras></chunk></document>"""


def metashape(more: str = "") -> str:
    first, second = (" ".join(map(str, inverse_rigid(pose).ravel())) for pose in poses(2))
    return METASHAPE.format(first=first, second=second, more=more)


def test_metashape_cameras_that_were_aligned(tmp_path):
    path = tmp_path / "cameras.xml"
    path.write_text(metashape())
    track = importer("metashape").read(path, VIDEO)
    assert track.frame_indices.tolist() == [2, 4]
    assert track.cam_from_world == pytest.approx(poses(2))
    assert (track.lens.fx, track.lens.fy, track.lens.k1) == (0.8, 1024 / 960, -0.03)
    assert (track.lens.cx, track.lens.cy) == pytest.approx((0.51, 0.49)), "cx and cy count from the middle"
    for text, says in (
        (metashape("<p1>0.001</p1>"), "p1 of the lens"),
        (metashape()[:-30], "no XML"),
        (metashape().replace("<document", "<!DOCTYPE x [<!ENTITY a 'b'>]><document", 1), "document type"),
        (metashape().replace("<f>1024</f>", ""), "finite"),
        ("<document/>", "0 sensors"),
        (
            metashape().replace('label="rgb" type="frame"', 'label="rgb" type="fisheye"'),
            "sensor 'rgb' is 'fisheye'; needed",
        ),
        (
            metashape().replace('<calibration type="frame"', '<calibration type="equisolid_fisheye"'),
            "'equisolid_fisheye'; ",
        ),
        (
            metashape().replace('label="rgb" type="frame"', 'label="rgb" type="spherical"'),
            "sensor 'rgb' is 'spherical'",
        ),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=says) as error:
            importer("metashape").read(path, VIDEO)
        assert str(path) in str(error.value)


def write_colmap(folder: Path, names: list[str], model: str = "SIMPLE_RADIAL") -> None:
    import pycolmap

    folder.mkdir()
    params = {"SIMPLE_RADIAL": [500.0, 320.0, 240.0, -0.02], "FULL_OPENCV": [500.0, 500.0, 320.0, 240.0] + 8 * [0.0]}
    content = pycolmap.Reconstruction()
    content.add_camera_with_trivial_rig(
        pycolmap.Camera(model=model, width=640, height=480, params=params[model], camera_id=1)
    )
    for number, (name, matrix) in enumerate(zip(names, poses(), strict=False), start=1):
        image = pycolmap.Image(name=name, keypoints=np.zeros((0, 2)), camera_id=1, image_id=number)
        content.add_image_with_trivial_frame(image, pycolmap.Rigid3d(matrix[:3]))
    content.write_binary(folder)


def test_colmap_model_by_the_numbers_in_its_names(tmp_path):
    write_colmap(tmp_path / "sparse", ["a/frame-0002.color.jpg", "a/frame-0009.color.jpg"])
    track = importer("colmap").read(tmp_path / "sparse", VIDEO)
    assert track.frame_indices.tolist() == [2, 9]
    assert track.cam_from_world == pytest.approx(poses(2))
    assert track.lens == Lens(500 / 640, 500 / 480, 0.5, 0.5, -0.02)
    from_one = VideoFacts(640, 480, 0.0, first_number=1)
    assert importer("colmap").read(tmp_path / "sparse", from_one).frame_indices.tolist() == [1, 8]


@pytest.mark.parametrize(
    ("names", "model", "video", "says"),
    [
        (["left.png"], "SIMPLE_RADIAL", VIDEO, "does not say which frame it is"),
        (["0001.png", "b/1.png"], "SIMPLE_RADIAL", VIDEO, "do not number the frames"),
        (["0001.png"], "FULL_OPENCV", VIDEO, "camera model FULL_OPENCV; needed one of"),
        (["0001.png"], "SIMPLE_RADIAL", VideoFacts(640, 360, 0.0), "images are 640 x 480, the video 640 x 360"),
        (["0000.png"], "SIMPLE_RADIAL", VideoFacts(640, 480, 0.0, first_number=1), "do not number the frames"),
    ],
)
def test_a_colmap_model_that_does_not_fit_the_video_is_refused(tmp_path, names, model, video, says):
    write_colmap(tmp_path / "sparse", names, model)
    with pytest.raises(InputError, match=says):
        importer("colmap").read(tmp_path / "sparse", video)


@pytest.mark.parametrize("name", ["cameras.bin", "images.bin"])
def test_a_colmap_model_cut_short_is_refused(tmp_path, name):
    write_colmap(tmp_path / "sparse", ["0001.png", "0002.png"])
    path = tmp_path / "sparse" / name
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="sparse"):
        importer("colmap").read(tmp_path / "sparse", VIDEO)


def test_a_folder_whose_files_are_links_out_of_the_tree_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    write_arkit(tmp_path / "elsewhere" / "rec", True)
    (tmp_path / "rec").mkdir()
    for name in ("odometry.csv", "camera_matrix.csv"):
        os.symlink(tmp_path / "elsewhere" / "rec" / name, tmp_path / "rec" / name)
    with pytest.raises(InputError, match=r"'odometry\.csv' leads out of"):
        importer("arkit").read(tmp_path / "rec", VIDEO)


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/hostname", "link.txt", "missing.txt"])
def test_a_sidecar_names_no_file_outside_its_folder(tmp_path, name):
    (tmp_path / "secret.txt").write_text("")
    videos = tmp_path / "videos"
    videos.mkdir()
    os.symlink(tmp_path / "secret.txt", videos / "link.txt")
    (videos / "v.yaml").write_text(f"import: {{format: tum, file: '{name}'}}\n")
    with pytest.raises(InputError, match=r"leads out of|not found in") as error:
        read_sidecar(videos / "v.yaml")
    assert name in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", r"holds the alias \*a"),
        ("[" * 100 + "]" * 100, "nested deeper than 20 levels"),
        ("source: " + "x" * (1 << 20), "needed at most 1048576"),
    ],
)
def test_yaml_that_unfolds_without_bound_is_refused(tmp_path, text, says):
    path = tmp_path / "v.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=says):
        read_sidecar(path)


def test_poses_by_time_go_to_the_nearest_frame_within_half_a_frame():
    times = {10: 1.0, 11: 1.04, 12: 1.08, 13: 1.12}
    track = CameraTrack(poses(3), LENS, timestamps_s=np.array([1.081, 1.001, 1.3]))
    found = track.by_frame(times)
    assert sorted(found) == [10, 12], "frame 11 lies a whole frame from the next pose"
    assert (found[12] == poses()[0]).all()
    assert (found[10] == poses()[1]).all()
    assert CameraTrack(poses(0), LENS, timestamps_s=np.zeros(0)).by_frame(times) == {}
    by_index = CameraTrack(poses(2), LENS, frame_indices=np.array([11, 99]))
    assert sorted(by_index.by_frame(times)) == [11]
