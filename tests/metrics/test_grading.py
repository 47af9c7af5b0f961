"""Grading of one frame: numbers by hand, every region, every way in which a frame cannot be graded."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sfm_gt.metrics import depth
from sfm_gt.metrics.alignment import fit
from sfm_gt.metrics.boundary import BoundaryGt
from sfm_gt.metrics.depth import METRICS, metrics_of
from sfm_gt.metrics.grading import FrameGrader, FramePrediction, Graded, GtFrame, Unscored
from sfm_gt.metrics.protocol import REASONS, ROBUST, load_protocol, load_protocols
from sfm_gt.metrics.regions import DEPTH_EDGES_M, REGIONS, by_depth, scored_pixels
from sfm_gt.metrics.shipped import shipped
from sfm_gt.models.shared.prediction import KINDS

RANGE = (0.1, 10.0, 4)
OURS = load_protocol("sfm_gt").completed(*RANGE)
EVERY = load_protocols(shipped(), *RANGE)
PER_IMAGE = [protocol for protocol in EVERY if protocol.scope == "image"]
PER_IMAGE_ROBUST = load_protocols(
    [one.name + ROBUST if one.non_finite == "propagate" else one.name for one in PER_IMAGE], *RANGE
)


def _gt(metric: bool = True, **layers) -> GtFrame:
    z_depth = np.array([[1.0, 2.0, 4.0, 8.0], [1.0, 2.0, 4.0, np.nan]])
    nowhere = np.zeros(z_depth.shape, bool)
    return GtFrame(
        **{"z_depth": z_depth, "moving": nowhere, "overlay": nowhere, "person": None, "metric": metric} | layers
    )


def _grade(gt, values, kind="metric_depth", protocol=OURS, flipped=None):
    prediction = FramePrediction(kind, values, flipped)
    return {one.alignment: one for one in FrameGrader(gt, [protocol]).grade(prediction, None, [protocol])}


def _figure(graded, metric="abs_rel", region="all"):
    return metrics_of(graded.sums)[REGIONS.index(region), METRICS.index(metric)]


def test_by_hand():
    gt = _gt()
    graded = _grade(gt, gt.z_depth * 1.1)
    assert _figure(graded["none"]) == pytest.approx(0.1)
    assert _figure(graded["median"]) == pytest.approx(0.0, abs=1e-12)
    assert graded["none"].scored[0] == 7


def test_holes_in_a_prediction_lower_the_coverage():
    gt = _gt()
    graded = _grade(gt, np.where(gt.z_depth == 1.0, np.inf, gt.z_depth * 1.1))["none"]
    assert graded.coverage == pytest.approx(5 / 7)
    assert graded.sums[0, 0] == 5
    assert _figure(graded) == pytest.approx(0.1)


def test_clamped_holes_count_as_the_ends_of_the_range():
    gt, clamping = _gt(), OURS.model_copy(update={"non_finite": "clamp"})
    values = gt.z_depth.copy()
    values[0, 0], values[0, 1] = np.nan, np.inf  # become 0.1 for 1.0, and 10.0 for 2.0
    graded = _grade(gt, values, protocol=clamping)["none"]
    assert _figure(graded) == pytest.approx((0.9 + 4.0) / 7)
    assert graded.coverage == pytest.approx(5 / 7), "what was missing is shown all the same"


@pytest.mark.parametrize(
    ("gt", "values", "kind", "reason"),
    [
        (_gt(metric=False), np.ones((2, 4)), "metric_depth", "not_metric"),
        (_gt(), None, "scale_invariant_depth", "missing_prediction"),
        (_gt(), np.full((2, 4), np.nan), "scale_invariant_depth", "non_finite_prediction"),
        (_gt(), -np.ones((2, 4)), "scale_invariant_depth", "alignment_failed"),
        (_gt(overlay=~np.eye(2, 4, dtype=bool)), np.ones((2, 4)), "metric_depth", "too_few_pixels"),
        (_gt(z_depth=np.full((2, 4), np.nan)), np.ones((2, 4)), "metric_depth", "too_few_pixels"),
    ],
)
def test_frames_that_cannot_be_graded_say_why(gt, values, kind, reason):
    first = next(iter(_grade(gt, values, kind).values()))
    assert isinstance(first, Unscored)
    assert first.reason == reason
    assert reason in REASONS


def test_a_kind_that_a_protocol_cannot_grade_is_counted():
    megasam = load_protocol("megasam").completed(*RANGE)
    (found,) = _grade(_gt(), np.ones((2, 4)), "affine_invariant_disparity", megasam).values()
    assert found.reason == "not_granted"


def test_depth_under_an_alignment_of_disparity_is_inverted_first():
    gt, midas = _gt(), load_protocol("midas_robust").completed(*RANGE)
    graded = _grade(gt, 3.0 * gt.z_depth, "scale_invariant_depth", midas)["ls_affine_disparity"]
    assert _figure(graded) == pytest.approx(0.0, abs=1e-12)
    # Depth that is not positive has no disparity: a missing pixel.
    graded = _grade(gt, np.where(gt.z_depth == 1, -1.0, gt.z_depth), "metric_depth", midas)["ls_affine_disparity"]
    assert graded.coverage == pytest.approx(5 / 7)


def _protocol(name, lowest=0.001, highest=80.0):
    return load_protocol(name).completed(lowest, highest, 1)


def _map(*values):
    return np.array([values], dtype=np.float32)


def _gt_of(*values):
    return _gt(z_depth=_map(*values), moving=np.zeros((1, len(values)), bool), overlay=np.zeros((1, len(values)), bool))


def test_depth_anything_v2_takes_predictions_as_they_are_and_scores_the_ends_of_the_range():
    v2 = _protocol("depth_anything_v2")
    graded = _grade(_gt_of(*[60.0] * 12), np.full((1, 12), 120.0), protocol=v2)["none"]
    assert _figure(graded) == pytest.approx(1.0), "clamped to 80 m it would be 0.333"
    graded = _grade(_gt_of(80.0, 0.001, 80.1, *[60.0] * 10), np.full((1, 13), 60.0), protocol=v2)["none"]
    assert graded.scored[0] == 12


def test_values_that_are_not_finite_propagate_as_in_the_code_and_robust_variants_leave_them_out():
    gt, values = _gt_of(*[60.0] * 12), np.full((1, 12), 66.0)
    values[0, :2] = np.nan, -60.0
    graded = _grade(gt, values, protocol=_protocol("depth_anything_v2"))["none"]
    assert np.isnan(_figure(graded))
    # max(p/g, g/p) of the negative one is -1, which is below 1.25.
    assert _figure(graded, "delta1") == pytest.approx(11 / 12)
    robust = _grade(gt, values, protocol=_protocol("depth_anything_v2_robust"))["none"]
    assert (robust.answered[0], _figure(robust)) == (11, pytest.approx((10 * 0.1 + 2.0) / 11))
    # A fit of NaN stops the code: no pixel has a figure.
    spoilt = _grade(gt, values, "affine_invariant_disparity", _protocol("midas"))["ls_affine_disparity"]
    assert np.isnan(_figure(spoilt))
    assert _figure(spoilt, "delta1") == 0
    spoilt = _grade(gt, values, "scale_invariant_depth", _protocol("moge"))["l1rel_scale"]
    assert _figure(spoilt, "delta1") == 0


def test_marigold_fits_disparity_where_it_is_positive():
    gt = _gt_of(1.0, 2.0, 4.0, 8.0, 16.0)
    disparity = _map(2.0, 1.0, 0.5, -1.0, np.nan) + np.float32(0)
    marigold = _grade(gt, disparity, "affine_invariant_disparity", _protocol("marigold"))["ls_affine_disparity"]
    assert (marigold.affine.scale, marigold.affine.shift) == pytest.approx((0.5, 0.0), abs=1e-7)
    assert np.isnan(_figure(marigold)), "the NaN is not fitted on, but it is scored"
    robust = _grade(gt, disparity, "affine_invariant_disparity", _protocol("marigold_robust"))["ls_affine_disparity"]
    assert _figure(robust) == pytest.approx((80.0 - 8.0) / 8.0 / 4)


def test_moge_looks_for_boundaries_in_disparity_inverted_at_its_own_floor():
    # Beyond the GT's farthest pixels lie stripes that the floor of the figures hides in part.
    rng = np.random.default_rng(0)
    z_depth = np.where(np.arange(40) < 20, 10.0, 40.0) * np.ones((30, 1)) * rng.uniform(0.995, 1.005, (30, 40))
    nowhere = np.zeros(z_depth.shape, bool)
    stripes = np.where(np.arange(40) % 2, 0.029, 0.021)
    disparity = np.where(np.arange(40) < 20, 0.1, stripes) * np.ones((30, 1))
    gt = GtFrame(z_depth, nowhere, nowhere, None, True)
    moge = _protocol("moge")
    found = {
        name: _grade(gt, disparity, "affine_invariant_disparity", protocol)["ls_affine_disparity"]
        for name, protocol in (
            ("moge", moge),
            ("one floor", moge.model_copy(update={"boundary_disparity_floor": None})),
        )
    }
    assert _figure(found["moge"]) == _figure(found["one floor"])
    affine = found["moge"].affine
    depth = 1 / np.maximum(affine.scale * disparity + affine.shift, 1e-6)
    expected = BoundaryGt(z_depth.astype(np.float32)).f1(depth.astype(np.float32))
    assert found["moge"].structure["boundary_f1_r1"] == pytest.approx(expected[0])
    assert found["moge"].structure["boundary_f1_r1"] != pytest.approx(found["one floor"].structure["boundary_f1_r1"])


def test_flip_averaging():
    gt, averaging = _gt(), OURS.model_copy(update={"flip_averaging": True})
    graded = _grade(gt, gt.z_depth * 1.1, protocol=averaging, flipped=gt.z_depth * 1.3)["none"]
    assert _figure(graded) == pytest.approx(0.2)
    assert _figure(_grade(gt, gt.z_depth * 1.1, flipped=gt.z_depth * 1.3)["none"]) == pytest.approx(0.1)


def test_figures_without_metres_do_not_hang_on_the_unit():
    rng = np.random.default_rng(0)
    z_depth = rng.uniform(1, 9, (6, 6))
    values, nowhere = 1 / z_depth + rng.normal(0, 0.2, z_depth.shape), np.zeros((6, 6), bool)

    def figures(unit):
        grader = FrameGrader(GtFrame(z_depth * unit, nowhere, nowhere, None, False), PER_IMAGE)
        found = [one for kind in KINDS for one in grader.grade(FramePrediction(kind, values), None, PER_IMAGE)]
        unitless = [METRICS.index(name) for name in depth.UNITLESS]
        return [metrics_of(one.sums)[0, unitless] for one in found if isinstance(one, Graded)]

    # float32 maps of the structure metrics are not in here; the sums themselves run in float64.
    np.testing.assert_allclose(figures(37.0), figures(1.0), rtol=1e-6, atol=1e-12)


@pytest.fixture(scope="module")
def scene():
    """(GtFrame, prediction) of 60 x 80 pixels with every layer, and holes in both maps."""
    rng = np.random.default_rng(1)
    z_depth = rng.uniform(0.5, 12, (60, 80))
    z_depth[rng.random(z_depth.shape) < 0.1] = np.nan
    moving, overlay, person = (rng.random((3, *z_depth.shape)) < 0.2).copy()
    values = np.nan_to_num(z_depth, nan=3.0) * np.exp(rng.normal(0, 0.3, z_depth.shape)) + 0.3
    values[rng.random(z_depth.shape) < 0.05] = np.nan
    return GtFrame(z_depth, moving, overlay, person, True), values


@pytest.mark.parametrize("protocol", PER_IMAGE_ROBUST, ids=lambda protocol: protocol.name)
@pytest.mark.parametrize("kind", KINDS)
def test_every_region_agrees_with_plain_masks(scene, protocol, kind):
    gt, values = scene
    scored = protocol.scored(gt.z_depth, gt.moving, gt.overlay, True)
    assert not (scored & gt.overlay).any()
    ordered = np.sort(gt.z_depth[scored])
    near, mid = ordered[ordered.size // 3], ordered[2 * ordered.size // 3]
    with np.errstate(invalid="ignore"):
        masks = {
            "all": scored, "static": scored & ~gt.moving, "moving": scored & gt.moving, "person": scored & gt.person,
            "environment": scored & ~gt.person, "near": scored & (gt.z_depth < near),
            "mid": scored & (gt.z_depth >= near) & (gt.z_depth < mid), "far": scored & (gt.z_depth >= mid),
        }  # fmt: skip
    for alignment, graded in _grade(gt, values, kind, protocol).items():
        if isinstance(graded, Unscored):
            assert graded.reason == "not_granted"
            continue
        domain = 1 / values if alignment == "ls_affine_disparity" and kind != "affine_invariant_disparity" else values
        usable = scored & np.isfinite(domain)
        affine = graded.affine
        if protocol.fit_pixels is None or usable.sum() <= protocol.fit_pixels:
            expected = fit(alignment, domain, gt.z_depth, usable)
            assert (affine.scale, affine.shift) == pytest.approx((expected.scale, expected.shift), rel=1e-6)
        aligned = affine.depth(domain, protocol.depth_range(np.nanmax(gt.z_depth[scored]), True))
        if protocol.non_finite == "clamp":
            aligned = np.where(np.isfinite(domain), aligned, RANGE[0])
        for region, mask in masks.items():
            valid = mask & np.isfinite(aligned)
            for metric in METRICS:
                expected = depth.score(metric, aligned, gt.z_depth, valid)
                # Sums over the same pixels in another order.
                assert _figure(graded, metric, region) == pytest.approx(expected, rel=1e-6, nan_ok=True), (
                    region,
                    metric,
                )
            assert graded.scored[REGIONS.index(region)] == mask.sum()


def test_depth_bins_hold_every_pixel_once(scene):
    gt, _ = scene
    scored = OURS.scored(gt.z_depth, gt.moving, gt.overlay, True)
    pixels = scored_pixels(gt.z_depth, scored, gt.moving, gt.person, np.zeros_like(scored), True)
    counts = by_depth(pixels, np.diff(pixels.offsets)[:, None].astype(float))[:, 0]
    edges = [0, *DEPTH_EDGES_M, math.inf]
    np.testing.assert_array_equal(counts, np.histogram(gt.z_depth[scored], edges)[0])


def test_boundary_band_lies_along_depth_steps_only():
    z_depth = np.full((20, 30), 2.0)
    z_depth[:, 15:] = 2.5
    z_depth[3, 3] = np.nan
    nowhere = np.zeros(z_depth.shape, bool)
    graded = _grade(GtFrame(z_depth, nowhere, nowhere, None, True), z_depth)["none"]
    assert graded.scored[REGIONS.index("boundary")] == 20 * 6, "three pixels to either side; a hole is no step"
    absent = [graded.scored[REGIONS.index(region)] for region in ("person", "environment")]
    assert absent == [0, 0], "without a person mask there is neither"


def test_input_is_left_as_it_is(scene):
    gt, values = scene
    before = [layer.copy() for layer in (gt.z_depth, gt.moving, gt.overlay, gt.person, values)]
    list(FrameGrader(gt, PER_IMAGE).grade(FramePrediction("metric_depth", values), None, PER_IMAGE))
    for now, then in zip((gt.z_depth, gt.moving, gt.overlay, gt.person, values), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_fit_on_some_pixels_is_a_fair_sample_of_all():
    # Near pixels and far ones ask for different scales, so pixels of one part of the frame give another scale than all do.
    z_depth = np.random.default_rng(2).uniform(1, 9, (60, 80))
    nowhere, n_pixels = np.zeros(z_depth.shape, bool), 400
    gt = GtFrame(z_depth, nowhere, nowhere, None, True)
    scale = {
        n: _grade(gt, z_depth**1.5, protocol=OURS.model_copy(update={"fit_pixels": n}))["median"].affine.scale
        for n in (None, n_pixels)
    }
    # The median of n draws from U(1, 9) is off by 8 / (2 sqrt n), 4 % of it; the scale goes with its root. Three sigma. The
    # nearest 400 pixels would be off by 50 %.
    assert scale[n_pixels] == pytest.approx(scale[None], rel=0.06)
