"""Times that do not grow are put right from the order of the frames; those that grow stay as they are."""

from __future__ import annotations

import numpy as np
import pytest

from sfm_gt.video.timestamps import mended_times, n_mended, repairable, trustworthy, usual_step_s

FPS = 30.0
HOUR = 108_000  # frames
EXACT = 1e-6  # s: sums of floats as large as a day


def repaired(ticks: list[float], stated_fps: float | None = FPS) -> np.ndarray:
    """Mended times of ``ticks``, in frames."""
    raw_s = np.array(ticks) / FPS
    usual_s = usual_step_s(raw_s, stated_fps)
    assert usual_s is not None
    return mended_times(raw_s, usual_s) * FPS


RAMP = list(range(60))
CODING_ORDER = [1, 4, 3, 5, 2, 8, 7, 9, 6, 12, 11, 13, 10, 16, 15, 17, 14]


@pytest.mark.parametrize(
    "ticks",
    [
        pytest.param(RAMP + RAMP, id="clock starts again"),
        pytest.param(RAMP[:20] * 5, id="and again"),
        pytest.param(RAMP[:30] + [tick + 26 * HOUR for tick in RAMP[30:]], id="jump of a day"),
        pytest.param([tick + 3 * HOUR for tick in RAMP[:30]] + RAMP[30:], id="jump back"),
        pytest.param([HOUR, *RAMP[1:]], id="wrong first time"),
        pytest.param([*RAMP[:-1], 0], id="wrong last time"),
        pytest.param([HOUR if tick == 25 else tick for tick in RAMP], id="one time far off"),
        pytest.param([6 if tick == 7 else tick for tick in RAMP], id="one time twice"),
        pytest.param([6.03 if tick == 7 else tick for tick in RAMP], id="one time twice, a millisecond apart"),
        pytest.param([tick // 4 * 4 for tick in RAMP], id="four frames a time"),
        pytest.param([np.nan if tick % 3 else tick for tick in RAMP], id="times missing"),
        pytest.param(CODING_ORDER, id="coding order"),
        pytest.param([0] * 30, id="no clock at all"),
        pytest.param(RAMP[::-1], id="backwards"),
    ],
)
def test_steady_times_are_restored(ticks: list[float]) -> None:
    np.testing.assert_allclose(np.diff(repaired(ticks)), 1.0, atol=EXACT * FPS)


def test_the_clock_of_most_frames_is_kept() -> None:
    assert repaired([HOUR, *RAMP[1:]])[5] == pytest.approx(5)
    assert repaired(RAMP + RAMP[:20])[:60] == pytest.approx(RAMP)


def test_an_uneven_rate_is_kept_on_both_sides_of_a_fault() -> None:
    steps = np.random.default_rng(0).choice([0.5, 1, 1, 1, 2, 9], 60)
    uneven = np.cumsum(steps)
    found = np.diff(repaired([*uneven, *uneven]))
    np.testing.assert_allclose(found[:59], steps[1:], atol=EXACT * FPS)
    np.testing.assert_allclose(found[60:], steps[1:], atol=EXACT * FPS)
    assert found[59] == pytest.approx(1)


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([1] * 20 + [1 / 32] * 64 + [1] * 20, id="960 frames a second in between"),
        pytest.param([1] * 20 + [900] + [1] * 20, id="a picture held for half a minute"),
        pytest.param([3600] * 30, id="time lapse, two minutes a frame"),
        pytest.param([1, 0.2, 3, 0.5] * 10, id="jitter"),
    ],
)
def test_growing_times_stay(steps: list[float]) -> None:
    ticks = np.concatenate([[100.0], 100 + np.cumsum(steps)])
    assert n_mended(ticks / FPS, repaired(ticks.tolist(), stated_fps=None) / FPS) == 0


def test_what_cannot_be_put_right_is_known_as_such() -> None:
    assert usual_step_s(np.zeros(30), None) is None
    assert usual_step_s(np.zeros(30), 90_000.0) is None  # a clock's tick, no frame rate
    noise_s = np.random.default_rng(1).uniform(0, 60, 80)
    usual_s = usual_step_s(noise_s, FPS)
    assert usual_s is None or not repairable(n_mended(noise_s, mended_times(noise_s, usual_s)), noise_s, usual_s, None)


def test_packets_prove_the_order_of_frames_only_where_they_can() -> None:
    coded = np.array([0, 4, 2, 1, 3, 8, 6, 5, 7]) / FPS
    assert trustworthy(coded, FPS, reorders=True)
    assert trustworthy(np.sort(coded), FPS, reorders=False)
    assert not trustworthy(np.sort(coded), FPS, reorders=True), "coding order may be passed off as presentation order"
    assert not trustworthy(np.concatenate([np.arange(40), np.arange(40) + 0.5]) / FPS, FPS, reorders=True)
    assert not trustworthy(np.array([0, 1, np.nan, 3]) / FPS, FPS, reorders=False)
