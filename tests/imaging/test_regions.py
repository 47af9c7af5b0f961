"""Morphology of masks, on shapes small enough to count."""

import numpy as np

from sfm_gt.imaging import regions


def square(size: int = 40, *slices: tuple[slice, slice]) -> np.ndarray:
    found = np.zeros((size, size), dtype=bool)
    for one in slices:
        found[one] = True
    return found


def test_small_islands_go_and_large_stay() -> None:
    found = square(40, (slice(0, 10), slice(0, 10)), (slice(30, 33), slice(30, 33)))
    kept = regions.drop_small(found, 10)
    assert kept.sum() == 100
    assert not kept[30:, 30:].any()


def test_enclosed_holes_are_filled_and_the_outside_is_not() -> None:
    found = square(40, (slice(5, 35), slice(5, 35)))
    found[18:20, 18:20] = False
    assert regions.fill_holes(found, 10).sum() == 900
    assert regions.fill_holes(found, 3).sum() == 896


def test_gaps_close_also_at_the_border() -> None:
    found = square(40, (slice(0, 40), slice(0, 12)), (slice(0, 40), slice(16, 28)))
    assert regions.clean(found, 6, 20)[:, 12:16].all()


def test_a_gap_that_runs_into_the_border_is_closed_up_to_it() -> None:
    bars = square(40, (slice(0, 40), slice(0, 12)), (slice(0, 40), slice(16, 28)))
    assert (regions.closed(bars, 6) == square(40, (slice(0, 40), slice(0, 28)))).all()
    assert (regions.closed(bars.T, 6) == square(40, (slice(0, 28), slice(0, 40)))).all()


def test_dilate_grows_by_the_radius() -> None:
    found = square(21, (slice(10, 11), slice(10, 11)))
    grown = regions.dilate(found, 3)
    assert grown[10, 7:14].all()
    assert grown[10].sum() == 7
    assert grown[:, 10].sum() == 7
    unchanged = regions.dilate(found, 0)
    assert unchanged is not found
    assert (unchanged == found).all()


def test_enlarge_keeps_the_share() -> None:
    found = square(40, (slice(10, 30), slice(10, 30)))
    large = regions.enlarge(found, 80, 80)
    assert large.shape == (80, 80)
    assert abs(large.mean() - found.mean()) < 0.02


def test_regions_without_support_go() -> None:
    found = square(40, (slice(0, 10), slice(0, 10)), (slice(20, 30), slice(20, 30)))
    evidence = square(40, (slice(0, 4), slice(0, 10)), (slice(20, 22), slice(20, 30)))
    kept = regions.keep_supported(found, evidence, 0.3)
    assert (kept == square(40, (slice(0, 10), slice(0, 10)))).all()
