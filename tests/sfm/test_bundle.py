"""Which views prove a camera, and what is known of a lens beforehand."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest

from sfm_gt.sfm.bundle import CENTRE_SIGMA, MAX_FRAMES_APART, MAX_VIEWS, MIN_POINT_VIEWS, Bundle, LensPrior
from sfm_gt.sfm.observations import Observations

WIDTH, HEIGHT = 320, 240
FOLLOWED_FRAMES = 80  # that a point stays in the picture of a camera which walks past it


def walk(n_frames: int) -> Observations:
    """A sideways walk; a new point comes up in every other frame."""
    camera = pycolmap.Camera(model="SIMPLE_RADIAL", width=WIDTH, height=HEIGHT, params=[260.0, 160.0, 120.0, 0.0])
    poses = np.tile(np.eye(4), (n_frames, 1, 1))
    poses[:, 0, 3] = -0.05 * np.arange(n_frames)
    first = np.arange(-FOLLOWED_FRAMES, n_frames, 2)
    xyz = np.stack([0.05 * (first + FOLLOWED_FRAMES / 2), (first % 7 - 3) / 3, 3.5 + first % 5 / 5], axis=1)
    points, views = (each.ravel() for each in np.indices((len(first), FOLLOWED_FRAMES)))
    views = views + first[points]
    points, views = points[(views >= 0) & (views < n_frames)], views[(views >= 0) & (views < n_frames)]
    cam = xyz[points] + poses[views, :3, 3]
    xy = np.asarray(camera.img_from_cam(cam)) + 0.3 * np.random.default_rng(0).standard_normal((len(cam), 2))
    ids = list(range(1, n_frames + 1))
    return Observations(
        camera=camera, names=[f"{index:06d}.png" for index in ids], image_ids=ids, cam_from_world=poses,
        point_ids=np.arange(len(xyz)), xyz=xyz, views=views, points=points, keypoints=np.zeros(len(views), dtype=np.int64),
        xy=xy,
    )  # fmt: skip


@pytest.mark.parametrize("n_frames", [200, 3000])
def test_every_view_shares_points_with_others(n_frames: int) -> None:
    bundle = Bundle.of(walk(n_frames))
    assert np.diff(bundle.view_rows).max() <= MAX_FRAMES_APART
    assert np.bincount(bundle.views, minlength=len(bundle.view_rows)).min() >= MIN_POINT_VIEWS
    assert np.bincount(bundle.points, minlength=len(bundle.xyz)).min() >= MIN_POINT_VIEWS


def test_a_short_clip_takes_as_many_views_as_ever() -> None:
    assert len(Bundle.of(walk(200)).view_rows) == MAX_VIEWS


def test_a_whole_picture_is_pulled_to_its_centre_and_a_crop_is_not() -> None:
    prior, sigma = LensPrior(None, 1.0, 2.0), CENTRE_SIGMA * WIDTH

    def pull(away: float) -> tuple[float, float]:
        """By the terms of the linearised prior, and by the rise of its cost."""

        def camera(centre_x: float) -> pycolmap.Camera:
            return pycolmap.Camera(model="SIMPLE_RADIAL", width=WIDTH, height=HEIGHT,
                                   params=[500.0, centre_x, HEIGHT / 2, 0.0])  # fmt: skip

        at = WIDTH / 2 + away * sigma
        precision, missing = prior.terms(camera(at))
        rise = prior.cost(camera(at + 1e-3)) - prior.cost(camera(at - 1e-3))
        return -2 * float(precision[1] * missing[1]), rise / 2e-3

    by_terms, by_cost = np.array([pull(away) for away in (0.0, 0.1, 1.0, 3.0, 10.0, 2000.0)]).T
    assert by_terms == pytest.approx(by_cost, rel=1e-6, abs=1e-9)
    assert by_terms[0] == 0.0
    # Near the centre one standard deviation costs one variance of the noise.
    assert by_terms[1] == pytest.approx(2 * prior.error_px2 * 0.1 / sigma, rel=0.01)
    # What lies three off is a whole picture still, what lies ten off a crop.
    assert by_terms[3] > 2 * by_terms[2]
    assert by_terms[4] < by_terms[2] / 10
