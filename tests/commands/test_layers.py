"""The layers stage on a small data set: what is written, and what a clip without a person layer says."""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
import pytest

from sfm_gt.commands import layers
from sfm_gt.datasets.frames import open_dataset
from sfm_gt.errors import InputError
from sfm_gt.formats.manifest import read_manifest
from tests.exporters.small_dataset import DEPTH_UNIT, FRAMES, wall_depth, write_dataset


def test_layers_of_a_clip_with_people_and_of_one_where_nobody_looked(tmp_path):
    out = write_dataset(tmp_path / "out")
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
    hidden[5:44, 56:60] = True
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
