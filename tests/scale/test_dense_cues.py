"""Cues that look at dense depth: the ground below the camera, and a metric network's stored predictions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.accuracy.scale_draws import (
    METRIC_FROM_SFM,
    camera_height,
    carried,
    evidence_of,
    metric_network,
    model_of,
    room_depth,
)
from sfm_gt import registry
from sfm_gt.errors import NoEvidenceError
from sfm_gt.formats.sidecar import CameraHeight, ScaleEvidence
from sfm_gt.scale.camera_height import ground_plane
from sfm_gt.scale.shared.estimate import Evidence, NetworkEvidence

HEIGHT_M = 1.5


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    """A camera carried 1.5 m above the floor of a room, with dense depth."""
    rng = np.random.default_rng(4)
    poses = carried(rng, 10)
    depth = room_depth(poses, HEIGHT_M, rng)
    return evidence_of(model_of(poses), ScaleEvidence(), depth_frames=tuple(depth), load_depth_sfm=depth.__getitem__)


def test_a_stated_camera_height_gives_the_scale_by_the_ground(evidence):
    stated = ScaleEvidence(camera_height=CameraHeight(metres=HEIGHT_M, sigma_m=0.03))
    found = registry.load("scale", "camera_height")().estimate(replace(evidence, stated=stated))
    # Depth noise of half a per cent over thousands of points: the plane's tilt is what is left.
    assert np.exp(found.log_scale) == pytest.approx(METRIC_FROM_SFM, rel=0.02)
    assert 0.02 < found.sigma_log_scale < 0.04


def test_hand_held_height_is_weak_and_wide():
    found = np.array([camera_height(np.random.default_rng([6, number])) for number in range(6)])
    assert (found[:, 1] >= 0.2).all()
    assert (np.abs(found[:, 0]) < 2 * found[:, 1]).sum() >= 5


def test_a_plane_with_points_below_is_no_ground():
    rng = np.random.default_rng(0)
    table = np.column_stack([rng.uniform(-1, 1, 2000), np.zeros(2000), rng.uniform(-1, 1, 2000)])
    floor = np.column_stack([rng.uniform(-3, 3, 900), np.full(900, 0.7), rng.uniform(-3, 3, 900)])
    up = np.array([0.0, -1.0, 0.0])
    normal, offset = ground_plane(np.concatenate([table, floor]), up, 0.02)
    assert normal @ up == pytest.approx(1.0, abs=0.01)
    assert offset == pytest.approx(-0.7, abs=0.02)


def test_walls_alone_are_no_ground():
    rng = np.random.default_rng(0)
    wall = np.column_stack([rng.uniform(-1, 1, 2000), rng.uniform(-1, 1, 2000), np.full(2000, 3.0)])
    with pytest.raises(NoEvidenceError, match="the ground is not in the picture"):
        ground_plane(wall, np.array([0.0, -1.0, 0.0]), 0.02)


def with_network(evidence: Evidence, predict) -> Evidence:
    return replace(evidence, network=NetworkEvidence("net", "abc", 0.1, "its paper", predict))


def test_a_network_sets_the_scale_by_its_median_and_says_so(evidence):
    ask = with_network(
        evidence, lambda frame: evidence.load_depth_sfm(frame) * METRIC_FROM_SFM * (1.3 if frame < 3 else 1.0)
    )
    found = registry.load("scale", "metric_network")().estimate(ask)
    # Three frames of ten are off by 30 %: the median does not follow them.
    assert np.exp(found.log_scale) == pytest.approx(METRIC_FROM_SFM, rel=1e-3)
    assert found.sigma_log_scale >= 0.1
    assert found.set_by == ("net", "abc")


def test_more_frames_of_one_clip_do_not_make_a_network_surer(evidence):
    n_frames = len(evidence.depth_frames)
    often = replace(
        evidence,
        depth_frames=tuple(range(3 * n_frames)),
        load_depth_sfm=lambda frame: evidence.load_depth_sfm(frame % n_frames),
    )
    sigmas = []
    for clip in (evidence, often):
        ask = with_network(clip, lambda frame: often.load_depth_sfm(frame) * np.exp(0.05 * (frame % n_frames)))
        ask = replace(ask, network=replace(ask.network, sigma_log_scale=1e-6))
        sigmas.append(registry.load("scale", "metric_network")().estimate(ask).sigma_log_scale)
    # The same frames thrice: whatever a network gets wrong in a scene, it gets wrong again in the next frame of it. Were
    # frames independent, sigma would fall by sqrt(3).
    assert sigmas[1] == pytest.approx(sigmas[0], rel=1e-6)


def test_a_network_with_too_few_frames_is_no_evidence(evidence):
    ask = with_network(evidence, lambda frame: evidence.load_depth_sfm(frame) if frame < 2 else None)
    with pytest.raises(NoEvidenceError, match="and dense depth for 2 frames, needed 3"):
        registry.load("scale", "metric_network")().estimate(ask)


def test_the_published_spread_covers_the_clip_to_clip_error():
    found = np.array([metric_network(np.random.default_rng([8, number])) for number in range(20)])
    # 20 draws of 0.95 scatter by 0.05.
    assert (np.abs(found[:, 0]) < 2 * found[:, 1]).mean() > 0.85
