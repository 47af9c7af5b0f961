"""What the benchmarks of verdicts share: whose frozen interval counts, and that a process may die without the others."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.accuracy.gates import Worker, frozen_interval
from sfm_gt.formats.frame_folder import FrozenInterval, write_frozen
from sfm_gt.formats.manifest import Manifest, write_manifest
from sfm_gt.formats.workspace import Workspace


def _stage(workspace: Workspace, stage: str, **manifest: object) -> Path:
    folder = workspace.clip_stage("clip", stage)
    folder.mkdir(parents=True, exist_ok=True)
    write_manifest(folder, Manifest(stage, 1, **manifest))  # type: ignore[arg-type]
    return folder


def test_the_later_stage_knows_the_frozen_interval(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert frozen_interval(workspace, "clip") is None
    write_frozen(_stage(workspace, "frames"), FrozenInterval(3, 30, {3: 1.0}))
    assert frozen_interval(workspace, "clip") == (3, 30)
    write_frozen(_stage(workspace, "sfm"), FrozenInterval(5, 20, {5: 1.0}))
    assert frozen_interval(workspace, "clip") == (5, 20)


def test_a_verdict_may_state_the_frozen_interval_in_its_figures(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    _stage(workspace, "frames")
    _stage(workspace, "sfm", status="rejected", measures={"frozen_first_frame": 7, "frozen_last_frame": 40})
    assert frozen_interval(workspace, "clip") == (7, 40)


def test_a_process_that_dies_or_raises_is_one_entry() -> None:
    worker = Worker()
    assert worker.call(os._exit, 3) == (None, "the process died")
    found, error = worker.call(divmod, 1, 0)
    assert found is None
    assert "ZeroDivisionError" in str(error)
    assert worker.call(divmod, 7, 2) == ((3, 1), None)
