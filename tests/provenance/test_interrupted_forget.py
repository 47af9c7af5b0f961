"""A forget or an export that was killed: it is completed, and until then nothing goes on."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from sfm_gt.commands import evaluate_predictions, export, forget, layers, pseudo_labels, publish
from sfm_gt.config import ProvenanceConfig
from sfm_gt.errors import InputError
from sfm_gt.formats.manifest import write_json
from sfm_gt.formats.workspace import Workspace
from sfm_gt.workflow.run_plan import prepare
from tests.e2e.workflow import tree_digest
from tests.provenance.killing import run_killed_at


def test_what_a_killed_export_left_is_found_and_removed(workspace: Workspace, tmp_path: Path, monkeypatch) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    target, finished = tmp_path / "elsewhere" / "export", tmp_path / "finished"
    export.run(workspace.root, "depth_anything", finished)
    with monkeypatch.context() as patch:
        patch.setattr("sfm_gt.formats.atomic.shutil.rmtree", lambda *_, **__: None)
        patch.setattr("sfm_gt.exporters.depth_anything.PLUGIN.write", killed)
        with pytest.raises(Killed):
            export.run(workspace.root, "depth_anything", target)
    (left,) = target.parent.glob(f".partial-*-{target.name}")
    (left / "image.jpg").write_bytes(b"a picture of anna")
    forget.run(workspace.root, "anna", [finished])
    assert not left.exists()


def test_killed_at_any_change_it_completes_when_run_again(workspace: Workspace, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(workspace.root, whole)
    forget.run(whole, "anna")
    expected = tree_digest(whole)
    change, killed = 1, True
    while killed:
        broken = tmp_path / "broken"
        shutil.copytree(workspace.root, broken)
        killed = run_killed_at(change, partial(forget.run, broken, "anna"))
        if killed:
            forget.run(broken, "anna")
            assert tree_digest(broken) == expected, f"killed before change {change}"
        shutil.rmtree(broken)
        change += 1
    assert change > 30, "every removal and every rewriting was interrupted once"


def test_a_run_refuses_to_start_on_a_half_forgotten_source(workspace: Workspace, tmp_path: Path, capsys) -> None:
    assert run_killed_at(5, partial(forget.run, workspace.root, "anna"))
    assert workspace.forget_journal.is_file()
    videos = tmp_path / "videos"
    videos.mkdir()
    (videos / "bert.mp4").touch()
    with pytest.raises(SystemExit):
        prepare(
            SimpleNamespace(
                is_main_process=True,
                modifier=SimpleNamespace(is_main_snakefile=lambda: True),
                storage_settings=SimpleNamespace(default_storage_provider=None),
                configfiles=[],
                config_settings=SimpleNamespace(config={}, config_args=None),
                output_settings=SimpleNamespace(dryrun=True, verbose=False, quiet=None),
            ),
            {"videos": str(videos), "out": str(workspace.root)},
        )
    assert "a forget was interrupted" in capsys.readouterr().err


def test_nothing_is_handed_on_while_a_source_is_half_forgotten(workspace: Workspace, tmp_path: Path) -> None:
    write_json(workspace.forget_journal, {})
    to, use = tmp_path / "to", ProvenanceConfig(use="research")
    for given in (workspace.root, workspace.dataset):
        for handing_on in (
            lambda out: export.run(out, "kitti", to),
            lambda out: publish.run(out, to, use),
            lambda out: layers.run(out, (), 0),
            lambda out: evaluate_predictions.run(out, [str(tmp_path)], ["metric_depth"], to, (), 1),
            lambda out: pseudo_labels.run(Workspace(workspace.root), "anna-000", "constant"),
        ):
            with pytest.raises(
                InputError, match="out: a forget was interrupted; complete it with `sfm-gt forget` first"
            ):
                handing_on(given)
    assert not to.exists()
    assert not (workspace.dataset / "layers").exists()
