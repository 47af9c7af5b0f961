"""Files on disk: round trips, whole-or-nothing writing, and one clear line for bad input."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sfm_gt.errors import InputError, Rejected
from sfm_gt.formats.atomic import replacing_directory, replacing_file, target_name
from sfm_gt.formats.dataset_layout import MAX_STEPS, depth_units, quantised
from sfm_gt.formats.manifest import Manifest, read_manifest, write_manifest
from sfm_gt.formats.run_lock import holder, try_hold, wait_for
from sfm_gt.formats.sidecar import read_sidecar
from sfm_gt.formats.sparse_model import read_sparse_model, write_sparse_model
from sfm_gt.formats.tum_trajectory import read_trajectory, write_trajectory
from sfm_gt.geometry.types import PinholeCamera, SparseModel


@given(st.floats(1e-3, 1e5))
def test_depth_steps_reach_the_largest_depth_and_are_as_fine_as_they_can_be(max_depth):
    depth_unit, sigma_unit = depth_units(max_depth)
    assert depth_unit * MAX_STEPS >= max_depth
    # The next finer of 1, 2, 5 is at least 2.5 times finer, and would not reach.
    assert depth_unit * MAX_STEPS < 2.6 * max_depth
    assert sigma_unit == depth_unit / 5


def test_quantisation_keeps_depth_within_half_a_step_and_invalid_invalid():
    depth = np.array([[0.00001, 1.23456, 6.5, np.nan]], dtype=np.float32)
    unit, _ = depth_units(6.5)
    steps = quantised(depth, unit)
    assert unit == pytest.approx(1e-4)
    assert steps[0, 3] == 0, "invalid is 0 on disk"
    assert steps[0, 0] == 1, "a valid depth is never rounded to invalid"
    assert np.abs(steps[0, 1:3] * unit - depth[0, 1:3]).max() <= 0.5001 * unit


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing_file(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_stage_leaves_the_old_folder_and_clears_what_a_killed_one_left(tmp_path):
    folder = tmp_path / "stage"
    folder.mkdir()
    (folder / "old").write_text("old")
    killed = f"""
import os, pathlib
from sfm_gt.formats.atomic import replacing_directory
with replacing_directory(pathlib.Path({str(folder)!r})) as partial:
    (partial / "half").touch()
    os._exit(9)
