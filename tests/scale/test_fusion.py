"""Joining cues: by hand, with contradictions named, outliers left out, and scales that cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.accuracy.scale_draws import FPS, METRIC_FROM_SFM, evidence_of, model_of, walk
from sfm_gt import registry
from sfm_gt.errors import ContradictionError, NoEvidenceError
from sfm_gt.formats.sidecar import ScaleEvidence
from sfm_gt.scale.shared.estimate import ScaleEstimate
from sfm_gt.scale.shared.fusion import fuse, weighted_mean
from sfm_gt.scale.shared.plausibility import implausible

MAX_APART = 3.0


def cue(factor: float, sigma: float, *set_by: str) -> ScaleEstimate:
    return ScaleEstimate(float(np.log(factor)), sigma, 3, ("seen",), set_by)


@pytest.mark.parametrize("name", registry.names("scale"))
def test_a_cue_without_evidence_raises_and_never_answers(name):
    poses = walk(np.random.default_rng(0), 5, np.zeros(3), 2.0, 0.5)
    with pytest.raises(NoEvidenceError):
        registry.load("scale", name)().estimate(evidence_of(model_of(poses), ScaleEvidence()))


def test_weighted_mean_by_hand_and_its_widening():
    # chi2 = 0.5 on one degree of freedom: no widening.
    assert weighted_mean(np.array([1.0, 2.0]), np.ones(2)) == (pytest.approx(1.5), pytest.approx(np.sqrt(0.5)))
    # chi2 = 2 happens in one case of six: none either.
    assert weighted_mean(np.array([0.0, 2.0]), np.ones(2))[1] == pytest.approx(np.sqrt(0.5))
    # chi2 = 8 happens in one case of 200: widened by sqrt(8).
    assert weighted_mean(np.array([0.0, 4.0]), np.ones(2))[1] == pytest.approx(np.sqrt(0.5) * np.sqrt(8.0))


def test_cues_that_agree_are_weighted_by_inverse_variance():
    fused = fuse({"fiducials": cue(1.0, 0.01), "people": cue(1.05, 0.05)}, MAX_APART)
    assert fused.scale.log_scale == pytest.approx(np.log(1.05) / 26)
    assert fused.scale.sigma_log_scale == pytest.approx(0.01 * np.sqrt(25 / 26))
    assert fused.contradicting == ()
    assert fused.scale.notes == ("fiducials: seen", "people: seen")


def test_two_cues_thirty_per_cent_apart_are_reported_and_not_averaged():
    with pytest.raises(ContradictionError, match=r"cues contradict: known_distance says 1 .* %, positions says 1.3"):
        fuse({"known_distance": cue(1.0, 0.02), "positions": cue(1.3, 0.02)}, MAX_APART)


def test_one_cue_against_a_consistent_majority_is_left_out_by_name():
    fused = fuse({"fiducials": cue(1.0, 0.01), "people": cue(1.02, 0.05), "positions": cue(1.3, 0.01)}, MAX_APART)
    assert fused.contradicting == ("positions",)
    assert fused.scale.log_scale == pytest.approx(
        fuse({"a": cue(1.0, 0.01), "b": cue(1.02, 0.05)}, MAX_APART).scale.log_scale
    )
    assert fused.scale.notes[-1].startswith("left out, contradicting fiducials says 1")


def test_what_is_left_out_is_no_observation():
    fused = fuse({"fiducials": cue(1.0, 0.01), "people": cue(1.02, 0.05), "positions": cue(1.3, 0.01)}, MAX_APART)
    # Three of each cue.
    assert fused.scale.n_observations == 6


def test_the_last_resort_counts_only_alone():
    wide = {"camera_height": cue(3.0, 0.2)}
    assert fuse(wide, MAX_APART).scale.log_scale == pytest.approx(np.log(3.0))
    assert fuse(wide | {"fiducials": cue(1.0, 0.01)}, MAX_APART).scale.log_scale == 0.0


def test_models_behind_a_scale_are_passed_on_unless_their_cue_is_left_out():
    network = {"metric_network": cue(1.0, 0.1, "net", "hash")}
    assert fuse(network | {"fiducials": cue(1.1, 0.01)}, MAX_APART).scale.set_by == ("net", "hash")
    against = {"metric_network": cue(2.0, 0.1, "net"), "fiducials": cue(1.0, 0.01), "positions": cue(1.0, 0.01)}
    assert fuse(against, MAX_APART).scale.set_by == ()


def test_no_cue_is_no_scale():
    with pytest.raises(NoEvidenceError, match="no cue"):
        fuse({}, MAX_APART)


def test_centimetres_for_metres_are_found_by_the_size_of_the_scene_or_the_speed_of_the_camera():
    rng = np.random.default_rng(0)
    poses = walk(rng, 60, np.zeros(3), 2.0, 1.0)
    model = model_of(poses, rng.uniform(-0.5, 0.5, (50, 3)))
    times = {frame: frame / FPS for frame in range(60)}
    assert implausible(model, times, METRIC_FROM_SFM, (0.1, 100.0), 10.0) is None
    far = implausible(model, times, 100 * METRIC_FROM_SFM, (0.1, 100.0), 10.0)
    # Two metres away become two hundred.
    assert "20" in far
    assert "not in centimetres?" in far
    fast = implausible(model, times, 40 * METRIC_FROM_SFM, (0.1, 100.0), 10.0)
    assert "m/s (median), plausible is 10 m/s at most" in fast
