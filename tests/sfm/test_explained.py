"""The share of matches that a model explains falls with what it lacks: accuracy, observations, images."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pycolmap
import pytest

from sfm_gt.sfm.explained import VerifiedMatches
from tests.sfm.synthetic import filmed, room, turning_path


def matches_of(model: pycolmap.Reconstruction) -> VerifiedMatches:
    """Every two images are matched at all points that both observe."""
    rows = {
        image_id: {point.point3D_id: row for row, point in enumerate(image.points2D) if point.has_point3D()}
        for image_id, image in model.images.items()
    }
    return VerifiedMatches(
        {
            (a, b): np.array([(rows[a][p], rows[b][p]) for p in rows[a].keys() & rows[b].keys()]).reshape(-1, 2)
            for a, b in combinations(sorted(rows), 2)
        }
    )


@pytest.fixture
def model() -> pycolmap.Reconstruction:
    return filmed(turning_path(6), room(300))


def test_the_right_model_explains_nearly_all(model: pycolmap.Reconstruction) -> None:
    assert matches_of(model).explained_by(model) > 0.9


def test_a_model_that_does_not_pass_near_its_observations_explains_little(model: pycolmap.Reconstruction) -> None:
    # A focal length 2 % too long is off by 2 px at 100 px from the centre; all observations stay in the model.
    matches, camera = matches_of(model), next(iter(model.cameras.values()))
    camera.params = [1.02 * camera.params[0], *camera.params[1:]]
    assert matches.explained_by(model) < 0.2


def test_the_limit_grows_with_the_noise_of_the_matches_and_not_with_a_bend_of_the_model(tmp_path: Path) -> None:
    # Compressed film: 0.45 px on each axis. Right within half a pixel are 46 % of the ends, the square of it of the matches.
    noisy = filmed(turning_path(6), room(300), noise_px=0.45)
    with pycolmap.Database.open(tmp_path / "matches.db") as content:
        write(content, noisy, matches_of(noisy))
        matches = VerifiedMatches.of(content)
    # The distance of a match from its line is that of one axis at both ends: the median of its size is 0.67 sigma.
    assert matches.noise_px == pytest.approx(0.67 * 0.45, rel=0.2)
    assert matches_of(noisy).explained_by(noisy) < 0.35
    assert matches.explained_by(noisy) > 0.7
    camera = next(iter(noisy.cameras.values()))
    camera.params = [1.04 * camera.params[0], *camera.params[1:]]
    assert matches.explained_by(noisy) < 0.25


def write(content: pycolmap.Database, model: pycolmap.Reconstruction, matches: VerifiedMatches) -> None:
    """The images of a model and their matches, each pair verified anew."""
    camera = next(iter(model.cameras.values()))
    content.write_camera(camera, use_camera_id=True)
    xy = {}
    for image_id, image in sorted(model.images.items()):
        content.write_image(
            pycolmap.Image(name=image.name, camera_id=camera.camera_id, image_id=image_id), use_image_id=True
        )
        xy[image_id] = np.array([point.xy for point in image.points2D])
        content.write_keypoints(image_id, xy[image_id].astype(np.float32))
    for (a, b), rows in matches.by_pair.items():
        pair = rows.astype(np.uint32)
        geometry = pycolmap.estimate_two_view_geometry(camera, xy[a], camera, xy[b], pair)
        content.write_two_view_geometry(a, b, geometry)


def test_what_is_not_in_the_model_is_not_explained(model: pycolmap.Reconstruction) -> None:
    matches = matches_of(model)
    whole = matches.explained_by(model)
    for point_id in list(model.points3D)[::2]:
        model.delete_point3D(point_id)
    assert matches.explained_by(model) == pytest.approx(whole / 2, abs=0.1)
    assert VerifiedMatches({}).explained_by(model) == 0.0


def test_a_match_between_two_points_is_not_explained(model: pycolmap.Reconstruction) -> None:
    # As a repeated pattern makes them: both ends lie on points of the model, on different ones.
    crossed = {pair: np.c_[rows[:, 0], np.roll(rows[:, 1], 1)] for pair, rows in matches_of(model).by_pair.items()}
    assert VerifiedMatches(crossed).explained_by(model) == 0.0
