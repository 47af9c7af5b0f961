"""Boundaries, edges and order of depth: against plain loops, and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from sfm_gt.metrics.boundary import RADII_PX, THRESHOLDS, BoundaryGt
from sfm_gt.metrics.edges import EdgesGt
from sfm_gt.metrics.ordinal import N_PAIRS, draw_pairs, ordinal


def _plain_boundary_f1(p, g, valid):
    """The definition, pair by pair, with arrays shifted against each other."""
    height, width = g.shape
    rows, columns = np.mgrid[:height, :width]
    found = []
    for radius in RADII_PX:
        pairs = []
        for dy in range(-radius, radius + 1):
            for dx in range(-radius, radius + 1):
                if 0 < dy * dy + dx * dx <= radius**2:
                    v, u = rows + dy, columns + dx
                    inside = (v >= 0) & (v < height) & (u >= 0) & (u < width)
                    v, u = v.clip(0, height - 1), u.clip(0, width - 1)
                    use = inside & valid & valid[v, u]
                    pairs.append(np.stack([(p[v, u] / p)[use], (g[v, u] / g)[use]]))
        ratio, gt_ratio = np.concatenate(pairs, axis=1)
        scores, weights = [], []
        for t in THRESHOLDS:
            predicted, true = ratio > 1 + t, gt_ratio > 1 + t
            if predicted.any() or true.any():
                precision = (predicted & true).sum() / max(predicted.sum(), 1)
                recall = (predicted & true).sum() / max(true.sum(), 1)
                scores.append(2 * precision * recall / (precision + recall) if precision + recall else 0.0)
                weights.append(t)
        found.append(np.average(scores, weights=weights) if scores else np.nan)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_boundary_f1_agrees_with_its_definition(seed):
    rng = np.random.default_rng(seed)
    g = np.exp(rng.normal(0, 0.1, (25, 31)))
    g[5:15, 8:20] *= 1.4
    p = g * np.exp(rng.normal(0, 0.05, g.shape))
    valid = rng.random(g.shape) < 0.9
    p[3, 3] = np.nan
    expected = _plain_boundary_f1(p, g, valid & np.isfinite(p))
    # Maps are float32: a ratio within 1e-7 of a threshold may fall on its other side, one pair of some thousand.
    assert BoundaryGt(np.where(valid, g, np.nan)).f1(p) == pytest.approx(expected, rel=1e-3)


def test_boundary_f1_at_its_ends():
    g = np.full((20, 20), 2.0)
    assert np.isnan(BoundaryGt(g).f1(g)).all(), "no edge, nothing to find"
    step = g.copy()
    step[:, 10:] = 3.0
    assert BoundaryGt(step).f1(step) == (1.0, 1.0, 1.0)
    assert BoundaryGt(step).f1(g) == (0.0, 0.0, 0.0)
    assert BoundaryGt(g).f1(step) == (0.0, 0.0, 0.0)
    assert BoundaryGt(step).f1(5 - step) == (0.0, 0.0, 0.0), "the step the other way round"
    assert BoundaryGt(step).f1(7 * step) == (1.0, 1.0, 1.0), "whatever the unit"


def _step(column, shape=(40, 60)):
    depth = np.full(shape, 2.0)
    depth[:, column:] = 4.0
    return depth


@pytest.mark.parametrize("shift", [0, 1, 3, 7])
def test_edges_a_known_way_apart(shift):
    gt, prediction = _step(30), _step(30 + shift)
    accuracy, completeness = EdgesGt(gt).distances_px(prediction)
    assert (accuracy, completeness) == pytest.approx((shift, shift), abs=1e-6)


def test_edges_that_are_missed_or_too_far():
    gt, flat = _step(20), np.full((40, 60), 3.0)
    accuracy, completeness = EdgesGt(gt).distances_px(flat)
    assert np.isnan(accuracy)
    assert completeness == 10.0, "a map without edges misses them all"
    assert np.isnan(EdgesGt(gt).distances_px(_step(45))[0])
    assert np.isnan(EdgesGt(flat).distances_px(gt)[1]), "the GT has none"


def test_edges_know_no_unit_and_holes_have_no_outline():
    gt = _step(30)
    # A step lies between two columns, and rounding decides which of them is the edge.
    assert max(EdgesGt(gt).distances_px(100 * gt)) <= 1.0
    holed = gt.copy()
    holed[15:25, 18:24] = np.nan
    # An edge on the rim of the hole would lie 6 columns and more off that of the step.
    assert EdgesGt(holed).distances_px(gt) == pytest.approx((0, 0), abs=1e-6)
    assert EdgesGt(gt).distances_px(holed) == pytest.approx((0, 0), abs=1e-6)


def test_order_by_hand():
    g = np.array([[1.0, 2.0, 1.0, 3.0], [2.0, 1.0, 1.05, 3.0]])  # nearer, farther, equal, equal
    p = np.array([[1.0, 1.0, 1.0, 3.0], [3.0, 2.0, 1.5, 3.1]])  # nearer, nearer, nearer, equal
    expected = {"sdr": 0.5, "sdr_equal": 0.5, "sdr_unequal": 0.5, "near_far": 0.5}
    assert ordinal(p, g) == expected
    assert np.isnan(list(ordinal(p[:, :0], g[:, :0]).values())).all()


def test_near_far_asks_for_order_only():
    g, p = np.array([[1.0], [2.0]]), np.array([[1.00], [1.01]])
    assert ordinal(p, g)["near_far"] == 0.0
    assert ordinal(p, g)["sdr_unequal"] == 1.0
    assert ordinal(np.ones((2, 1)), g)["near_far"] == 1.0, "a constant map orders nothing"


def test_pairs_are_of_different_pixels_and_the_same_again():
    pairs = draw_pairs(10, (1, 2))
    assert pairs.shape == (2, N_PAIRS)
    assert (pairs[0] != pairs[1]).all()
    np.testing.assert_array_equal(pairs, draw_pairs(10, (1, 2)))
    assert draw_pairs(1, (1, 2)).shape == (2, 0)
