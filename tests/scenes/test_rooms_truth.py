"""The committed rooms: video, cameras, depth and lengths agree with one another and with what was built."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ROOT / "examples" / "rooms"
EXPECTED = {Path(name).stem: entry for name, entry in yaml.safe_load((ROOMS / "expected.yaml").read_text()).items()}

SIZE_LIMIT_BYTES = 8 * 2**20
POSE_TOLERANCE = 1e-9  # the same float64 arithmetic, but for the last bits of another machine's sine
# z in steps of 0.25 mm is off by 0.06 mm at the median; half a pixel's slip at 5 m and 350 px is 7 mm
SURFACE_MEDIAN_M, SURFACE_NEAR_M, SURFACE_MIN_PX = 0.0002, 0.004, 300
# the wall that the camera looks at: y in the world
BACK_WALLS_M = (4.9, 8.2)
SIDECAR_TOLERANCE_M = 0.001  # it is printed to the millimetre
# denoiser and codec leave a few hundredths; a half-pixel slip leaves 0.5
COLOUR_SHIFT_PX = 0.12
VISIBLE_M = 0.01


class Room:
    """One committed room beside the scene that it was rendered from."""

    def __init__(self, name: str) -> None:
        self.scene = importlib.import_module("catalogue.rooms").ROOMS[name]
        self._lens_at = importlib.import_module("camera_path").lens_at
        self.video, self._folder = ROOMS / "videos" / f"{name}.mp4", ROOMS / "truth" / name
        self.truth: dict[str, Any] = json.loads((self._folder / "truth.json").read_text())
        self.poses = np.array([frame["cam_from_world"] for frame in self.truth["frames"]])

    def lens(self, frame_index: int) -> Any:
        return self._lens_at(self.scene.camera, frame_index, self.scene.n_frames)

    def read(self, kind: str, frame_index: int) -> np.ndarray:
        picture = cv2.imread(str(self._folder / kind / f"{frame_index:06d}.png"), cv2.IMREAD_UNCHANGED)
        assert picture is not None, f"no {kind} map of frame {frame_index}"
        return picture

    def world(self, frame_index: int) -> np.ndarray:
        """(H, W, 3) metres: what each pixel sees."""
        z_m = self.read("depth", frame_index) * self.truth["unit_m"]
        world_from_cam = np.linalg.inv(self.poses[frame_index])
        return self.lens(frame_index).rays() * z_m[..., None] @ world_from_cam[:3, :3].T + world_from_cam[:3, 3]

    def luma(self) -> np.ndarray:
        with av.open(str(self.video)) as container:
            return np.stack([frame.to_ndarray(format="gray") for frame in container.decode(video=0)])


@pytest.fixture(params=EXPECTED)
def room(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks" / "scenes"))
    return Room(request.param)


def test_size_of_all_files() -> None:
    assert sum(path.stat().st_size for path in ROOMS.rglob("*") if path.is_file()) <= SIZE_LIMIT_BYTES


def test_video_and_cameras_are_the_scene_s(room: Room) -> None:
    path = importlib.import_module("camera_path")
    made = path.cam_from_world_of(room.scene.camera, room.scene.n_frames, room.scene.seed)
    assert np.allclose(made, room.poses, atol=POSE_TOLERANCE)
    camera, lens = room.truth["camera"], room.lens(0)
    assert (camera["cx"], camera["cy"]) == lens.centre_px
    assert camera["model"] == ("OPENCV_FISHEYE" if lens.fisheye else "PINHOLE")
    with av.open(str(room.video)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.frames) == (lens.width, lens.height, len(room.poses))
        assert float(stream.average_rate) == pytest.approx(room.scene.fps)


@pytest.mark.parametrize("frame_index", [0, 50])
def test_back_wall_and_floor_lie_where_they_were_built(room: Room, frame_index: int) -> None:
    """Absolute, through every lens: a slip of centre, focal length or angle moves a wall by centimetres."""
    world = room.world(frame_index)
    off_wall = np.min([abs(world[..., 1] - y) for y in BACK_WALLS_M], axis=0)
    for off in (off_wall, abs(world[..., 2])):
        near = off[(off < SURFACE_NEAR_M) & (room.read("person", frame_index) == 0)]
        assert near.size > SURFACE_MIN_PX
        assert np.median(near) < SURFACE_MEDIAN_M


def test_people_move_only_when_they_should(room: Room) -> None:
    rooms = importlib.import_module("catalogue.rooms")
    first_still = {"waves": rooms.UNFREEZES_AT, "walks_off": rooms.WALKS_AT}.get(room.scene.name, len(room.poses) - 1)
    shares = np.array([(room.read("moving", index) > 0).mean() for index in range(len(room.poses))])
    assert not shares[: first_still + 1].any()
    assert (shares[first_still + 1 :] > 0).all()


def test_lengths_agree_with_depth(room: Room) -> None:
    lengths = yaml.safe_load(room.video.with_suffix(".yaml").read_text())["scale"]["known_distance"]
    assert len(lengths) == 2
    for known in lengths:
        world = room.world(known["frame_index"])
        a, b = (world[int(point[1]), int(point[0])] for point in (known["point_a"], known["point_b"]))
        assert np.linalg.norm(a - b) == pytest.approx(known["metres"], abs=SIDECAR_TOLERANCE_M)


def test_colour_lies_where_depth_says(room: Room) -> None:
    """Frame 20 warped into frame 10 by truth; what shift is left, in x and y, by least squares on the gradient."""
    source, target = 10, 20
    lens, pose = room.lens(target), room.poses[target]
    in_cam = room.world(source).reshape(-1, 3) @ pose[:3, :3].T + pose[:3, 3]
    shape = room.read("depth", source).shape
    x, y = ((lens.project(in_cam).T - 0.5).reshape(2, *shape)).astype(np.float32)

    def seen(picture: np.ndarray) -> np.ndarray:
        return cv2.remap(picture.astype(np.float32), x, y, cv2.INTER_LINEAR, borderValue=-1.0)

    same = abs(seen(room.read("depth", target) * room.truth["unit_m"]) - in_cam[:, 2].reshape(shape)) < VISIBLE_M
    same &= room.read("person", source) == 0
    luma = room.luma()
    warped = seen(luma[target])
    gradient = np.stack([cv2.Sobel(warped, cv2.CV_32F, *d, scale=1 / 8)[same] for d in ((1, 0), (0, 1))], axis=1)
    shift_px, *_ = np.linalg.lstsq(gradient, (luma[source].astype(np.float32) - warped)[same], rcond=None)
    assert np.abs(shift_px).max() < COLOUR_SHIFT_PX
