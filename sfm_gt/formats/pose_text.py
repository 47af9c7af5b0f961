"""The pose files of RealEstate10K and MannequinChallenge: one text file a clip, video URL first, then a line a frame.

A line has 19 columns: microseconds since the start of the video; focal lengths and principal point in shares of the
image's width and height; two coefficients of radial distortion (0 in the published files); the 3x4 matrix
``cam_from_world`` by rows. Lengths have no unit. Source: the download pages of both data sets
(google.github.io/realestate10k and google.github.io/mannequinchallenge).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from sfm_gt.errors import InputError
from sfm_gt.formats.atomic import replacing_file
from sfm_gt.formats.camera_track import MAX_ROTATION_ERROR, Lens, rotation_error
from sfm_gt.formats.number_table import Field, numbers, read_lines, within

COLUMNS = (
    Field("microseconds", 0, 1e15),
    *(Field(name, 1e-3, 100) for name in ("fx", "fy")),
    *(within(name, 100) for name in ("cx", "cy", "k1", "k2")),
    *(
        within(f"{part}{row}", bound)
        for row in (1, 2, 3)
        for part, bound in (("rx", 2), ("ry", 2), ("rz", 2), ("t", 1e8))
    ),
)


@dataclass(frozen=True)
class PoseText:
    """Content of one file.

    Attributes:
        url: where the video comes from.
        microseconds: (N,) since the start of the video, ascending.
        cam_from_world: (N, 4, 4).
    """

    url: str
    microseconds: Int[np.ndarray, " n"]
    lens: Lens
    cam_from_world: Float[np.ndarray, "n 4 4"]


def write_pose_text(path: Path, content: PoseText) -> None:
    """Writes one file; 12 digits keep a pixel in a hundred million."""
    cameras = camera_columns(content.lens, content.cam_from_world)
    rows = [
        " ".join([str(time), *(f"{value:.12g}" for value in camera)])
        for time, camera in zip(content.microseconds.tolist(), cameras, strict=True)
    ]
    with replacing_file(path) as partial:
        partial.write_text("\n".join([content.url, *rows]) + "\n", encoding="utf-8")


def camera_columns(lens: Lens, cam_from_world: Float[np.ndarray, "n 4 4"]) -> Float[np.ndarray, "n 18"]:
    """What a line says after its time."""
    intrinsics = np.array([lens.fx, lens.fy, lens.cx, lens.cy, lens.k1, lens.k2])
    return np.column_stack([np.tile(intrinsics, (len(cam_from_world), 1)), cam_from_world[:, :3].reshape(-1, 12)])


def read_pose_text(path: Path) -> PoseText:
    """Reads one file.

    Raises:
        InputError: unreadable, too few lines, a line without 19 finite numbers, times that do not ascend, a matrix
            that is no rotation, a lens that changes along the clip.
    """
    url, rows = _numbers(path)
    if (np.diff(rows[:, 0]) <= 0).any():
        raise InputError(f"{path}: times do not ascend; needed one line a frame in order of time")
    poses = np.tile(np.eye(4), (len(rows), 1, 1))
    poses[:, :3] = rows[:, 7:].reshape(-1, 3, 4)
    error = rotation_error(poses)
    if error > MAX_ROTATION_ERROR:
        raise InputError(f"{path}: columns 8 to 19 hold no rotation (off by {error:.2g}); needed [R|t] by rows")
    spread = np.ptp(rows[:, 1:7], axis=0).max()
    if spread > 1e-6:
        raise InputError(
            f"{path}: the lens changes by {spread:.3g} along the clip (a zoom); needed one lens for a clip"
        )
    return PoseText(url, rows[:, 0].astype(np.int64), Lens(*rows[0, 1:7].tolist()), poses)


def _numbers(path: Path) -> tuple[str, Float[np.ndarray, "n 19"]]:
    url, *lines = read_lines(path)
    rows = [(number, line.split()) for number, line in enumerate(lines, start=2) if line.strip()]
    if len(rows) < 2:
        raise InputError(
            f"{path}: {len(rows)} frames; needed two or more lines of {len(COLUMNS)} numbers after the URL"
        )
    return url.strip(), numbers(path, rows, COLUMNS)
