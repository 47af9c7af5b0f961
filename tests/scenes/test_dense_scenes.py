"""The still scenes for dense depth keep what their scoring rests on. No renderer needed."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

SCENES = Path(__file__).resolve().parents[2] / "benchmarks" / "scenes"
STEP_M = (0.02, 0.045)
BASELINE_M = (0.8, 1.2)
ROD_DIAMETER_M = (0.01, 0.04)
SIDES_AREA = 8 * np.sin(np.pi / 8)  # of the unit-radius polygon of 16 sides that stands for a circle


@pytest.fixture(autouse=True)
def _generator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCENES))


@pytest.fixture(params=["studio", "corridor"])
def scene(request: pytest.FixtureRequest):
    return importlib.import_module(f"catalogue.{request.param}").SCENE


def test_nothing_moves_and_every_frame_has_truth(scene) -> None:
    assert not any(person.motion for person in scene.people)
    assert not scene.overlays
    assert scene.depth_every == 1
    assert sorted(person.person_id for person in scene.people) == list(range(1, len(scene.people) + 1))


def test_camera_has_parallax_in_handheld_steps(scene) -> None:
    poses = importlib.import_module("camera_path").cam_from_world_of(scene.camera, scene.n_frames, scene.seed)
    centres = -np.einsum("nji,nj->ni", poses[:, :3, :3], poses[:, :3, 3])
    steps = np.linalg.norm(np.diff(centres, axis=0), axis=1)
    assert STEP_M[0] < steps.min()
    assert steps.max() < STEP_M[1]
    assert BASELINE_M[0] < np.linalg.norm(centres[-1] - centres[0]) < BASELINE_M[1]


def test_rods_are_thin(scene) -> None:
    from scene_types import Rod

    diameters = np.array([2 * thing.radius_m for thing in scene.room if isinstance(thing, Rod)])
    assert len(diameters) > 20
    assert ROD_DIAMETER_M[0] <= diameters.min()
    assert diameters.max() <= ROD_DIAMETER_M[1]


def test_tube_is_closed_faces_outwards_and_has_its_radius() -> None:
    from rods import tube_mesh

    axis = np.array([1.0, 2.0, 2.0]) / 3
    vertices, faces = tube_mesh(np.array([np.zeros(3), axis, 2 * axis]), 0.1)
    rings = vertices[:-2]
    across = rings - (rings @ axis)[:, None] * axis
    assert np.allclose(np.linalg.norm(across, axis=1), 0.1)
    # the divergence theorem: the volume is right, and positive, just where the surface is closed and faces outwards
    volume = np.einsum("fi,fi->", vertices[faces[:, 0]], np.cross(vertices[faces[:, 1]], vertices[faces[:, 2]])) / 6
    assert volume == pytest.approx(SIDES_AREA * 0.1**2 * 2.0)


def test_wire_hangs_between_its_hooks() -> None:
    from rods import hanging

    points = np.array(hanging((0.0, 1.0, 2.0), (4.0, 1.0, 3.0), 0.5))
    assert np.allclose(points[[0, -1]], [[0, 1, 2], [4, 1, 3]])
    assert points[len(points) // 2] == pytest.approx([2.0, 1.0, 2.0])


def test_rods_are_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    import truth

    labels = np.array([[0.0, 1.0, 255.0, 3.0]], np.float32)
    monkeypatch.setattr(truth, "read_pass", lambda *_: np.repeat(labels[..., None], 3, axis=2))
    assert truth.person_labels(Path(), 0).tolist() == [[0, 1, 0, 3]]
    assert truth.thin(Path(), 0).tolist() == [[False, False, True, False]]


def test_a_scene_without_rods_promises_no_thin_mask(scene) -> None:
    import truth

    mannequin = importlib.import_module("catalogue.mannequin").SCENE
    assert not truth.has_rods(mannequin)
    assert truth.has_rods(scene)
