"""The small dense rooms: what they were built for, and whether the committed video, cameras and depth agree with that."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from benchmarks.accuracy.rendered import RenderedScene

ROOT = Path(__file__).resolve().parents[2]
DENSE = ROOT / "examples" / "dense"
NAMES = ("painted", "glossy", "thin_furniture", "six_people", "curved", "stepped")

SIZE_LIMIT_BYTES = 6 * 2**20
POSE_TOLERANCE = 1e-9  # the same float64 arithmetic, but for the last bits of another machine's sine
BASELINE_M, DEPTH_M = (0.8, 1.3), (1.5, 6.8)
# z in steps of 1 mm is off by 0.25 mm at the median; half a pixel's slip at 5 m and 350 px is 7 mm
SURFACE_MEDIAN_M, SURFACE_NEAR_M, SURFACE_MIN_PX = 0.0004, 0.004, 300
# denoiser and codec leave a few hundredths; a half-pixel slip leaves 0.5
COLOUR_SHIFT_PX = 0.15
VISIBLE_M = 0.01
# grey levels of standard deviation in 9 x 9 px below which there is little to match, and the share of such pixels
FLAT_STD, FLAT_PX = 2.0, 9
FLAT_SHARE = {"painted": (0.35, 0.65), "glossy": (0.35, 0.65), "curved": (0.35, 0.65), "stepped": (0.35, 0.65)}


@pytest.fixture(autouse=True)
def _generator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks" / "scenes"))


@pytest.fixture
def rooms() -> Any:
    return importlib.import_module("catalogue.dense_rooms")


class Committed(RenderedScene):
    """A committed room as the benchmark loads it, beside the scene that it was rendered from."""

    def __init__(self, name: str) -> None:
        super().__init__(DENSE, name)
        self.scene = importlib.import_module("catalogue.dense_rooms").ROOMS[name]
        self.poses = np.array([frame["cam_from_world"] for frame in self.truth["frames"]])

    def rays(self) -> np.ndarray:
        return importlib.import_module("camera_path").lens_at(self.scene.camera, 0, self.scene.n_frames).rays()

    def world(self, frame_index: int) -> np.ndarray:
        """(H, W, 3) metres: what each pixel sees."""
        world_from_cam = np.linalg.inv(self.poses[frame_index])
        in_cam = self.rays() * self.z_depth_m(frame_index)[..., None]
        return in_cam @ world_from_cam[:3, :3].T + world_from_cam[:3, 3]

    def grey(self, frame_index: int) -> np.ndarray:
        return cv2.cvtColor(self.view(frame_index).image, cv2.COLOR_RGB2GRAY).astype(np.float32)


@pytest.fixture(params=NAMES)
def room(request: pytest.FixtureRequest) -> Committed:
    return Committed(request.param)


def test_all_rooms_are_committed_and_small(rooms: Any) -> None:
    assert set(rooms.ROOMS) == set(NAMES)
    assert sum(path.stat().st_size for path in DENSE.rglob("*") if path.is_file()) <= SIZE_LIMIT_BYTES


def test_nothing_moves_and_every_frame_has_depth(room: Committed) -> None:
    assert not any(person.motion for person in room.scene.people)
    assert room.frame_indices == list(range(room.scene.n_frames))
    assert not any(room.mask("moving", index).any() for index in room.frame_indices)
    for index in room.frame_indices:
        z_m = room.z_depth_m(index)
        assert np.isfinite(z_m).all()
        assert DEPTH_M[0] < z_m.min()
        assert z_m.max() < DEPTH_M[1]


def test_video_and_cameras_are_the_scene_s(room: Committed) -> None:
    path = importlib.import_module("camera_path")
    made = path.cam_from_world_of(room.scene.camera, room.scene.n_frames, room.scene.seed)
    assert np.allclose(made, room.poses, atol=POSE_TOLERANCE)
    centres = -np.einsum("nji,nj->ni", made[:, :3, :3], made[:, :3, 3])
    assert BASELINE_M[0] < np.linalg.norm(centres[-1] - centres[0]) < BASELINE_M[1]
    with av.open(str(DENSE / "videos" / f"{room.scene.name}.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.frames) == (416, 234, len(room.poses))


def test_everybody_is_seen(room: Committed) -> None:
    maps = (DENSE / "truth" / room.scene.name / "person").glob("*.png")
    labels = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in maps]
    assert set(np.unique(labels)) - {0} == {person.person_id for person in room.scene.people}


@pytest.mark.parametrize("frame_index", [0, 24])
def test_floor_lies_where_it_was_built(room: Committed, frame_index: int) -> None:
    off = abs(room.world(frame_index)[..., 2])
    near = off[(off < SURFACE_NEAR_M) & ~room.mask("person", frame_index)]
    assert near.size > SURFACE_MIN_PX
    assert np.median(near) < SURFACE_MEDIAN_M


def test_colour_lies_where_depth_says(room: Committed) -> None:
    """Frame 14 warped into frame 10 by truth; what shift is left, in x and y, by least squares on the gradient."""
    source, target = 10, 14
    pose = room.poses[target]
    in_cam = room.world(source) @ pose[:3, :3].T + pose[:3, 3]
    camera = room.camera
    x = (camera.fx * in_cam[..., 0] / in_cam[..., 2] + camera.cx - 0.5).astype(np.float32)
    y = (camera.fy * in_cam[..., 1] / in_cam[..., 2] + camera.cy - 0.5).astype(np.float32)

    def seen(picture: np.ndarray) -> np.ndarray:
        return cv2.remap(picture.astype(np.float32), x, y, cv2.INTER_LINEAR, borderValue=-1.0)

    same = abs(seen(room.z_depth_m(target)) - in_cam[..., 2]) < VISIBLE_M
    if room.scene.name == "glossy":  # a mirror image lies elsewhere
        same &= room.world(source)[..., 2] > SURFACE_NEAR_M
        same &= room.world(source)[..., 1] < importlib.import_module("catalogue.party_room").BACK - 0.6
    warped = seen(room.grey(target))
    gradient = np.stack([cv2.Sobel(warped, cv2.CV_32F, *d, scale=1 / 8)[same] for d in ((1, 0), (0, 1))], axis=1)
    shift_px, *_ = np.linalg.lstsq(gradient, (room.grey(source) - warped)[same], rcond=None)
    assert np.abs(shift_px).max() < COLOUR_SHIFT_PX


@pytest.mark.parametrize("name", FLAT_SHARE)
def test_much_of_the_picture_is_hardly_textured(name: str) -> None:
    grey = Committed(name).grey(12)
    mean, square = (cv2.blur(each, (FLAT_PX, FLAT_PX)) for each in (grey, grey * grey))
    share = (square - mean * mean < FLAT_STD**2).mean()
    assert FLAT_SHARE[name][0] < share < FLAT_SHARE[name][1]


def test_steps_are_2_and_5_cm_proud_of_the_wall() -> None:
    room = Committed("stepped")
    wall_y = importlib.import_module("catalogue.party_room").BACK
    proud = wall_y - room.world(12)[..., 1][~room.mask("person", 12)]
    for step_m in (0.0, 0.02, 0.05):
        assert (abs(proud - step_m) < 0.001).sum() > SURFACE_MIN_PX


def test_curved_wall_has_its_radius() -> None:
    room = Committed("curved")
    rooms, party = (importlib.import_module(f"catalogue.{name}") for name in ("dense_rooms", "party_room"))
    world = room.world(12)
    off = abs(np.hypot(world[..., 0], world[..., 1] - (party.BACK - rooms.CURVE_M)) - rooms.CURVE_M)
    assert (off < 0.001).mean() > 0.3


def test_bent_panel_is_an_arc_of_its_width() -> None:
    from bent import bent_mesh

    vertices, faces, uv = bent_mesh((2.0, 1.0), 5.0)
    assert np.allclose(np.hypot(vertices[:, 0], vertices[:, 2] - 5.0), 5.0)
    low = vertices[: len(vertices) // 2]
    assert np.linalg.norm(np.diff(low, axis=0), axis=1).sum() == pytest.approx(2.0, abs=1e-4)
    assert vertices[:, 2].max() == pytest.approx(5.0 * (1 - np.cos(0.2)))
    a, b, c = (vertices[faces[:, corner]] for corner in (0, 1, 2))
    assert (np.cross(b - a, c - a)[:, 2] > 0).all()
    assert (uv.min(), uv.max()) == (0.0, 1.0)
    assert bent_mesh((2.0, 1.0), -5.0)[0][:, 2].min() == pytest.approx(-5.0 * (1 - np.cos(0.2)))
