"""The readout time of a rolling shutter is found from a reconstruction, and frames are brought to a global shutter."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest
from scipy.spatial.transform import Rotation

from sfm_gt.sfm.adjustment import begin_adjustment
from sfm_gt.sfm.database import KnownCamera
from sfm_gt.sfm.observations import Observations, move_observations
from sfm_gt.sfm.rectification import ShutterUndistortion, shift_fields
from sfm_gt.sfm.rolling_shutter import Readout, displacement_px, find_readout
from sfm_gt.sfm.score_test import MIN_EXPLAINED, radial_effect_px, step_and_evidence
from sfm_gt.sfm.undistortion import Undistortion
from tests.sfm.synthetic import adjusted, filmed, room, times_s, turning_path

WIDTH, HEIGHT, FOCAL = 640, 480, 520.0
N_FRAMES, N_POINTS, FRAME_S = 24, 150, 1 / 30
NOISE_PX = 0.2
READOUT_S = 0.024
# One linear step from poses that have swallowed part of the effect, under noise: within a fifth.
REL_STEP_ERROR = 0.2
# After adjustment with a second step. The velocity is a difference over two frames of a path that bends.
REL_READOUT_ERROR = 0.05
# As if by a global shutter the focal length comes out 45 px too long. Displacements by a velocity that is constant while a
# frame is read leave 3 px of that, the noise of these tracks is another 2.
FOCAL_ERROR_PX, FOCAL_ERROR_WITHOUT_PX = 6.0, 30.0


def hand_held_pose(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotations and translations into the camera at frame ``k`` or between frames: a sideways walk with the sway of a hand,
    some pixels a frame in x and y, changing sign."""
    angles = np.stack([0.03 * np.sin(k / 4.0), 0.04 * np.sin(k / 6.0 + 1.0), 0.02 * np.sin(k / 5.0)], axis=-1)
    rotation = Rotation.from_euler("xyz", angles).as_matrix()
    centre = np.stack([0.03 * k, 0.02 * np.sin(k / 4.4), 0.02 * np.cos(k / 8.0)], axis=-1)
    return rotation, -np.einsum("kij,kj->ki", rotation, centre)


def hand_held_path() -> list[pycolmap.Rigid3d]:
    rotations, translations = hand_held_pose(np.arange(N_FRAMES, dtype=float))
    return [pycolmap.Rigid3d(np.c_[r, t]) for r, t in zip(rotations, translations, strict=True)]


def scene() -> np.ndarray:
    rng = np.random.default_rng(3)
    return np.stack([rng.uniform(-1.2, 1.9, N_POINTS), rng.uniform(-1, 1, N_POINTS), rng.uniform(1.5, 4, N_POINTS)], 1)


def reconstruction(k2: float = 0.0) -> pycolmap.Reconstruction:
    """A model whose observations are exact for a global shutter, but for noise."""
    rng = np.random.default_rng(4)
    model = pycolmap.Reconstruction()
    camera = pycolmap.Camera(
        model="RADIAL", width=WIDTH, height=HEIGHT, params=[FOCAL, WIDTH / 2, HEIGHT / 2, 0, k2], camera_id=1
    )
    model.add_camera_with_trivial_rig(
        pycolmap.Camera(model="SIMPLE_RADIAL", width=WIDTH, height=HEIGHT, params=[FOCAL, WIDTH / 2, HEIGHT / 2, 0],
                        camera_id=1)
    )  # fmt: skip
    tracks = [pycolmap.Track() for _ in range(N_POINTS)]
    for number, pose in enumerate(hand_held_path(), start=1):
        in_cam = scene() @ pose.rotation.matrix().T + pose.translation
        xy = np.asarray(camera.img_from_cam(in_cam)) + rng.normal(0, NOISE_PX, (N_POINTS, 2))
        seen = np.flatnonzero(((xy > 0) & (xy < [WIDTH, HEIGHT])).all(axis=1))
        image = pycolmap.Image(name=f"{number:06d}.png", keypoints=xy[seen], camera_id=1, image_id=number)
        model.add_image_with_trivial_frame(image, pose)
        for row, point in enumerate(seen.tolist()):
            tracks[point].add_element(number, row)
    for xyz, track in zip(scene(), tracks, strict=True):
        if track.length() > 2:
            model.add_point3D(xyz, track)
    return model


