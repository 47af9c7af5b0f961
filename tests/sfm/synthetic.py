"""Models whose observations are those of a known camera on a known path, but for noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pycolmap
from scipy.spatial.transform import Rotation

from sfm_gt.sfm.adjustment import Adjusted, begin_adjustment, finish_adjustment
from sfm_gt.sfm.database import KnownCamera

WIDTH, HEIGHT, FOCAL = 640, 480, 520.0
FRAME_S = 1 / 15
NOISE_PX = 0.2


def turning_path(n_frames: int) -> list[pycolmap.Rigid3d]:
    """A hand-held walk that keeps its eye on the scene: sideways, nearer and farther, turning to and fro."""
    poses = []
    for k in range(n_frames):
        angles = [0.06 * np.sin(k / 2.0), 0.25 * np.sin(k / 5.0), 0.1 * np.sin(k / 2.5)]
        centre = np.array([1.2 * np.sin(k / 5.0), 0.15 * np.sin(k / 2.2), 0.5 * np.cos(k / 4.0) - 0.5])
        poses.append(_pose(Rotation.from_euler("xyz", angles).as_matrix(), centre))
    return poses


def sideways_path(n_frames: int) -> list[pycolmap.Rigid3d]:
    """A camera on a rail, looking across it."""
    return [_pose(np.eye(3), np.array([0.05 * k - 0.6, 0.0, 0.0])) for k in range(n_frames)]


def sliding_path(n_frames: int) -> list[pycolmap.Rigid3d]:
    """The same in the hand: it trembles by a tenth of a degree and a centimetre."""
    poses = []
    for k in range(n_frames):
        angles = 0.002 * np.sin([k / 2.0, k / 5.0, k / 2.5])
        centre = np.array([0.05 * k - 0.6, 0.01 * np.sin(k / 3.0), 0.0])
        poses.append(_pose(Rotation.from_euler("xyz", angles).as_matrix(), centre))
    return poses


def _pose(rotation: np.ndarray, centre: np.ndarray) -> pycolmap.Rigid3d:
    return pycolmap.Rigid3d(np.hstack([rotation, -(rotation @ centre)[:, None]]))


def room(n_points: int) -> np.ndarray:
    """Points between one and a half and four units in front of the path."""
    rng = np.random.default_rng(3)
    return np.stack([rng.uniform(-2, 2, n_points), rng.uniform(-1.3, 1.3, n_points), rng.uniform(1.5, 4, n_points)], 1)


def filmed(
    path: Sequence[pycolmap.Rigid3d],
    points: np.ndarray,
    zoom: Sequence[float] | None = None,
    centre: tuple[float, float] = (WIDTH / 2, HEIGHT / 2),
    lens: pycolmap.Camera | None = None,
    noise_px: float = NOISE_PX,
) -> pycolmap.Reconstruction:
    """The right model of ``points`` seen along ``path``, behind a lens that it takes for constant and centred.

    Args:
        zoom: focal length of each frame over FOCAL.
        centre: the true principal point.
        lens: the true lens; it replaces all of this.
    """
    rng = np.random.default_rng(4)
    model = pycolmap.Reconstruction()
    model.add_camera_with_trivial_rig(
        pycolmap.Camera(model="SIMPLE_RADIAL", width=WIDTH, height=HEIGHT,
                        params=[FOCAL, WIDTH / 2, HEIGHT / 2, 0.0], camera_id=1)
    )  # fmt: skip
    tracks = [pycolmap.Track() for _ in points]
    for number, pose in enumerate(path, start=1):
        in_cam = points @ pose.rotation.matrix().T + pose.translation
        factor = zoom[number - 1] if zoom is not None else 1.0
        xy = in_cam[:, :2] / in_cam[:, 2:] * FOCAL * factor + centre + rng.normal(0, noise_px, (len(points), 2))
        if lens is not None:
            xy = np.asarray(lens.img_from_cam(in_cam)) + rng.normal(0, noise_px, (len(points), 2))
        seen = np.flatnonzero((in_cam[:, 2] > 0.1) & ((xy > 0) & (xy < [WIDTH, HEIGHT])).all(axis=1))
        image = pycolmap.Image(name=f"{number:06d}.png", keypoints=xy[seen], camera_id=1, image_id=number)
        model.add_image_with_trivial_frame(image, pose)
        for row, point in enumerate(seen.tolist()):
            tracks[point].add_element(number, row)
    for xyz, track in zip(points, tracks, strict=True):
        if track.length() > 2:
            model.add_point3D(xyz, track)
    return model


def times_s(n_frames: int) -> np.ndarray:
    return np.arange(n_frames) * FRAME_S


def adjusted(model: pycolmap.Reconstruction, times: np.ndarray, known: KnownCamera | None) -> Adjusted:
    """Both steps of the adjustment, of a model that keeps all of its images between them."""
    return finish_adjustment(model, times, known, begin_adjustment(model, times, known))
