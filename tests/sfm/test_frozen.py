"""The frozen interval, from shares by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sfm_gt.errors import Rejected
from sfm_gt.sfm.frozen import FrameMotion, frozen_interval

MAX_MOVING = 0.1


def frames(shares: list[float], reach: int = 0) -> list[FrameMotion]:
    """Known and distinct frames with these shares, against both sides alike."""
    return [FrameMotion(float(share), float(share), float(share), 1.0, reach, reach) for share in shares]


def never(before: int, after: int) -> bool:
    return False


def always(before: int, after: int) -> bool:
    return True


def interval(shares: list[float], min_frames: int, returned: Callable[[int, int], bool] = always) -> tuple[int, int]:
    return frozen_interval(frames(shares), MAX_MOVING, min_frames, returned)


def test_the_longest_run_wins_and_flicker_does_not_end_it() -> None:
    assert interval([0, 0, 0, 0.5, 0.5, 0.5, 0, 0, 0.5, 0, 0, 0, 0.5], 3) == (6, 11)
    assert interval([0.5] * 3 + [0] + [0.5] * 3 + [0, 0, 0], 3) == (7, 9)
    assert interval([0, 0, 0, 0.5, 0.5, 0.5, 0, 0, 0], 3) == (0, 2)


def test_who_moves_in_between_and_stops_is_masked_and_who_unfreezes_for_good_ends_the_interval() -> None:
    assert interval([0.0] * 10 + [0.06] * 8 + [0.01] * 10, 15) == (0, 27)
    assert interval([0.0] * 20 + [0.06] * 8 + [0.01] * 10, 15, never) == (0, 19)
    # It hardly shows while it keeps to its epipolar line, for however long.
    assert interval([0.0] * 20 + [0.06] * 4 + [0.01] * 30, 15, never) == (0, 19)
    assert interval([0.0] * 20 + [0.06] * 12, 15) == (0, 19)
    assert interval([0.06] * 12 + [0.0] * 20, 15) == (12, 31)


def test_who_waves_past_his_old_place_has_not_come_to_rest() -> None:
    assert interval([0.0] * 20 + [0.05] * 6 + [0.0] * 6 + [0.05] * 6, 15) == (0, 19)
    # Where no rest is long enough by itself, what comes back is what joins them.
    assert interval([0.0] * 10 + [0.06] * 8 + [0.01] * 10, 15) == (0, 27)


def test_who_moves_all_the_time_and_is_small_is_masked() -> None:
    assert interval([0.05] * 30, 15) == (0, 29)


def test_a_partner_that_shows_motion_ahead_of_time_does_not_end_the_interval() -> None:
    listed = frames([0.0] * 20, 8) + [FrameMotion(0.06, 0.0, 0.06, 1.0, 8, 8)] * 6 + frames([0.06] * 10, 8)
    assert frozen_interval(listed, MAX_MOVING, 15, always) == (0, 25)
    # No farther than the partner reaches: what keeps to its epipolar line never shows against the past.
    steady = frames([0.0] * 20, 8) + [FrameMotion(0.06, 0.0, 0.06, 1.0, 8, 8)] * 16
    assert frozen_interval(steady, MAX_MOVING, 15, always) == (0, 25)


def test_a_clip_that_starts_with_motion_is_judged_as_its_mirror_image_is() -> None:
    # Against what follows the frames before the rest are still, against what went before they are not.
    listed = [*frames([0.06] * 10, 8), *[FrameMotion(0.06, 0.06, 0.0, 1.0, 8, 8)] * 6, *frames([0.0] * 20, 8)]
    assert frozen_interval(listed, MAX_MOVING, 15, always) == (10, 35)
    left = FrameMotion(0.06, 0.0, 0.0, 1.0, 8, 8, vacated_future=0.04)
    emptied = [*frames([0.06] * 10, 8), *[left] * 6, *frames([0.0] * 20, 8)]
    assert frozen_interval(emptied, MAX_MOVING, 15, always) == (16, 35)


def test_places_left_behind_end_the_interval_where_they_are_left() -> None:
    at_rest, gone = frames([0.0] * 20, 8), FrameMotion(0.0, 0.0, 0.0, 1.0, 15, 15, vacated_past=0.04)
    assert frozen_interval([*at_rest, *[gone] * 10, *frames([0.0] * 5, 8)], 0.1, 15, never) == (0, 19)
    # Frames before an arrival see through a place that is taken later, and are at rest against all before.
    ahead = FrameMotion(0.0, 0.0, 0.0, 1.0, 15, 15, vacated_future=0.04)
    assert frozen_interval([*at_rest, *[ahead] * 10, *frames([0.06] * 5, 8)], 0.1, 15, never) == (0, 29)


def test_who_is_back_in_place_at_the_end_is_masked_though_a_place_was_left_a_moment_ago() -> None:
    away, back = FrameMotion(0.06, 0.06, 0.06, 1.0, 8, 8), FrameMotion(0.0, 0.0, 0.0, 1.0, 8, 8, vacated_past=0.03)
    clip = [*frames([0.0] * 20, 8), *[away] * 6, *[back] * 8]
    assert frozen_interval(clip, 0.1, 15, always) == (0, 33)
    assert frozen_interval(clip, 0.1, 15, never) == (0, 19)


def test_points_that_are_gone_for_a_few_frames_were_never_there() -> None:
    odd = FrameMotion(0.0, 0.0, 0.0, 1.0, 15, 15, vacated_future=0.03)
    assert frozen_interval([*frames([0.0] * 11, 8), *[odd] * 3, *frames([0.0] * 40, 8)], 0.1, 15, never) == (0, 53)


def test_copies_and_unknown_frames_do_not_count_as_frozen() -> None:
    still = [FrameMotion(0.0, 0.0, 0.0, 1.0, 0, 0, distinct=i % 4 == 0) for i in range(20)]
    with pytest.raises(Rejected, match="at most 5 frames"):
        frozen_interval(still, MAX_MOVING, 15, always)
    unknown = [FrameMotion(0.0, 0.0, 0.0, 0.1, 0, 0)] * 20
    with pytest.raises(Rejected, match="at most 0 frames"):
        frozen_interval(unknown, MAX_MOVING, 15, always)
    # Nor do they end an interval, as motion would.
    assert frozen_interval(frames([0.0] * 10) + unknown[:5] + frames([0.0] * 10), MAX_MOVING, 15, always) == (0, 24)


def test_too_short_a_run_is_refused_with_figure_and_bound() -> None:
    with pytest.raises(Rejected) as verdict:
        interval([0.4, 0, 0, 0, 0.4], 15)
    assert (verdict.value.reason, verdict.value.measured, verdict.value.threshold) == ("scene_not_frozen", 3, 15)
