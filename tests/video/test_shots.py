"""Cuts are found where they are, jolts are no cuts, blank frames belong to no shot."""

import numpy as np

from sfm_gt.video.shots import Shot, find_shots, is_blank, shows_same_scene
from tests.video.make_videos import panning

BLACK = np.zeros((240, 320, 3), np.uint8)


def bounds(frames: list[np.ndarray], max_frames: int = 900) -> list[tuple[int, int]]:
    shots = find_shots(((i, i / 30, frame) for i, frame in enumerate(frames)), 27.0, max_frames)
    return [(shot.first_frame, shot.last_frame) for shot in shots]


def test_cuts_are_found_to_the_frame_even_every_few_frames() -> None:
    frames = [frame for seed in range(4) for frame in panning(6, seed=seed)]
    assert bounds(frames) == [(0, 5), (6, 11), (12, 17), (18, 23)]


def test_blank_frames_are_cut_off_and_split() -> None:
    scene = panning(10)
    assert bounds([BLACK] * 3 + scene + [BLACK] * 4) == [(3, 12)]
    assert bounds(scene + [BLACK] * 4 + panning(5, seed=1)) == [(0, 9), (14, 18)]
    assert bounds([BLACK] * 5) == []


def test_a_jolt_is_no_cut() -> None:
    # 16 px a frame on a fine texture: scores like a cut, but flow follows it.
    frames = panning(12, step_px=16)
    assert bounds(frames) == [(0, 11)]
    assert shows_same_scene(frames[0], frames[1])
    assert not shows_same_scene(frames[0], panning(1, seed=5)[0])


def test_long_shots_are_split_into_equal_parts() -> None:
    assert bounds(panning(25), max_frames=10) == [(0, 7), (8, 16), (17, 24)]


def test_times_are_those_of_the_frames() -> None:
    (shot,) = find_shots([(5, 0.5, panning(1)[0]), (6, 0.9, panning(1)[0])], 27.0, 900)
    assert shot == Shot(5, 6, 0.5, 0.9)
    assert shot.n_frames == 2


def test_blank_means_one_tone() -> None:
    assert is_blank(np.full((40, 40), 255, np.uint8))
    assert not is_blank(panning(1)[0][..., 0])


def test_a_cross_fade_parts_two_scenes_and_belongs_to_neither() -> None:
    first, second = panning(40, seed=3), panning(40, seed=4)
    shares = np.linspace(0, 1, 18)[1:-1]
    faded = [
        np.round((1 - share) * a + share * b).astype(np.uint8)
        for share, a, b in zip(shares, first[24:], second, strict=False)
    ]
    (start, end), (restart, finish) = bounds(first[:24] + faded + second[16:])
    assert (start, finish) == (0, 63)
    # At the ends of the fade one scene is faint enough to do no harm.
    assert end <= 24 + 4
    assert restart >= 40 - 4


def test_fades_from_and_to_black_are_cut_off() -> None:
    scene = panning(30)
    gains = np.r_[np.linspace(0, 1, 9), np.ones(14), np.linspace(1, 0, 7)]
    ((first, last),) = bounds(
        [np.round(gain * frame).astype(np.uint8) for gain, frame in zip(gains, scene, strict=True)]
    )
    assert 3 <= first <= 6
    assert 24 <= last <= 27


def test_a_quick_pan_is_no_cross_fade() -> None:
    assert bounds(panning(40, step_px=12)) == [(0, 39)]
