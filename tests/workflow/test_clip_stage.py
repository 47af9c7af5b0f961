"""What a stage reads is what an earlier one wrote, or it is noticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sfm_gt.errors import InputError, Rejected
from sfm_gt.formats.manifest import Manifest, read_manifest
from sfm_gt.formats.workspace import Workspace
from sfm_gt.workflow.clip_stage import run_clip_stage

CLIP = "a-000"


def _write(folder: Path) -> dict[str, Any]:
    (folder / "inner").mkdir()
    (folder / "000000.npz").write_bytes(b"depth")
    (folder / "inner" / "000000.png").write_bytes(b"mask")
    return {"frames": 1}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path)
    run_clip_stage(workspace, CLIP, "frames", 1, (), _write)
    run_clip_stage(workspace, CLIP, "dense", 1, ("frames",), _write)
    return workspace


def _moving(workspace: Workspace) -> Manifest:
    return run_clip_stage(workspace, CLIP, "moving", 1, ("frames", "dense"), _write)


def test_untouched_files_are_read(workspace: Workspace) -> None:
    (workspace.clip_stage(CLIP, "dense") / ".DS_Store").touch()
    assert _moving(workspace).ok
    assert sorted(read_manifest(workspace.clip_stage(CLIP, "moving")).files) == ["000000.npz", "inner/000000.png"]


@pytest.mark.parametrize("stage", ["frames", "dense"])
@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda folder: (folder / "000000.npz").unlink(), "000000.npz: is missing"),
        (lambda folder: (folder / "000000.npz").write_bytes(b"truth"), "000000.npz: was changed"),
        (lambda folder: (folder / "inner" / "000000.png").write_bytes(b""), "000000.png: was changed"),
        (lambda folder: (folder / "000001.npz").write_bytes(b"depth"), "000001.npz: was added"),
    ],
)
def test_what_is_missing_added_or_changed_is_noticed_and_made_again(workspace: Workspace, stage, change, says) -> None:
    folder = workspace.clip_stage(CLIP, stage)
    change(folder)
    with pytest.raises(InputError) as error:
        _moving(workspace)
    assert str(folder) in str(error.value)
    assert says in str(error.value)
    assert not workspace.clip_stage(CLIP, "moving").exists()
    # The workflow makes again what has no manifest, and goes on.
    assert not (folder / "manifest.json").exists()
    run_clip_stage(workspace, CLIP, stage, 1, (), _write)
    assert _moving(workspace).ok


def test_a_verdict_is_passed_on_without_reading(workspace: Workspace) -> None:
    def refuse(folder: Path) -> dict[str, Any]:
        raise Rejected("small_parallax", "a.mp4: too little", 1, 2)

    run_clip_stage(workspace, CLIP, "dense", 1, ("frames",), refuse)
    (workspace.clip_stage(CLIP, "frames") / "000000.npz").unlink()
    assert (_moving(workspace).status, _moving(workspace).reason) == ("skipped", "small_parallax")
