"""TUM RGB-D (Sturm et al. 2012) and Bonn RGB-D Dynamic (Palazzolo et al. 2019), which share one layout.

    rgbd_dataset_freiburg1_xyz/rgb.txt, depth.txt    "timestamp file" a line
                               groundtruth.txt       "timestamp tx ty tz qx qy qz qw", world_from_cam
                               rgb/*.png, depth/*.png (5000 steps a metre, registered to the colour image)

The folder may be one sequence or hold several. An image without depth within 20 ms is left out, one without a pose within
20 ms has none. The camera is the pinhole part of the published calibration; the images keep their small distortion. Bonn's
trajectory belongs to a marker body whose place on the camera is not in the files: its frames have no pose.

``bonn_monst3r`` is images 30 to 139 of five sequences (MonST3R's prepare_bonn.py; CUT3R and its successors score the same).
That code pairs images and depth by their number; here both are paired by time.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import partial
from operator import itemgetter
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from sfm_gt.errors import InputError
from sfm_gt.geometry.transforms import inverse_rigid
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions, Reader
from sfm_gt.public_datasets.files import camera_from_integer_centred, image_size, read_depth_png, read_image

TUM = Conventions((1e-3, 10.0), (), "no common one; 10 m as on the other Kinect benchmarks")
BONN = Conventions((1e-3, 10.0), (), "Video-Depth-Anything, DepthCrafter: cap 10 m")
MONST3R = tuple(f"rgbd_bonn_{name}" for name in ("balloon2", "crowd2", "crowd3", "person_tracking2", "synchronous"))
DEPTH_UNIT_M = 1 / 5000
MAX_GAP_S = 0.02  # the benchmark's own tool pairs files up to this
# fx, fy, cx, cy with pixel centres on integers: the pages of the two benchmarks.
BONN_CAMERA = (542.822841, 542.576870, 315.593520, 237.756098)
TUM_CAMERAS = {
    "freiburg1": (517.3, 516.5, 318.6, 255.3),
    "freiburg2": (520.9, 521.0, 325.1, 249.7),
    "freiburg3": (535.4, 539.2, 320.1, 247.6),
}


def _tum(root: Path) -> Benchmark:
    frames = [frame for sequence in _sequences(root) for frame in _frames(sequence, _tum_camera(sequence), posed=True)]
    return Benchmark("tum_rgbd", TUM, frames, root, "<sequence>/rgb.txt and depth.txt with times that fit")


def _bonn(root: Path) -> Benchmark:
    frames = [frame for sequence in _sequences(root) for frame in _frames(sequence, BONN_CAMERA, posed=False)]
    return Benchmark("bonn", BONN, frames, root, "<sequence>/rgb.txt and depth.txt with times that fit")


def _bonn_monst3r(root: Path) -> Benchmark:
    return _bonn(root).chosen("bonn_monst3r", "MonST3R: 5 sequences, images 30 to 139", MONST3R, range(30, 140))


def _sequences(root: Path) -> list[Path]:
    return [root] if (root / "rgb.txt").is_file() else sorted(path.parent for path in root.glob("*/rgb.txt"))


def _tum_camera(sequence: Path) -> tuple[float, float, float, float]:
    for name, camera in TUM_CAMERAS.items():
        if name in sequence.name:
            return camera
    raise InputError(
        f"{sequence}: the name holds none of {', '.join(TUM_CAMERAS)}, which decides the camera; rename it back"
    )


def _frames(sequence: Path, intrinsics: tuple[float, float, float, float], posed: bool) -> list[BenchmarkFrame]:
    images, depths = _list(sequence / "rgb.txt", 2), _list(sequence / "depth.txt", 2)
    poses = _list(sequence / "groundtruth.txt", 8) if posed else []
    camera = _camera(intrinsics, *image_size(sequence / images[0][1][0])) if images else None
    frames = []
    for index, (time_s, (name,)) in enumerate(images):
        depth, pose = _nearest(depths, time_s), _nearest(poses, time_s)
        if depth is None:
            continue
        image = sequence / name
        frames.append(BenchmarkFrame(
            sequence.name, sequence.name, index, time_s, camera,
            None if pose is None else _cam_from_world(pose), partial(read_image, image),
            partial(read_depth_png, sequence / depth[0], DEPTH_UNIT_M),
        ))  # fmt: skip
    return frames


def _camera(intrinsics: tuple[float, float, float, float], width: int, height: int) -> PinholeCamera:
    fx, fy, cx, cy = intrinsics
    return camera_from_integer_centred(np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]), width, height)


def _list(path: Path, columns: int) -> list[tuple[float, list[str]]]:
    """(timestamp_s, the other columns) of each line, in order of time."""
    try:
        lines = [line.split() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    except OSError:
        raise InputError(f"{path}: not there; unpack the sequence again") from None
    try:
        if any(len(line) != columns for line in lines):
            raise ValueError
        return sorted((float(line[0]), line[1:]) for line in lines)
    except ValueError:
        raise InputError(
            f"{path}: a line has not a time and {columns - 1} columns; unpack the sequence again"
        ) from None


def _nearest(entries: list[tuple[float, list[str]]], time_s: float) -> list[str] | None:
    after = bisect_left(entries, time_s, key=itemgetter(0))
    beside = entries[max(after - 1, 0) : after + 1]
    found = min(beside, key=lambda entry: abs(entry[0] - time_s), default=None)
    return found[1] if found is not None and abs(found[0] - time_s) <= MAX_GAP_S else None


def _cam_from_world(columns: list[str]) -> Float[np.ndarray, "4 4"]:
    values = [float(value) for value in columns]
    world_from_cam = np.eye(4)
    world_from_cam[:3, :3] = Rotation.from_quat(values[3:]).as_matrix()
    world_from_cam[:3, 3] = values[:3]
    return inverse_rigid(world_from_cam)


BENCHMARKS: dict[str, Reader] = {"tum_rgbd": _tum, "bonn": _bonn, "bonn_monst3r": _bonn_monst3r}
