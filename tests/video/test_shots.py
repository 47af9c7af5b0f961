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


@pytest.mark.parametrize("step_px", [12, 16])
def test_a_jolt_and_a_quick_pan_are_no_cuts(step_px: int) -> None:
    # On a fine texture each frame scores like a cut, but flow follows it.
    assert bounds(panning(40, step_px=step_px)) == [(0, 39)]


def test_a_flash_is_no_cut() -> None:
    frames = panning(24)
    for brightness in (200, 255):
        flashed = [*frames[:12], np.maximum(frames[12], brightness), *frames[13:]]
        assert bounds(flashed) == [(0, 23)]


def test_lamp_bands_and_exposure_steps_are_no_cuts() -> None:
    rows = np.arange(240)[:, None, None]
    banded = [
        np.clip(frame * (1 + 0.25 * np.sign(np.sin(rows / 25 + 2.1 * i))), 0, 255).astype(np.uint8)
        for i, frame in enumerate(panning(24))
    ]
    assert bounds(banded) == [(0, 23)]
    stepped = [gained(frame, 1.0 if i < 12 else 0.6) for i, frame in enumerate(panning(24))]
    assert bounds(stepped) == [(0, 23)]


@pytest.mark.parametrize("scale", [1.3, 2.0])
def test_a_punch_in_is_a_cut_and_a_walk_into_the_scene_is_none(scale: float) -> None:
    take = zooming(30, seed=2, growth=1.01)
    middle = cv2.getRotationMatrix2D((160, 120), 0, scale)
    punched = take[:15] + [cv2.warpAffine(frame, middle, (320, 240)) for frame in take[15:]]
    assert bounds(punched) == [(0, 14), (15, 29)]
    assert bounds(zooming(24, seed=2, growth=1.04)) == [(0, 23)]


def test_long_shots_are_split_into_equal_parts() -> None:
    assert bounds(panning(25), max_frames=10) == [(0, 7), (8, 16), (17, 24)]


def test_long_videos_are_judged_in_blocks_to_the_same_end(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = dissolve(panning(50, seed=3), panning(60, step_px=2, seed=4), 20) + panning(20, seed=5)
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


@pytest.mark.parametrize("length", [8, 32, 60])
def test_a_dissolve_parts_two_takes_and_no_frame_of_it_is_kept(length: int) -> None:
    frames = [
        gained(f, 0.5) for f in dissolve(panning(20 + length, seed=3), panning(20 + length, step_px=2, seed=4), length)
    ]
    (start, end), (restart, finish) = bounds(frames)
    assert (start, finish) == (0, 39 + length)
    assert 20 - 1 - 2 * END_TOLERANCE <= end < 20
    assert 20 + length <= restart <= 20 + length + 2 * END_TOLERANCE
    assert [s.kind for s in stretches(frames)] == ["shot", "transition", "shot"]


@pytest.mark.parametrize("tone", [0, 255, 90])
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
    assert bounds([gained(frame, 1 - 0.6 * i / 39) for i, frame in enumerate(panning(40))]) == [(0, 39)]


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
