"""Tables against numbers worked by hand on the data set of conftest.py, and sabotage that must change them."""

from __future__ import annotations

import hashlib
import json

import cv2
import numpy as np
import pandas as pd
import pytest

from sfm_gt.commands import evaluate_predictions
from sfm_gt.config import EvaluateConfig, ModelConfig
from sfm_gt.errors import ConfigError, InputError
from sfm_gt.formats import dataset_layout as layout
from sfm_gt.formats.manifest import Manifest, write_manifest
from sfm_gt.metrics.shipped import SHIPPED_FOLDER
from sfm_gt.models.shared.stored import read_map, write_prediction
from sfm_gt.stages import evaluate

CONFIG = EvaluateConfig(min_pixels=20, protocols=("sfm_gt",))
CLIPS = ("far", "lost", "near")


def _evaluate(workspace, *names: str) -> dict:
    evaluate.run(workspace, CONFIG, [ModelConfig(name=name, method="on_disk") for name in names], CLIPS)
    return json.loads((workspace.evaluation / "summary.json").read_text())


def test_predictions_without_a_workflow(workspace, tiny, tmp_path):
    gt = np.nan_to_num(tiny.gt, nan=5.0)
    for clip in ("near", "far"):
        (tmp_path / "theirs" / clip).mkdir(parents=True)
        for frame_index in (7, 9):
            np.save(tmp_path / "theirs" / clip / f"{frame_index:06d}.npy", gt * np.float32(1.1))
    table = evaluate_predictions.run(
        workspace.root, [str(tmp_path / "theirs")], ["metric_depth"], tmp_path / "found", ("sfm_gt",), 2
    )
    assert "| theirs | – | 0.100 | 1.000 | none | metric_depth |" in table
    (row,) = [
        r for r in json.loads((tmp_path / "found" / "summary.json").read_text())["rows"] if r["alignment"] == "none"
    ]
    assert (row["frames"], row["missing_frames"]) == (2, 1)


