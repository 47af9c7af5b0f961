"""KITTI (Geiger et al. 2013; annotated depth: Uhrig et al. 2017; split of raw: Eigen et al. 2014).

One folder may hold all of it, as the official archives unpack:

    2011_09_26/calib_cam_to_cam.txt, calib_velo_to_cam.txt                                  raw data
    2011_09_26/2011_09_26_drive_0002_sync/image_02/data/0000000069.png
    2011_09_26/2011_09_26_drive_0002_sync/velodyne_points/data/0000000069.bin
    {train,val}/2011_09_26_drive_0002_sync/proj_depth/groundtruth/image_02/0000000069.png   annotated depth
    val_selection_cropped/{image,groundtruth_depth,intrinsics}/                             the official selection
    eigen_test_files.txt                                                                    the list of the Eigen split
    {image_2,velodyne,calib}/000000.{png,bin,txt}                                           object benchmark

``kitti_eigen`` is the split's images that have annotated depth (652 of 697), cropped as by ZoeDepth and Marigold;
``kitti_eigen_bts`` the same, cropped as by BTS, which cuts no image to 352x1216 first; ``kitti_eigen_raw`` all with lidar,
``kitti_official`` the 1000 validation crops, ``kitti_object`` single frames with lidar. The list names drives and frames in
any of the forms in use (BTS, ZoeDepth: paths; Monodepth2: ``date/drive frame side``).

``kitti_depthcrafter`` is the first 110 annotated images of each of the 13 drives of ``val``, ``kitti_monst3r`` every second of
them (MonST3R's prepare_kitti.py, and so CUT3R and its successors).
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError
from sfm_gt.geometry.transforms import transform_points
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions, Reader
from sfm_gt.public_datasets.files import (
    camera_from_integer_centred,
    image_size,
    read_depth_png,
    read_image,
    read_matrix,
)
from sfm_gt.public_datasets.lidar import depth_of_points, read_points

EIGEN_LIST = "eigen_test_files.txt"
EIGEN = Conventions(
    (1e-3, 80.0),
    ("kitti_garg_352x1216", "kitti_eigen_352x1216"),
    "Bhat et al. 2023 (ZoeDepth), Ke et al. 2024 (Marigold)",
)
EIGEN_WHOLE = Conventions((1e-3, 80.0), ("kitti_garg", "kitti_eigen"), "Lee et al. 2019 (BTS), Godard et al. 2019")
OFFICIAL = Conventions((1e-3, 80.0), (), "Uhrig et al. 2017; the selection is cropped to 1216x352 already")
DEPTH_UNIT_M = 1 / 256
EIGEN_SHIFT_PX = (
    -1
)  # Eigen's and Monodepth's projection counts pixels from 1; published figures on raw lidar contain it
_DRIVE = re.compile(r"((\d{4}_\d{2}_\d{2})_drive_\d{4}_sync)\D+?(?:image_0[23]/data/)?0*(\d{1,10})\b")


def _eigen(root: Path, name: str, conventions: Conventions) -> Benchmark:
    raw = name == "kitti_eigen_raw"
    try:
        lines = (root / EIGEN_LIST).read_text().splitlines()
    except OSError:
        raise InputError(
            f"{root / EIGEN_LIST}: not there; put the list of the Eigen test split next to the data"
        ) from None
    frames = [_eigen_frame(root, line, raw) for line in lines if line.strip()]
    needed = f"{EIGEN_LIST} and the raw data" + ("" if raw else " with train/ and val/ of the annotated depth")
    return Benchmark(name, conventions, [frame for frame in frames if frame is not None], root, needed)


def _eigen_frame(root: Path, line: str, raw: bool) -> BenchmarkFrame | None:
    """The frame of one line, None where annotated depth was never made for it."""
    found = _DRIVE.search(line)
    if found is None or "image_03" in line or line.split()[-1] == "r":
        raise InputError(
            f"{root / EIGEN_LIST}: {line.strip()!r} names no drive and frame of the left camera; give the list of the Eigen "
            "split"
        )
    drive, date, number = found[1], found[2], int(found[3])
    image = root / date / drive / "image_02" / "data" / f"{number:010d}.png"
    camera = _raw_camera(root / date, *image_size(image))
    if raw:
        depth = partial(
            _lidar_depth, root / date, camera, root / date / drive / "velodyne_points" / "data" / f"{number:010d}.bin"
        )
    else:
        annotated = Path(drive) / "proj_depth" / "groundtruth" / "image_02" / f"{number:010d}.png"
        stored = [root / part / annotated for part in ("val", "train") if (root / part / annotated).is_file()]
        if not stored:
            return None
        depth = partial(read_depth_png, stored[0], DEPTH_UNIT_M)
    return BenchmarkFrame(drive, drive, number, None, camera, None, partial(read_image, image), depth)


def _video(root: Path, name: str, frames: slice, source: str) -> Benchmark:
    found = []
    for drive in sorted((root / "val").glob("*/proj_depth/groundtruth/image_02")):
        of_drive = drive.parents[2].name
        for depth in sorted(drive.glob("*.png"))[frames]:
            image = root / of_drive[:10] / of_drive / "image_02" / "data" / depth.name
            camera = _raw_camera(root / of_drive[:10], *image_size(image))
            found.append(BenchmarkFrame(of_drive, of_drive, int(depth.stem), None, camera, None,
                                        partial(read_image, image), partial(read_depth_png, depth, DEPTH_UNIT_M)))  # fmt: skip
    return Benchmark(
        name, Conventions((1e-3, 80.0), (), source), found, root, "the raw data with val/ of the annotated depth"
    )


def _raw_camera(date: Path, width: int, height: int) -> PinholeCamera:
    return camera_from_integer_centred(
        _calibration(date / "calib_cam_to_cam.txt", "P_rect_02").reshape(3, 4), width, height
    )


def _lidar_depth(date: Path, camera: PinholeCamera, points: Path) -> Float[np.ndarray, "h w"]:
    to_cam = date / "calib_velo_to_cam.txt"
    cam_from_velo = np.eye(4)
    cam_from_velo[:3, :3] = _calibration(to_cam, "R").reshape(3, 3)
    cam_from_velo[:3, 3] = _calibration(to_cam, "T")
    rectified = np.eye(4)
    rectified[:3, :3] = _calibration(date / "calib_cam_to_cam.txt", "R_rect_00").reshape(3, 3)
    projection = _calibration(date / "calib_cam_to_cam.txt", "P_rect_02").reshape(3, 4)
    points_cam = transform_points(_offset(projection) @ rectified @ cam_from_velo, _velodyne(points))
    return depth_of_points(camera, points_cam, EIGEN_SHIFT_PX)


def _offset(projection: Float[np.ndarray, "3 4"]) -> Float[np.ndarray, "4 4"]:
    """From the rectified frame of camera 0 to that of the projection's own camera: P = K [I | offset]."""
    own_from_rectified = np.eye(4)
    own_from_rectified[:3, 3] = np.linalg.solve(projection[:, :3], projection[:, 3])
    return own_from_rectified


