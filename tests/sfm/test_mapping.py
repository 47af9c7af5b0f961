"""Two ways of mapping agree where the cameras come out in the same places, in whatever world, behind the same lens."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest

from sfm_gt.sfm.mapping import ALIKE_FOCAL, ALIKE_POSITION, Candidate, alike
from tests.sfm.synthetic import filmed, room, turning_path

Models = tuple[Candidate, Candidate]
N_KEYFRAMES, EXPLAINED = 8, 0.4


@pytest.fixture
def models() -> Models:
    """The same model twice, the second at another scale and place."""
    one, other = (filmed(turning_path(N_KEYFRAMES), room(300)) for _ in range(2))
    turn = pycolmap.Rotation3d(np.array([0.1, -0.3, 0.2]))
    other.transform(pycolmap.Sim3d(3.0, turn, np.array([5.0, 0.0, -2.0])))
    return Candidate(one, EXPLAINED), Candidate(other, EXPLAINED)


def test_the_same_model_in_another_world_is_alike(models: Models) -> None:
    assert alike(*models, N_KEYFRAMES)


def test_another_focal_length_is_not_alike(models: Models) -> None:
    camera = next(iter(models[1].model.cameras.values()))
    camera.params = [(1 + 2 * ALIKE_FOCAL) * camera.params[0], *camera.params[1:]]
    assert not alike(*models, N_KEYFRAMES)


def test_another_path_is_not_alike(models: Models) -> None:
    centres = np.array([image.projection_center() for image in models[1].model.images.values()])
    # One camera off by so much moves the RMS of all by about a third of that.
    off = 6 * ALIKE_POSITION * np.linalg.norm(centres - centres.mean(axis=0))
    image = max(models[1].model.images.values(), key=lambda image: image.name)
    pose = image.cam_from_world()
    image.frame.set_cam_from_world(1, pycolmap.Rigid3d(pose.rotation, pose.translation + np.array([0, off, 0])))
    assert not alike(*models, N_KEYFRAMES)


def test_a_part_of_the_keyframes_proves_nothing(models: Models) -> None:
    assert not alike(*models, 2 * N_KEYFRAMES)


def test_a_model_that_explains_nothing_proves_nothing(models: Models) -> None:
    assert not alike(models[0], Candidate(models[1].model, 0.0), N_KEYFRAMES)