@pytest.mark.parametrize("kept", ["thesis.txt", "table.md", "clips/near.npy"])
def test_a_folder_that_holds_other_things_is_not_replaced(workspace, tiny, tmp_path, kept):
    file, theirs = tmp_path / "found" / kept, tmp_path / "theirs" / "near"
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    theirs.mkdir(parents=True)
    np.save(theirs / "000007.npy", np.nan_to_num(tiny.gt, nan=5.0))

    def run(out):
        evaluate_predictions.run(workspace.root, [str(theirs.parent)], ["metric_depth"], out, ("sfm_gt",), 1)

    with pytest.raises(InputError, match="is no earlier evaluation"):
        run(tmp_path / "found")
    assert file.read_text() == "mine"
    with pytest.raises(InputError, match="is no earlier evaluation"):
        run(theirs.parent)
    assert (theirs / "000007.npy").is_file()
    for _ in range(2):
        run(tmp_path / "tables")
    (tmp_path / "tables" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds 'thesis\.txt'"):
        run(tmp_path / "tables")


def test_a_kind_is_checked_where_there_are_predictions(workspace, tiny, tmp_path, monkeypatch):
    # The frames that are looked at first are those without.
    monkeypatch.setattr("sfm_gt.evaluation.kind_check.N_FRAMES", 2)
    (tmp_path / "theirs" / "near").mkdir(parents=True)
    np.save(tmp_path / "theirs" / "near" / "000009.npy", 1 / np.nan_to_num(tiny.gt, nan=1.0))
    with pytest.raises(InputError, match=r"declared as metric_depth .* over 1 frames"):
        evaluate_predictions.run(
            workspace.root, [str(tmp_path / "theirs")], ["metric_depth"], tmp_path / "found", ("sfm_gt",), 1
        )


def test_folders_of_predictions_are_compared(workspace, tiny, tmp_path):
    gt = np.nan_to_num(tiny.gt, nan=5.0)
    for name, values in (("good", gt * np.float32(1.1)), ("theirs", 1 / (gt * np.float32(1.3)))):
        for clip in ("near", "far"):
            (tmp_path / name / clip).mkdir(parents=True)
            for frame_index in (7, 9, 30):
                np.save(tmp_path / name / clip / f"{frame_index:06d}.npy", values)
    folders, kinds = (
        [str(tmp_path / "good"), f"bad={tmp_path / 'theirs'}"],
        ["metric_depth", "affine_invariant_disparity"],
    )
    evaluate_predictions.run(workspace.root, folders, kinds, tmp_path / "found", ("sfm_gt",), 1)
    summary = json.loads((tmp_path / "found" / "summary.json").read_text())
    assert {(row["model"], row["kind"]) for row in summary["rows"]} == set(zip(("good", "bad"), kinds, strict=True))
    # The clip "far" has no metres, so a metric model is not graded unaligned there.
    assert {(one["model"], one["other"], one["frames"]) for one in summary["differences"]} == {("good", "bad", 3)}
    with pytest.raises(ConfigError, match="found 3 for 2 folders"):
        evaluate_predictions.run(workspace.root, folders, [*kinds, kinds[0]], tmp_path / "found", (), 1)
    with pytest.raises(ConfigError, match="'good' is given twice; give NAME=FOLDER"):
        evaluate_predictions.run(workspace.root, folders[:1] * 2, kinds[:1], tmp_path / "found", (), 1)


def test_a_models_own_sigma_lies_beside_its_maps(workspace, tiny, tmp_path):
    for beside in ("", "sigma"):
        (tmp_path / "theirs" / "near" / beside).mkdir(parents=True, exist_ok=True)
    gt = np.nan_to_num(tiny.gt, nan=5.0)
    np.save(tmp_path / "theirs" / "near" / "000007.npy", gt * np.float32(1.1))
    np.save(tmp_path / "theirs" / "near" / "sigma" / "000007.npy", gt * np.float32(0.1001))
    table = evaluate_predictions.run(
        workspace.root, [str(tmp_path / "theirs")], ["metric_depth"], tmp_path / "found", ("sfm_gt",), 1
    )
    assert "| within σ (0.683) | NLL ↓ |" in table
    summary = json.loads((tmp_path / "found" / "summary.json").read_text())
    assert _row(summary, "theirs", "none")["sigma_coverage"] == 1.0


@pytest.mark.parametrize("in_workflow", [True, False])
def test_stored_maps_of_another_size_come_to_the_size_of_the_gt_by_the_protocols_rule(
    workspace, predict_by_hand, tiny, tmp_path, in_workflow
):
    # Each cell of 2 x 2 pixels holds one depth, so nearest pixels restore the map and bilinear ones blend it at steps.
    (tmp_path / "theirs" / "near").mkdir(parents=True)
    half = np.nan_to_num(tiny.gt, nan=5.0)[::2, ::2]
    np.save(tmp_path / "theirs" / "near" / "000007.npy", half)
    shipped = (SHIPPED_FOLDER / "sfm_gt.yaml").read_text()
    errors = {}
    for rule in ("bilinear", "nearest"):
        (tmp_path / f"{rule}.yaml").write_text(shipped.replace("name: sfm_gt", f"name: {rule}") + f"resize: {rule}\n")
    protocols = (str(tmp_path / "bilinear.yaml"), str(tmp_path / "nearest.yaml"))
    if in_workflow:
        predict_by_hand("net", "near", "metric_depth", lambda _: half)
        config = EvaluateConfig(min_pixels=20, protocols=protocols)
        evaluate.run(workspace, config, [ModelConfig(name="net", method="on_disk")], ("near",))
    else:
        evaluate_predictions.run(
            workspace.root, [str(tmp_path / "theirs")], ["metric_depth"], tmp_path / "found", protocols, 1
        )
    found = workspace.evaluation if in_workflow else tmp_path / "found"
    for row in json.loads((found / "summary.json").read_text())["sensitivity"]:
        if row["alignment"] == "none":
            errors[row["protocol"]] = row["abs_rel"]
    assert errors["nearest"] == 0.0
    assert errors["bilinear"] > 0.001


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("metric_depth", "declared as metric_depth.*declare affine_invariant_disparity, or negate"),
        ("disparity", "--kind: found 'disparity', needed one of metric_depth"),
    ],
)
def test_predictions_of_a_wrong_kind_leave_nothing(workspace, tiny, tmp_path, kind, words):
    (tmp_path / "theirs" / "near").mkdir(parents=True)
    np.save(tmp_path / "theirs" / "near" / "000007.npy", 1 / np.nan_to_num(tiny.gt, nan=5.0))
    with pytest.raises((InputError, ConfigError), match=words):
        evaluate_predictions.run(workspace.root, [str(tmp_path / "theirs")], [kind], tmp_path / "found", (), 1)
    assert not (tmp_path / "found").exists()


