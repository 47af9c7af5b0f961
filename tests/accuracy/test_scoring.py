"""The dense benchmark's figures, by hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy.judging import matching_cost
from benchmarks.accuracy.peer import measure_peer
from benchmarks.accuracy.scoring import coverage, mean_and_spread, score, sparsification
from tests.dense.scenes import film

NAN = np.nan


def test_score_by_hand() -> None:
    found = score(np.array([[2.0, 1.1, NAN, 4.0]]), np.array([[2.0, 1.0, 1.0, NAN]]))
    assert found["abs_rel"] == pytest.approx(0.05)
    assert found["median"] == pytest.approx(0.05)
    assert found["within_1_percent"] == found["within_5_percent"] == 0.5
    assert found["delta_1"] == 1.0
    assert found["share"] == pytest.approx(2 / 3)


def test_nothing_answered_has_no_error_and_no_share() -> None:
    found = score(np.array([[NAN, NAN]]), np.array([[1.0, 1.0]]))
    assert np.isnan(found["abs_rel"])
    assert found["share"] == 0.0


def test_coverage_by_hand() -> None:
    truth = np.array([[1.0, 1.0, 1.0, 1.0]])
    found = coverage(truth + np.array([[0.05, 0.15, 0.25, NAN]]), np.full((1, 4), 0.1), truth, 0.0)
    assert found["within_1_sigma"] == pytest.approx(1 / 3)
    assert found["within_2_sigma"] == pytest.approx(2 / 3)
    # 0.25 lies within the root of 0.1 squared and 0.24 squared.
    assert coverage(truth + 0.25, np.full((1, 4), 0.1), truth, 0.24)["within_1_sigma_and_truth"] == 1.0


def test_true_gaussian_sigma_covers_as_gauss_says() -> None:
    rng = np.random.default_rng(0)
    sigma = rng.uniform(0.01, 0.1, (200, 200))
    found = coverage(5.0 + sigma * rng.normal(size=sigma.shape), sigma, np.full(sigma.shape, 5.0), 0.0)
    assert found["within_1_sigma"] == pytest.approx(0.683, abs=0.01)
    assert found["within_2_sigma"] == pytest.approx(0.954, abs=0.01)


def test_sparsification_is_one_for_the_oracle_and_grows_with_ignorance() -> None:
    rng = np.random.default_rng(0)
    sigma = rng.uniform(0.1, 1.0, 4000)
    error = np.abs(sigma * rng.normal(size=sigma.size))
    assert sparsification(error, error) == 1.0
    assert 1.0 < sparsification(error, sigma) < sparsification(error, rng.uniform(size=sigma.size))
    assert sparsification(error, -error) > sparsification(error, rng.uniform(size=sigma.size))


def test_frames_without_an_answer_do_not_enter_the_mean_error() -> None:
    found = mean_and_spread([{"abs_rel": 0.1, "share": 1.0}, {"abs_rel": NAN, "share": 0.0}])
    assert found["mean"] == {"abs_rel": 0.1, "share": 0.5}
    assert found["spread_over_frames"]["share"] == 0.5


def test_exact_depth_matches_and_wrong_depth_does_not() -> None:
    scene = film(4)
    unknown = np.full((*scene.truth[1].shape, 3), NAN)
    others = [scene.views[k] for k in (0, 2, 3)]
    exact, wrong = (
        matching_cost(scene.views[1], others, depth, unknown)[20:-20, 40:-40]
        for depth in (scene.truth[1], scene.truth[1] * 1.2)
    )
    # 0.30 measured: few of a patch's pixels are alike to 10 grey levels in this harsh texture, and their noise counts.
    assert np.median(exact) < 0.35
    assert np.median(wrong) > 0.6


def test_absent_peer_is_skipped_with_a_reason() -> None:
    found = measure_peer(None, None, (0,), 8, 1)
    assert "--peer" in found["skipped"]


def test_interpreter_without_the_peer_is_skipped_with_a_reason() -> None:
    if subprocess.run([sys.executable, "-c", "import ppg_core"], capture_output=True, check=False).returncode == 0:
        pytest.skip("the peer is installed beside the package: its absence cannot be tested here")
    assert "no ppg_core" in measure_peer(Path(sys.executable), None, (0,), 8, 1)["skipped"]
