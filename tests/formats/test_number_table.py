"""Numbers that users give, in sidecars and in the files that these name: refused at ingest by file, line and field."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from sfm_gt.config import Config, validate
from sfm_gt.errors import ConfigError, InputError
from sfm_gt.formats.camera_track import CameraTrack, Lens, checked
from sfm_gt.formats.sidecar import read_sidecar
from sfm_gt.scale.positions import scale_between

JOINTS = "frame_index,person,joint,x,y,confidence\n"
TRACK = "timestamp_s,x_m,y_m,z_m\n0,0,0,0\n"
GPS = "timestamp_s,latitude_deg,longitude_deg,altitude_m\n0,0,0,0\n"
TUM = "# a comment\n0 0 0 0 0 0 0 1\n"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("joints.csv", JOINTS + "0,a,left_knee,nan,2,1\n", "line 2: x is 'nan'"),
        ("joints.csv", JOINTS + "0,a,left_knee,1,2,1\ninf,a,left_hip,1,2,1\n", "line 3: frame_index is 'inf'"),
        ("joints.csv", JOINTS + "0.5,a,left_knee,1,2,1\n", "line 2: frame_index is 0.5; needed a whole number"),
        ("joints.csv", JOINTS + "0,a,left_knee,1,1e9,1\n", "line 2: y is '1e9'"),
        ("joints.csv", JOINTS + "0,a,left_knee,1,2,7\n", "line 2: confidence is '7'"),
        ("joints.csv", JOINTS + "0,a,left_knee,1,2\n", "line 2: 5 entries, needed 6 as in the header"),
        ("joints.csv", JOINTS + "".join(f"0,p{i},left_knee,1,2,1\n" for i in range(1001)), "1001 people"),
        ("joints.csv", "x,x\n", "column 'x' stands there twice"),
        ("joints.csv", JOINTS + '0,"a\nb",left_knee,1,2,1\n', "not a CSV table"),
        ("track.csv", TRACK + "1,2,inf,3\n", "line 3: y_m is 'inf'"),
        ("track.csv", TRACK + "1,2,1e308,3\n", "line 3: y_m is '1e308'"),
        ("track.csv", TRACK + "true,2,1,3\n", "line 3: timestamp_s is 'true'"),
        ("track.csv", TRACK + "1,,1,3\n", "line 3: x_m is ''"),
        ("track.csv", GPS + "1,91,1,3\n", "line 3: latitude_deg is '91'; needed a number from -90 to 90"),
        ("track.csv", "", "empty"),
        ("track.csv", TRACK.splitlines()[0], "no row below the header"),
        ("track.txt", TUM + "1 0 0 0 0 0 0 0\n", "line 3: qx qy qz qw is a quaternion of length 0"),
        ("track.txt", TUM + "1 0 0 nan 0 0 0 1\n", "line 3: tz is 'nan'"),
        ("track.txt", TUM + "1 0 0 -1e200 0 0 0 1\n", "line 3: tz is '-1e200'"),
        ("track.txt", TUM + "1 0 0\n", "line 3: 3 entries; needed 8"),
        ("track.txt", "# nothing\n", "empty"),
    ],
)
def test_a_number_that_cannot_be_is_refused_by_file_line_and_field(tmp_path, name, content, says):
    (tmp_path / name).write_text(content)
    stated = "people: {joints: joints.csv}" if name == "joints.csv" else f"positions: [{{file: {name}, sigma_m: 1}}]"
    (tmp_path / "clip.yaml").write_text(f"scale: {{{stated}}}\n")
    with pytest.raises(InputError) as error:
        read_sidecar(tmp_path / "clip.yaml")
    assert str(error.value).startswith(str(tmp_path / name))
    assert says in str(error.value)
    assert "\n" not in str(error.value)


POINTS = "frame_index: 3, point_a: [1, 2], point_b: [3, 4]"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("camera: {focal_px: .inf}", "camera.focal_px"),
        ("camera: {focal_px: true}", "camera.focal_px"),
        ("camera: {focal_px: '525'}", "camera.focal_px"),
        ("camera: {focal_px: 1e308}", "camera.focal_px"),
        ("camera: {intrinsics_px: [525, 525, 1e9, 240]}", "camera.intrinsics_px.2"),
        ("camera: {intrinsics_px: [525, .nan, 320, 240]}", "camera.intrinsics_px.1"),
        (f"scale: {{known_distance: [{{{POINTS}, metres: true}}]}}", "scale.known_distance.0.metres"),
        (f"scale: {{known_distance: [{{{POINTS}, metres: 1e7}}]}}", "scale.known_distance.0.metres"),
        ("scale: {known_distance: [{frame_index: 3, point_a: [1, .inf], point_b: [3, 4], metres: 1}]}", "point_a.1"),
        ("scale: {known_distance: [{frame_index: 3, point_a: [1, 1], point_b: [1, 1], metres: 1}]}", "the same pixel"),
        ("scale: {known_distance: [{frame_index: 3e30, point_a: [1, 1], point_b: [1, 2], metres: 1}]}", "frame_index"),
        ("scale: {camera_height: {metres: 1.5, sigma_m: .inf}}", "scale.camera_height.sigma_m"),
        ("scale: {positions: [{file: t.csv, sigma_m: 1, clock_offset_s: 1e300}]}", "clock_offset_s"),
        ("import: {format: tum, file: t.csv, first_number: true}", "import.first_number"),
        (f"scale: {{known_distance: [{', '.join([f'{{{POINTS}, metres: 1}}'] * 1001)}]}}", "at most 1000 items"),
    ],
)
def test_a_number_of_a_sidecar_that_cannot_be_is_refused_by_field(tmp_path, text, field):
    (tmp_path / "clip.yaml").write_text(text)
    with pytest.raises(InputError) as error:
        read_sidecar(tmp_path / "clip.yaml")
    assert field in str(error.value)
    assert "\n" not in str(error.value)


def _numbers(section: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if isinstance(section, dict):
        return [found for key, value in section.items() for found in _numbers(value, (*path, key))]
    return [path] if isinstance(section, int | float) and not isinstance(section, bool) else []


def test_true_and_infinity_are_no_numbers_in_any_setting():
    defaults = Config(videos=Path("v"), out=Path("o")).model_dump(mode="json")
    found = _numbers(defaults)
    assert ("frames", "max_long_side_px") in found
    assert len(found) > 30
    for bad in (True, float("inf"), "1"):
        for path in found:
            content: object = bad
            for key in reversed(path):
                content = {key: content}
            with pytest.raises(ConfigError, match=path[-1]):
                validate({"videos": "v", "out": "o"} | content)


@pytest.mark.parametrize(
    ("lens", "poses", "says"),
    [
        (Lens(np.inf, 1, 0.5, 0.5), np.eye(4), "fx is inf of the image's size"),
        (Lens(1, 1, 1e6, 0.5), np.eye(4), "cx is 1e+06"),
        (Lens(1, 1, 0.5, 0.5, np.nan), np.eye(4), "k1 is nan"),
        (Lens(1, 1, 0.5, 0.5), np.full((4, 4), np.nan), "pose 1 of 24 holds a number"),
        (Lens(1, 1, 0.5, 0.5), np.diag([2.0, 1, 1, 1]), "no rotation"),
        (Lens(1, 1, 0.5, 0.5), np.eye(4), "all 24 poses are in one place"),
    ],
)
def test_imported_cameras_that_cannot_be_are_refused(lens, poses, says):
    with pytest.raises(InputError) as error:
        checked(Path("poses.txt"), CameraTrack(np.tile(poses, (24, 1, 1)), lens, frame_indices=np.arange(24)))
    assert says in str(error.value)


def test_sigma_of_a_long_track_needs_no_square_of_its_length():
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.001, 0.1, 40_000))
    source = np.cumsum(rng.normal(size=(len(times), 3)), axis=0)
    noisy = source + rng.normal(size=source.shape)
    tracemalloc.start()
    log_scale, sigma, _ = scale_between(source, noisy, times, 1.0, 0.5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * source.nbytes  # one row of the full covariance after the other would be 13,000 times as much
    assert abs(log_scale) < 1e-3
    assert 0 < sigma < 1e-3


def test_sigma_of_a_track_is_that_of_the_full_covariance():
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.uniform(0.01, 1, 60))
    source = np.cumsum(rng.normal(size=(60, 3)), axis=0)
    _, sigma, noise_m = scale_between(source, 2 * source, times, 1e-3, 0.7)
    arms = 2 * (source - source.mean(axis=0))
    covariance = noise_m**2 * np.exp(-np.abs(times[:, None] - times) / 0.7)
    variance = np.einsum("ik,ij,jk->", arms, covariance, arms) / (arms**2).sum() ** 2
    assert sigma == pytest.approx(np.sqrt(variance), rel=1e-9)
