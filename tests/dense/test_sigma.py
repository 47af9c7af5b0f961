"""Sigma and the odds of an outlier grow with everything that makes a depth doubtful; confirmed planes fill in."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from sfm_gt.dense.matching.hypothesis import Hypothesis
from sfm_gt.dense.matching.likeness import AGREE_REL
from sfm_gt.dense.matching.overgrowth import Overgrowth
from sfm_gt.dense.matching.sigma import (
    MAX_MATCHING_PX,
    MAX_PLANE_OUTLIER,
    PLANE_SIGMA,
    joined,
    judged,
    matching_sigma_px,
    sigma_of_matching,
)
from sfm_gt.dense.matching.surface import Surface
from sfm_gt.dense.matching.weak_texture import PlainSurfaces

SHAPE = (20, 30)
STEP = 0.01
MATCHED = 0.25


def _hypothesis(sigma_px: float = 0.1) -> Hypothesis:
    planes = np.zeros((*SHAPE, 3), dtype=np.float32)
    planes[..., 0] = 0.25
    flat = np.zeros(SHAPE, dtype=np.float32)
    return Hypothesis(planes, flat, flat + np.float32(sigma_px * STEP), STEP, np.zeros((*SHAPE, 4), dtype=np.int8))


def _sigma(own: Hypothesis, spread: float = 0.0, violations: int = 0) -> np.ndarray:
    return sigma_of_matching(own, np.full(SHAPE, spread, np.float32), np.full(SHAPE, violations, np.uint8))


def test_every_doubt_raises_sigma() -> None:
    least = _sigma(_hypothesis())
    for doubtful in (
        _sigma(_hypothesis(0.2)),
        _sigma(_hypothesis(), spread=0.002),
        _sigma(_hypothesis(), violations=1),
    ):
        assert (doubtful > 1.1 * least).all()


def test_a_scene_twice_as_large_has_half_the_sigma_of_matching() -> None:
    small = _hypothesis()
    large = replace(small, planes=small.planes / 2, sigma=small.sigma / 2, step=STEP / 2)
    np.testing.assert_allclose(_sigma(large, spread=0.001), _sigma(small, spread=0.002) / 2, rtol=1e-5)


def test_pixels_beside_unmatched_ones_are_doubtful() -> None:
    own = _hypothesis()
    own.cost[:, :10] = 2.0
    matching_px = matching_sigma_px(own)
    assert matching_px[10, 0] == pytest.approx(MAX_MATCHING_PX)
    assert matching_px[10, 11] > 5 * matching_px[10, 25]
    assert matching_px[10, 25] == pytest.approx(0.1, rel=1e-4)


def _plain(rel: float = 0.0, confirmed: bool = False, **evidence: float) -> PlainSurfaces:
    """A plane ``rel`` beside the matched depth everywhere; its shift and scatter say 3 and 4 thousandths.

    Without evidence to the contrary all speaks for it.
    """
    flat = np.ones(SHAPE, np.float32)
    told = {"rise": 5.0, "farther": 0.0, "extent": 0.1, "alike": 0.8, "backdrop": 0.0} | evidence
    return PlainSurfaces(
        np.float32(MATCHED * (1.0 + rel)) * flat, np.float32(0.003) * flat, np.float32(0.004) * flat,
        np.full(SHAPE, confirmed), **{name: np.float32(each) * flat for name, each in told.items()},
    )  # fmt: skip


def _judged(
    matched: float = MATCHED,
    sigma_rel: float = 0.01,
    rise: float = 1.0,
    alike: float = 0.8,
    step: float = 0.0,
    outline: float = 0.0,
) -> Surface:
    w = np.full(SHAPE, matched, np.float32)
    overgrowth = Overgrowth(*(np.full(SHAPE, each, np.float32) for each in (rise, alike, step)))
    return judged(w, np.float32(sigma_rel) * w, overgrowth, np.full(SHAPE, outline, np.float32))


@pytest.mark.parametrize(
    "doubtful",
    [
        pytest.param({"rise": 0.1}, id="rise falls"),
        pytest.param({"outline": 1.5}, id="a steep outline about"),
        pytest.param({"alike": 0.3}, id="what looks alike lies elsewhere"),
        pytest.param({"sigma_rel": 0.05}, id="sigma of the matching"),
    ],
)
def test_every_doubt_raises_the_odds_of_an_outlier_and_sigma(doubtful: dict[str, float]) -> None:
    least, more = _judged(), _judged(**doubtful)
    assert (more.outlier > 1.4 * least.outlier).all()
    assert ((more.outlier > 0) & (more.outlier < 1)).all()
    # The mildest of them for sigma is the rise: by a tenth.
    assert (more.sigma_rel > 1.05 * least.sigma_rel).all()
    np.testing.assert_array_equal(more.inverse_depth, least.inverse_depth)


def test_a_step_beside_raises_the_odds_of_an_outlier() -> None:
    # From a person at 2 m to a wall at 3 m.
    assert (_judged(step=0.4).outlier > 2.0 * _judged().outlier).all()


def test_a_world_of_another_size_has_the_same_odds() -> None:
    large = _judged(matched=MATCHED / 10)
    np.testing.assert_allclose(large.outlier, _judged().outlier, rtol=1e-5)
    np.testing.assert_allclose(large.sigma_rel, _judged().sigma_rel, rtol=1e-5)


# Matched depth that may well be wrong, and such that is hardly to be doubted.
DOUBTFUL, SURE = {"sigma_rel": 0.05, "rise": 0.1, "alike": 0.1}, {"sigma_rel": 0.001, "rise": 20.0, "alike": 1.0}


@pytest.mark.parametrize(("matched", "rel"), [(0.0, 0.0), (MATCHED, 0.5), (MATCHED, -1.5 * AGREE_REL)])
def test_a_plane_to_believe_fills_gaps_and_replaces_what_differs_and_is_doubtful(matched: float, rel: float) -> None:
    plain = _plain(rel, confirmed=True)
    surface = joined(_judged(matched, **DOUBTFUL), plain)
    np.testing.assert_allclose(surface.inverse_depth, MATCHED * (1.0 + rel), rtol=1e-6)
    np.testing.assert_allclose(surface.sigma_rel, PLANE_SIGMA * 0.005, rtol=1e-5)
    assert (surface.outlier < MAX_PLANE_OUTLIER).all()


def test_matched_depth_that_is_surer_than_the_plane_stays() -> None:
    matched, plain = _judged(**SURE), _plain(0.5, confirmed=True, alike=0.2)
    _assert_same(joined(matched, plain), matched)


@pytest.mark.parametrize("rel", [0.8 * AGREE_REL, -0.8 * AGREE_REL])
@pytest.mark.parametrize("told", [DOUBTFUL, SURE])
def test_matched_depth_beside_a_plane_is_kept_and_as_sure_as_the_surer(rel: float, told: dict[str, float]) -> None:
    alone, surface = _judged(**told), joined(_judged(**told), _plain(rel, confirmed=True))
    by_plane = joined(_judged(0.0), _plain(rel, confirmed=True)).outlier
    np.testing.assert_array_equal(surface.inverse_depth, np.float32(MATCHED))
    np.testing.assert_array_equal(surface.sigma_rel, alone.sigma_rel)
    np.testing.assert_array_equal(surface.outlier, np.minimum(alone.outlier, by_plane))


@pytest.mark.parametrize(
    "evidence",
    [
        pytest.param({"rise": 0.5}, id="the images hardly tell it"),
        pytest.param({"farther": 0.6}, id="most around lies behind"),
        pytest.param({"extent": 0.001}, id="a small piece"),
        pytest.param({"alike": 0.0}, id="nothing known looks like it"),
    ],
)
def test_every_doubt_raises_the_odds_against_a_plane(evidence: dict[str, float]) -> None:
    nothing = _judged(0.0)
    least = joined(nothing, _plain(confirmed=True)).outlier
    more = joined(nothing, _plain(confirmed=True, **evidence))
    # Too doubtful to be believed, or by a half more doubtful.
    assert ((more.inverse_depth == 0) | (more.outlier > 1.5 * least)).all()


def test_depth_far_before_the_backdrop_is_doubtful_and_depth_on_it_is_not() -> None:
    alone = _judged()
    before, on = (joined(alone, _plain(backdrop=MATCHED * rel)) for rel in (0.6, 0.995))
    # Of a person at 2 m before a wall at 3.3 m: the odds triple. Within half a percent of the wall they fall to a third.
    np.testing.assert_array_less(2.0 * _odds(alone), _odds(before))
    np.testing.assert_array_less(2.0 * _odds(on), _odds(alone))
    for surface in (before, on):
        _assert_same(replace(surface, outlier=alone.outlier), alone)


def test_behind_the_backdrop_is_as_doubtful_as_before_it() -> None:
    before, behind = (joined(_judged(), _plain(backdrop=MATCHED * rel)).outlier for rel in (0.8, 1.25))
    np.testing.assert_allclose(before, behind, rtol=1e-4)


def _odds(surface: Surface) -> np.ndarray:
    return surface.outlier / (1.0 - surface.outlier)


def test_a_plane_that_is_likely_wrong_is_not_believed() -> None:
    nothing = _judged(0.0)
    _assert_same(joined(nothing, _plain(confirmed=True, farther=1.0, extent=0.001, alike=0.0)), nothing)


@pytest.mark.parametrize(("matched", "rel"), [(0.0, 0.0), (MATCHED, 0.5), (MATCHED, 0.01)])
def test_an_unconfirmed_plane_never_becomes_depth(matched: float, rel: float) -> None:
    alone = _judged(matched, **DOUBTFUL)
    _assert_same(joined(alone, _plain(rel)), alone)


def test_confirmed_without_a_plane_changes_nothing() -> None:
    alone = _judged(**DOUBTFUL)
    _assert_same(joined(alone, replace(_plain(confirmed=True), inverse_depth=np.zeros(SHAPE, np.float32))), alone)


def _assert_same(one: Surface, other: Surface) -> None:
    for each in fields(Surface):
        np.testing.assert_array_equal(getattr(one, each.name), getattr(other, each.name))