TIMES_S = np.arange(N_FRAMES) * FRAME_S


def projected(points: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Where the camera of ``reconstruction()`` sees each point at its own moment, in frames."""
    rotation, translation = hand_held_pose(k)
    in_cam = np.einsum("kij,kj->ki", rotation, points) + translation
    return in_cam[:, :2] / in_cam[:, 2:] * FOCAL + [WIDTH / 2, HEIGHT / 2]


def filmed_with(readout: Readout) -> pycolmap.Reconstruction:
    """The observations of a sensor that exposes one row (or column) after the other while the hand moves on.

    A point is seen at the moment at which the row is read that it falls on, counted from the middle of the frame.
    """
    model = reconstruction()
    seen = Observations.of(model)
    points, frames = seen.xyz[seen.points], seen.views.astype(float)
    along, size = (1, HEIGHT) if readout.axis == "rows" else (0, WIDTH)
    at_once = rolling = projected(points, frames)
    # Rows are read far faster than the picture moves: each round leaves less than a tenth of the error.
    for _ in range(8):
        moments = frames + readout.seconds / FRAME_S * (rolling[:, along] - size / 2) / size
        rolling = projected(points, moments)
    move_observations(model, seen, seen.xy + rolling - at_once)
    return model


@pytest.mark.parametrize(("axis", "last"), [("rows", [5.0, HEIGHT]), ("columns", [WIDTH, 5.0])])
def test_the_middle_of_a_frame_is_read_at_its_time_and_its_ends_half_a_readout_off(axis, last):
    middle = np.array([WIDTH / 2, HEIGHT / 2])
    ends = np.stack([[5.0, 0.0] if axis == "rows" else [0.0, 5.0], middle, last])
    assert Readout(axis, READOUT_S).time_s(ends, WIDTH, HEIGHT) == pytest.approx([-READOUT_S / 2, 0, READOUT_S / 2])


@pytest.mark.parametrize("axis", ["rows", "columns"])
def test_each_observation_is_displaced_by_what_the_camera_does_until_its_row_is_read(axis):
    readout, exact = Readout(axis, READOUT_S), Observations.of(reconstruction())
    filmed = Observations.of(filmed_with(readout))
    inner = (exact.views > 0) & (exact.views < N_FRAMES - 1)  # with neighbours on both sides
    truth = (filmed.xy - exact.xy)[inner]
    off = np.linalg.norm(displacement_px(filmed, TIMES_S, readout)[inner] - truth, axis=1)
    assert np.linalg.norm(truth, axis=1).max() > 2.0
    # The difference over two frames falls 1 % short of the velocity of the fastest sway, sin(k / 4).
    assert off.mean() < 0.03 * np.linalg.norm(truth, axis=1).mean()


@pytest.mark.parametrize(("axis", "seconds"), [("rows", READOUT_S), ("rows", -READOUT_S), ("columns", READOUT_S)])
def test_readout_is_found_with_its_axis_and_sign(axis, seconds):
    found = find_readout(Observations.of(filmed_with(Readout(axis, seconds))), TIMES_S)
    assert found is not None
    assert found.axis == axis
    assert found.seconds == pytest.approx(seconds, rel=REL_STEP_ERROR)


def test_no_readout_is_seen_in_a_global_shutter_nor_without_neighbours_in_time():
    assert find_readout(Observations.of(reconstruction()), TIMES_S) is None
    filmed = Observations.of(filmed_with(Readout("rows", READOUT_S)))
    assert find_readout(filmed, TIMES_S * 10) is None, "a third of a second from frame to frame tells no velocity"


def test_a_crop_off_the_centre_is_no_readout():
    cropped = filmed(turning_path(60), room(300), centre=(0.5 * WIDTH, 0.3 * HEIGHT))
    assert begin_adjustment(cropped, times_s(60), None).readout is None


def test_adjustment_with_the_readout_keeps_the_focal_length():
    model = filmed_with(Readout("rows", READOUT_S))
    readout = adjusted(model, TIMES_S, None).readout
    assert readout is not None
    assert readout.seconds == pytest.approx(READOUT_S, rel=REL_READOUT_ERROR)
    assert model.cameras[1].mean_focal_length() == pytest.approx(FOCAL, abs=FOCAL_ERROR_PX)
    without = filmed_with(Readout("rows", READOUT_S))
    assert adjusted(without, TIMES_S * 10, None).readout is None, "frames too far apart to tell a velocity"
    assert abs(without.cameras[1].mean_focal_length() - FOCAL) > FOCAL_ERROR_WITHOUT_PX


@pytest.mark.parametrize("seconds", [READOUT_S, -READOUT_S])
def test_the_first_adjustment_ends_with_the_whole_readout(seconds):
    model = filmed_with(Readout("rows", seconds))
    readout = begin_adjustment(model, TIMES_S, None).readout
    assert readout is not None
    assert readout.seconds == pytest.approx(seconds, rel=REL_READOUT_ERROR)
    # One step alone leaves poses and lens as if by a global shutter: 40 px and more.
    assert model.cameras[1].mean_focal_length() == pytest.approx(FOCAL, abs=2 * FOCAL_ERROR_PX)


def test_a_given_camera_stays_as_it_is():
    model = filmed_with(Readout("rows", READOUT_S))
    before = model.cameras[1].params.copy()
    adjusted(model, TIMES_S, KnownCamera("SIMPLE_RADIAL", (FOCAL, WIDTH / 2, HEIGHT / 2, 0.0), fixed=True))
    assert model.cameras[1].params.tolist() == before.tolist()


@pytest.mark.parametrize("k2", [-0.1, 0.0])
def test_both_radial_terms_are_found(k2: float) -> None:
    model = reconstruction(k2)
    # The prior draws a little of a term to zero, noise of 0.2 px moves both by some thousandths.
    adjusted(model, TIMES_S, None)
    assert model.cameras[1].model.name == "RADIAL"
    assert model.cameras[1].params[3:] == pytest.approx([0.0, k2], abs=0.015)
    assert model.cameras[1].mean_focal_length() == pytest.approx(FOCAL, abs=FOCAL_ERROR_PX)


def test_the_step_of_a_second_radial_term_is_its_value() -> None:
    bent = reconstruction(k2=-0.1)
    step, explained = step_and_evidence(Observations.of(bent), radial_effect_px(Observations.of(bent), 2))
    assert step == pytest.approx(-0.1, rel=REL_STEP_ERROR)
    assert explained > MIN_EXPLAINED


def test_frames_are_brought_to_where_a_global_shutter_saw_them():
    exact, readout = reconstruction(), Readout("rows", READOUT_S)
    seen, filmed = Observations.of(exact), Observations.of(filmed_with(readout))
    view = 10
    lens = Undistortion.of(exact.cameras[1])
    frame = ShutterUndistortion(lens, shift_fields(seen, TIMES_S, readout)[view])
    mine = seen.views == view
    displaced = np.linalg.norm(filmed.xy[mine] - seen.xy[mine], axis=1)
    left = np.linalg.norm(frame.undistorted_px(filmed.xy[mine]) - lens.undistorted_px(seen.xy[mine]), axis=1)
    assert displaced.max() > 2.0
    # Points scattered in depth have no smooth depth map: their own share of parallax stays.
    assert left.mean() < 0.35 * displaced.mean()
    pixels = np.array([[5.5, 7.5], [320.5, 470.5], [630.5, 12.5]])
    assert frame.filmed_px(frame.undistorted_px(pixels)) == pytest.approx(pixels, abs=1e-3)
    x, y = frame._maps
    assert [x[240, 100] + 0.5, y[240, 100] + 0.5] == pytest.approx(
        frame.filmed_px(np.array([[100.5, 240.5]]))[0], abs=0.05
    )
