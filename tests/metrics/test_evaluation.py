"""A whole evaluation in memory: reducers by hand, alignments over clips, and a noise floor that a perfect model keeps."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.metrics.alignment import fit
from sfm_gt.metrics.depth import METRICS
from sfm_gt.metrics.evaluation import EvaluatedFrame, Evaluation
from sfm_gt.metrics.grading import FramePrediction, GtFrame
from sfm_gt.metrics.leaderboard import by_freedom, differences, rows, sensitivity
from sfm_gt.metrics.noise_floor import GtErrors, perfect_depth
from sfm_gt.metrics.protocol import load_protocol, load_protocols
from sfm_gt.metrics.shipped import shipped
from sfm_gt.metrics.tally import FIGURES
from sfm_gt.metrics.temporal import TemporalView
from sfm_gt.report.plots import rank_plot

RANGE = (0.1, 50.0, 10)
OURS = load_protocol("sfm_gt").completed(*RANGE)
SHAPE = (40, 50)
SIGMA, SIGMA_LOG_SCALE = 0.02, 0.03


def _frame(video, number, z_depth, predictions, sigma=None, sigma_log_scale=None):
    nowhere = np.zeros(z_depth.shape, bool)
    camera = PinholeCamera(z_depth.shape[1], z_depth.shape[0], 50.0, 50.0, 25.0, 20.0)
    return EvaluatedFrame(
        video, video, number, GtFrame(z_depth, nowhere, nowhere, None, True), sigma, sigma_log_scale,
        TemporalView(z_depth, np.isfinite(z_depth), camera, np.eye(4)), predictions,
    )  # fmt: skip


def _run(protocols, kinds, clips):
    """``clips``: lists of frames; as the stage does it, without files."""
    evaluation = Evaluation(protocols, kinds)
    for clip in clips:
        pools = evaluation.pools("clip", len(clip))
        for frame in clip:
            evaluation.fit(frame, pools)
        for frame in clip:
            evaluation.add(evaluation.grade(frame, pools))
    return evaluation


def _constant(value):
    return np.full(SHAPE, value)


def _by_hand(reducer):
    """Two videos: GT 1 m; errors 0.1 and 0.3 in the first on 2000 and 1000 pixels, 0.5 in the second on 2000."""
    half = _constant(1.0)
    half[:20] = np.nan
    clips = [
        [_frame("a", 0, _constant(1.0), {"m": FramePrediction("metric_depth", _constant(1.1))}),
         _frame("a", 1, half, {"m": FramePrediction("metric_depth", _constant(1.3))})],
        [_frame("b", 0, _constant(1.0), {"m": FramePrediction("metric_depth", _constant(1.5))})],
    ]  # fmt: skip
    evaluation = _run([OURS.model_copy(update={"reducer": reducer})], {"m": "metric_depth"}, clips)
    return next(row for row in rows(evaluation, "sfm_gt", 0) if row["alignment"] == "none")


@pytest.mark.parametrize(
    ("reducer", "abs_rel", "rmse"),
    [
        ("video", (0.2 + 0.5) / 2, (0.2 + 0.5) / 2),
        ("image", (0.1 + 0.3 + 0.5) / 3, (0.1 + 0.3 + 0.5) / 3),
        ("pixel", (2 * 0.1 + 0.3 + 2 * 0.5) / 5, (2 * 0.1 + 0.3 + 2 * 0.5) / 5),
        ("pooled", ((2 * 0.1 + 0.3) / 3 + 0.5) / 2, (math.sqrt((2 * 0.01 + 0.09) / 3) + 0.5) / 2),
    ],
)
def test_reducers_by_hand(reducer, abs_rel, rmse):
    row = _by_hand(reducer)
    assert (row["abs_rel"], row["rmse"]) == pytest.approx((abs_rel, rmse))
    assert row["abs_rel_image_mean"] == pytest.approx(0.3)
    assert (row["videos"], row["frames"], row["pixels"]) == (2, 3, 5000)


KINDS = {"d": "affine_invariant_disparity", "z": "scale_invariant_depth", "m": "metric_depth"}


@pytest.fixture(scope="module")
def clip():
    """Six frames of a room, and a disparity that is affine with one scale and shift for all of them, but for noise."""
    rng = np.random.default_rng(0)
    frames = []
    for number in range(6):
        z_depth = rng.uniform(1, 8, SHAPE)
        disparity = 3.0 / z_depth * np.exp(rng.normal(0, 0.05, SHAPE)) - 0.2
        predictions = {"d": FramePrediction("affine_invariant_disparity", disparity),
                       "z": FramePrediction("scale_invariant_depth", 1 / (disparity + 0.5)),
                       "m": FramePrediction("metric_depth", 3 / (disparity + 0.2))}  # fmt: skip
        frames.append(_frame("room", number, z_depth, predictions))
    return frames


def test_alignment_over_a_clip_is_that_of_its_pixels_joined(clip):
    vda, megasam = load_protocols(["video_depth_anything", "megasam"], *RANGE)
    evaluation = Evaluation([vda, megasam], KINDS)
    pools = evaluation.pools("clip", len(clip))
    for frame in clip:
        evaluation.fit(frame, pools)
    g = np.concatenate([frame.gt.z_depth.ravel() for frame in clip])
    for model, protocol, alignment in (("d", vda, "ls_affine_disparity"), ("m", megasam, "median_deviation")):
        p = np.concatenate([frame.predictions[model].values.ravel() for frame in clip])
        p = np.clip(p, *protocol.prediction_range)
        expected, found = fit(alignment, p, g, np.ones(g.size, bool)), pools[model](protocol, alignment)
        # Values wait as float32.
        assert (found.scale, found.shift) == pytest.approx((expected.scale, expected.shift), rel=1e-5)


def test_one_alignment_for_a_clip_forgives_less_than_one_for_each_image(clip):
    flickering = [
        _frame("room", f.frame_index, f.gt.z_depth,
               {"d": FramePrediction("affine_invariant_disparity", (1 + 0.3 * (n % 2)) * f.predictions["d"].values)})
        for n, f in enumerate(clip)
    ]  # fmt: skip
    evaluation = _run(load_protocols(["midas", "video_depth_anything"], *RANGE), {"d": "affine_invariant_disparity"},
                      [flickering])  # fmt: skip
    by_protocol = {row["protocol"]: row for row in sensitivity(evaluation, 0)}
    assert by_protocol["video_depth_anything"]["abs_rel"] > 1.5 * by_protocol["midas"]["abs_rel"]
    assert by_protocol["video_depth_anything"]["tae"] > 0, "temporal figures come with one alignment for the clip"
    assert math.isnan(by_protocol["midas"]["tae"])


def test_all_shipped_protocols_side_by_side(clip):
    evaluation = _run(load_protocols(shipped(), *RANGE), KINDS, [clip])
    table = sensitivity(evaluation, 0)
    assert [row["protocol"] for row in table[::3]] == list(shipped())
    graded = [row for row in table if row["frames"]]
    assert len(graded) == 3 * len(shipped()) - 2, "megasam grades depth in metres only, since it clips it there"
    assert all(0 < row["abs_rel"] < 0.3 for row in graded)
    assert evaluation.unflipped == {"d", "z", "m"}


def test_what_each_freedom_gains_stands_side_by_side(clip):
    kinds = {"d": "affine_invariant_disparity", "z": "scale_invariant_depth", "m": "metric_depth"}
    protocols = load_protocols(["moge", "sfm_gt"], *RANGE)
    evaluation = _run(protocols, kinds, [clip])
    table = {(row["protocol"], row["model"]): row for row in by_freedom(evaluation)}
    assert list(table) == [(protocol, model) for protocol in ("moge", "sfm_gt") for model in kinds]
    metric = table["moge", "m"]
    assert metric["abs_rel_unaligned"] > metric["abs_rel_scale"] > metric["abs_rel_affine"]
    for row in rows(evaluation, "moge", 0):
        column = {"none": "unaligned", "l1rel_scale": "scale"}.get(row["alignment"], "affine")
        assert table["moge", row["model"]][f"abs_rel_{column}"] == row["abs_rel"]
    assert "abs_rel_affine" not in table["sfm_gt", "m"], "sfm_gt grants metric depth no shift"


def test_median_and_tail_over_images_by_hand():
    biases = [0.1] * 15 + [0.2] * 5 + [1.0]
    clips = [
        [_frame("a", n, _constant(1.0), {"m": FramePrediction("metric_depth", _constant(1.0 + bias))})
         for n, bias in enumerate(biases)]
    ]  # fmt: skip
    row = rows(_run([OURS], {"m": "metric_depth"}, clips), "sfm_gt", 0)[0]
    assert row["abs_rel_image_median"] == pytest.approx(0.1)
    assert row["abs_rel_image_tail"] == pytest.approx(0.2), "one frame of 21 is worse"
    assert (row["delta1_image_median"], row["delta1_image_tail"]) == (1.0, 1.0)
    row = rows(_run([OURS], {"m": "metric_depth"}, [clips[0][-3:]]), "sfm_gt", 0)[0]
    assert row["delta1_image_tail"] == pytest.approx(0.1), "shares have their tail below"


def _one_frame_clips(models, n_videos=6):
    """GT 1 m; ``models``: by name, what it predicts in each video, None for nothing."""
    return [
        [_frame(f"v{n}", 0, _constant(1.0), {name: FramePrediction("metric_depth", None if values[n] is None else
                                                                   _constant(values[n])) for name, values in models.items()})]
        for n in range(n_videos)
    ]  # fmt: skip


def _rows_of(models, protocol=OURS):
    evaluation = _run([protocol], dict.fromkeys(models, "metric_depth"), _one_frame_clips(models))
    return {row["model"]: row for row in rows(evaluation, protocol.name, 0) if row["alignment"] == "none"}


@pytest.mark.parametrize("protocol", [OURS, load_protocol("depth_anything_v2").completed(*RANGE)], ids=lambda p: p.name)
def test_a_model_without_a_figure_has_no_rank(protocol):
    steady = [1.1, 1.12, 1.11, 1.13, 1.1, 1.12]
    found = _rows_of(
        {"broken": [np.nan] * 6, "good": steady, "bad": [1.0 + 2 * (value - 1) for value in steady]}, protocol
    )
    assert [found[name]["rank"] for name in ("broken", "good", "bad")] == [None, 1, 2]
    assert (found["good"]["rank_low"], found["bad"]["rank_high"]) == (1, 2), "the broken one takes no place"
    assert math.isnan(found["broken"]["abs_rel"])
    drawn = rank_plot(list(found.values()))
    assert "good" in drawn
    assert "broken" not in drawn


def test_one_value_that_is_not_finite_ends_in_no_figure_where_the_code_of_the_protocol_does():
    v2 = load_protocol("depth_anything_v2").completed(*RANGE)
    clips = _one_frame_clips({"m": [1.1] * 6})
    clips[3][0].predictions["m"].values[0, 0] = np.nan
    row = rows(_run([v2], {"m": "metric_depth"}, clips), v2.name, 0)[0]
    assert math.isnan(row["abs_rel"])
    assert row["delta1"] == pytest.approx(1 - 1 / (6 * 40 * 50))
    assert (row["frames"], row["not_finite_frames"]) == (6, 1)
    robust = load_protocol("depth_anything_v2_robust").completed(*RANGE)
    assert rows(_run([robust], {"m": "metric_depth"}, clips), robust.name, 0)[0]["abs_rel"] == pytest.approx(0.1)


def test_a_model_on_frames_that_nobody_shares_has_no_rank():
    none = [None] * 3
    found = _rows_of({"alone": [1.01] * 3 + none, "good": [*none, 1.1, 1.12, 1.11], "bad": [*none, 1.2, 1.22, 1.21]})
    assert [found[name]["rank"] for name in ("alone", "good", "bad")] == [None, 1, 2]
    assert [found[name]["common_frames"] for name in ("alone", "good", "bad")] == [None, 3, 3]
    assert _rows_of({"only": [1.1] * 6})["only"]["rank"] is None, "nor is there one without a second model"


def test_a_model_in_one_video_of_six_may_have_any_place():
    steady = [1.1, 1.12, 1.11, 1.13, 1.1, 1.12]
    worse = [value + 0.1 for value in steady]
    found = _rows_of({"seldom": [1.01] + [None] * 5, "good": steady, "bad": worse})
    assert (found["seldom"]["rank"], found["seldom"]["common_frames"]) == (1, 1)
    assert (found["good"]["rank_low"], found["good"]["rank_high"]) == (1, 2), (
        "behind the bad one it is not, anywhere else"
    )
    assert (found["bad"]["rank_low"], found["bad"]["rank_high"]) == (2, 3)
    assert found["seldom"]["rank_low"] is None


def test_video_depth_anything_clips_disparity_before_the_fit():
    rng = np.random.default_rng(0)
    z_depth = rng.uniform(1, 8, SHAPE)
    disparity = 0.01 / z_depth - 0.004  # two thirds lie below its 1e-3, many of them below zero
    frame = _frame("a", 0, z_depth, {"d": FramePrediction("affine_invariant_disparity", disparity)})
    vda = load_protocol("video_depth_anything").completed(*RANGE)
    row = rows(_run([vda], {"d": "affine_invariant_disparity"}, [[frame]]), vda.name, 0)[0]
    clipped = np.clip(disparity, 1e-3, None).ravel()
    scale, shift = np.linalg.lstsq(np.c_[clipped, np.ones(clipped.size)], 1 / z_depth.ravel(), rcond=None)[0]
    depth = np.clip(1 / np.clip(scale * clipped + shift, 1e-3, None), *RANGE[:2])
    assert row["abs_rel"] == pytest.approx(np.mean(np.abs(depth - z_depth.ravel()) / z_depth.ravel()), rel=1e-6)
    assert row["abs_rel"] > 0.01, "without the clip the prediction would be exact"


def test_megasam_clips_predictions_before_the_fit_and_nothing_after():
    rng = np.random.default_rng(0)
    z_depth = rng.uniform(1, 8, SHAPE)
    prediction = 30 * (z_depth - 2.5)  # from -45 to 165 m
    frame = _frame("a", 0, z_depth, {"m": FramePrediction("metric_depth", prediction)})
    megasam = load_protocol("megasam").completed(*RANGE)
    row = rows(_run([megasam], {"m": "metric_depth"}, [[frame]]), megasam.name, 0)[0]
    p, g = np.clip(prediction, 0.1, 100).ravel(), z_depth.ravel()
    scale = np.median((g - np.median(g) + 1e-6) / (p - np.median(p) + 1e-6))
    depth = scale * p + np.median(g - scale * p)
    assert row["abs_rel"] == pytest.approx(np.mean(np.abs(depth - g) / g), rel=1e-5)
    assert row["rmse_log"] == pytest.approx(np.sqrt(np.mean(np.log(np.maximum(depth, 1e-3) / g) ** 2)), rel=1e-5)
    assert megasam.granted("scale_invariant_depth") == megasam.granted("affine_invariant_depth") == ()


def _noisy_clips(seed, n_videos, bias=1.0):
    """A perfect model and one that is off by ``bias``, against GT with noise a pixel and an error of scale a video."""
    rng = np.random.default_rng(seed)
    clips = []
    for video in range(n_videos):
        scale = math.exp(SIGMA_LOG_SCALE * rng.normal())
        clip = []
        for number in range(2):
            truth = rng.uniform(1, 8, SHAPE)
            gt = truth * scale * (1 + SIGMA * rng.normal(size=SHAPE))
            predictions = {"perfect": FramePrediction("metric_depth", truth),
                           "other": FramePrediction("metric_depth", bias * truth)}  # fmt: skip
            clip.append(_frame(f"v{video}", number, gt, predictions, SIGMA * gt, SIGMA_LOG_SCALE))
        clips.append(clip)
    return clips


@pytest.mark.parametrize("alignment", ["median", "ls_affine_depth"])
def test_a_perfect_model_scores_its_noise_floor(alignment):
    protocol = OURS.model_copy(update={"alignment": OURS.alignment.model_copy(update={"metric_depth": (alignment,)})})
    evaluation = _run([protocol], {"perfect": "metric_depth", "other": "metric_depth"}, _noisy_clips(0, 6))
    row = rows(evaluation, "sfm_gt", 0)[0]
    # E|n| of a standard normal is sqrt(2 / pi). 24 000 pixels leave 0.5 % of chance, and the median of 2000 noisy pixels is
    # itself off by about 0.3 % of depth, which adds 2 % to an error of 1.6 %.
    assert row["abs_rel_floor"] == pytest.approx(SIGMA * math.sqrt(2 / math.pi), rel=0.04)
    assert row["abs_rel"] == pytest.approx(row["abs_rel_floor"], rel=0.04)
    floor = evaluation.floors()["sfm_gt", alignment]
    for metric in ("rmse_log", "silog", "mae", "rmse", "log10"):
        assert row[metric] == pytest.approx(floor[METRICS.index(metric)], rel=0.03), metric


def test_a_model_may_be_called_perfect():
    per_clip = OURS.model_copy(update={"scope": "clip", "alignment": OURS.alignment.model_copy(
        update={"metric_depth": ("median",)})})  # fmt: skip
    clips, named = _noisy_clips(0, 3), []
    for clip in clips:
        renamed = [
            {("perfect model" if name == "other" else name): one for name, one in f.predictions.items()} for f in clip
        ]
        named.append([replace(f, predictions=one) for f, one in zip(clip, renamed, strict=True)])
    plain, perfect = (
        rows(_run([per_clip], {"perfect": "metric_depth", name: "metric_depth"}, frames), per_clip.name, 0)
        for name, frames in (("other", clips), ("perfect model", named))
    )
    for one, other in zip(plain, perfect, strict=True):
        assert one["abs_rel"] == other["abs_rel"]
        assert one["abs_rel_floor"] == other["abs_rel_floor"]


@pytest.mark.parametrize(("n_videos", "n_trials", "least"), [(1, 60, 0.88), (5, 20, 0.80)])
def test_unaligned_floor_holds_the_error_of_the_scale(n_videos, n_trials, least):
    within = []
    for seed in range(n_trials):
        evaluation = _run([OURS], {"perfect": "metric_depth"}, _without_other(_noisy_clips(seed, n_videos)))
        row = rows(evaluation, "sfm_gt", 0)[0]
        within.append(row["abs_rel"] <= row["abs_rel_floor"])
        assert row["abs_rel_floor"] < 3 * SIGMA_LOG_SCALE, "a floor that everything is below would say nothing"
    # 95 % by definition; the bounds are three standard deviations of so many trials lower.
    assert np.mean(within) >= least


def _without_other(clips):
    return [
        [_frame(f.video_id, f.frame_index, f.gt.z_depth, {"perfect": f.predictions["perfect"]}, f.sigma, f.sigma_log_scale)
         for f in clip] for clip in clips
    ]  # fmt: skip


def test_a_difference_within_the_error_of_the_gt_is_not_resolved():
    kinds = {"perfect": "metric_depth", "other": "metric_depth"}
    verdicts = {}
    for bias in (1.01, 1.3):
        evaluation = _run([OURS], kinds, _noisy_clips(3, 6, bias))
        verdicts[bias] = next(d["verdict"] for d in differences(evaluation) if d["metric"] == "abs_rel")
    assert verdicts == {1.01: "below_resolution", 1.3: "resolved"}


def _two_models(seed, gt_of, n_videos=4, n_frames=2):
    """Models that are off by 10 and 11 %; ``gt_of(rng, truth, video's scale)`` makes the GT, and the models see none of it."""
    clips = []
    for video in range(n_videos):
        of_models, of_gt = (np.random.default_rng([seed, video, which]) for which in range(2))
        scale = math.exp(SIGMA_LOG_SCALE * of_gt.normal())
        clip = []
        for number in range(n_frames):
            truth = of_models.uniform(1, 8, SHAPE)
            predictions = {name: FramePrediction("metric_depth", truth * np.exp(of_models.normal(0, error, SHAPE)))
                           for name, error in (("one", 0.10), ("other", 0.11))}  # fmt: skip
            gt = gt_of(of_gt, truth, scale)
            clip.append(_frame(f"v{video}", number, gt, predictions, SIGMA * gt, SIGMA_LOG_SCALE))
        clips.append(clip)
    return clips


@pytest.mark.parametrize("alignment", ["none", "median"])
def test_resolution_holds_what_the_error_of_the_gt_moves_a_difference_by(alignment):
    protocol = OURS.model_copy(update={"alignment": OURS.alignment.model_copy(update={"metric_depth": (alignment,)})})
    kinds, held, resolutions = {"one": "metric_depth", "other": "metric_depth"}, [], []

    def compared(seed, gt_of):
        return differences(_run([protocol], kinds, _two_models(seed, gt_of)))[0]

    for seed in range(20):
        true = compared(seed, lambda rng, truth, scale: truth)
        found = compared(seed, lambda rng, truth, scale: truth * scale * (1 + SIGMA * rng.normal(size=SHAPE)))
        held.append(abs(found["difference"] - true["difference"]) <= found["resolution"])
        resolutions.append(found["resolution"])
    # 95 % of 20, less three standard deviations of so many.
    assert np.mean(held) >= 0.8
    # A model's own floor is 0.016 and more: what both share falls out.
    assert max(resolutions) < (0.008 if alignment == "none" else 0.002)


def test_a_floor_holds_what_the_pixels_of_a_frame_share():
    jitter, sigma = 0.02, 0.005
    rng, clips = np.random.default_rng(0), []
    for video in range(6):
        truth = [rng.uniform(1, 8, SHAPE) for _ in range(10)]
        gts = [z * math.exp(jitter * rng.normal()) * (1 + sigma * rng.normal(size=SHAPE)) for z in truth]
        clips.append([_frame(f"v{video}", n, gt, {"perfect": FramePrediction("metric_depth", z)}, sigma * gt, 1e-6)
                      for n, (z, gt) in enumerate(zip(truth, gts, strict=True))])  # fmt: skip
    found = {}
    for frame_sigma in (jitter, 0.0):
        evaluation = Evaluation([OURS], {"perfect": "metric_depth"}, 0, GtErrors(frame_sigma))
        for clip in clips:
            for frame in clip:
                evaluation.add(evaluation.grade(frame, {}))
        found[frame_sigma] = rows(evaluation, "sfm_gt", 0)[0]
    # The mean of 60 absolute values is off by 10 %, and so is that of as many draws: twice their sum.
    assert found[jitter]["abs_rel_floor"] == pytest.approx(found[jitter]["abs_rel"], rel=0.3)
    assert found[0.0]["abs_rel_floor"] < found[0.0]["abs_rel"] / 3, "errors of pixels alone say far less"


@pytest.mark.parametrize("correlation_px", [0.0, 5.0])
def test_errors_correlate_over_the_distance_that_is_stated(correlation_px):
    ones = np.ones((400, 400), np.float32)
    drawn = perfect_depth(10 * ones, ones, (0,), GtErrors(0.0, correlation_px)) - 10
    assert np.std(drawn) == pytest.approx(1.0, rel=0.05)
    beside = np.mean(drawn[:, :-5] * drawn[:, 5:]) / np.mean(drawn**2)
    assert beside == pytest.approx(math.exp(-1) if correlation_px else 0.0, abs=0.03)


def test_without_sigma_there_is_no_floor(clip):
    evaluation = _run([OURS], KINDS, [clip])
    assert all(math.isnan(row["abs_rel_floor"]) for row in rows(evaluation, "sfm_gt", 0))


def test_every_figure_has_a_column(clip):
    evaluation = _run([OURS], KINDS, [clip])
    row = rows(evaluation, "sfm_gt", 0)[0]
    assert set(FIGURES) <= set(row)
    assert row["boundary_f1_r1"] > 0
