"""Frames between keyframes are registered by tracks, the same on any number of threads."""

from __future__ import annotations

import numpy as np
import pytest

from sfm_gt.sfm.registration import Frames, Observed, _merge, _stretches, register_frames
from tests.sfm.sliding import FOCAL, HEIGHT, STEP_PX, WIDTH, keyframe_model, name_of, named_frame, positions

N_FRAMES = 9
KEYFRAMES = (0, 4)
# Tracks are good to a tenth of a pixel or better, a pose averages many of them: 0.02 px of 300 px focal length.
CENTRE_ERROR = 0.02 / FOCAL


def registered(n_threads: int) -> dict[str, np.ndarray]:
    model = keyframe_model(KEYFRAMES)
    frames = Frames(name_of, named_frame, lambda index: None)
    register_frames(model, list(range(N_FRAMES)), frames, seed=0, n_threads=n_threads)
    return {image.name: image.projection_center() for image in model.images.values()}


def test_frames_between_and_behind_keyframes_are_registered_alike_on_any_number_of_threads():
    alone, together = registered(1), registered(3)
    assert sorted(alone) == [name_of(index) for index in range(N_FRAMES)]
    for name, centre in alone.items():
        assert centre == pytest.approx([STEP_PX * int(name[:6]) / FOCAL, 0, 0], abs=CENTRE_ERROR)
        assert centre.tolist() == together[name].tolist()


def test_points_are_lost_where_something_is_ignored_and_kept_beside_it():
    # Something moves in the left half of one frame; whatever was tracked there lies on it.
    ignored = np.zeros((HEIGHT, WIDTH), dtype=bool)
    ignored[:, : WIDTH // 2] = True
    model = keyframe_model(KEYFRAMES)
    frames = Frames(name_of, named_frame, lambda index: ignored if index == 2 else None)
    register_frames(model, list(range(KEYFRAMES[-1] + 1)), frames, seed=0, n_threads=1)
    seen = {
        image.name: sorted(point.point3D_id for point in image.points2D if point.has_point3D())
        for image in model.images.values()
    }
    everything = seen[name_of(0)]
    # Points are numbered in the order of their positions; none lies within 3 px of the middle, where tracks might differ.
    beside = [number for number, (x, _) in zip(everything, positions(2), strict=True) if x > WIDTH / 2]
    assert seen[name_of(2)] == beside
    assert seen[name_of(1)] == seen[name_of(3)] == everything


def test_positions_from_both_ends_are_averaged_and_disagreement_drops_a_point():
    forward = Observed(np.array([3, 5, 9]), np.array([[10.0, 10.0], [20.0, 20.0], [30.0, 30.0]]))
    backward = Observed(np.array([5, 9]), np.array([[21.0, 20.0], [35.0, 30.0]]))
    merged = _merge([forward, backward])
    assert merged.point_ids.tolist() == [3, 5]
    assert merged.xy.tolist() == [[10.0, 10.0], [20.5, 20.0]]
    assert len(_merge([]).point_ids) == 0


def test_stretches_share_their_anchors_and_reach_both_ends():
    nothing = Observed(np.zeros(0, np.int64), np.zeros((0, 2)))
    assert _stretches([1, 2, 3, 4, 5, 6], {2: nothing, 5: nothing}) == [[1, 2], [2, 3, 4, 5], [5, 6]]
