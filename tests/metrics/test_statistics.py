"""Intervals that hold what they promise, paired differences, ranks and verdicts."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats

from benchmarks.accuracy.coverage import FAMILIES, PROMISED, RESULT, coverage, resolved_pairs
from sfm_gt.metrics.bootstrap import TAIL_WITHOUT_BOOTSTRAP, draw_videos, holm, interval
from sfm_gt.metrics.comparison import Comparison
from sfm_gt.metrics.depth import METRICS
from sfm_gt.metrics.noise_floor import SCALE_NODES, ScaleFloor
from sfm_gt.metrics.protocol import load_protocol
from sfm_gt.metrics.resolution import SIGMAS, Moved, Moves
from sfm_gt.metrics.tally import FIGURES

OURS = load_protocol("sfm_gt").completed(0.1, 10.0, 4)
METRIC_COUNT = len(FIGURES)


def _frames(rng, n_videos, n_frames=8, truth=0.1):
    """AbsRel of every frame, by video: videos differ more than the frames of one do, and errors are skewed."""
    of_video = truth * rng.gamma(6.0, 1 / 6.0, n_videos)
    return of_video[:, None] * rng.gamma(40.0, 1 / 40.0, (n_videos, n_frames))


@pytest.mark.parametrize("n_videos", [3, 10, 30])
@pytest.mark.parametrize("family", [one for one in FAMILIES if one.promised], ids=lambda one: one.name)
def test_intervals_cover_the_truth_where_it_is_promised(family, n_videos):
    ours, _ = coverage(family, n_videos, 300)
    # Three standard deviations of 300 trials are 4 %.
    assert ours >= PROMISED - 0.04


def test_the_committed_coverage_is_what_is_promised():
    found = json.loads(RESULT.read_text())
    assert all(min(row["ours"]) >= PROMISED for row in found["rows"] if row["promised"])
    assert min(found["rows"][5]["student"]) < 0.8, "else the family asks for nothing"
    assert all(models["equal"] <= 0.05 for models in found["models"].values())


def test_equal_models_are_seldom_called_different():
    # 5 % of 60 runs are 3; at most 8 is three standard deviations more. Without control 87 % of them would be.
    assert resolved_pairs(10, 10, 0.0, 60) <= 8 / 60
    assert resolved_pairs(10, 10, 0.4, 20) > 0.8, "what is 40 % better is found"


def test_frames_taken_for_independent_would_not_cover():
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(100):
        frames = _frames(rng, 10).ravel()
        found = interval(frames, np.ones(frames.size), draw_videos(frames.size, trial), "error")
        covered += found.low <= 0.1 <= found.high
    assert covered / 100 < 0.8, "else the videos of the simulation are no clusters"


def test_few_videos_take_students_t():
    values = np.array([0.1, 0.2, 0.4])
    found = interval(values, np.ones(3), draw_videos(3, 0), "difference")
    low, high = stats.t.interval(1 - TAIL_WITHOUT_BOOTSTRAP, 2, values.mean(), stats.sem(values))
    assert (found.value, found.low, found.high) == pytest.approx((values.mean(), low, high))
    logarithmic = interval(values, np.ones(3), draw_videos(3, 0), "error")
    assert logarithmic.low * logarithmic.high == pytest.approx(values.mean() ** 2)


@pytest.mark.parametrize("n_videos", [3, 4, 6, 30])
def test_intervals_stay_where_figures_can_be(n_videos):
    rng = np.random.default_rng(n_videos)
    shares = 1 - 0.2 * rng.random(n_videos) ** 4
    found = interval(shares, np.ones(n_videos), draw_videos(n_videos, 0), "share")
    assert 0 <= found.low < found.value < found.high <= 1
    assert interval(1 - shares, np.ones(n_videos), draw_videos(n_videos, 0), "error").low > 0


def test_no_interval_where_one_video_carries_the_weight():
    weights = np.array([1.0, 1.0, 100.0])
    assert not interval(0.1 * weights * [1, 2, 3], weights, draw_videos(3, 0), "error").known


def test_holm_by_hand():
    found = holm(np.array([0.04, 0.01, np.nan, 0.03]))
    np.testing.assert_allclose(found, [0.06, 0.03, np.nan, 0.06])


def test_mean_over_frames_is_a_quotient():
    # Two frames of 0.1 and six of 0.3 in two videos, eight times over.
    sums, counts = np.tile([0.2, 1.8], 8), np.tile([2.0, 6.0], 8)
    found = interval(sums, counts, draw_videos(16, 0), "error")
    assert found.value == pytest.approx(0.25)
    assert found.low < 0.25 < found.high


@pytest.mark.parametrize("n_videos", [1, 2])
def test_too_few_videos_have_no_interval(n_videos):
    found = interval(np.full(n_videos, 0.2), np.ones(n_videos), draw_videos(n_videos, 0), "error")
    assert found.value == pytest.approx(0.2)
    assert not found.known
    assert not found.excludes_zero
    assert math.isnan(interval(np.zeros(2), np.zeros(2), draw_videos(2, 0), "error").value)


def test_videos_that_all_agree_have_no_width():
    found = interval(np.full(6, 0.2), np.ones(6), draw_videos(6, 0), "error")
    assert (found.low, found.high) == pytest.approx((0.2, 0.2))


def _figures(abs_rel):
    figures = np.full(METRIC_COUNT, np.nan)
    figures[FIGURES.index("abs_rel")], figures[FIGURES.index("delta1")] = abs_rel, 1 - abs_rel
    return figures


def _compare(scores, protocol=OURS, pixels=None):
    """``scores``: by video, a list of frames, each {model: AbsRel}; ``pixels``: of the frames of every video."""
    comparison = Comparison(seed=0)
    models = ["good", "near", "bad"]
    for video, frames in scores.items():
        for number, frame in enumerate(frames):
            on = dict.fromkeys(frame, float(pixels[number]) if pixels else 1.0)
            comparison.add(protocol, video, models, {model: _figures(value) for model, value in frame.items()}, on)
    differences = {(d.model, d.other): d for d in comparison.differences() if d.metric == "abs_rel"}
    return differences, {rank.model: rank for rank in comparison.ranks()}


def _scores(n_videos):
    rng = np.random.default_rng(0)
    # The difficulty of a video, which all models share, is far larger than the difference of two models.
    return {
        f"v{n}": [{"good": d, "near": d + 0.0002 * rng.normal(), "bad": d + 0.02 + 0.002 * rng.normal()}]
        for n, d in enumerate(rng.gamma(4, 0.05, n_videos))
    }


def test_pairing_resolves_what_the_spread_of_videos_hides():
    differences, ranks = _compare(_scores(12))
    found = differences["good", "bad"]
    assert found.difference.value == pytest.approx(-0.02, abs=0.002)
    assert found.verdict == "resolved"
    assert differences["good", "near"].verdict == "interval_holds_zero"
    assert (ranks["bad"].rank, ranks["bad"].low, ranks["bad"].high) == (3, 3, 3)
    assert (ranks["good"].low, ranks["good"].high) == (1, 2)


def test_resolution_by_hand():
    moves = Moves()
    # Two frames of a video of ten move the difference by 0.1 and 0.3, and its one clip by 0.02 with the scale.
    for drawn in (0.1, 0.3):
        moves.add("a", "c", Moved(np.array([drawn]), np.array([0.02])), Moved(np.zeros(1), np.zeros(1)))
    spread, bias, scale = (0.1**2 + 0.3**2) / 2 / 10, 0.2, 0.02
    expected = SIGMAS * math.sqrt(spread + bias**2 + scale**2)
    assert moves.resolution({"a": 1.0}, {"a": 10})[0] == pytest.approx(expected)
    assert Moves().resolution({"a": 1.0}, {"a": 10}) is None


def test_too_few_videos_are_ranked_without_interval():
    differences, ranks = _compare(_scores(2))
    assert differences["good", "bad"].verdict == "too_few_videos"
    assert (ranks["bad"].rank, ranks["bad"].low, ranks["bad"].high) == (3, None, None)


def test_models_are_compared_on_the_frames_of_both_and_the_rest_is_counted():
    # On its own frames "good" looks worse, since only it was given the hard one.
    scores = {"a": [{"good": 0.1, "bad": 0.2}, {"good": 0.9}], "b": [{"good": 0.1, "bad": 0.2}, {"near": 0.3}, {}]}
    differences, ranks = _compare(scores)
    found = differences["good", "bad"]
    assert found.difference.value == pytest.approx(-0.1)
    assert (found.frames, found.videos, found.left_out) == (2, 2, 1)
    assert (ranks["good"].rank, ranks["bad"].rank) == (1, 2)
    assert ("good", "near") not in differences, "no frame has both"


@pytest.mark.parametrize(("reducer", "expected"), [("video", (0.1 + 0.4) / 2), ("image", (0.1 + 0.1 + 0.1 + 0.4) / 4)])
def test_differences_are_reduced_as_the_protocol_says(reducer, expected):
    scores = {"a": [{"good": 0.1, "bad": 0.2}] * 3, "b": [{"good": 0.1, "bad": 0.5}]}
    differences, _ = _compare(scores, protocol=OURS.model_copy(update={"reducer": reducer}))
    assert differences["good", "bad"].difference.value == pytest.approx(-expected)


@pytest.mark.parametrize(
    ("reducer", "expected"), [("pooled", (0.175 + 0.4) / 2), ("pixel", (0.1 + 3 * 0.2 + 0.4) / 5), ("video", 0.275)]
)
def test_frames_weigh_by_their_pixels_where_the_protocol_pools_them(reducer, expected):
    scores = {"a": [{"good": 0.1, "bad": 0.2}, {"good": 0.1, "bad": 0.3}], "b": [{"good": 0.1, "bad": 0.5}]}
    differences, _ = _compare(scores, protocol=OURS.model_copy(update={"reducer": reducer}), pixels=[1, 3])
    assert differences["good", "bad"].difference.value == pytest.approx(-expected)


@pytest.mark.parametrize(("reducer", "expected"), [("video", (0.1 + 0.5) / 2), ("image", (9 * 0.1 + 0.5) / 10)])
def test_the_floor_of_unaligned_figures_weighs_videos_as_the_protocol_does(reducer, expected):
    floor = ScaleFloor(OURS.model_copy(update={"reducer": reducer}))
    for video, n_frames, figure in (("long", 9, 0.1), ("short", 1, 0.5)):
        for _ in range(n_frames):
            floor.add(np.full((len(SCALE_NODES), len(METRICS)), figure), video)
    assert floor.floor(0) == pytest.approx(np.full(len(METRICS), expected))