def test_cores_do_not_change_the_figures(workspace, metric_model):
    evaluate.run(workspace, CONFIG, [ModelConfig(name="net", method="on_disk")], CLIPS, cores=1)
    one = (workspace.evaluation / "table.csv").read_bytes()
    evaluate.run(workspace, CONFIG, [ModelConfig(name="net", method="on_disk")], CLIPS, cores=3)
    assert (workspace.evaluation / "table.csv").read_bytes() == one


@pytest.mark.parametrize("values", [0.0, 3.0])
def test_constant_predictions_are_graded_or_counted(workspace, predict_by_hand, tiny, values):
    for clip in ("near", "far"):
        predict_by_hand(
            "flat", clip, "affine_invariant_disparity", lambda _: np.full((tiny.height, tiny.width), values)
        )
    row = _row(_evaluate(workspace, "flat"), "flat", "ls_affine_disparity")
    assert row["frames"] == 6
    assert row["abs_rel"] > 0.1


def test_every_protocol_and_region_in_one_run(workspace, metric_model, predict_by_hand, tiny):
    for clip in ("near", "far"):
        predict_by_hand("d", clip, "affine_invariant_disparity", lambda _: 1 / np.nan_to_num(tiny.gt, nan=1))
    evaluate.run(
        workspace, EvaluateConfig(min_pixels=20), [ModelConfig(name=n, method="on_disk") for n in ("net", "d")], CLIPS
    )
    frames = pd.read_parquet(workspace.evaluation / "frames.parquet")
    assert set(frames.protocol) == set(EvaluateConfig().protocols)
    # With two depths only, the nearest third ends where it begins, and the left half is the middle one.
    regions = {"all", "static", "moving", "person", "environment", "boundary", "mid", "far"}
    assert set(frames[frames.clip_id == "near"].region) == regions
    assert frames.value.notna().all()
    sensitivity = (workspace.evaluation / "sensitivity.md").read_text()
    for name, protocol in json.loads((workspace.evaluation / "summary.json").read_text())["protocols"].items():
        assert name in sensitivity
        assert protocol["gt_range_m"] == ([0.1, 100.0] if name == "megasam" else [0.001, 80.0])
    assert "without flip averaging for d, net" in (workspace.evaluation / "table.md").read_text()


def _row(summary: dict, model: str, alignment: str) -> dict:
    (row,) = [r for r in summary["rows"] if (r["model"], r["alignment"]) == (model, alignment)]
    return row


@pytest.fixture
def metric_model(predict_by_hand, tiny):
    """GT x 1.1 in frame 7, x 1.3 in frame 9, nothing for frame 30; the same in the clip without metres."""

    def values(frame_index):
        return {7: np.nan_to_num(tiny.gt, nan=5.0) * 1.1, 9: np.nan_to_num(tiny.gt, nan=5.0) * 1.3}.get(frame_index)

    predict_by_hand("net", "near", "metric_depth", values)
    predict_by_hand("net", "far", "metric_depth", values)


