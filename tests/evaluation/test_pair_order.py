"""Accuracy on pairs of points that people ordered, by hand on a small DA-2K."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sfm_gt.commands import evaluate_predictions
from sfm_gt.config import ModelConfig
from sfm_gt.errors import ConfigError
from sfm_gt.metrics.ordinal import in_order
from sfm_gt.public_datasets import open_benchmark
from sfm_gt.stages import predict
from tests.datasets import benchmark_trees


@pytest.fixture
def tree(tmp_path):
    """DA-2K beside predictions of depth (``theirs``) and of disparity (``turned``): of the five pairs three are in order."""
    benchmark_trees.da2k(tmp_path)
    # Depth grows by row, then by column: of the pairs of a.png those in rows 5 and 6, 0 and 23, and of columns 4 and 5.
    depth = 1.0 + np.arange(24)[:, None] + np.arange(32) / 100
    a, b, c = (depth.copy() for _ in range(3))
    a[3, 5] = np.nan  # the third pair has no answer at its farther end
    c[1, 1] = c[1, 2]  # level
    b = b.max() - b + 1  # row 20 is nearer than row 2, as annotated
    for clip, number, values in (("indoor", 0, a), ("indoor", 1, b), ("aerial", 0, c)):
        for name, stored in (("theirs", values), ("turned", 1 / values)):
            (tmp_path / name / clip).mkdir(parents=True, exist_ok=True)
            np.save(tmp_path / name / clip / f"{number:06d}.npy", stored.astype(np.float32))
    return tmp_path


def _table(tree, **options):
    folders = [str(tree / "theirs"), str(tree / "turned")]
    kinds = ["metric_depth", "affine_invariant_disparity"]
    arguments = {"protocols": (), "cores": 2, "benchmark": "da2k"} | options
    text = evaluate_predictions.run(tree, folders, kinds, tree / "found", **arguments)
    return text, pd.read_csv(tree / "found" / "table.csv").set_index(["model", "images_of"])


def test_the_share_of_pairs_in_order_by_hand(tree):
    text, table = _table(tree)
    for model in ("theirs", "turned"):
        of_model = table.loc[model]
        assert of_model["accuracy"].to_dict() == pytest.approx({"all": 3 / 5, "aerial": 0.0, "indoor": 3 / 4})
        assert of_model["pairs"].to_dict() == {"all": 5, "aerial": 1, "indoor": 4}
        assert of_model["unanswered"].to_dict() == {"all": 1, "aerial": 0, "indoor": 1}
    assert "accuracy ↑" in text


def test_a_missing_map_orders_nothing(tree):
    (tree / "theirs" / "indoor" / "000001.npy").unlink()
    _, table = _table(tree)
    assert table.loc[("theirs", "all"), "accuracy"] == pytest.approx(2 / 5)
    assert table.loc[("theirs", "all"), "unanswered"] == 2
    assert table.loc[("turned", "all"), "accuracy"] == pytest.approx(3 / 5)


def test_predictions_of_the_predict_stage_are_graded(tree):
    benchmark = open_benchmark("da2k", tree)
    predict.run_benchmark(benchmark, ModelConfig(name="theirs", method="constant"), tree / "theirs")
    predict.run_benchmark(benchmark, ModelConfig(name="net", method="onnx", path="builtin:smallnet"), tree / "turned")
    _, table = _table(tree)
    assert table.loc[("theirs", "all"), "accuracy"] == 0.0, "everything is level"
    assert table["unanswered"].sum() == 0


def test_what_pairs_do_not_have_is_refused(tree):
    with pytest.raises(ConfigError, match="pairs have no depth; leave --protocol, --fusion"):
        _table(tree, protocols=("sfm_gt",))


def test_order_needs_both_ends_and_a_difference():
    nearer, farther = np.array([1.0, 2.0, 2.0, np.nan, -np.inf, 1.0]), np.array([2.0, 1.0, 2.0, 1.0, 1.0, np.inf])
    assert in_order(np.stack([nearer, farther])).tolist() == [True, False, False, False, False, False]
