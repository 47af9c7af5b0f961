"""The layers stage on a small data set: what is written, and what a clip without a person layer says."""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
import pytest

from sfm_gt.commands import layers
from sfm_gt.datasets.frames import open_dataset
from sfm_gt.errors import InputError
from sfm_gt.formats.dataset_layout import PROBABILITY_STEPS, layer_path
from sfm_gt.formats.manifest import read_manifest
from sfm_gt.layers.background_plate import background_plate
from sfm_gt.layers.ordinal_labels import UNKNOWN
from tests.exporters.small_dataset import DEPTH_UNIT, FRAMES, vouch, wall_depth, write_dataset


def step_forward(out) -> None:
    """The person of ``near-000``, part of the wall in the small data set, stands at half the distance."""
    for index in FRAMES:
        path = layer_path(out / "dataset", "near-000", "depth", index)
        depth = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        depth[3:, 56:] //= 2
        cv2.imwrite(str(path), depth)
    vouch(path.parents[1])


def test_layers_of_a_clip_with_people_and_of_one_where_nobody_looked(tmp_path):
    out = write_dataset(tmp_path / "out")
    step_forward(out)
    manifests = layers.run(out, (), seed=0)
    folder = out / "dataset" / "layers"
    assert read_manifest(folder / "near-000") == manifests["near-000"]
    assert "no person mask" in manifests["far-000"].measures["absent"]["plate"]
    assert manifests["far-000"].measures["absent"]["joints"].startswith("joints need the run's config.yaml")
    assert open_dataset(out).joints("far-000") is None
    assert sorted(path.name for path in (folder / "far-000").iterdir()) == [
        "manifest.json", "near_far", "ordinal_pairs.parquet"]  # fmt: skip
    names = sorted(path.stem for path in (folder / "near-000" / "plate").glob("*.png"))
    assert names == [f"{index:06d}" for index in FRAMES]
    # The camera moves to the right: what the person hides in the first frame, later ones see to the left of theirs.
    valid = cv2.imread(str(folder / "near-000/plate_valid/000003.png"), cv2.IMREAD_GRAYSCALE) > 0
    depth = cv2.imread(str(folder / "near-000/plate_depth/000003.png"), cv2.IMREAD_UNCHANGED) * DEPTH_UNIT
    hidden = np.zeros_like(valid)
    hidden[5:44, 56:58] = True
    assert (valid & hidden).sum() > 0.5 * hidden.sum()
    found = valid & hidden & (depth > 0)
    assert abs(depth[found] / wall_depth(3)[found] - 1).max() < 0.03, "one pixel of this slanted wall is 1 % of depth"
    foreground = cv2.imread(str(folder / "near-000/foreground/000003.png"), cv2.IMREAD_UNCHANGED)
    assert (foreground[:, 56:, 3] == 255).all()
    assert (foreground[:, :56, 3] == 0).all()
    pairs = pd.read_parquet(folder / "near-000" / "ordinal_pairs.parquet")
    assert set(pairs["frame_index"]) == set(FRAMES)
    with pytest.raises(InputError, match="no clip 'lost'; known are far-000, near-000"):
        layers.run(out, ["lost"], seed=0)


def test_ground_truth_that_was_changed_later_is_named_and_has_no_layers(tmp_path):
    out = write_dataset(tmp_path / "out")
    path = layer_path(out / "dataset", "near-000", "depth", FRAMES[1])
    depth = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    cv2.imwrite(str(path), depth // 2)
    with pytest.raises(InputError, match=rf"{path.name}: was changed after the data set was complete"):
        layers.run(out, (), seed=0)
    assert not (out / "dataset" / "layers").exists()
    assert set(layers.run(out, ["far-000"], seed=0)) == {"far-000"}, "the other clip is whole"


def test_pixels_that_may_be_gross_errors_take_no_part_in_ordinal_labels(tmp_path):
    out = write_dataset(tmp_path / "out")
    for index in FRAMES:
        path = layer_path(out / "dataset", "near-000", "outlier", index)
        outlier = np.zeros((48, 64), np.uint8)
        outlier[:, 20:40] = round(0.2 * PROBABILITY_STEPS)
        cv2.imwrite(str(path), outlier)
    vouch(path.parents[1])
    layers.run(out, ["near-000"], seed=0)
    folder = out / "dataset" / "layers" / "near-000"
    labels = cv2.imread(str(folder / "near_far" / "000003.png"), cv2.IMREAD_GRAYSCALE)
    assert (labels[:, 20:40] == UNKNOWN).all()
    assert (labels[3:, :16] != UNKNOWN).all()
    pairs = pd.read_parquet(folder / "ordinal_pairs.parquet")
    x = pd.concat([pairs["xa"], pairs["xb"]])
    assert ((x < 20) | (x > 40)).all()
    assert (x > 40).any()


def test_a_killed_run_goes_on_and_what_changed_is_made_again(tmp_path, monkeypatch):
    out = write_dataset(tmp_path / "out")
    made = []

    def plate(view, others):
        made.append(view)
        return background_plate(view, others)

    monkeypatch.setattr(layers, "background_plate", plate)
    manifests = layers.run(out, (), seed=0)
    assert len(made) == len(FRAMES)
    (out / "dataset" / "layers" / "far-000" / "manifest.json").unlink()
    assert layers.run(out, (), seed=0) == manifests
    assert len(made) == len(FRAMES), "only far-000 was left to do"
    step_forward(out)
    assert layers.run(out, (), seed=0)["near-000"] != manifests["near-000"]
    assert len(made) == 2 * len(FRAMES)