def test_metric_model_unaligned_is_graded_on_metric_clips_only(workspace, metric_model):
    row = _row(_evaluate(workspace, "net"), "net", "none")
    assert row["abs_rel"] == pytest.approx((0.1 + 0.3) / 2, abs=1e-6)
    assert row["delta1"] == pytest.approx(0.5)  # 1.1 is inside 1.25, 1.3 is not
    assert row["mae"] == pytest.approx((0.1 * 3 + 0.3 * 3) / 2, abs=1e-6)  # mean depth 3
    assert (row["videos"], row["frames"], row["pixels"]) == (1, 2, 2 * 144)
    assert (row["missing_frames"], row["not_metric_frames"]) == (1, 3)


def test_median_takes_the_scale_away_and_counts_both_clips(workspace, metric_model):
    row = _row(_evaluate(workspace, "net"), "net", "median")
    assert row["abs_rel"] == pytest.approx(0.0, abs=1e-6)
    assert row["delta1"] == 1.0
    assert (row["videos"], row["frames"], row["missing_frames"], row["not_metric_frames"]) == (2, 4, 2, 0)


def test_constant_under_median_by_hand(workspace, predict_by_hand, tiny):
    ones = np.ones((tiny.height, tiny.width))
    for clip in ("near", "far"):
        predict_by_hand("flat", clip, "scale_invariant_depth", lambda _: ones)
    row = _row(_evaluate(workspace, "flat"), "flat", "median")
    # The median of as many 2 as 4 is 3: errors 1/2 and 1/4; 3/2 and 4/3 both leave 1.25.
    assert row["abs_rel"] == pytest.approx((0.5 + 0.25) / 2, abs=1e-6)
    assert row["delta1"] == 0.0


def test_affine_disparity_is_exact_for_affine_disparity(workspace, predict_by_hand, tiny):
    for clip in ("near", "far"):
        predict_by_hand(
            "relative", clip, "affine_invariant_disparity", lambda _: -7 + 40 / np.nan_to_num(tiny.gt, nan=1)
        )
    row = _row(_evaluate(workspace, "relative"), "relative", "ls_affine_disparity")
    assert row["abs_rel"] == pytest.approx(0.0, abs=1e-6)
    assert row["frames"] == 6


def test_disparity_declared_as_depth_is_refused_with_a_hint(workspace, predict_by_hand, metric_model, tiny):
    for clip in ("near", "far"):
        predict_by_hand("odd", clip, "affine_invariant_depth", lambda _: 1 / np.nan_to_num(tiny.gt, nan=1))
    summary = _evaluate(workspace, "net", "odd")
    assert {row["model"] for row in summary["rows"]} == {"net"}, "the others are graded all the same"
    table = (workspace.evaluation / "table.md").read_text()
    assert "odd refused: declared as affine_invariant_depth" in table
    assert "declare affine_invariant_disparity, or negate the values" in table


def test_videos_weigh_the_same_however_many_frames(workspace, predict_by_hand, tiny):
    gt = np.nan_to_num(tiny.gt, nan=1.0)
    bent = np.where(gt == 2, 2.0, 5.0)  # median 3.5 for 3: 2 -> 12/7, 4 -> 30/7
    predict_by_hand("net", "near", "scale_invariant_depth", lambda i: gt if i == 7 else None)
    predict_by_hand("net", "far", "scale_invariant_depth", lambda i: np.minimum(bent, 14 / 3))
    row = _row(_evaluate(workspace, "net"), "net", "median")
    # far: 2 and 14/3, median 10/3 for 3, x 0.9: 1.8 and 4.2 clamped to the largest GT, 4. Errors 0.1 and 0.
    assert row["abs_rel"] == pytest.approx((0.0 + 0.05) / 2, abs=1e-6)
    assert row["abs_rel_image_mean"] == pytest.approx(3 * 0.05 / 4, abs=1e-6)


