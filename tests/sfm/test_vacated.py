"""Points on what has left its place are told from points that are merely hidden, or lost."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import pycolmap
import pytest

from sfm_gt.geometry.camera import pixel_grid
from sfm_gt.sfm.frozen import MAX_VACATED
from sfm_gt.sfm.observations import Observations
from sfm_gt.sfm.vacated import vacated_shares
from tests.masks.scenes import CAMERA, Rectangle, Scene, film

N_FRAMES, LEAVES_AT = 24, 12
SAMPLED = (2, N_FRAMES - 3)  # frames whose pixels give the points
EVERY_PX = 9
SAME_DEPTH = 0.01


def board(**motion: object) -> Rectangle:
    return Rectangle((-0.1, -0.9, 3.2), (0.7, 0, 0), (0, 1.5, 0), 9, **motion)  # type: ignore[arg-type]


def sampled(scene: Scene) -> np.ndarray:
    """World points of evenly spread pixels of some frames, where they were then."""
    pixels = pixel_grid(CAMERA.width, CAMERA.height)[::EVERY_PX, ::EVERY_PX].reshape(-1, 2)
    found = []
    for view in (scene.views[index] for index in SAMPLED):
        depth = view.z_depth_sfm[::EVERY_PX, ::EVERY_PX].reshape(-1)
        rays = np.concatenate([pixels, np.ones((len(pixels), 1))], axis=1) @ np.linalg.inv(CAMERA.matrix).T
        in_cam = np.c_[rays * depth[:, None], np.ones(len(pixels))][np.isfinite(depth)]
        found.append((in_cam @ np.linalg.inv(view.cam_from_world).T)[:, :3])
    return np.concatenate(found)


def observed(scene: Scene) -> Observations:
    """Every point in every view in which it is seen, by the exact depth."""
    xyz = sampled(scene)
    views, points, positions = [], [], []
    for number, view in enumerate(scene.views):
        in_cam = xyz @ view.cam_from_world[:3, :3].T + view.cam_from_world[:3, 3]
        xy = in_cam @ CAMERA.matrix.T
        xy = xy[:, :2] / xy[:, 2:]
        column, row = np.clip(xy, 0, [CAMERA.width - 1, CAMERA.height - 1]).astype(int).T
        inside = (in_cam[:, 2] > 0) & (xy > 0).all(axis=1) & (xy < [CAMERA.width, CAMERA.height]).all(axis=1)
        here = np.flatnonzero(inside & (np.abs(view.z_depth_sfm[row, column] / in_cam[:, 2] - 1) < SAME_DEPTH))
        views.append(np.full(len(here), number))
        points.append(here)
        positions.append(xy[here])
    poses = np.stack([view.cam_from_world for view in scene.views])
    names, flat = [str(view.frame_index) for view in scene.views], np.concatenate(points)
    camera = pycolmap.Camera(model="PINHOLE", width=CAMERA.width, height=CAMERA.height,
                             params=[CAMERA.fx, CAMERA.fy, CAMERA.cx, CAMERA.cy])  # fmt: skip
    return Observations(camera, names, list(range(len(names))), poses, np.arange(len(xyz)), xyz,
                        np.concatenate(views), flat, flat, np.concatenate(positions))  # fmt: skip


def shares(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    load = lru_cache(maxsize=None)(lambda name: cv2.cvtColor(scene.views[int(name)].image, cv2.COLOR_RGB2GRAY))
    return vacated_shares(observed(scene), np.arange(N_FRAMES) / 15, load)


def test_parallax_and_hiding_vacate_nothing() -> None:
    past, future = shares(film(N_FRAMES, (board(),)))
    assert max(past.max(), future.max()) < MAX_VACATED / 2


@pytest.fixture(scope="module")
def walks_off() -> Scene:
    # Along the epipolar lines, as fast as one walks across a room at 15 frames a second.
    return film(N_FRAMES, (board(velocity=(0.08, 0.0, 0.0), moves_in=range(LEAVES_AT, 500)),))


def test_who_walks_off_along_the_epipolar_lines_leaves_a_place_behind(walks_off: Scene) -> None:
    past, _ = shares(walks_off)
    assert past[:LEAVES_AT].max() < MAX_VACATED / 2
    # After a few frames: first the board still hides most of where it was.
    assert past[LEAVES_AT + 4 : LEAVES_AT + 10].min() > MAX_VACATED


def test_who_comes_and_stays_was_not_there_before(walks_off: Scene) -> None:
    backwards = Scene(walks_off.views[::-1], walks_off.moving[::-1])
    for number, view in enumerate(backwards.views):
        object.__setattr__(view, "frame_index", number)
    past, future = shares(backwards)
    stands_from = N_FRAMES - LEAVES_AT
    assert future[stands_from - 10 : stands_from - 4].min() > MAX_VACATED
    assert future[stands_from:].max() < MAX_VACATED / 2
    assert past.max() < MAX_VACATED
