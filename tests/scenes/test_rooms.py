"""The mannequin rooms and the lenses they are filmed through. No renderer needed."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

SCENES = Path(__file__).resolve().parents[2] / "benchmarks" / "scenes"
ROUND_TRIP_PX = 1e-9  # float64 tangents and arctangents


@pytest.fixture(autouse=True)
def _generator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCENES))


@pytest.fixture
def rooms():
    return importlib.import_module("catalogue.rooms")


def lens_of(scene, frame_index: int):
    return importlib.import_module("camera_path").lens_at(scene.camera, frame_index, scene.n_frames)


@pytest.mark.parametrize("name", ["plain", "cropped", "fisheye", "portrait"])
def test_what_a_pixel_sees_falls_on_its_centre(rooms, name: str) -> None:
    lens = lens_of(rooms.ROOMS[name], 0)
    back = lens.project(3.0 * lens.rays().reshape(-1, 3)).reshape(lens.height, lens.width, 2)
    centres = np.dstack(np.meshgrid(np.arange(lens.width) + 0.5, np.arange(lens.height) + 0.5))
    assert np.abs(back - centres).max() < ROUND_TRIP_PX


def test_fisheye_sees_120_degrees_from_corner_to_corner(rooms) -> None:
    """Between the centres of the corner pixels: half a degree less than from edge to edge."""
    rays = lens_of(rooms.ROOMS["fisheye"], 0).rays()
    first, last = rays[0, 0], rays[-1, -1]
    angle_deg = np.rad2deg(np.arccos(first @ last / np.linalg.norm(first) / np.linalg.norm(last)))
    assert angle_deg == pytest.approx(120.0, abs=0.5)


def test_optics_are_what_the_rooms_are_named_for(rooms) -> None:
    portrait, cropped = rooms.ROOMS["portrait"].camera, rooms.ROOMS["cropped"].camera
    assert portrait.focal_px / portrait.width == pytest.approx(2.6)
    assert portrait.height > portrait.width
    assert abs(cropped.centre_px[0] / cropped.width - 0.5) > 0.2
    breathing = rooms.ROOMS["breathing"]
    focal_px = np.array([lens_of(breathing, i).focal_px for i in range(breathing.n_frames)])
    # the extremes of the sinusoid fall between two frames
    assert focal_px.max() / breathing.camera.focal_px == pytest.approx(1.03, abs=1e-3)
    assert focal_px.min() / breathing.camera.focal_px == pytest.approx(0.97, abs=1e-3)


def test_only_the_named_rooms_hold_somebody_who_moves(rooms) -> None:
    moving = {name for name, scene in rooms.ROOMS.items() if any(person.motion for person in scene.people)}
    assert moving == {"waves", "walks_off", "sway"}
    for name, first in (("waves", rooms.UNFREEZES_AT), ("walks_off", rooms.WALKS_AT)):
        (mover,) = (person for person in rooms.ROOMS[name].people if person.motion)
        assert mover.motion[0].frame_index == first
        assert mover.motion[-1].frame_index >= rooms.ROOMS[name].n_frames


def test_swaying_is_1_cm_at_the_crown_in_2_seconds(rooms) -> None:
    scene = rooms.ROOMS["sway"]
    (person,) = (person for person in scene.people if person.motion)
    first, second = person.motion[:2]
    assert 2 * (second.frame_index - first.frame_index) / scene.fps == pytest.approx(2.0)
    for key, side in ((first, 1.0), (second, -1.0)):
        turn = np.deg2rad(key.turn_deg["root"][1])
        # about the hips, then shifted: the heels stay, the crown goes a centimetre
        along = np.array([np.cos(np.deg2rad(person.heading_deg)), np.sin(np.deg2rad(person.heading_deg))])
        shift = np.array(key.shift_m[:2]) @ along
        assert shift - turn * rooms.HIPS_HEIGHT * person.stature_m == pytest.approx(0.0, abs=1e-12)
        assert shift + turn * (1 - rooms.HIPS_HEIGHT) * person.stature_m == pytest.approx(side * 0.01, abs=2e-4)


def test_every_room_is_long_enough_and_has_two_lengths_and_parallax(rooms) -> None:
    path = importlib.import_module("camera_path")
    for scene in rooms.ROOMS.values():
        assert 60 <= scene.n_frames <= 120
        assert 2 <= len(scene.people) <= 6
        assert sorted(person.person_id for person in scene.people) == list(range(1, len(scene.people) + 1))
        assert len(scene.known_distances) >= 2
        assert all(known.frame_index % scene.depth_every == 0 for known in scene.known_distances)
        poses = path.cam_from_world_of(scene.camera, scene.n_frames, scene.seed)
        centres = -np.einsum("nji,nj->ni", poses[:, :3, :3], poses[:, :3, 3])
        assert 0.8 < np.linalg.norm(centres[-1] - centres[0]) < 2.1
