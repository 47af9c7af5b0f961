"""Published rows: complete, in range, and marked as quoted."""

from __future__ import annotations

import pytest

from sfm_gt.errors import ConfigError
from sfm_gt.metrics.alignment import ALIGNMENTS
from sfm_gt.metrics.cameras import CAMERAS
from sfm_gt.metrics.depth import METRICS
from sfm_gt.models.shared.prediction import KINDS
from sfm_gt.public_datasets import names
from sfm_gt.report.published import published, tables


def _value(table, model, on, metric):
    (found,) = [f.value for f in published(table) if (f.model, f.on, f.metric) == (model, on, metric)]
    return found


def test_figures_as_printed():
    assert _value("zero_shot_relative", "Depth Anything L", "diode", "abs_rel") == 0.066
    assert _value("zero_shot_relative", "MiDaS v3.1 L", "nyuv2", "delta1") == 0.980
    assert _value("fine_tuned_metric", "ZoeDepth", "kitti", "abs_rel") == 0.054
    assert _value("video", "DepthCrafter", "bonn", "delta1") == 0.972
    assert _value("latency", "Depth Anything B", "RTX 4090 (TensorRT)", "forward_ms") == 6
    assert {f.parameters for f in published("zero_shot_relative") if f.model == "Depth Anything S"} == {24_800_000}
    assert _value("da3_bench", "DA3-GIANT", "seven_scenes", "f_score_gt") == 0.5635
    assert _value("plumbline", "Depth Anything v2 L", "nyuv2", "abs_rel") == 0.0428
    counts = {table: len(published(table)) for table in tables()}
    assert counts == {
        "da3_bench": 8, "depth_anything_v2": 13, "fine_tuned_metric": 8, "latency": 9, "moge": 13, "plumbline": 13,
        "plumbline_moge": 13, "video": 16, "zero_shot_relative": 48,
    }  # fmt: skip


def test_a_row_may_be_of_another_kind_than_its_table():
    kinds = {figure.model: (figure.kind, figure.alignment) for figure in published("moge")}
    assert kinds == {
        "MoGe-1 L": ("affine_invariant_depth", "l1rel_affine_depth"),
        "Depth Anything v2 L": ("affine_invariant_disparity", "ls_affine_disparity"),
    }


@pytest.mark.parametrize("table", tables())
def test_every_figure_is_marked_and_has_the_names_of_measured_ones(table):
    families = {name.split("_")[0] for name in names()} | set(names())
    for figure in published(table):
        assert figure.quoted
        assert figure.source
        assert figure.protocol
        assert figure.kind in KINDS
        if figure.metric == "forward_ms":
            continue
        assert figure.metric in (*METRICS, *CAMERAS, "f_score_own", "f_score_gt")
        assert 0 < figure.value < 1
        assert figure.on in families
        assert figure.alignment in (ALIGNMENTS if figure.metric in METRICS else [None])


def test_an_unknown_table():
    with pytest.raises(ConfigError, match="no table 'nyu', known are da3_bench, depth_anything_v2"):
        published("nyu")
