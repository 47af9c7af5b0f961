"""Cameras of a video that come from elsewhere: poses by time or by frame, and the lens. What every importer answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from sfm_gt.errors import InputError
from sfm_gt.formats.number_table import MAX_COORDINATE
from sfm_gt.geometry.transforms import camera_centres

# A rotation read from text is rounded; farther than this from orthonormal it is none (or the columns are mixed up).
MAX_ROTATION_ERROR = 1e-3
# Shares of the image: a fisheye begins at a fifth, the longest telephoto lenses end at a hundred times the long side.
FOCAL_SHARES = 0.1, 100.0
MAX_CENTRE_SHARE, MAX_DISTORTION = 2.0, 100.0


@dataclass(frozen=True)
class Lens:
    """Intrinsics in shares of the image's width and height, so that they hold at any resolution.

    Attributes:
        fx, cx: in widths; fy, cy: in heights; the top left corner of the image is (0, 0), the bottom right one (1, 1).
        k1, k2: radial distortion as in COLMAP's RADIAL: r -> r (1 + k1 r^2 + k2 r^4), r in focal lengths.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    k1: float = 0.0
    k2: float = 0.0


@dataclass(frozen=True)
class CameraTrack:
    """Poses of a video's frames.

    Attributes:
        cam_from_world: (N, 4, 4), lengths in the unit of the file.
        lens: of all frames.
        timestamps_s: (N,) time in the source container, None where poses are given by frame.
        frame_indices: (N,) index in the source video, None where poses are given by time.
        remarks: one line on each thing that the file states and the track does not hold.
    """

    cam_from_world: Float[np.ndarray, "n 4 4"]
    lens: Lens
    timestamps_s: Float[np.ndarray, " n"] | None = None
    frame_indices: Int[np.ndarray, " n"] | None = None
    remarks: tuple[str, ...] = ()

    def by_frame(self, timestamps_s: Mapping[int, float]) -> dict[int, Float[np.ndarray, "4 4"]]:
        """The pose of each frame that has one.

        Args:
            timestamps_s: presentation time by frame index. A pose given by time belongs to the nearest frame, when that
                is less than half the usual distance of two frames away.
        """
        if self.frame_indices is not None:
            poses = dict(zip(self.frame_indices.tolist(), self.cam_from_world, strict=True))
            return {index: poses[index] for index in timestamps_s if index in poses}
        assert self.timestamps_s is not None, "a track has times or frames"
        indices = np.array(sorted(timestamps_s))
        times = np.array([timestamps_s[index] for index in indices.tolist()])
        if len(times) < 2 or not len(self.timestamps_s):
            return {}
        order = np.argsort(self.timestamps_s)
        own = self.timestamps_s[order]
        after = np.clip(np.searchsorted(own, times), 1, max(len(own) - 1, 1))
        nearest = np.where(abs(own[after - 1] - times) <= abs(own[np.minimum(after, len(own) - 1)] - times),
                           after - 1, np.minimum(after, len(own) - 1))  # fmt: skip
        near = abs(own[nearest] - times) < 0.5 * np.median(np.diff(times))
        return {int(i): self.cam_from_world[order[n]] for i, n, ok in zip(indices, nearest, near, strict=True) if ok}


def checked(path: Path, track: CameraTrack) -> CameraTrack:
    """``track``, once its numbers can be those of a camera.

    Raises:
        InputError: a number that is not finite or absurd, a matrix that is no rotation, or a camera that stays in one place:
            ``path``, the frame and the field.
    """
    checked_lens(path, track.lens)
    poses = track.cam_from_world
    bad = np.flatnonzero(~(abs(poses) <= MAX_COORDINATE).all(axis=(1, 2)))
    if len(bad):
        raise InputError(f"{path}: pose {bad[0] + 1} of {len(poses)} holds a number that is not finite or beyond "
                         f"{MAX_COORDINATE:g}; correct or remove it")  # fmt: skip
    error = rotation_error(poses)
    if error > MAX_ROTATION_ERROR:
        raise InputError(f"{path}: a pose holds no rotation (off by {error:.2g}); needed orthonormal matrices")
    if len(poses) > 1 and not np.ptp(camera_centres(poses), axis=0).any():
        raise InputError(f"{path}: all {len(poses)} poses are in one place; needed a camera that moves, depth comes from "
                         "parallax")  # fmt: skip
    return track


def checked_lens(path: Path, lens: Lens) -> Lens:
    """``lens``, once it can be one. Raises InputError for a number that is not finite or absurd: ``path`` and the field."""
    for name, lowest, highest in (
        ("fx", *FOCAL_SHARES), ("fy", *FOCAL_SHARES), ("cx", -MAX_CENTRE_SHARE, MAX_CENTRE_SHARE),
        ("cy", -MAX_CENTRE_SHARE, MAX_CENTRE_SHARE), ("k1", -MAX_DISTORTION, MAX_DISTORTION),
        ("k2", -MAX_DISTORTION, MAX_DISTORTION),
    ):  # fmt: skip
        value = getattr(lens, name)
        if not lowest <= value <= highest:
            unit = "" if name.startswith("k") else " of the image's size"
            raise InputError(f"{path}: {name} is {value:g}{unit}; needed {lowest:g} to {highest:g}; correct the lens")
    return lens


def rotation_error(cam_from_world: Float[np.ndarray, "n 4 4"]) -> float:
    """Largest entry of ``R R^T - I`` over all poses, or 2 where a pose mirrors: 0 for proper rotations."""
    rotation = cam_from_world[:, :3, :3]
    if (np.linalg.det(rotation) < 0).any():
        return 2.0
    return float(abs(rotation @ np.swapaxes(rotation, 1, 2) - np.eye(3)).max(initial=0.0))
