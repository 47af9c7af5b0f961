"""A model that set a clip's scale is not graded in metres there; tables and loader say where metres come from."""

from __future__ import annotations

import json

import numpy as np
import pytest

import sfm_gt
from sfm_gt.config import EvaluateConfig, ModelConfig
from sfm_gt.formats import dataset_layout as layout
from sfm_gt.formats.manifest import read_json, read_manifest, write_json, write_manifest
from sfm_gt.stages import evaluate

CONFIG = EvaluateConfig(min_pixels=20, protocols=("sfm_gt",))


def _rows(workspace, *names: str) -> dict:
    models = [ModelConfig(name=name, method="on_disk") for name in names]
    evaluate.run(workspace, CONFIG, models, ("far", "lost", "near"))
    summary = json.loads((workspace.evaluation / "summary.json").read_text())
    return {(row["model"], row["alignment"]): row for row in summary["rows"]} | {"summary": summary}


@pytest.fixture
def set_by(workspace, predict_by_hand, tiny):
    """Two metric models on both clips; gives a function that notes who set the scale of the metric clip ``near``."""
    for name, factor in (("net", 1.1), ("other", 1.2)):
        for clip in ("near", "far"):
            predict_by_hand(name, clip, "metric_depth", lambda _, by=factor: np.nan_to_num(tiny.gt, nan=5.0) * by)
            folder = workspace.predictions(name, clip)
            manifest = read_manifest(folder)
            manifest.measures["model_sha256"] = f"sha256 of {name}"
            write_manifest(folder, manifest)

    def note(*models: str) -> None:
        path = workspace.clip_stage("near", "dataset") / layout.CLIP_JSON
        content = read_json(path)
        scale = {
            "metric_from_sfm": 2.0,
            "sigma_log_scale": 0.013,
            "set_by": list(models),
            "contradictions": ["positions"],
        }
        write_json(path, content | {"scale": content["scale"] | scale})

    return note


@pytest.mark.parametrize("known_as", ["net", "sha256 of net"])
def test_a_model_that_set_the_scale_has_no_metric_figure_there_under_any_name(workspace, set_by, known_as):
    set_by(known_as)
    rows = _rows(workspace, "net", "other")
    assert rows["net", "none"]["frames"] == 0
    assert rows["net", "none"]["abs_rel"] is None
    assert rows["net", "none"]["rank"] is None
    assert rows["net", "median"]["frames"] > 0, "up to scale it is graded as all are"
    assert rows["other", "none"]["frames"] == 3
    assert rows["other", "none"]["abs_rel"] == pytest.approx(0.2, abs=1e-6)
    notes = rows["summary"]["notes"]
    assert any(note.startswith("net set the metric scale of near") for note in notes)
    assert any(entry.get("reason") == "set_the_scale" for entry in rows["summary"]["unscored"])


def test_without_such_a_model_both_are_graded(workspace, set_by):
    set_by()
    rows = _rows(workspace, "net", "other")
    assert rows["net", "none"]["abs_rel"] == pytest.approx(0.1, abs=1e-6)


def test_tables_state_sigma_cues_and_contradictions(workspace, set_by):
    set_by()
    notes = " ".join(_rows(workspace, "net")["summary"]["notes"])
    assert "Metric scale of 1 clip by known_distance: σ 1.3 % (median), 1.3 % (largest)" in notes
    assert "contradict one another on near" in notes


def test_the_loader_shows_scale_sigma_and_evidence(workspace, set_by):
    set_by("net")
    dataset = sfm_gt.open_dataset(workspace.root)
    scale = dataset.clip_scale("near")
    assert (scale.metric, scale.metric_from_sfm, scale.sigma_log_scale) == (True, 2.0, 0.013)
    assert (scale.cues, scale.contradictions, scale.set_by) == (("known_distance",), ("positions",), ("net",))
    far = dataset.clip_scale("far")
    assert (far.metric, far.metric_from_sfm, far.sigma_log_scale) == (False, None, None)