"""
    subprocess.run([sys.executable, "-c", killed], check=False)
    assert [path.name for path in tmp_path.glob(".partial-*/*")] == ["half"]
    with pytest.raises(RuntimeError), replacing_directory(folder) as partial:
        assert not list(partial.iterdir())
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["stage"]
    with replacing_directory(folder) as partial:
        (partial / "new").write_text("new")
    assert [path.name for path in folder.iterdir()] == ["new"]


def test_two_writers_of_one_folder_do_not_mix_their_files(tmp_path):
    folder = tmp_path / "stage"
    with replacing_directory(folder) as one, replacing_directory(folder) as other:
        (one / "one").touch()
        (other / "other").touch()
    assert [path.name for path in folder.iterdir()] == ["one"], "whole, of the last to end"
    assert [path.name for path in tmp_path.iterdir()] == ["stage"]


def test_what_another_machine_is_writing_stays_and_what_it_abandoned_goes(tmp_path):
    writing, abandoned = (tmp_path / f".partial-elsewhere-7-{8 * digit}-a.txt" for digit in "01")
    for path in (writing, abandoned):
        path.touch()
    os.utime(abandoned, (0, 0))
    with replacing_file(tmp_path / "a.txt") as partial:
        partial.touch()
    assert sorted(path.name for path in tmp_path.iterdir()) == [writing.name, "a.txt"]
    assert target_name(writing.name) == "a.txt"


def test_manifest_round_trip_and_verdicts(tmp_path):
    verdict = Rejected("no_parallax", "median angle is 0.2", 0.2, 1.0)
    manifest = Manifest.rejected("sfm", 3, verdict)
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest
    skipped = manifest.skipped_in("dense", 1)
    assert (skipped.status, skipped.reason, skipped.measured) == ("skipped", "no_parallax", 0.2)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(InputError, match=r"manifest\.json: not valid JSON"):
        read_manifest(tmp_path)


def test_sparse_model_round_trip(tmp_path):
    model = SparseModel(
        PinholeCamera(64, 48, 50.0, 50.0, 32.0, 24.0), np.array([3, 7]), np.stack([np.eye(4)] * 2),
        np.ones((4, 3)), np.array([[0, 1], [1, 3]]), np.array([[1.5, 2.5], [3.0, 4.0]]),
    )  # fmt: skip
    write_sparse_model(tmp_path / "model.npz", model)
    again = read_sparse_model(tmp_path / "model.npz")
    assert again.camera == model.camera
    assert again.row_of(7) == 1
    assert again.points_seen_by(1).tolist() == [3]
    assert (again.observation_px == model.observation_px).all()


def test_only_one_holder_of_a_lock(tmp_path):
    held = try_hold(tmp_path / ".lock")
    assert held is not None
    assert try_hold(tmp_path / ".lock") is None
    held.close()
    assert try_hold(tmp_path / ".lock") is not None


def test_who_waits_for_a_lock_says_for_whom(tmp_path, caplog):
    path = tmp_path / ".lock"
    held = try_hold(path)
    assert f"process {os.getpid()} on " in holder(path)
    threading.Timer(0.2, held.close).start()
    assert wait_for(path) is not None
    (said,) = caplog.messages
    assert said.startswith(f"warning: {path}: in use, waiting for process {os.getpid()} on ")


@pytest.mark.parametrize("missing", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_one_line_and_no_end(tmp_path, caplog, monkeypatch, missing):
    def flock(file, how):
        raise OSError(missing, os.strerror(missing))

    monkeypatch.setattr("fcntl.flock", flock)
    assert try_hold(tmp_path / ".lock") is not None
    (said,) = caplog.messages
    assert "no locks" in said
    assert "one run at a time" in said


def test_no_sidecar_and_an_empty_one_say_nothing(tmp_path):
    (tmp_path / "a.yaml").write_text("")
    assert read_sidecar(None) == read_sidecar(tmp_path / "a.yaml")
    assert read_sidecar(None).scale.known_distance == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("licence: CC0", "unknown key 'licence'; did you mean 'license'?"),
        ("scale: {known_distance: [{frame_index: 3, point_a: [1, 2], metres: 2}]}", "go together"),
        ("scale: {known_distance: [{metres: 2}]}", "needs frame_index, point_a and point_b, or observations"),
        ("scale: {known_distance: [{frame_index: 3, point_a: [1, 2], point_b: [3, 4], metres: 0}]}", "greater than 0"),
        ("scale: {known_distance: [{frame_index: 3, point_a: [1, 2], point_b: [3, 4], metres: .nan}]}", "finite"),
        ("scale: {positions: [{file: ../../etc/passwd, sigma_m: 3}]}", "leads out of"),
        ("scale: {people: {joints: nowhere.csv}}", "'nowhere.csv' not found in"),
        ("scale: {people: {statures: [{person: a, stature_m: 174}]}}", "less than or equal to 2.5"),
        ("scale: [", "not valid YAML"),
        ("- a\n- b", "needed keys with values"),
    ],
)
def test_a_bad_sidecar_gets_one_line_with_file_and_fix(tmp_path, text, says):
    path = tmp_path / "clip.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read_sidecar(path)
    assert says in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_sidecar_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "clip.yaml"
    path.write_bytes(b"\xff\xfe\x00\x01" * 8)
    with pytest.raises(InputError, match="save it as UTF-8 text"):
        read_sidecar(path)


def test_times_and_poses_of_a_trajectory_stay_together_whatever_the_order_of_lines(tmp_path):
    poses = np.tile(np.eye(4), (5, 1, 1))
    poses[:, :3, :3] = Rotation.from_rotvec(np.outer(np.arange(5), [0.0, 0.2, 0.0])).as_matrix()
    poses[:, 0, 3] = np.arange(5)
    order = [3, 0, 4, 1, 2]
    write_trajectory(tmp_path / "track.txt", np.arange(5.0)[order], poses[order])
    times, read = read_trajectory(tmp_path / "track.txt")
    assert times.tolist() == [0, 1, 2, 3, 4]
    assert read == pytest.approx(poses, abs=1e-9), "twelve digits are written"


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_a_track_that_is_no_file_is_refused_in_one_line(tmp_path, make):
    make(tmp_path / "track.csv")
    (tmp_path / "a.yaml").write_text("scale: {positions: [{file: track.csv, sigma_m: 0.01}]}\n")
    with pytest.raises(InputError, match=r"a\.yaml: 'track\.csv' is .*; name "):
        read_sidecar(tmp_path / "a.yaml")
