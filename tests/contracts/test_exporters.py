"""Every file in sfm_gt/exporters: a manifest, no depth that only holds beside a mask, the same bytes twice, nothing half.

Of Rerun's recordings it is what they hold that is the same twice: Rerun draws an id for every row.
"""

from __future__ import annotations

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

from sfm_gt import registry
from sfm_gt.commands import export
from sfm_gt.errors import InputError
from sfm_gt.formats.dataset_layout import layer_path
from tests.exporters.small_dataset import vouch, write_dataset

NO_RERUN = pytest.mark.skipif(find_spec("rerun") is None, reason="no rerun-sdk: recordings not tried")
FORMATS = [pytest.param(name, marks=NO_RERUN) if name == "rerun" else name for name in registry.names("exporters")]
OF_POSES = ("mannequin_challenge", "realestate10k", "realestate10k_frames")  # no layer but pictures is read


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("out"))


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    contents = {path: recorded(path) if path.suffix == ".rrd" else path.read_bytes() for path in files}
    return {str(path.relative_to(folder)): hashlib.sha256(held).hexdigest() for path, held in contents.items()}


def recorded(path: Path) -> bytes:
    """Everything that a recording of Rerun holds but the ids of its rows and how they are batched."""
    from rerun.chunk import RrdReader

    rows = [repr((chunk.entity_path, chunk.is_static, sorted((name, repr(value)) for name, value in row.items()
                                                             if name != "rerun.controls.RowId")))
            for chunk in RrdReader(path).stream().to_chunks() for row in chunk.to_record_batch().to_pylist()]  # fmt: skip
    assert rows
    return "\n".join(sorted(rows)).encode()


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_names_its_videos_and_repeats_byte_for_byte(name, out, tmp_path):
    before = digests(out)
    manifest = export.run(out, name, tmp_path / "a")
    assert json.loads((tmp_path / "a" / "export.json").read_text()) == manifest
    lengths = registry.load("exporters", name).LENGTHS
    assert lengths in ("metres", "any")
    expected = ["near-000"] if lengths == "metres" else ["far-000", "near-000"]
    assert [entry["clip_id"] for entry in manifest["clips"]] == expected, "a format in metres holds metric clips only"
    assert [left["clip_id"] for left in manifest["left_out"]] == (["far-000"] if lengths == "metres" else [])
    assert manifest["clips"][-1]["source"]["source"] == "https://example.org/near"
    assert manifest["clips"][-1]["source"]["license"] == "CC0-1.0"
    assert len(digests(tmp_path / "a")) > 1, "an export holds more than its manifest"
    export.run(out, name, tmp_path / "b")
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert digests(out) == before, "the data set is only read"


def shrink_a_mask(out: Path) -> None:
    path = layer_path(out / "dataset", "near-000", "moving", 5)
    cv2.imwrite(str(path), np.zeros((24, 32), np.uint8))
    vouch(path.parent.parent)


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in OF_POSES])
def test_a_mask_of_another_size_is_refused_by_name_and_leaves_nothing(name, tmp_path):
    out = write_dataset(tmp_path / "out")
    shrink_a_mask(out)
    with pytest.raises(InputError, match=r"moving/000005\.png: 32 x 24 pixels; needed 64 x 48"):
        export.run(out, name, tmp_path / "to", ["near-000"])
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", OF_POSES)
def test_a_mask_that_a_format_of_poses_never_shows_does_not_stop_it(name, tmp_path):
    out = write_dataset(tmp_path / "out")
    export.run(out, name, tmp_path / "sound", ["near-000"])
    shrink_a_mask(out)
    export.run(out, name, tmp_path / "to", ["near-000"])
    assert digests(tmp_path / "to") == digests(tmp_path / "sound")
