"""Ids that a data set states name files, here and in exports: what could lead elsewhere is refused where it is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sfm_gt
from sfm_gt.commands import export
from sfm_gt.datasets.frames import open_clip
from sfm_gt.datasets.hub_rows import items_of_rows
from sfm_gt.errors import InputError
from sfm_gt.formats.clip_paths import clip_folder, require_id
from sfm_gt.formats.dataset_layout import CLIP_INDEX, INDEX_NAME
from sfm_gt.formats.manifest import write_json
from sfm_gt.formats.sources import read_sources, source_of
from tests.exporters.small_dataset import write_dataset

FACTS = {
    "clip_id": "near-000", "video_id": "near", "frame_index": 3, "timestamp_s": 0.1, "metric": True, "width": 64, "height": 48,
    "fx": 60.0, "fy": 60.0, "cx": 32.0, "cy": 24.0, "cam_from_world": [0.0] * 16, "depth_unit": 1e-3, "sigma_unit": 1e-4,
    "sigma_log_scale": 0.01, "license": None,
}  # fmt: skip
ELSEWHERE = ("../my-notes", "/tmp/notes", "a/b", "a\\b", "", ".", "..", "..-000", "-000", "a\n", "a\0", "ä", None, 3)


@pytest.mark.parametrize("found", ELSEWHERE)
def test_what_could_lead_elsewhere_is_no_id(found: object, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"index\.parquet: .* is no id .*; copy the data set again") as refused:
        require_id(found, "index.parquet")
    assert "\n" not in str(refused.value)


def test_ids_that_a_run_gives_are_ids() -> None:
    for found in ("room", "room-000", "2024_05-01-012", "Room_a-1b2c3d4e-000"):
        assert require_id(found, "index.parquet") == found


@pytest.mark.parametrize("column", ["clip_id", "video_id"])
def test_a_doctored_index_writes_nothing_beside_an_export(tmp_path: Path, column: str) -> None:
    out, notes = write_dataset(tmp_path / "out"), tmp_path / "my-notes.ply"
    notes.write_text("years of work")
    index = pd.read_parquet(out / "dataset" / INDEX_NAME)
    index.loc[index["clip_id"] == "near-000", column] = "../my-notes"
    index.to_parquet(out / "dataset" / INDEX_NAME, index=False)
    for format_name in ("ply", "dust3r"):
        with pytest.raises(InputError, match=r"index\.parquet: '\.\./my-notes' is no id"):
            export.run(out, format_name, tmp_path / "to")
    assert notes.read_text() == "years of work"
    assert not (tmp_path / "to").exists()


def test_every_file_that_states_ids_is_asked(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "out") / "dataset"
    folder = clip_folder(dataset, "near-000")
    index = pd.read_parquet(dataset / INDEX_NAME).assign(video_id="../near")
    index.to_parquet(folder / CLIP_INDEX, index=False)
    with pytest.raises(InputError, match=r"frames\.parquet: '\.\./near' is no id"):
        open_clip(dataset, "near-000")
    with pytest.raises(InputError, match=r"'\.\./near' is no id"):
        clip_folder(dataset, "../near")
    with pytest.raises(InputError, match=r"clip\.json: '\.\./near' is no id"):
        source_of({"clip_id": "near-000", "video_id": "../near"}, "clip.json")
    write_json(dataset / "sources.json", {"sources": [{"video_id": "/near", "path": "near.mp4"}]})
    with pytest.raises(InputError, match=r"sources\.json: '/near' is no id"):
        read_sources(dataset)
    rows = {key: [value] for key, value in FACTS.items()} | {"clip_id": ["../near"]}
    with pytest.raises(InputError, match=r"frame 3: '\.\./near' is no id"):
        items_of_rows(rows)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), "cannot be read as Parquet"),
        (lambda path: path.write_bytes(b""), "cannot be read as Parquet"),
        (lambda path: pd.read_parquet(path).drop(columns="fx").to_parquet(path), "'fx': found none, needed double"),
        (lambda path: pd.read_parquet(path).assign(fx="wide").to_parquet(path), "'fx': found .*string, needed double"),
        (lambda path: pd.read_parquet(path).assign(fx=None).to_parquet(path), "'fx' lacks values"),
        (lambda path: pd.read_parquet(path).assign(depth_unit=np.nan).to_parquet(path), "'depth_unit'.* lacks values"),
        (lambda path: pd.read_parquet(path).assign(depth_unit=np.inf).to_parquet(path), "'depth_unit': needed finite"),
        (lambda path: pd.read_parquet(path).assign(fy=0.0).to_parquet(path), "'fy': needed finite numbers above 0"),
        (
            lambda path: pd.read_parquet(path).assign(width=-1).to_parquet(path),
            "'width': needed finite numbers above 0",
        ),
    ],
)
def test_an_index_that_cannot_be_read_is_one_line_with_the_remedy(tmp_path: Path, damage, says: str) -> None:
    out = write_dataset(tmp_path / "out")
    damage(out / "dataset" / INDEX_NAME)
    with pytest.raises(InputError, match=rf"index\.parquet: .*{says}.*; run the workflow again") as refused:
        sfm_gt.open_dataset(out)
    assert "\n" not in str(refused.value)
