"""What a finished run may lose."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest

from sfm_gt.commands import tidy
from sfm_gt.errors import InputError
from sfm_gt.formats import run_lock
from sfm_gt.formats.workspace import Workspace


@pytest.fixture
def out(tmp_path: Path) -> Path:
    workspace = Workspace(tmp_path)
    workspace.config.write_text("seed: 0\n")
    for folder in (workspace.clip_stage("room-000", "maps"), workspace.clip_stage("room-000", "dataset")):
        folder.mkdir(parents=True)
    kept = workspace.clip_stage("room-000", "dataset") / "depth.png"
    kept.write_bytes(bytes(1000))
    os.link(kept, workspace.clip_stage("room-000", "maps") / "depth.png")
    (workspace.root / "work" / "frame.png").write_bytes(bytes(300))
    return tmp_path


def test_intermediate_results_go_and_the_data_set_stays(out: Path) -> None:
    # A process that cannot be any more: numbers end far below.
    host = re.sub(r"[^A-Za-z0-9.]", "_", socket.gethostname())
    (out / "dataset" / f".partial-{host}-999999999-0123abcd-index.parquet").write_bytes(bytes(70))
    assert tidy.run(out) == 370, "what the data set shares does not come free"
    assert not (out / "work").exists()
    assert not list(out.rglob(".partial-*"))
    assert (Workspace(out).clip_stage("room-000", "dataset") / "depth.png").stat().st_size == 1000
    assert tidy.run(out) == 0


def test_it_touches_nothing_where_a_run_or_an_unfinished_forget_is(out: Path, tmp_path_factory) -> None:
    with run_lock.try_hold(Workspace(out).lock("run")), pytest.raises(InputError, match="a run is at work there"):
        tidy.run(out)
    Workspace(out).forget_journal.write_text("{}")
    with pytest.raises(InputError, match="complete it with `sfm-gt forget`"):
        tidy.run(out)
    assert (out / "work" / "frame.png").is_file()
    with pytest.raises(InputError, match="no output folder of a run"):
        tidy.run(tmp_path_factory.mktemp("other"))
