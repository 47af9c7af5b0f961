"""Distances to published figures: what explains them, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sfm_gt.commands import evaluate_predictions
from sfm_gt.errors import ConfigError
from sfm_gt.evaluation import published_comparison
from sfm_gt.evaluation.published_comparison import comparison_rows
from sfm_gt.metrics.evaluation import EvaluatedFrame, Evaluation
from sfm_gt.metrics.grading import FramePrediction, GtFrame
from sfm_gt.metrics.protocol import load_protocols
from sfm_gt.public_datasets import open_benchmark
from sfm_gt.report.published import PublishedFigure
from tests.datasets.benchmark_trees import TREES

SHAPE = (40, 60)
PROTOCOLS = ("sfm_gt", "depth_anything_v2", "moge")


@pytest.fixture(scope="module")
def evaluation():
    """Depth that is 30 % too far and somewhat wrong, so that alignments move its figures a lot."""
    rng = np.random.default_rng(0)
    gt = rng.uniform(2, 6, SHAPE)
    depth = 1.3 * gt * np.exp(0.05 * rng.normal(size=SHAPE)) + 0.5
    nowhere = np.zeros(SHAPE, bool)
    frame = EvaluatedFrame(
        "v", "v", 0, GtFrame(gt, nowhere, nowhere, None, True), None, None, None,
        {"m": FramePrediction("metric_depth", depth)},
    )  # fmt: skip
    found = Evaluation(load_protocols(PROTOCOLS, 0.1, 100.0, 10), {"m": "metric_depth"})
    found.add(found.grade(frame, found.pools("clip", 1)))
    return found


def _value(evaluation, protocol, alignment):
    tally = evaluation.tallies["m", protocol, alignment]
    return float(tally.means(tally.protocol.reducer)[0])


def _row(evaluation, monkeypatch, value, alignment="none", scope="image"):
    figure = PublishedFigure(
        "t", "Theirs", "eth3d", "abs_rel", value, None, "metric_depth", alignment, scope, "source", "protocol"
    )
    monkeypatch.setattr(published_comparison, "figures_for", lambda _: [figure])
    (row,) = comparison_rows(evaluation, "eth3d", {"m": "Theirs"})
    return row


def test_the_same_figure_needs_no_explanation(evaluation, monkeypatch):
    value = _value(evaluation, "sfm_gt", "none")
    row = _row(evaluation, monkeypatch, value * 1.01)
    assert row["explanation"] == "same figure"
    assert row["distance"] == pytest.approx(-0.01 * value)


def test_a_figure_of_another_alignment_is_found_among_those_of_the_same_predictions(evaluation, monkeypatch):
    row = _row(evaluation, monkeypatch, _value(evaluation, "moge", "l1rel_scale"))
    assert (row["nearest_protocol"], row["nearest_alignment"]) == ("moge", "l1rel_scale")
    assert row["explanation"].startswith("moge gives it; other than sfm_gt: alignment l1rel_scale, ")
    assert "reducer image" in row["explanation"]
    assert row["lowest"] < row["published_value"] < row["highest"]


def test_a_figure_between_protocols_and_one_beyond_them(evaluation, monkeypatch):
    low, high = _value(evaluation, "moge", "l1rel_affine_depth"), _value(evaluation, "sfm_gt", "none")
    between = _row(evaluation, monkeypatch, 0.5 * (low + high), "ls_affine_depth", "video")
    assert between["explanation"] == (
        "within what protocols alone move; published with alignment ls_affine_depth, here none and fitted over each video, "
        "here image"
    )
    beyond = _row(evaluation, monkeypatch, 3 * high)
    assert beyond["explanation"] == "no protocol here gives it: look at images, GT, checkpoint and size of the input"


def test_a_table_beside_the_others_and_what_is_refused(tmp_path):
    root = tmp_path / "sintel"
    root.mkdir()
    TREES["sintel_final"](root)
    theirs = tmp_path / "theirs"
    for frame in open_benchmark("sintel_final", root):
        (theirs / frame.clip_id).mkdir(parents=True, exist_ok=True)
        disparity = 1 / np.nan_to_num(frame.z_depth_m, nan=9.0)
        np.save(theirs / frame.clip_id / f"{frame.frame_index:06d}.npy", disparity.astype(np.float32))

    def run(*pairs, benchmark="sintel_final"):
        return evaluate_predictions.run(
            root, [str(theirs)], ["affine_invariant_disparity"], tmp_path / "found", ("midas",), 1, benchmark,
            compare_published=pairs,
        )  # fmt: skip

    assert "Depth Anything v2 L (quoted: plumbline)" in run("theirs=Depth Anything v2 L")
    found = pd.read_csv(tmp_path / "found" / "published.csv").set_index("published_value")
    assert set(found.index) == {0.487, 0.2140, 0.2321, 0.2139}
    assert found.loc[0.487, "value"] == pytest.approx(0, abs=1e-3)
    assert "no protocol here gives it" in found.loc[0.487, "explanation"]
    with pytest.raises(
        ConfigError, match=r"no figures of 'Depth Everything' on sintel_final; there are those of .*DepthCraf"
    ):
        run("theirs=Depth Everything")
    with pytest.raises(ConfigError, match="needed NAME=PUBLISHED MODEL with NAME one of theirs"):
        run("others=Depth Anything v2 L")
    with pytest.raises(ConfigError, match="a folder is named twice"):
        run("theirs=Depth Anything v2 L", "theirs=Depth Anything v3 L")
    # The protocol passes on what is not finite, so that there is no figure to compare.
    spoiled = next(theirs.rglob("*.npy"))
    values = np.load(spoiled)
    values[len(values) // 2] = np.nan
    np.save(spoiled, values)
    run("theirs=Depth Anything v2 L")
    found = pd.read_csv(tmp_path / "found" / "published.csv")
    assert found["value"].isna().all()
    assert found["explanation"].str.startswith("no figure here: ").all()
    with pytest.raises(ConfigError, match="needed NAME=PUBLISHED"):
        run("theirs")