def test_non_finite_pixels_and_frames_are_counted(workspace, predict_by_hand, tiny):
    gt = np.nan_to_num(tiny.gt, nan=1.0)

    def values(frame_index):
        holed = gt * 1.1
        holed[3:6] = np.nan if frame_index == 7 else np.inf
        return np.full_like(gt, np.nan) if frame_index == 30 else holed

    predict_by_hand("holes", "near", "metric_depth", values)
    predict_by_hand("holes", "far", "metric_depth", values)
    summary = _evaluate(workspace, "holes")
    row = _row(summary, "holes", "none")
    assert row["abs_rel"] == pytest.approx(0.1, abs=1e-6)
    assert row["missing_pixel_share"] == pytest.approx(3 / 9)
    assert (row["frames"], row["missing_frames"]) == (2, 1)
    refused = {
        "model": "holes",
        "alignment": "none",
        "reason": "non_finite_prediction",
        "frames": 1,
        "protocol": "sfm_gt",
    }
    assert refused in summary["unscored"]


def test_long_format_holds_regions_with_the_fit_of_the_whole(workspace, metric_model):
    _evaluate(workspace, "net")
    frames = pd.read_parquet(workspace.evaluation / "frames.parquet")
    near = frames[(frames.clip_id == "near") & (frames.metric == "abs_rel") & (frames.alignment == "none")]
    pixels = near[near.frame_index == 7].set_index("region").n_pixels.to_dict()
    # Two depths: the near and the middle third are the left half, and the band is three pixels to either side.
    assert pixels["all"] == pixels["static"] == 144
    assert (pixels["person"], pixels["environment"]) == (36, 108)
    assert not set(frames[frames.clip_id == "far"].region) & {"person", "environment", "moving"}
    assert not set(frames[frames.clip_id == "far"].metric) & {"rmse", "mae", "irmse", "sq_rel_eigen"}


def test_tables_name_protocol_alignment_and_clips_without_metres(workspace, metric_model):
    summary = _evaluate(workspace, "net")
    for name in ("table.md", "table.tex", "table.csv"):
        text = (workspace.evaluation / name).read_text()
        assert summary["protocol_hash"] in text
        assert "median" in text
    assert "metric: false for 1 of 2 clips (far)" in (workspace.evaluation / "table.md").read_text()
    assert r"metric\_depth" in (workspace.evaluation / "table.tex").read_text()
    assert r"\toprule" in (workspace.evaluation / "table.tex").read_text()


def test_the_same_bytes_when_run_again(workspace, metric_model):
    def digest():
        _evaluate(workspace, "net")
        return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in workspace.evaluation.iterdir()}

    assert digest() == digest()


def test_empty_dataset_gives_tables_that_say_so(workspace):
    index = workspace.dataset / layout.INDEX_NAME
    pd.read_parquet(index).iloc[:0].to_parquet(index, index=False)
    assert _evaluate(workspace, "net")["rows"] == []
    assert "No frame was scored." in (workspace.evaluation / "table.md").read_text()
    assert len(pd.read_parquet(workspace.evaluation / "frames.parquet")) == 0


def test_model_that_predicted_nothing_has_a_row_without_figures(workspace, predict_by_hand):
    for clip in ("near", "far"):
        predict_by_hand("silent", clip, "scale_invariant_depth", lambda _: None)
    row = _row(_evaluate(workspace, "silent"), "silent", "median")
    assert (row["abs_rel"], row["frames"], row["missing_frames"]) == (None, 0, 6)
    assert "| – |" in (workspace.evaluation / "table.md").read_text()


def _lines(workspace) -> list[str]:
    """What stands below the main table."""
    return [line for line in (workspace.evaluation / "table.md").read_text().splitlines() if line and line[0] != "|"]


