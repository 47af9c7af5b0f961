"""Verdicts on real clips that need no reconstruction; all seven are judged by benchmarks/accuracy/verdicts.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.accuracy.verdicts import judge_folder

CHEAP = {"kettle_static.mp4": "rotation_only", "breakdance_static_camera.mp4": "static_camera"}


@pytest.mark.parametrize("name", sorted(CHEAP))
def test_a_clip_without_baseline_is_refused_as_a_careful_person_would(
    name: str, shared_data: Path, tmp_path: Path
) -> None:
    (row,) = judge_folder(shared_data / "videos", tmp_path, n_threads=1, names=[name])
    assert row["right"]
    assert row["reason"] == CHEAP[name]
    assert row["measured"] is not None
    assert row["threshold"] is not None
