"""The bookkeeping of the benchmark of yields, by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.accuracy.gates import ACCEPTED, CRASH, REFUSED, Part, Passed, runs
from benchmarks.accuracy.yields import Expected, cases, judge, summary

N = 100
TAKES = ((0, 39), (60, 99))


def _passed(*parts: Part) -> Passed:
    return Passed("video", N, list(parts), {"ingest": 1.0})


def _accepted(first: int, last: int, registered: tuple[int, int] | None = None) -> Part:
    return Part(
        f"v-{first}", first, last, ACCEPTED, "sfm", registered=[registered or (first, last)], cpu_s={"sfm": 2.0}
    )


def _refused(first: int, last: int, reason: str, stage: str = "sfm", frozen: tuple[int, int] | None = None) -> Part:
    return Part(f"v-{first}", first, last, REFUSED, stage, reason, frozen=frozen)


def _expected(verdict: str, **more: tuple) -> Expected:
    return Expected("video", verdict, "choose", **more)


def test_runs_of_frames() -> None:
    assert runs([5, 3, 4, 9]) == [(3, 5), (9, 9)]
    assert runs([]) == []


@pytest.mark.parametrize(
    ("parts", "given", "right"),
    [
        ([_accepted(0, 99, (3, 99))], "whole", True),
        ([_accepted(0, 99, (10, 99))], "part", False),
        ([_accepted(0, 49), _accepted(50, 99)], "whole", False),  # in two pieces
        ([_refused(0, 99, "sfm_failed")], "refuse", False),
        ([_accepted(0, 97), Part("v-98", 98, 99, CRASH, "unknown")], CRASH, False),
    ],
)
def test_a_usable_video_is_kept_whole_and_in_one_piece(parts: list[Part], given: str, right: bool) -> None:
    row = judge(_passed(*parts), _expected("accept"))
    assert (row["given"], row["right"]) == (given, right)
    assert row["usable_kept"] + row["usable_lost"] == N
    assert row["unusable_kept"] == row["unusable_refused"] == 0


def test_a_refused_video_needs_a_right_reason_for_most_of_its_frames() -> None:
    expected = _expected("refuse", reasons=("scene_not_frozen",))
    row = judge(_passed(_refused(0, 69, "scene_not_frozen"), _refused(70, 99, "sfm_failed")), expected)
    assert row["right"]
    assert row["reason_right"]
    assert row["reasons"] == {"scene_not_frozen": 70, "sfm_failed": 30}
    assert row["unusable_refused"] == N
    assert not judge(_passed(_refused(0, 99, "sfm_failed")), expected)["reason_right"]
    kept = judge(_passed(_accepted(0, 19), _refused(20, 99, "scene_not_frozen")), expected)
    assert not kept["right"]
    assert (kept["unusable_kept"], kept["unusable_refused"]) == (20, 80)


@pytest.mark.parametrize(
    ("parts", "blended", "ends", "right"),
    [
        ([_accepted(0, 39), _refused(40, 59, "transition", "clips"), _accepted(60, 99)], 0, [[0, 0], [0, 0]], True),
        ([_accepted(0, 37), _accepted(62, 99)], 0, [[0, -2], [2, 0]], True),
        ([_accepted(0, 36), _accepted(60, 99)], 0, [[0, -3], [0, 0]], False),
        ([_accepted(0, 40), _accepted(60, 99)], 1, [[0, 0], [0, 0]], False),
        # Both takes in one clip: the second take's frames are in the wrong one.
        ([_accepted(0, 99)], 60, [[0, 0], None], False),
        # A camera that could not be proven is no matter of the cut; the frozen interval is.
        ([_refused(0, 45, "focal_uncertain", frozen=(0, 39)), _accepted(60, 99)], 0, [[0, 0], [0, 0]], True),
        ([_refused(0, 39, "scene_not_frozen"), _accepted(60, 99)], 0, [None, [0, 0]], False),
        ([_refused(0, 39, "static_camera", "frames"), _accepted(60, 99)], 0, [None, [0, 0]], False),
    ],
)
def test_takes_are_kept_apart_and_to_their_ends(parts: list[Part], blended: int, ends: list, right: bool) -> None:
    row = judge(_passed(*parts), _expected("cut", takes=TAKES))
    assert (row["blended_kept"], row["end_errors"], row["right"]) == (blended, ends, right)


def test_frames_left_to_taste_are_neither_kept_wrongly_nor_lost() -> None:
    expected = _expected("trim", takes=((0, 79),), optional=((80, 99),))
    for last in (79, 99):
        row = judge(_passed(_accepted(0, last)), expected)
        assert row["right"]
        assert (row["usable_kept"], row["unusable_kept"], row["unusable_refused"]) == (80, 0, 0)


def test_summary_counts_frames_cost_and_what_vanished() -> None:
    rows = [
        judge(_passed(_accepted(0, 89)), _expected("accept")),
        judge(_passed(_refused(0, 99, "sfm_failed")), _expected("refuse", reasons=("static_camera",))),
        judge(_passed(_accepted(0, 99)), _expected("either")),
    ]
    found = summary(rows)
    assert found["by_frames"] == {
        "usable_kept": 90, "usable_lost": 10, "unusable_kept": 0, "unusable_refused": 100, "unaccounted": 10,
    }  # fmt: skip
    assert found["by_clips"]["accept"] == {"part": 1}
    assert found["shown"] == {
        "usable_whole": False, "none_accepted": True, "reasons": False, "takes": True, "every_frame_accounted": False,
        "no_crash": True,
    }  # fmt: skip
    assert found["cpu_s_a_frame"] == {"ingest": pytest.approx(3 / 300), "sfm": pytest.approx(4 / 190, abs=1e-4)}


def test_both_formats_of_expectations_and_a_video_without_its_sidecar(tmp_path: Path) -> None:
    for name in ("parking.mp4", "kettle_static.avi", "d_hold.mp4"):
        (tmp_path / name).touch()
    (tmp_path / "parking.yaml").write_text("camera: {focal_px: 300}\n")
    (tmp_path / "expected.yaml").write_text(
        "parking: {expect: accept, frames: null}\nkettle_static.avi: {verdict: reject}\n"
        "d_hold: {expect: trim, frames: [0, 80]}\n"
    )
    found = {expected.name: (video, expected) for video, expected in cases(tmp_path)}
    assert {name: expected.verdict for name, (_, expected) in found.items()} == {
        "parking": "accept", "kettle_static": "refuse", "d_hold": "trim", "parking without sidecar": "refuse",
    }  # fmt: skip
    assert found["parking"][0].sidecar is not None
    assert found["parking without sidecar"][0].sidecar is None
    assert found["parking without sidecar"][1].reasons == ("focal_uncertain",)
    assert found["d_hold"][1].takes == ((0, 80),)
    assert found["d_hold"][1].half == "choose"
    assert found["parking"][1].half == "report"