@pytest.mark.parametrize(
    ("kind", "answer", "reason"),
    [
        ("scale_invariant_depth", None, "the model gave no prediction for the frame"),
        ("scale_invariant_depth", np.nan, "too few pixels of the prediction are finite where ground truth is"),
        ("affine_invariant_disparity", np.inf, "too few pixels of the prediction are finite where ground truth is"),
        ("scale_invariant_depth", -1.0, "the alignment does not exist, for example a median that is not positive"),
    ],
    ids=["missing", "all NaN", "infinite", "negative"],
)
def test_what_is_not_scored_is_said_in_a_line_below_the_table(workspace, predict_by_hand, tiny, kind, answer, reason):
    for clip in ("near", "far"):
        predict_by_hand("odd", clip, kind, lambda _: None if answer is None else np.full(tiny.gt.shape, answer))
    _evaluate(workspace, "odd")
    assert f"odd: 6 frames not scored: {reason}." in _lines(workspace)


def test_gt_without_a_valid_pixel_is_said_below_the_table(workspace, metric_model):
    nowhere = EvaluateConfig(min_depth_m=70.0, max_depth_m=80.0, protocols=("sfm_gt",))
    evaluate.run(workspace, nowhere, [ModelConfig(name="net", method="on_disk")], ("near",))
    assert any(line.startswith("net: 3 frames not scored: the frame has too few") for line in _lines(workspace))


def test_few_videos_are_said_to_have_no_interval(workspace, metric_model):
    evaluate.run(workspace, CONFIG, [ModelConfig(name="net", method="on_disk")], ("near",))
    assert "Fewer than 3 videos: no intervals, and no difference can be called resolved." in _lines(workspace)


def test_models_on_different_frames_are_compared_on_those_of_both(workspace, metric_model, predict_by_hand, tiny):
    gt = np.nan_to_num(tiny.gt, nan=1.0)
    for clip in ("near", "far"):
        predict_by_hand("gaps", clip, "metric_depth", lambda i: None if i == 7 else 1.2 * gt)
    _evaluate(workspace, "net", "gaps")
    found = [line for line in _lines(workspace) if line.startswith("net and gaps: compared on the ")]
    assert len(found) == 1
    assert "had only one of them" in found[0]


def test_predictions_of_images_of_another_size_are_refused(workspace, predict_by_hand, tiny):
    for clip in ("far", "near"):
        predict_by_hand("net", clip, "metric_depth", lambda _: np.ones((tiny.height, tiny.width)))
    folder = workspace.predictions("net", "far")
    write_manifest(folder, Manifest("predict", 3, measures={"kind": "metric_depth", "image_sizes": [[24, 32]]}))
    with pytest.raises(InputError, match="far: predictions of images of 32x24 px, the ground truth has 16x12"):
        _evaluate(workspace, "net")
    write_manifest(folder, Manifest("predict", 2, measures={"kind": "metric_depth"}))
    with pytest.raises(InputError, match="does not say the size of the images; run predict again"):
        _evaluate(workspace, "net")


def test_a_map_that_is_none_is_refused(workspace, predict_by_hand):
    predict_by_hand("net", "far", "metric_depth", lambda _: np.ones((5, 5, 2)))
    with pytest.raises(InputError, match=r"000007.npz: shape \(5, 5, 2\), needed one map"):
        _evaluate(workspace, "net")


@pytest.mark.parametrize("sabotage", ["scale", "flip", "moving", "overlay", "depth_unit"])
def test_sabotage_changes_the_figures(workspace, metric_model, sabotage):
    before = _row(_evaluate(workspace, "net"), "net", "none")
    for frame_index in (7, 9):
        folder = workspace.predictions("net", "near")
        values = read_map(folder, frame_index)
        if sabotage == "scale":
            write_prediction(folder, frame_index, 1.1 * values)
        elif sabotage == "flip":
            write_prediction(folder, frame_index, values[:, ::-1])
        elif sabotage == "depth_unit":
            write_prediction(folder, frame_index, 1000 * values)
        else:
            mask = layout.layer_path(workspace.dataset, "near", sabotage, frame_index)
            cv2.imwrite(str(mask), 255 - cv2.imread(str(mask), cv2.IMREAD_UNCHANGED))
    after = _row(_evaluate(workspace, "net"), "net", "none")
    assert after["abs_rel"] != pytest.approx(before["abs_rel"], rel=0.05) or after["pixels"] != before["pixels"]
