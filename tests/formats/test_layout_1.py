"""What an earlier layout left: named where it is read, removed where a run takes its place."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

import sfm_gt
from sfm_gt.errors import InputError
from sfm_gt.formats.dataset_layout import DATASET_JSON, INDEX_NAME, INDEX_SCHEMA
from sfm_gt.formats.layout_1 import remove_layout_1
from sfm_gt.formats.manifest import Manifest, write_json, write_manifest
from sfm_gt.formats.workspace import Workspace


@pytest.mark.parametrize("version", [1, 3, None])
def test_a_data_set_of_another_layout_is_refused_in_one_line_with_the_remedy(
    tmp_path: Path, version: int | None
) -> None:
    pq.write_table(INDEX_SCHEMA.empty_table(), tmp_path / INDEX_NAME)
    write_json(tmp_path / DATASET_JSON, {"format_version": version})
    with pytest.raises(InputError, match=f"layout {version}, needed 2; run the workflow again") as refused:
        sfm_gt.open_dataset(tmp_path)
    assert "\n" not in str(refused.value)
    write_json(tmp_path / DATASET_JSON, {"format_version": 2})
    assert len(sfm_gt.open_dataset(tmp_path)) == 0


def test_folders_of_layout_1_go_and_those_of_layout_2_stay(tmp_path: Path) -> None:
    workspace, clip = Workspace(tmp_path), Manifest("dataset", 1)
    old = [workspace.dataset / "clips" / "room-000", tmp_path / "predictions" / "constant" / "room-000"]
    # A video may be named like a clip.
    new = [workspace.clip_stage("room-000-000", "dataset"), workspace.predictions("constant", "room-000-000")]
    for folder in new:
        write_manifest(folder, clip)
    assert remove_layout_1(workspace) == 0
    assert all(folder.is_dir() for folder in new)
    for folder in old:
        write_manifest(folder.with_name("hall-000"), clip)
    write_json(tmp_path / "work" / "clips.json", {})
    assert remove_layout_1(workspace) == 2
    assert not (tmp_path / "work" / "clips.json").exists()
    assert [path.name for path in (workspace.dataset / "clips").iterdir()] == ["room-000"]
    assert all(folder.is_dir() for folder in new)
