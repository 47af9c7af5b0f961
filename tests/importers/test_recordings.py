"""Recordings of data sets, apps and other programs: small trees of known cameras mean these, wrong ones get one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sfm_gt.errors import InputError
from sfm_gt.formats.sidecar import files_named, read_sidecar
from sfm_gt.geometry.transforms import inverse_rigid, transform_points
from sfm_gt.importers.shared.video_facts import VideoFacts
from tests.importers.recordings import (
    TABLE_HEAD,
    UPRIGHT,
    assert_refused,
    metadata,
    of_polycams_converter,
    polycam,
    pose,
    read,
    write_table,
    write_xmp,
    written,
)

START_NS = 1403636579763555584


# A camera that looks along the body's +y with the world's axes, so that its own axes are (x, -z, y); and a tracked marker.
BODY_FROM_CAMERA = np.array([[1.0, 0, 0, 0.1], [0, 0, 1, 0.2], [0, -1, 0, 0.3], [0, 0, 0, 1]])
BODY_FROM_MARKER = pose((90, 0, 0), (0.0, 0.0, 0.5))
WORLD_FROM_BODY = [pose((10 * i, 5 * i, -3 * i), (0.1 * i, 0.2, -0.05 * i)) for i in range(5)]
SENSOR = """#Default settings
sensor_type: camera
T_BS:
  cols: 4
  rows: 4
  data: {pose}
