"""Real clips that need no reconstruction; all of them are judged by benchmarks/accuracy/yields.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.accuracy.gates import pass_gates
from benchmarks.accuracy.yields import cases, judge
from sfm_gt.config import Config

CHEAP = {"breakdance_static_camera": "static_camera"}


@pytest.mark.parametrize("name", sorted(CHEAP))
def test_a_clip_without_baseline_is_refused_as_a_careful_person_would(
    name: str, shared_data: Path, tmp_path: Path
) -> None:
    folder = shared_data / "videos"
    ((video, expected),) = [case for case in cases(folder) if case[1].name == name]
    row = judge(pass_gates(video, Config(videos=folder, out=tmp_path), n_threads=1), expected)
    assert row["right"], row["parts"]
    assert row["reason_right"]
    (part,) = [part for part in row["parts"] if part["reason"] == CHEAP[name]]
    assert part["measured"] is not None
    assert part["threshold"] is not None
