"""The committed demo clip and its truth, checked against each other with plain numpy.

Frames of reference: cam_from_world in metres, +x right, +y down, +z forward; pixel centres at +0.5.
"""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import yaml

DEMO = Path(__file__).resolve().parents[2] / "examples" / "demo"
TRUTH = DEMO / "truth"
VIDEO = DEMO / "videos" / "mannequin.mp4"

SIZE_LIMIT_BYTES = 8 * 2**20
ROTATION_TOLERANCE = 1e-9  # float64 products of unit vectors
TIMESTAMP_TOLERANCE_S = 1e-6  # both sides are the container's own rationals as floats
# z in steps of 0.25 mm at 2-5 m is off by 0.0625 mm at the median: 1.5e-5 relative, and both maps have it (2e-5)
DEPTH_MEDIAN_REL = 4e-5
# what both frames see agrees; the widest pair is half a metre apart, from where people hide a sixth of the room
DEPTH_AGREES_REL, DEPTH_AGREES_SHARE = 0.01, 0.80
# denoiser and codec leave a few hundredths; a half-pixel slip leaves 0.5
COLOUR_SHIFT_PX = 0.1
# half a pixel at 4 m and 540 px is 3.7 mm; rounding z to 0.25 mm leaves 0.06 mm at the median
SURFACE_MEDIAN_M, SURFACE_NEAR_M, SURFACE_MIN_PX = 0.0002, 0.004, 5000
# one grown-up at 3 m: about 0.4 x 1.8 m of a view of 3.5 x 2 m, less gaps
MOVING_SHARE = (0.03, 0.15)
STATIC_CHANGE_M = 0.01
SIDECAR_TOLERANCE_M = 0.001  # it is printed to the millimetre
CAPTION_WHITE, CAPTION_DARK = 200, 70  # luma of letters and outline after the codec


def read_map(kind: str, frame_index: int) -> np.ndarray:
    picture = cv2.imread(str(TRUTH / kind / f"{frame_index:06d}.png"), cv2.IMREAD_UNCHANGED)
    assert picture is not None, f"no {kind} map of frame {frame_index}"
    return picture


@pytest.fixture(scope="module")
def truth() -> dict:
    return json.loads((TRUTH / "truth.json").read_text())


@pytest.fixture(scope="module")
def video() -> tuple[np.ndarray, list[float]]:
    """(N, H, W) luma uint8 and the container's timestamps in seconds."""
    with av.open(str(VIDEO)) as container:
        frames = list(container.decode(video=0))
        luma = np.stack([frame.to_ndarray(format="gray") for frame in frames])
        return luma, [float(frame.pts * frame.time_base) for frame in frames]


@pytest.fixture(scope="module")
def depth_frames(truth: dict) -> list[int]:
    return sorted(int(path.stem) for path in (TRUTH / "depth").glob("*.png"))


def pose(truth: dict, frame_index: int) -> np.ndarray:
    return np.array(truth["frames"][frame_index]["cam_from_world"])


def rays(camera: dict) -> np.ndarray:
    """(H, W, 3) camera-frame points at z = 1 of every pixel's centre."""
    x = (np.arange(camera["width"]) + 0.5 - camera["cx"]) / camera["fx"]
    y = (np.arange(camera["height"]) + 0.5 - camera["cy"]) / camera["fy"]
    return np.dstack([*np.meshgrid(x, y), np.ones((camera["height"], camera["width"]))])


