"""Keyframes keep the wanted motion apart, prefer sharp frames, and leave out copies."""

import cv2
import numpy as np

from sfm_gt.video.keyframes import choose_keyframes, keyframe_bound, repeats, sharpness, tracking_image
from tests.video.make_videos import panning


def choose(
    frames: list[np.ndarray], motion: float = 0.04, max_keyframes: int = 60, eligible: np.ndarray | None = None
) -> tuple[int, ...]:
    greys = [tracking_image(frame) for frame in frames]
    eligible = np.ones(len(frames), dtype=bool) if eligible is None else eligible
    return choose_keyframes(greys, np.array([sharpness(f) for f in frames]), eligible, motion, 8, max_keyframes)


def test_spacing_follows_motion() -> None:
    # 2 px a frame, 0.04 * 320 = 12.8 px wanted: between 0.7 and 1.3 of that is 5 to 8 frames.
    keys = choose(panning(60, step_px=2))
    assert keys[0] == 0
    assert keys[-1] == 59
    gaps = np.diff(keys)
    assert gaps[:-1].min() >= 5
    assert gaps.max() <= 8


def test_sharp_frames_are_preferred() -> None:
    frames = panning(40, step_px=2)
    blurred = [cv2.GaussianBlur(f, (0, 0), 3) if i % 2 else f for i, f in enumerate(frames)]
    assert all(key % 2 == 0 for key in choose(blurred)[:-1])


def test_a_standing_camera_still_yields_a_few() -> None:
    noise = np.random.default_rng(0).integers(0, 4, (30, 240, 320, 3), dtype=np.uint8)
    still = [panning(1)[0] // 2 + extra for extra in noise]
    keys = choose(still)
    assert len(keys) == 8
    assert keys[0] == 0
    assert keys[-1] == 29


def test_at_most_the_allowed_number_with_both_ends() -> None:
    keys = choose(panning(60, step_px=4), max_keyframes=5)
    assert len(keys) == 5
    assert keys[0] == 0
    assert keys[-1] == 59


def test_copies_and_blank_frames_are_left_out() -> None:
    frames = [frame for frame in panning(20, step_px=4) for _ in range(2)]
    greys = [tracking_image(frame) for frame in frames]
    copies = repeats(greys)
    assert copies.tolist() == [False, True] * 20
    keys = choose(frames, eligible=~copies)
    assert all(key % 2 == 0 for key in keys)
    assert keys[-1] == 38


def test_a_frame_in_which_something_small_moves_is_no_copy() -> None:
    # A ball a hundredth of the picture wide: it changes hardly anything on the average, and plainly where it is.
    still = np.full((240, 320), 120, np.uint8)
    frames = [cv2.circle(still.copy(), (100 + 4 * i, 120), 2, 200, -1) for i in range(3)]
    assert not repeats(frames).any()
    noise = np.random.default_rng(0).integers(0, 2, (3, 120, 160), dtype=np.uint8).repeat(2, axis=1).repeat(2, axis=2)
    # One grey level in some pixels is what coding leaves of a copy.
    copies = repeats([frames[0] + (grain & (np.indices(still.shape).sum(axis=0) % 8 == 0)) for grain in noise])
    assert copies.tolist() == [False, True, True]


def test_one_still_image_leaves_one() -> None:
    frames = [panning(1)[0]] * 10
    assert choose(frames, eligible=~repeats([tracking_image(f) for f in frames])) == (0,)


def test_a_view_that_changes_too_fast_to_track_is_a_keyframe() -> None:
    frames = [panning(1, seed=seed)[0] for seed in range(10)]
    assert len(choose(frames)) == 10


def test_a_long_clip_may_have_as_many_keyframes_a_second_as_a_short_one() -> None:
    assert [keyframe_bound(60, n_frames) for n_frames in (50, 900, 3000)] == [60, 60, 200]