def _velodyne(path: Path) -> Float[np.ndarray, "n 3"]:
    points = read_points(path, 4, "the velodyne points")
    return points[points[:, 0] >= 0]  # the camera looks along the sensor's x


def _calibration(path: Path, key: str) -> Float[np.ndarray, " n"]:
    try:
        rows = dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
        return np.array(rows[key].split(), dtype=np.float64)
    except OSError:
        raise InputError(f"{path}: not there; unpack the calibration of the day") from None
    except (KeyError, ValueError):
        raise InputError(f"{path}: holds no numbers {key}; unpack the calibration again") from None


def _official(root: Path) -> Benchmark:
    folder = next((f for f in (root / "val_selection_cropped", root) if (f / "groundtruth_depth").is_dir()), root)
    frames = []
    for depth in sorted((folder / "groundtruth_depth").glob("*.png")):
        drive, number, side = depth.stem.replace("_groundtruth_depth_", " ").replace("_image_", " ").split()
        image = folder / "image" / f"{drive}_image_{number}_image_{side}.png"
        matrix = read_matrix(folder / "intrinsics" / f"{image.stem}.txt", 3, 3)
        camera = camera_from_integer_centred(matrix, *image_size(image))
        frames.append(BenchmarkFrame(f"{drive}_{side}", drive, int(number), None, camera, None, partial(read_image, image),
                                     partial(read_depth_png, depth, DEPTH_UNIT_M)))  # fmt: skip
    return Benchmark(
        "kitti_official", OFFICIAL, frames, root, "val_selection_cropped/{image,groundtruth_depth,intrinsics}"
    )


def _object(root: Path) -> Benchmark:
    frames = []
    for image in sorted((root / "image_2").glob("*.png")):
        calibration = root / "calib" / f"{image.stem}.txt"
        projection = _calibration(calibration, "P2").reshape(3, 4)
        camera = camera_from_integer_centred(projection, *image_size(image))
        depth = partial(_object_depth, calibration, camera, root / "velodyne" / f"{image.stem}.bin")
        # The benchmark's frames are shuffled out of their drives: each stands for itself.
        frames.append(BenchmarkFrame(image.stem, image.stem, int(image.stem), None, camera, None,
                                     partial(read_image, image), depth))  # fmt: skip
    return Benchmark(
        "kitti_object", EIGEN_WHOLE, frames, root, "image_2/, velodyne/ and calib/ of the object benchmark"
    )


def _object_depth(calibration: Path, camera: PinholeCamera, points: Path) -> Float[np.ndarray, "h w"]:
    rectified, cam_from_velo = np.eye(4), np.eye(4)
    rectified[:3, :3] = _calibration(calibration, "R0_rect").reshape(3, 3)
    cam_from_velo[:3] = _calibration(calibration, "Tr_velo_to_cam").reshape(3, 4)
    projection = _calibration(calibration, "P2").reshape(3, 4)
    return depth_of_points(camera, transform_points(_offset(projection) @ rectified @ cam_from_velo, _velodyne(points)))


BENCHMARKS: dict[str, Reader] = {
    "kitti_eigen": partial(_eigen, name="kitti_eigen", conventions=EIGEN),
    "kitti_eigen_bts": partial(_eigen, name="kitti_eigen_bts", conventions=EIGEN_WHOLE),
    "kitti_eigen_raw": partial(_eigen, name="kitti_eigen_raw", conventions=EIGEN_WHOLE),
    "kitti_depthcrafter": partial(
        _video, name="kitti_depthcrafter", frames=slice(110), source="DepthCrafter, Video-Depth-Anything: cap 80 m"
    ),
    "kitti_monst3r": partial(_video, name="kitti_monst3r", frames=slice(0, 110, 2), source="MonST3R: cap 80 m"),
    "kitti_official": _official,
    "kitti_object": _object,
}
