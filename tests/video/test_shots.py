"""Every frame lies in one stretch; cuts, dissolves and fades are found where they are, and continuous takes stay whole."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfm_gt.video.blanks import is_blank
from sfm_gt.video.shots import Stretch, Watched, find_stretches, tile
from sfm_gt.video.transitions import Transition
from tests.video.make_videos import panning, textured

BLACK = np.zeros((240, 320, 3), np.uint8)
END_TOLERANCE = 2  # frames: what the ends of a transition may be off by


def stretches(frames: list[np.ndarray], max_frames: int = 900) -> tuple[Stretch, ...]:
    return find_stretches(((i, i / 30, frame) for i, frame in enumerate(frames)), 27.0, max_frames)


def bounds(frames: list[np.ndarray], max_frames: int = 900) -> list[tuple[int, int]]:
    found = stretches(frames, max_frames)
    return [(stretch.first_frame, stretch.last_frame) for stretch in found if stretch.kind == "shot"]


def gained(frame: np.ndarray, gain: float) -> np.ndarray:
    return np.clip(np.round(gain * frame.astype(np.float32)), 0, 255).astype(np.uint8)


def dissolve(before: list[np.ndarray], after: list[np.ndarray], length: int) -> list[np.ndarray]:
    """The last ``length`` frames of the one over the first of the other; ``length`` frames show both."""
    shares = np.arange(1, length + 1) / (length + 1)
    mixed = [
        np.round((1 - share) * a + share * b).astype(np.uint8)
        for share, a, b in zip(shares, before[-length:], after[:length], strict=True)
    ]
    return before[:-length] + mixed + after[length:]


def zooming(n_frames: int, seed: int, growth: float) -> list[np.ndarray]:
    """A camera that walks into a texture: ``growth`` a frame."""
    world = textured(seed, 480, 640)
    return [
        cv2.warpAffine(
            world, np.array([[k, 0, 160 - 320 * k], [0, k, 120 - 240 * k]]), (320, 240), flags=cv2.INTER_AREA
        )
        for k in growth ** np.arange(n_frames)
    ]


def test_cuts_are_found_to_the_frame_even_every_few_frames() -> None:
    frames = [frame for seed in range(4) for frame in panning(6, seed=seed)]
    assert bounds(frames) == [(0, 5), (6, 11), (12, 17), (18, 23)]


def test_blank_frames_are_stretches_of_their_own() -> None:
    scene = panning(10)
    found = stretches([BLACK] * 3 + scene + [BLACK] * 6)
    assert [(s.kind, s.first_frame, s.last_frame) for s in found] == [
        ("blank", 0, 2),
        ("shot", 3, 12),
        ("blank", 13, 18),
    ]
    assert bounds(scene + [BLACK] * 4 + panning(5, seed=1)) == [(0, 9), (14, 18)]
    assert [s.kind for s in stretches([BLACK] * 5)] == ["blank"]


def test_a_jolt_is_no_cut() -> None:
    # 16 px a frame on a fine texture: scores like a cut, but flow follows it.
    assert bounds(panning(24, step_px=16)) == [(0, 23)]


def test_a_flash_is_no_cut() -> None:
    frames = panning(20)
    for brightness in (200, 255):
        flashed = [*frames[:9], np.maximum(frames[9], brightness), *frames[10:]]
        assert bounds(flashed) == [(0, 19)]


def test_lamp_bands_and_exposure_steps_are_no_cuts() -> None:
    rows = np.arange(240)[:, None, None]
    banded = [
        np.clip(frame * (1 + 0.25 * np.sign(np.sin(rows / 25 + 2.1 * i))), 0, 255).astype(np.uint8)
        for i, frame in enumerate(panning(16))
    ]
    assert bounds(banded) == [(0, 15)]
    stepped = [gained(frame, 1.0 if i < 8 else 0.6) for i, frame in enumerate(panning(16))]
    assert bounds(stepped) == [(0, 15)]


@pytest.mark.parametrize("scale", [1.3, 2.0])
def test_a_punch_in_is_a_cut_and_a_walk_into_the_scene_is_none(scale: float) -> None:
    take = zooming(20, seed=2, growth=1.01)
    middle = cv2.getRotationMatrix2D((160, 120), 0, scale)
    punched = take[:10] + [cv2.warpAffine(frame, middle, (320, 240)) for frame in take[10:]]
    assert bounds(punched) == [(0, 9), (10, 19)]
    assert bounds(zooming(14, seed=2, growth=1.04)) == [(0, 13)]


def test_long_shots_are_split_into_equal_parts() -> None:
    assert bounds(panning(25), max_frames=10) == [(0, 7), (8, 16), (17, 24)]


def test_long_videos_are_judged_in_blocks_to_the_same_end(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = dissolve(panning(30, seed=3), panning(40, step_px=2, seed=4), 12) + panning(12, seed=5)
    whole = stretches(frames)
    monkeypatch.setattr("sfm_gt.video.shots.BLOCK", 50)
    monkeypatch.setattr("sfm_gt.video.shots.OVERLAP", 50)
    assert stretches(frames) == whole
    assert [s.kind for s in whole] == ["shot", "transition", "shot", "shot"]


def test_times_are_those_of_the_frames() -> None:
    (shot,) = find_stretches([(5, 0.5, panning(1)[0]), (6, 0.9, panning(1)[0])], 27.0, 900)
    assert shot == Stretch(5, 6, 0.5, 0.9, "shot")
    assert shot.n_frames == 2


def test_blank_means_one_tone() -> None:
    assert is_blank(np.full((40, 40), 255, np.uint8))
    assert not is_blank(panning(1)[0][..., 0])


@pytest.mark.parametrize("length", [8, 48])
def test_a_dissolve_parts_two_takes_and_no_frame_of_it_is_kept(length: int) -> None:
    frames = [
        gained(f, 0.5) for f in dissolve(panning(15 + length, seed=3), panning(15 + length, step_px=2, seed=4), length)
    ]
    found = stretches(frames)
    assert [s.kind for s in found] == ["shot", "transition", "shot"]
    (start, end), _, (restart, finish) = [(s.first_frame, s.last_frame) for s in found]
    assert (start, finish) == (0, 29 + length)
    assert 15 - 1 - 2 * END_TOLERANCE <= end < 15
    assert 15 + length <= restart <= 15 + length + 2 * END_TOLERANCE


@pytest.mark.parametrize("tone", [0, 140])
def test_fades_to_and_from_a_tone_are_found_with_their_extent(tone: int) -> None:
    scene = panning(60)
    gains = np.r_[np.zeros(3), np.arange(1, 11) / 11, np.ones(24), np.arange(20, 0, -1) / 21, np.zeros(3)]
    frames = [
        np.round(gain * frame + (1 - gain) * tone).astype(np.uint8) for gain, frame in zip(gains, scene, strict=True)
    ]
    ((first, last),) = bounds(frames)
    assert 13 <= first <= 13 + END_TOLERANCE
    assert 36 - END_TOLERANCE <= last <= 36


def test_a_room_that_gets_darker_is_no_fade() -> None:
    assert bounds([gained(frame, 1 - 0.6 * i / 24) for i, frame in enumerate(panning(25))]) == [(0, 24)]


@settings(deadline=None)
@given(st.data())
def test_stretches_follow_one_another_without_a_gap(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 40))
    contrasts = data.draw(st.lists(st.floats(0, 60), min_size=n, max_size=n))
    blank = [contrast < 1 for contrast in contrasts]
    cuts = data.draw(st.lists(st.integers(1, max(1, n - 1)), unique=True).map(sorted)) if n > 1 else []
    spans = data.draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).map(sorted), max_size=3))
    transitions = [Transition(a, b, "network", 1.0, 0.5) for a, b in spans]
    flashes = [(i, i) for i in range(1, n - 1) if blank[i] and data.draw(st.booleans())]
    seen = Watched([(i, i / 30) for i in range(n)], contrasts, blank, [], cuts, transitions, flashes)
    found = tile(seen, data.draw(st.integers(1, 50)))
    assert [i for s in found for i in range(s.first_frame, s.last_frame + 1)] == list(range(n))
    in_transitions = {i for a, b in spans for i in range(a, b + 1)}
    assert all(
        i not in in_transitions for s in found if s.kind == "shot" for i in range(s.first_frame, s.last_frame + 1)
    )
    assert all(s.kind in ("shot", "transition", "blank") for s in found)
