"""The benchmark of random windows: which frames they hold, and what counts as right."""

from __future__ import annotations

import pytest

from benchmarks.accuracy.windows import LENGTHS, N_FRAMES, N_SCORED, TRUTH_EVERY, draw_windows, is_right, summary

SOUND = {"status": "accepted", "abs_rel": 0.03, "focal_within_2_sigma": True, "within_2_sigma_and_truth": 0.9}


@pytest.mark.parametrize("seed", [0, 1])
def test_windows_lie_in_the_video_and_hold_frames_with_truth(seed: int) -> None:
    windows = draw_windows(25, seed)
    assert {(window.fps, window.shrink) for window in windows} == {(30, 1), (30, 2), (15, 1), (15, 2)}
    for window in windows:
        assert 0 <= window.first <= window.last < N_FRAMES
        assert LENGTHS[0] <= window.n_frames <= LENGTHS[1]
        scored = window.truth_frames(range(window.n_frames))
        assert 1 <= len(scored) <= N_SCORED
        assert all((window.first + k * window.step) % TRUTH_EVERY == 0 for k in scored)


def test_seeds_draw_other_windows() -> None:
    assert draw_windows(25, 0) == draw_windows(25, 0)
    assert not set(draw_windows(25, 0)) & set(draw_windows(25, 1))


@pytest.mark.parametrize(
    "fault",
    [
        {"abs_rel": 0.06},
        {"abs_rel": None},
        {"focal_within_2_sigma": False},
        {"focal_within_2_sigma": None},
        {"within_2_sigma_and_truth": 0.8},
        {"status": "crash"},
    ],
)
def test_an_accepted_window_has_to_be_sound_in_everything(fault: dict) -> None:
    assert is_right(SOUND)
    assert is_right({"status": "refused"})
    assert not is_right(SOUND | fault)


def test_long_windows_have_to_be_kept() -> None:
    def row(number: int, n_frames: int, **more: object) -> dict:
        return {"number": number, "n_frames": n_frames, "clips": 1, "right": True, "refused": [], **SOUND, **more}

    refused = {"status": "refused", "refused": [{"reason": "small_parallax"}]}
    found = summary([row(0, 30, **refused), row(1, 50), row(2, 70), row(3, 90, **refused)])
    assert found["kept_of_45_and_more"] == pytest.approx(2 / 3)
    assert found["refused_of_60_and_more"] == 0.5
    assert found["reasons"] == {"small_parallax": 2}
    assert found["shown"] == {"refused_or_right": True, "kept": False, "sound_refused": False}