rate_hz: 20
resolution: [752, 480]
camera_model: pinhole
intrinsics: [458.654, 457.296, 367.215, 248.375]
distortion_model: radial-tangential
distortion_coefficients: {distortion}
"""
DISTORTION = [-0.28340811, 0.07395907, 0.00019359, 1.76187114e-05]


def write_sensor(folder: Path, matrix: np.ndarray, distortion: list[float] | None = None) -> None:
    text = SENSOR.format(pose=matrix.ravel().tolist(), distortion=distortion or DISTORTION)
    (folder / "sensor.yaml").write_text(text)


@pytest.fixture
def mav0(tmp_path: Path) -> Path:
    """Seven pictures 50 ms apart, of which the first and the last have no ground truth; that comes every 40 ms."""
    folder = tmp_path / "mav0"
    for name in ("cam0", "state_groundtruth_estimate0"):
        (folder / name).mkdir(parents=True)
    write_sensor(folder / "cam0", BODY_FROM_CAMERA)
    write_sensor(folder / "state_groundtruth_estimate0", BODY_FROM_MARKER)
    lines = [f"{START_NS + 50_000_000 * i},{START_NS + 50_000_000 * i}.png" for i in range(-1, 6)]
    (folder / "cam0" / "data.csv").write_text("#timestamp [ns],filename\n" + "\n".join(lines) + "\n")
    rows = [
        "#timestamp, p_RS_R_x [m], p_RS_R_y [m], p_RS_R_z [m], q_RS_w [], q_RS_x [], q_RS_y [], q_RS_z [], v_RS_R_x"
    ]
    for i, body in enumerate(WORLD_FROM_BODY):
        marker = body @ BODY_FROM_MARKER
        x, y, z, w = Rotation.from_matrix(marker[:3, :3]).as_quat()
        values = ",".join(f"{value:.9f}" for value in (*marker[:3, 3], w, x, y, z, 0.25))
        rows.append(f"{START_NS + 40_000_000 * i},{values}")
    (folder / "state_groundtruth_estimate0" / "data.csv").write_text("\n".join(rows) + "\n")
    return folder


def test_euroc_poses_of_the_camera_at_the_times_of_its_pictures(mav0: Path) -> None:
    track = read("euroc", mav0)
    assert track.frame_indices.tolist() == [1, 2, 3, 4]
    first = WORLD_FROM_BODY[0] @ BODY_FROM_CAMERA
    assert track.cam_from_world[0] == pytest.approx(inverse_rigid(first), abs=1e-6)
    # 5 m along +y of a body that stands at (0, 0.2, 0) with the world's axes, before a camera 0.2 ahead and 0.3 up in it.
    assert transform_points(track.cam_from_world[0], np.array([[0.1, 5.4, 0.3]]))[0] == pytest.approx(
        [0, 0, 5], abs=1e-6
    )
    between = transform_points(inverse_rigid(track.cam_from_world[1]), np.zeros((1, 3)))[0]
    ends = [(body @ BODY_FROM_CAMERA)[:3, 3] for body in WORLD_FROM_BODY[1:3]]
    assert between == pytest.approx(0.75 * ends[0] + 0.25 * ends[1], abs=2e-3), "50 ms, a quarter of the way"
    lens = track.lens
    assert (lens.fx, lens.fy, lens.k1, lens.k2) == (458.654 / 752, 457.296 / 480, *DISTORTION[:2])
    assert (lens.cx, lens.cy) == pytest.approx((367.715 / 752, 248.875 / 480)), "pixel centres at integers in the file"


def test_euroc_where_ground_truth_is_missing_there_is_no_pose(mav0: Path) -> None:
    path = mav0 / "state_groundtruth_estimate0" / "data.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], *lines[4:]]) + "\n")
    assert read("euroc", mav0).frame_indices.tolist() == [1, 4], "80 ms apart"


def test_euroc_files_that_do_not_fit_are_refused(mav0: Path) -> None:
    assert_refused("euroc", mav0, "752 x 480, the video 640 x 480", VideoFacts(640, 480, 0.0))
    write_sensor(mav0 / "cam0", BODY_FROM_CAMERA, [-0.28, 0.07, 0.004, 0.0])
    assert_refused("euroc", mav0, "tangential distortion moves a corner by")
    sensor = mav0 / "cam0" / "sensor.yaml"
    sensor.write_text(sensor.read_text().replace("radial-tangential", "equidistant"))
    assert_refused("euroc", mav0, "a lens pinhole equidistant; needed")
    write_sensor(mav0 / "cam0", np.diag([1.0, 1.0, -1.0, 1.0]))
    assert_refused("euroc", mav0, "T_BS holds no rotation")
    (mav0 / "cam0" / "sensor.yaml").write_text("sensor_type: camera\n")
    assert_refused("euroc", mav0, "no T_BS")
    write_sensor(mav0 / "cam0", BODY_FROM_CAMERA)
    (mav0 / "cam0" / "data.csv").write_text("17,17.png\n")
    assert_refused("euroc", mav0, "no poses at the times of")
    (mav0 / "cam0" / "data.csv").unlink()
    assert_refused("euroc", mav0, "not found in")


def test_changes_to_any_file_of_a_recording_are_noticed(mav0: Path) -> None:
    sidecar = mav0.parent / "v.yaml"
    sidecar.write_text("import: {format: euroc, file: mav0}\n")
    names = {str(path.relative_to(mav0)) for path in files_named(sidecar, read_sidecar(sidecar))[1:]}
    assert names == {f"{folder}/{name}" for folder in ("cam0", "state_groundtruth_estimate0")
                     for name in ("data.csv", "sensor.yaml")}  # fmt: skip


def test_record3d_poses_in_axes_of_opengl_and_a_matrix_by_columns(tmp_path: Path) -> None:
    track = read("record3d", written(tmp_path, metadata()), UPRIGHT)
    assert track.frame_indices.tolist() == [0, 1]
    assert (track.lens.fx, track.lens.fy) == (800 / 720, 810 / 960)
    assert (track.lens.cx, track.lens.cy) == (361 / 720, 482 / 960)
    # The first looks along -z with +y up, the second along -x.
    for matrix, point in zip(track.cam_from_world, ([0.0, 1.0, -5.0], [-4.0, 1.0, 0.0]), strict=True):
        assert transform_points(matrix, np.array([point]))[0] == pytest.approx([0, -1, 5])
    several = metadata(perFrameIntrinsicCoeffs=[[801.0, 801.0, 360.0, 480.0], [799.0, 799.0, 360.0, 480.0]])
    assert read("record3d", written(tmp_path, several), UPRIGHT).lens.fx == pytest.approx(800 / 720)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"perFrameIntrinsicCoeffs": [[800.0, 800.0, 360.0, 480.0], [830.0, 830.0, 360.0, 480.0]]}, "changes by 3.7 %"),
        ({"w": 960, "h": 720}, "960 x 720"),
        ({"poses": [[0.0] * 6] * 2}, "no metadata of Record3D"),
        ({"poses": [[0.0] * 7] * 2}, "quaternion of length 0"),
        ({"poses": [[0.0, 0, 0, 1, float("nan"), 0, 0]] * 2}, "not finite"),
        ({"K": [0.0] * 9}, "focal lengths above 0"),
        ({"K": None}, "no metadata of Record3D"),
    ],
)
def test_bad_metadata_of_record3d_gets_one_line(tmp_path: Path, changes: dict, says: str) -> None:
    assert_refused("record3d", written(tmp_path, metadata(**changes)), says, UPRIGHT)


def test_a_lens_that_autofocus_moves_is_its_median_and_said_to_be(tmp_path: Path) -> None:
    track = read("nerfstudio", of_polycams_converter(tmp_path, (800.0, 800.32, 799.9)), UPRIGHT)
    assert (track.lens.fx, track.lens.fy) == (800 / 720, 800 / 960)
    assert track.remarks == (
        "metadata.json: lenses of frames differ (focal length by 0.053 %); their median is used for all",
    )
    assert read("nerfstudio", of_polycams_converter(tmp_path, (800.0, 800.0, 800.0)), UPRIGHT).remarks == ()
    several = metadata(perFrameIntrinsicCoeffs=[[801.0, 801.0, 360.0, 480.0], [799.0, 799.0, 360.0, 483.0]])
    assert (
        "focal length by 0.25 %, principal point by 0.31 %"
        in read("record3d", written(tmp_path, several), UPRIGHT).remarks[0]
    )
    assert "focal length by 0.12 %" in read("polycam", polycam(tmp_path / "cameras", fx=801.0), UPRIGHT).remarks[0]
    write_xmp(tmp_path / "xmp", "1.xmp")
    write_xmp(tmp_path / "xmp", "2.xmp", "0 1 2", focal=27.1)
    assert "focal length by 0.37 %" in read("realitycapture", tmp_path / "xmp", UPRIGHT).remarks[0]


def test_a_lens_that_changes_by_more_is_refused_whatever_changes(tmp_path: Path) -> None:
    assert_refused(
        "nerfstudio", of_polycams_converter(tmp_path, (800.0, 809.0, 800.0)), "focal length changes by 1.1 %", UPRIGHT
    )
    moved = [[800.0, 800.0, 360.0, 480.0], [800.0, 800.0, 370.0, 480.0]]
    path = written(tmp_path, metadata(perFrameIntrinsicCoeffs=moved))
    assert_refused("record3d", path, "principal point changes by 1.4 %", UPRIGHT)
    assert_refused("polycam", polycam(tmp_path / "cameras", fy=830.0), "focal length changes by 2.4 %", UPRIGHT)
    write_xmp(tmp_path / "xmp", "1.xmp")
    write_xmp(tmp_path / "xmp", "2.xmp", "0 1 2", distortion="-0.12 0.05 0 0 0 0")
    assert_refused("realitycapture", tmp_path / "xmp", "distortion at the corners changes by", UPRIGHT)


def test_realitycapture_poses_world_to_camera_and_lens_on_the_longer_side(tmp_path: Path) -> None:
    folder = tmp_path / "xmp"
    write_xmp(folder, "frame_0007.xmp", "0 1 2")
    write_xmp(folder, "frame_0003.xmp")
    write_xmp(folder, "frame_0005.xmp", position="")
    track = read("realitycapture", folder, UPRIGHT)
    assert track.frame_indices.tolist() == [3, 7]
    for matrix, point in zip(track.cam_from_world, ([1.0, 5.0, 2.5], [1.0, 6.0, 2.5]), strict=True):
        assert transform_points(matrix, np.array([point]))[0] == pytest.approx([1, -0.5, 5])
    lens = track.lens
    assert (lens.fx, lens.fy) == pytest.approx((720 / 720, 720 / 960)), "27 of 36 mm, along 960 pixels"
    assert (lens.cx, lens.cy) == pytest.approx((0.5 + 9.6 / 720, 0.5 - 19.2 / 960))
    assert (lens.k1, lens.k2) == (-0.1, 0.05)
    lying = read("realitycapture", folder, VideoFacts(960, 720, 0.0)).lens
    assert (lying.fx, lying.fy, lying.cx, lying.cy) == pytest.approx((0.75, 1.0, 0.51, 0.5 - 19.2 / 720))


@pytest.mark.parametrize("model", ["division", "fisheye"])
def test_a_model_of_realitycapture_that_is_not_radial_is_refused_by_name(tmp_path: Path, model: str) -> None:
    write_xmp(tmp_path / "xmp", "1.xmp")
    path = tmp_path / "xmp" / "1.xmp"
    path.write_text(path.read_text().replace("brown3", model))
    assert_refused("realitycapture", tmp_path / "xmp", f"a lens {model}, ", UPRIGHT)


@pytest.mark.parametrize(
    ("second", "says"),
    [
        ({"focal": 28.0}, "focal length changes by 3.6 %"),
        ({"distortion": "0 0 0.01 0 0 0"}, "needed radial distortion alone"),
        ({"distortion": "0 0"}, "needed 6 finite numbers"),
        ({"position": "0 1 nan"}, "needed 3 finite numbers"),
        ({"position": "0 0 2"}, "in one place"),
    ],
)
def test_bad_files_of_realitycapture_get_one_line(tmp_path: Path, second: dict, says: str) -> None:
    folder = tmp_path / "xmp"
    write_xmp(folder, "1.xmp")
    write_xmp(folder, "2.xmp", **{"position": "0 1 2"} | second)
    assert_refused("realitycapture", folder, says, UPRIGHT)


def test_a_folder_without_poses_or_with_other_xml_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "xmp"
    assert_refused("realitycapture", folder, "no .xmp files")
    write_xmp(folder, "1.xmp", position="")
    assert_refused("realitycapture", folder, "none of 1 files holds a pose")
    for text, says in (
        ("<a/>", "no rdf:Description"),
        ("<a>", "no XML"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", "document type"),
    ):
        (folder / "1.xmp").write_text(text)
        assert_refused("realitycapture", folder, says)


# The same two cameras as in XMP: level, to the north; the third looks to the east and is tilted by its roll.
TABLE_ROWS = [
    "frame_0007.jpg,0,1,2,0,90,0,27,0.01,-0.02,-0.1,0.05,0,0,0,0",
    "frame_0003.jpg,0,0,2,0,90,0,27,0.01,-0.02,-0.1,0.05,0,0,0,0",
    "frame_0005.jpg,1,1,2,90,90,0,27,0.01,-0.02,-0.1,0.05,0,0,0,0",
]


@pytest.mark.parametrize("before", ["", "#cameras 3\n"])
def test_realitycapture_table_says_what_its_files_say(tmp_path: Path, before: str) -> None:
    folder = tmp_path / "xmp"
    write_xmp(folder, "frame_0007.xmp", "0 1 2")
    write_xmp(folder, "frame_0003.xmp")
    files, table = read("realitycapture", folder, UPRIGHT), write_table(tmp_path, TABLE_ROWS, before + TABLE_HEAD)
    track = read("realitycapture", table, UPRIGHT)
    assert track.frame_indices.tolist() == [3, 5, 7]
    assert track.cam_from_world[[0, 2]] == pytest.approx(files.cam_from_world, abs=1e-12)
    assert track.lens == files.lens
    # 5 m to the east of the third, half a metre up, a metre to its right, which is south.
    assert transform_points(track.cam_from_world[1], np.array([[6.0, 0.0, 2.5]]))[0] == pytest.approx([1, -0.5, 5])


def test_realitycapture_roll_turns_the_camera_before_its_pitch(tmp_path: Path) -> None:
    rows = [f"{n}.jpg,{n},0,0,30,60,{roll},27" for n, roll in enumerate((0, 20))]
    level, rolled = read(
        "realitycapture", write_table(tmp_path, rows, "#name,x,y,alt,heading,pitch,roll,f"), UPRIGHT
    ).cam_from_world
    turn = Rotation.from_matrix(rolled[:3, :3] @ level[:3, :3].T).as_rotvec(degrees=True)
    assert turn == pytest.approx([0, 20, 0]), "about its own y, down here and up in OpenGL; the world turns back"


@pytest.mark.parametrize(
    ("rows", "head", "says"),
    [
        (TABLE_ROWS[:1], "#name,x,y,alt", "lacks heading, pitch, roll, f"),
        ([], TABLE_HEAD, "lacks rows"),
        ([TABLE_ROWS[0], TABLE_ROWS[1].replace(",27,", ",28,")], TABLE_HEAD, "focal length changes by 3.6 %"),
        ([TABLE_ROWS[0], TABLE_ROWS[1] + ".1"], TABLE_HEAD, "row 2: distortion .* needed radial distortion alone"),
        ([TABLE_ROWS[0], "frame_0003.jpg,0,0,2"], TABLE_HEAD, "row 2: .* needed 16 cells"),
        ([TABLE_ROWS[0], TABLE_ROWS[1].replace(",0,0,2,", ",0,0,nan,")], TABLE_HEAD, "row 2: a pose holds a number"),
        ([TABLE_ROWS[0], TABLE_ROWS[1].replace(",0,0,2,", ",0,0,up,")], TABLE_HEAD, "row 2: .* a number in each"),
    ],
)
def test_bad_tables_of_realitycapture_get_one_line(tmp_path: Path, rows: list[str], head: str, says: str) -> None:
    assert_refused("realitycapture", write_table(tmp_path, rows, head), says, UPRIGHT)


def test_polycam_poses_in_the_order_of_times(tmp_path: Path) -> None:
    track = read("polycam", polycam(tmp_path / "cameras"), UPRIGHT)
    assert track.frame_indices.tolist() == [0, 1]
    for matrix, point in zip(track.cam_from_world, ([0.0, 1.0, -5.0], [-4.0, 1.0, 0.0]), strict=True):
        assert transform_points(matrix, np.array([point]))[0] == pytest.approx([0, -1, 5])
    lens = track.lens
    assert (lens.fx, lens.fy, lens.cx, lens.cy) == (800 / 720, 810 / 960, 361 / 720, 482 / 960)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"fx": 830.0}, "focal length changes by 3.7 %"),
        ({"width": 960, "height": 720}, "pictures of 2 sizes"),
        ({"t_03": float("nan")}, "not finite"),
        ({"t_00": 3.0}, "no rotation"),
        ({"t_23": "near"}, "no camera of Polycam"),
    ],
)
def test_bad_cameras_of_polycam_get_one_line(tmp_path: Path, changes: dict, says: str) -> None:
    assert_refused("polycam", polycam(tmp_path / "cameras", **changes), says, UPRIGHT)
    assert_refused("polycam", tmp_path, "no .json files", UPRIGHT)


def test_changes_to_a_camera_of_polycam_are_noticed(tmp_path: Path) -> None:
    polycam(tmp_path / "cameras")
    sidecar = tmp_path / "v.yaml"
    sidecar.write_text("import: {format: polycam, file: cameras}\n")
    names = {path.name for path in files_named(sidecar, read_sidecar(sidecar))[1:]}
    assert names == {"98765.json", "123456.json"}


HUGE = int("9" * 400)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("nerfstudio", {"fl_x": HUGE}),
        ("nerfstudio", {"frames": [{"file_path": "1", "transform_matrix": [[HUGE] * 4] * 4}]}),
        ("record3d", metadata(w=HUGE)),
        ("record3d", metadata(poses=[[HUGE] * 7])),
        ("polycam", {"t_00": HUGE}),
    ],
)
def test_a_number_that_no_float_holds_is_one_short_line(tmp_path: Path, name: str, place: dict) -> None:
    path = written(tmp_path, {"frames": []} | place)
    assert_refused(name, tmp_path if name == "polycam" else path, "no JSON .*a number of 400 digits")


def test_a_huge_number_in_a_sensor_of_euroc_is_one_short_line(mav0: Path) -> None:
    sensor = mav0 / "cam0" / "sensor.yaml"
    for text in (f"T_BS: {{data: [{HUGE}]}}\n", f"T_BS:\n  data: [{'x' * 400}]\n"):
        sensor.write_text(text)
        with pytest.raises(InputError, match=r"sensor\.yaml: ") as error:
            read("euroc", mav0)
        assert len(str(error.value)) < 300 + len(str(mav0))


@pytest.mark.parametrize("name", ["nerfstudio", "record3d", "polycam"])
def test_json_nested_without_bound_is_one_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / "metadata.json"
    path.write_text("[" * 100_000)
    assert_refused(name, tmp_path if name == "polycam" else path, "no JSON .nested too deep")


@pytest.mark.parametrize("number", [10**25, HUGE, 10**8 + 1])
def test_an_image_number_that_no_video_reaches_is_one_short_line(tmp_path: Path, number: int) -> None:
    frame = {"file_path": f"images/{number}.png", "transform_matrix": np.eye(4).tolist()}
    path = written(tmp_path, {"fl_x": 500.0, "frames": [frame]})
    assert_refused("nerfstudio", path, "not numbered by frame; needed a number up to 1e")
    with pytest.raises(InputError) as error:
        read("nerfstudio", path)
    assert len(str(error.value)) < 200 + len(str(path))


def rewritten(path: Path, name: str) -> None:
    """The file as programs of Windows leave it: a byte order mark, and capitals in the end of its name."""
    path.rename(path.with_name(name))
    path.with_name(name).write_bytes(b"\xef\xbb\xbf" + path.with_name(name).read_bytes())


def test_byte_order_marks_and_capitals_in_ends_of_names_change_nothing(tmp_path: Path) -> None:
    record = written(tmp_path, metadata())
    rewritten(record, "metadata.JSON")
    assert read("record3d", tmp_path / "metadata.JSON", UPRIGHT).frame_indices.tolist() == [0, 1]
    phone = polycam(tmp_path / "cameras")
    xmp = tmp_path / "xmp"
    write_xmp(xmp, "1.xmp")
    write_xmp(xmp, "2.xmp", "0 1 2")
    kitti = tmp_path / "00.txt"
    np.savetxt(kitti, [np.eye(4)[:3].ravel(), pose((0, 0, 0), (1, 0, 0))[:3].ravel()])
    cases = {"polycam": phone, "realitycapture": xmp, "kitti": kitti}
    video = VideoFacts(720, 960, 0.0, focal_px=800.0)
    before = {name: read(name, path, video) for name, path in cases.items()}
    for path in (*phone.glob("*.json"), *xmp.glob("*.xmp"), kitti):
        rewritten(path, path.stem + (path.suffix.upper() if path != kitti else ".txt"))
    for name, path in cases.items():
        assert read(name, path, video).cam_from_world == pytest.approx(before[name].cam_from_world), name


def test_changes_to_files_with_capitals_in_the_ends_of_their_names_are_noticed(tmp_path: Path) -> None:
    write_xmp(tmp_path / "xmp", "1.XMP")
    sidecar = tmp_path / "v.yaml"
    sidecar.write_text("import: {format: realitycapture, file: xmp}\n")
    assert [path.name for path in files_named(sidecar, read_sidecar(sidecar))[1:]] == ["1.XMP"]