def sample(picture: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bilinear at pixel coordinates with centres at +0.5 (cv2 puts them at integers)."""
    maps = (x - 0.5).astype(np.float32), (y - 0.5).astype(np.float32)
    return cv2.remap(picture.astype(np.float32), *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def reproject(truth: dict, source: int, target: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Where frame ``source``'s static pixels fall in ``target``: x, y, z there, and which are static and inside."""
    camera = truth["camera"]
    z_m = read_map("depth", source) * truth["unit_m"]
    target_from_source = pose(truth, target) @ np.linalg.inv(pose(truth, source))
    points = rays(camera) * z_m[..., None] @ target_from_source[:3, :3].T + target_from_source[:3, 3]
    x = camera["fx"] * points[..., 0] / points[..., 2] + camera["cx"]
    y = camera["fy"] * points[..., 1] / points[..., 2] + camera["cy"]
    inside = (x > 1) & (x < camera["width"] - 1) & (y > 1) & (y < camera["height"] - 1)
    static = (z_m > 0) & (read_map("moving", source) == 0)
    return x, y, points[..., 2], static & inside


def test_size_of_all_files() -> None:
    files = [path for path in DEMO.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= SIZE_LIMIT_BYTES


def test_video_matches_truth(truth: dict, video: tuple[np.ndarray, list[float]]) -> None:
    luma, times = video
    assert luma.shape[1:] == (truth["camera"]["height"], truth["camera"]["width"])
    assert [frame["frame_index"] for frame in truth["frames"]] == list(range(len(luma)))
    assert times == pytest.approx([frame["timestamp_s"] for frame in truth["frames"]], abs=TIMESTAMP_TOLERANCE_S)


def test_poses_are_rotations_with_parallax(truth: dict) -> None:
    poses = np.array([frame["cam_from_world"] for frame in truth["frames"]])
    rotations = poses[:, :3, :3]
    assert np.allclose(rotations @ rotations.transpose(0, 2, 1), np.eye(3), atol=ROTATION_TOLERANCE)
    assert np.allclose(np.linalg.det(rotations), 1.0, atol=ROTATION_TOLERANCE)
    assert np.array_equal(poses[:, 3], np.tile([0.0, 0.0, 0.0, 1.0], (len(poses), 1)))
    centres = -np.einsum("nji,nj->ni", rotations, poses[:, :3, 3])
    assert 1.0 < np.linalg.norm(centres[-1] - centres[0]) < 2.0


@pytest.mark.parametrize(("source", "target"), [(0, 8), (8, 0), (16, 36), (32, 20), (52, 56)])
def test_depth_of_two_frames_agrees(truth: dict, source: int, target: int) -> None:
    x, y, z_m, usable = reproject(truth, source, target)
    seen_m = sample(read_map("depth", target) * truth["unit_m"], x, y)
    usable &= sample(read_map("moving", target), x, y) == 0
    rel = np.abs(seen_m - z_m)[usable] / z_m[usable]
    visible = rel < DEPTH_AGREES_REL
    assert visible.mean() > DEPTH_AGREES_SHARE
    assert np.median(rel[visible]) < DEPTH_MEDIAN_REL


@pytest.mark.parametrize(("source", "target"), [(0, 8), (20, 16), (48, 56)])
def test_colour_lies_where_depth_says(
    truth: dict, video: tuple[np.ndarray, list[float]], source: int, target: int
) -> None:
    """Warp ``target`` into ``source`` by truth; what shift is left, in x and y, by least squares on the gradient."""
    x, y, z_m, usable = reproject(truth, source, target)
    seen_m = sample(read_map("depth", target) * truth["unit_m"], x, y)
    usable &= (np.abs(seen_m - z_m) < STATIC_CHANGE_M) & (read_map("person", source) == 0)
    usable &= cv2.dilate(cv2.imread(str(TRUTH / "overlay.png"), 0), np.ones((9, 9))) == 0
    usable &= sample(cv2.imread(str(TRUTH / "overlay.png"), 0), x, y) == 0
    reference = video[0][source].astype(np.float32)
    warped = sample(video[0][target], x, y)
    gradient = np.stack([cv2.Sobel(warped, cv2.CV_32F, *d, scale=1 / 8)[usable] for d in ((1, 0), (0, 1))], axis=1)
    shift_px, *_ = np.linalg.lstsq(gradient, (reference - warped)[usable], rcond=None)
    assert np.abs(shift_px).max() < COLOUR_SHIFT_PX


@pytest.mark.parametrize(
    ("frame", "axis", "metres"),
    [(0, 1, 4.9), (58, 1, 4.9), (58, 0, -2.6), (0, 2, 0.0), (58, 2, 0.0)],
    ids=["back wall, first", "back wall, last", "left wall", "floor, first", "floor, last"],
)
def test_room_surfaces_lie_where_they_were_built(truth: dict, frame: int, axis: int, metres: float) -> None:
    """Absolute: a slip of the pixel convention or a flipped axis cancels between frames, but not against the room."""
    in_cam = rays(truth["camera"]) * (read_map("depth", frame) * truth["unit_m"])[..., None]
    world_from_cam = np.linalg.inv(pose(truth, frame))
    world = in_cam @ world_from_cam[:3, :3].T + world_from_cam[:3, 3]
    off = np.abs(world[..., axis] - metres)[read_map("person", frame) == 0]
    near = off[off < SURFACE_NEAR_M]
    assert near.size > SURFACE_MIN_PX
    assert np.median(near) < SURFACE_MEDIAN_M


def test_moving_mask_is_empty_outside_the_interval_and_full_inside(truth: dict) -> None:
    intervals = [person["moving_frames"] for person in truth["people"] if person["moving_frames"]]
    assert len(intervals) == 1
    first, last = intervals[0]
    shares = np.array([(read_map("moving", frame["frame_index"]) > 0).mean() for frame in truth["frames"]])
    assert not shares[:first].any()
    assert not shares[last + 1 :].any()
    assert 20 <= first < last <= 46
    inside = shares[first + 3 : last - 2]
    assert MOVING_SHARE[0] < inside.min()
    assert inside.max() < MOVING_SHARE[1]


def test_moving_pixels_belong_to_the_moving_person(truth: dict, depth_frames: list[int]) -> None:
    mover = next(person["person_id"] for person in truth["people"] if person["moving_frames"])
    for frame in depth_frames:
        assert set(np.unique(read_map("person", frame)[read_map("moving", frame) > 0])) <= {mover}


def test_person_labels_are_the_people(truth: dict, depth_frames: list[int]) -> None:
    known = {person["person_id"] for person in truth["people"]}
    seen = set(np.unique(np.stack([read_map("person", frame) for frame in depth_frames]))) - {0}
    assert seen == known


def test_depth_is_everywhere_and_not_near(truth: dict, depth_frames: list[int]) -> None:
    assert len(depth_frames) >= 10
    first, last = next(person["moving_frames"] for person in truth["people"] if person["moving_frames"])
    assert sum(first <= frame <= last for frame in depth_frames) >= 3
    for frame in depth_frames:
        z_m = read_map("depth", frame) * truth["unit_m"]
        assert z_m.min() > 1.0
        assert z_m.max() < 8.0


def test_caption_mask_agrees_with_the_video(video: tuple[np.ndarray, list[float]]) -> None:
    """Inside the mask the picture stands still while the camera moves: bright letters, dark outline, every frame."""
    overlay = cv2.imread(str(TRUTH / "overlay.png"), 0) > 0
    assert 0.002 < overlay.mean() < 0.05
    luma = video[0].astype(np.float32)
    rows, columns = np.nonzero(overlay)
    ring = np.zeros_like(overlay)
    ring[max(rows.min() - 10, 0) : rows.max() + 10, columns.min() - 10 : columns.max() + 10] = True
    ring &= cv2.dilate(overlay.astype(np.uint8), np.ones((7, 7))) == 0
    flicker = luma.std(axis=0)
    assert np.median(flicker[overlay]) < 0.5 * np.median(flicker[ring])
    mean = luma.mean(axis=0)[overlay]
    assert (mean > CAPTION_WHITE).mean() > 0.05
    assert (mean < CAPTION_DARK).mean() > 0.2


def test_sidecar_distances_agree_with_depth(truth: dict) -> None:
    sidecar = yaml.safe_load(VIDEO.with_suffix(".yaml").read_text())
    assert sidecar["license"] == "CC0-1.0"
    assert sidecar["consent"] == "not_applicable"
    lengths = sidecar["scale"]["known_distance"]
    assert len(lengths) >= 2
    overlay = cv2.imread(str(TRUTH / "overlay.png"), 0)
    for known in lengths:
        z_m = read_map("depth", known["frame_index"]) * truth["unit_m"]
        ends = []
        for point in (known["point_a"], known["point_b"]):
            column, row = int(point[0] - 0.5), int(point[1] - 0.5)
            around = z_m[row - 2 : row + 3, column - 2 : column + 3]
            assert np.ptp(around) < 0.05, f"{known['label']}: {point} lies on a depth edge"
            assert read_map("moving", known["frame_index"])[row, column] == 0
            assert overlay[row, column] == 0
            ends.append(rays(truth["camera"])[row, column] * z_m[row, column])
        assert np.linalg.norm(ends[0] - ends[1]) == pytest.approx(known["metres"], abs=SIDECAR_TOLERANCE_M)
