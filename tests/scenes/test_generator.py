"""The generator's own maths, and that the committed truth is what its scene says. No renderer needed."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
POSE_TOLERANCE = 1e-9  # the same float64 arithmetic, but for the last bits of another machine's sine


@pytest.fixture
def camera_path(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks" / "scenes"))
    import camera_path

    return camera_path


def test_look_at_puts_the_target_on_the_axis_and_up_upwards(camera_path: ModuleType) -> None:
    cam_from_world = camera_path.look_at(np.array([0.0, 0.0, 1.0]), np.array([0.0, 4.0, 1.0]), np.zeros(3))
    # 4 m ahead; a point 1 m above it has y = -1 (y points down), one 1 m to the east x = +1
    points = np.array([[0.0, 4.0, 1.0, 1.0], [0.0, 4.0, 2.0, 1.0], [1.0, 4.0, 1.0, 1.0]])
    expected = [[0.0, 0.0, 4.0], [0.0, -1.0, 4.0], [1.0, 0.0, 4.0]]
    assert np.allclose((points @ cam_from_world.T)[:, :3], expected)


def test_rotation_matrix_turns_x_to_y_about_z(camera_path: ModuleType) -> None:
    assert np.allclose(camera_path.rotation_matrix(np.array([0.0, 0.0, np.pi / 2])) @ [1, 0, 0], [0, 1, 0])


def test_committed_truth_is_the_scene_s(camera_path: ModuleType) -> None:
    from catalogue.mannequin import SCENE

    truth = json.loads((ROOT / "examples" / "demo" / "truth" / "truth.json").read_text())
    committed = np.array([frame["cam_from_world"] for frame in truth["frames"]])
    made = camera_path.cam_from_world_of(SCENE.camera, SCENE.n_frames, SCENE.seed)
    assert np.allclose(made, committed, atol=POSE_TOLERANCE)
    assert [p["stature_m"] for p in truth["people"]] == [p.stature_m for p in SCENE.people]
