"""Frames between keyframes: which they are, and that starting from the keyframes' maps loses nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sfm_gt.dense.matching.hypothesis import Hypothesis
from sfm_gt.dense.matching.passes import choose_anchors
from sfm_gt.dense.matching.pyramid import build_pyramid
from sfm_gt.dense.matching.sweep import planes_from_inverse_depth
from sfm_gt.dense.matching.warp import warp
from sfm_gt.dense.patchmatch import PatchMatch
from sfm_gt.dense.shared.clip import densify
from sfm_gt.dense.shared.estimate import DepthEstimate
from sfm_gt.dense.shared.temporal import temporal_difference
from sfm_gt.geometry.types import View
from tests.dense.conftest import silent, valid
from tests.dense.scenes import CAMERA, Scene, film

N_VIEWS = 24
# A splat lands within half a pixel; a pixel of this scene's steepest plane spans half a percent of depth.
CARRIED_REL = 0.01
# In-between frames see the same neighbours as keyframes do; "within 10 %" is what is promised, twice that leaves room for
# the scatter of a few small frames.
WORSE = 1.2


@pytest.fixture(scope="module")
def long_scene() -> Scene:
    return film(N_VIEWS, step=0.04)


@pytest.fixture(scope="module")
def found(long_scene: Scene) -> dict[int, DepthEstimate]:
    frames = long_scene.model.frame_indices.tolist()
    return dict(densify(long_scene.model, long_scene.load, frames, PatchMatch(), 5, 2, silent))


def _errors(scene: Scene, found: dict[int, DepthEstimate], rows: list[int]) -> tuple[float, float]:
    """Mean relative error and share of valid pixels."""
    error, share = [], []
    for row in rows:
        each = found[int(scene.model.frame_indices[row])]
        answered = valid(each)
        error.append(np.abs(each.z_depth_sfm / scene.truth[row] - 1.0)[answered].mean())
        share.append(answered.mean())
    return float(np.mean(error)), float(np.mean(share))


class TestChoice:
    def test_first_and_last_frame_are_keyframes_and_not_all_are(self, long_scene: Scene) -> None:
        keyframes = choose_anchors(long_scene.model, list(range(N_VIEWS)))
        assert keyframes[0] == 0
        assert keyframes[-1] == N_VIEWS - 1
        assert keyframes == sorted(set(keyframes))
        assert len(keyframes) < N_VIEWS

    def test_frames_far_apart_are_all_keyframes(self, long_scene: Scene) -> None:
        rows = list(range(0, N_VIEWS, 8))
        assert choose_anchors(long_scene.model, rows) == rows

    def test_frames_that_share_no_point_are_keyframes(self, long_scene: Scene) -> None:
        model = long_scene.model
        alone = replace(model, observations=model.observations[:0], observation_px=model.observation_px[:0])
        assert choose_anchors(alone, list(range(N_VIEWS))) == list(range(N_VIEWS))


def test_carried_depth_is_that_of_the_other_view(long_scene: Scene) -> None:
    source, target = (build_pyramid(long_scene.views[row], 4) for row in (4, 7))
    warped = warp(source, target, (1.0 / long_scene.truth[4]).astype(np.float32))
    known = warped > 0
    assert known.mean() > 0.9
    error = np.abs(1.0 / warped[known] / long_scene.truth[7][known] - 1.0)
    # Beside the board's outline the other surface may win a pixel.
    assert (error < CARRIED_REL).mean() > 0.97


@pytest.mark.parametrize("shift_px", [(2.7, -1.3), (3.3, 0.6)])
def test_a_carried_pixel_lands_on_the_nearest_one(shift_px: tuple[float, float]) -> None:
    here, column, row = 0.25, 60, 40
    image, usable = np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8), np.ones((CAMERA.height, CAMERA.width), bool)
    moved = np.eye(4)
    moved[:2, 3] = np.array(shift_px) / (CAMERA.fx * here)
    source, target = (build_pyramid(View(0, image, usable, CAMERA, pose), 4) for pose in (np.eye(4), moved))
    inverse_depth = np.zeros(usable.shape, np.float32)
    inverse_depth[row, column] = here
    rows, columns = np.nonzero(warp(source, target, inverse_depth))
    # Cutting digits off instead of rounding would be half a pixel wrong on average, always to the same side.
    assert (columns.tolist(), rows.tolist()) == ([column + round(shift_px[0])], [row + round(shift_px[1])])


def test_frames_between_are_as_good_as_keyframes(long_scene: Scene, found: dict[int, DepthEstimate]) -> None:
    keyframes = choose_anchors(long_scene.model, list(range(N_VIEWS)))
    between = [row for row in range(N_VIEWS) if row not in keyframes]
    assert len(between) >= 4
    (error, share), (error_between, share_between) = (_errors(long_scene, found, rows) for rows in (keyframes, between))
    assert error_between < WORSE * error
    assert share_between > share / WORSE


def test_a_frame_between_needs_a_witness_beside_the_keyframe_it_came_from(
    long_scene: Scene, found: dict[int, DepthEstimate]
) -> None:
    keyframes = choose_anchors(long_scene.model, list(range(N_VIEWS)))
    for row, each in enumerate(found.values()):
        answered = np.isfinite(each.z_depth_sfm)
        # That keyframe always agrees: the frame's depth is its own, seen from elsewhere.
        assert each.n_consistent[answered].min() >= (1 if row in keyframes else 2)


@pytest.mark.parametrize("step", [7, 23])
def test_which_frames_are_asked_for_does_not_change_their_depth(
    long_scene: Scene, found: dict[int, DepthEstimate], step: int
) -> None:
    frames = long_scene.model.frame_indices[::step].tolist()
    few = dict(densify(long_scene.model, long_scene.load, frames, PatchMatch(), 5, 1, silent))
    assert list(few) == frames
    for index, each in few.items():
        np.testing.assert_array_equal(each.z_depth_sfm, found[index].z_depth_sfm)
        np.testing.assert_array_equal(each.sigma_sfm, found[index].sigma_sfm)


def test_temporal_difference_sees_a_change_of_scale(long_scene: Scene, found: dict[int, DepthEstimate]) -> None:
    first, second = ((int(index), found[int(index)]) for index in long_scene.model.frame_indices[8:10])
    same = temporal_difference(long_scene.model, first, second)
    farther = replace(second[1], z_depth_sfm=second[1].z_depth_sfm * 1.03)
    assert same < 0.005
    assert temporal_difference(long_scene.model, first, (second[0], farther)) == pytest.approx(0.03, abs=0.005)


def test_the_keyframe_a_hypothesis_came_from_is_no_witness(long_scene: Scene) -> None:
    method = PatchMatch()
    here, other = (method.pyramid(long_scene.views[row]) for row in (4, 10))
    exact = [(1.0 / long_scene.truth[row]).astype(np.float32) for row in (4, 10)]
    shape = exact[0].shape
    own = Hypothesis(
        planes_from_inverse_depth(exact[0]), np.zeros(shape, np.float32), np.full(shape, 1e-4, np.float32), 1e-3,
        np.zeros((*shape, 4), np.int8),
    )  # fmt: skip
    witnessed, alone = (method.verify(here, [other], own, exact[1:], n_dependent) for n_dependent in (0, 1))
    assert np.isfinite(witnessed.z_depth_sfm).mean() > 0.5
    assert not np.isfinite(alone.z_depth_sfm).any()
