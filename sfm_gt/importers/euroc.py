"""EuRoC MAV sequences and what is laid out like them: the folder ``mav0``, for a video of all pictures of ``cam0`` in order.

``cam0/data.csv`` lists ``timestamp [ns], filename``, ``cam0/sensor.yaml`` holds ``resolution``, ``intrinsics`` (fu, fv, cu, cv;
pixel centres at integers), ``distortion_coefficients`` (k1, k2, p1, p2) and ``T_BS``, the sensor's pose in the body.
``state_groundtruth_estimate0/data.csv`` begins with ``timestamp [ns], x, y, z, qw, qx, qy, qz`` of its own sensor, sensor to
world in metres, whose pose in the body stands beside it. Source: Burri et al., The EuRoC micro aerial vehicle datasets, 2016.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation, Slerp

from sfm_gt.errors import InputError
from sfm_gt.formats.camera_track import MAX_ROTATION_ERROR, CameraTrack, Lens, checked, rotation_error
from sfm_gt.formats.number_table import numbers, read_rows, within
from sfm_gt.formats.path_check import inside
from sfm_gt.formats.tum_trajectory import POSE, poses_from_rows
from sfm_gt.formats.yaml_text import read_yaml
from sfm_gt.geometry.conventions import pixel_from_integer_centred
from sfm_gt.geometry.transforms import inverse_rigid
from sfm_gt.importers.shared.text_files import brief
from sfm_gt.importers.shared.video_facts import VideoFacts, require_sane

TRUTH = "state_groundtruth_estimate0"
TIME_NS = within("timestamp [ns]", 1e19)
# Ground truth comes every 5 ms; a drone turns by degrees where it is missing for longer than this.
MAX_GAP_S = 0.05
# A lens here is radial. Left out, EuRoC's own tangential terms move the corners of its pictures by 0.2 px.
MAX_TANGENTIAL_PX = 0.5


class EurocImporter:
    """One folder ``mav0``; frames without ground truth near in time on both sides have no pose."""

    def read(self, path: Path, video: VideoFacts) -> CameraTrack:
        """Poses by frame, in metres.

        Raises:
            InputError: files are missing or malformed, a lens that is not radial, or no ground truth at the pictures' times.
        """
        truth = inside(path, f"{TRUTH}/data.csv", path)
        times_s, poses = _truth(truth)
        listed = inside(path, "cam0/data.csv", path)
        rows = [(line, entries[:1]) for line, entries in read_rows(listed, ",")]
        taken_s = numbers(listed, rows, (TIME_NS,))[:, 0] / 1e9
        after = np.clip(np.searchsorted(times_s, taken_s), 1, len(times_s) - 1)
        inside_truth = (taken_s >= times_s[0]) & (taken_s <= times_s[-1])
        indices = np.flatnonzero(inside_truth & (times_s[after] - times_s[after - 1] <= MAX_GAP_S))
        if not len(indices):
            raise InputError(f"{truth}: no poses at the times of {listed}; needed ground truth of the same recording")
        body_from_camera = _pose_in_body(inside(path, "cam0/sensor.yaml", path))
        body_from_truth = _pose_in_body(inside(path, f"{TRUTH}/sensor.yaml", path))
        world_from_truth = _interpolated(times_s, inverse_rigid(poses), taken_s[indices])
        world_from_camera = world_from_truth @ np.linalg.inv(body_from_truth) @ body_from_camera
        lens = _lens(inside(path, "cam0/sensor.yaml", path), video)
        return checked(truth, CameraTrack(inverse_rigid(world_from_camera), lens, frame_indices=indices))


def _truth(path: Path) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n 4 4"]]:
    """Ascending times in seconds, and poses world to sensor."""
    rows = [(line, entries[:8]) for line, entries in read_rows(path, ",")]
    values = numbers(path, rows, (TIME_NS, *POSE[:3], POSE[6], *POSE[3:6]))
    times_s = values[:, 0] / 1e9
    if len(times_s) < 2 or not (np.diff(times_s) > 0).all():
        raise InputError(f"{path}: {len(times_s)} poses whose times do not ascend; needed two or more, in order")
    return times_s, poses_from_rows(path, [line for line, _ in rows], values[:, [1, 2, 3, 5, 6, 7, 4]])


def _interpolated(
    times_s: Float[np.ndarray, " n"], poses: Float[np.ndarray, "n 4 4"], at_s: Float[np.ndarray, " m"]
) -> Float[np.ndarray, "m 4 4"]:
    found = np.tile(np.eye(4), (len(at_s), 1, 1))
    found[:, :3, :3] = Slerp(times_s, Rotation.from_matrix(poses[:, :3, :3]))(at_s).as_matrix()
    found[:, :3, 3] = np.stack([np.interp(at_s, times_s, poses[:, axis, 3]) for axis in range(3)], axis=1)
    return found


def _pose_in_body(path: Path) -> Float[np.ndarray, "4 4"]:
    try:
        content: Any = read_yaml(path)
        pose = np.array(content["T_BS"]["data"], dtype=np.float64).reshape(4, 4)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: no T_BS ({type(error).__name__}: {brief(error)}); needed 16 numbers in its data"
        ) from None
    if not np.isfinite(pose).all() or rotation_error(pose[None]) > MAX_ROTATION_ERROR:
        raise InputError(f"{path}: T_BS holds no rotation; needed the sensor's pose in the body, by rows")
    return pose


def _lens(path: Path, video: VideoFacts) -> Lens:
    try:
        content: Any = read_yaml(path)
        width, height = (float(side) for side in content["resolution"])
        fx, fy, cx, cy = (float(value) for value in content["intrinsics"])
        k1, k2, p1, p2 = (float(value) for value in content["distortion_coefficients"])
        models = content["camera_model"], content["distortion_model"]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: no camera ({type(error).__name__}: {brief(error)}); needed resolution, intrinsics and four "
                         "distortion_coefficients") from None  # fmt: skip
    if models != ("pinhole", "radial-tangential"):
        raise InputError(f"{path}: a lens {' '.join(map(str, models))}; needed pinhole radial-tangential")
    video.require_shape(path, width, height)
    cx, cy = pixel_from_integer_centred(np.array([cx, cy])).tolist()
    lens = require_sane(path, Lens(fx / width, fy / height, cx / width, cy / height, k1, k2))
    x, y = max(cx, width - cx) / fx, max(cy, height - cy) / fy
    squared = x**2 + y**2
    moved_px = math.hypot(fx * (2 * abs(p1) * x * y + abs(p2) * (squared + 2 * x**2)),
                          fy * (abs(p1) * (squared + 2 * y**2) + 2 * abs(p2) * x * y))  # fmt: skip
    if not moved_px <= MAX_TANGENTIAL_PX:
        raise InputError(f"{path}: tangential distortion moves a corner by {moved_px:.2g} px; needed at most "
                         f"{MAX_TANGENTIAL_PX} px, or undistorted pictures")  # fmt: skip
    return lens


PLUGIN = EurocImporter
