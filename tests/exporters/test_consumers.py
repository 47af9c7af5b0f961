"""What reads an export sees the scene where it is: picture, depth, sigma, masks, splits; and a trainer learns from it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from benchmarks.consumers import readers, relief, table

# Half a step of each format at 4 m, or what its own numbers round to, in per cent.
LARGEST_ERROR_PERCENT = {"depth_anything": 0.2, "kitti": 0.08, "nerfstudio": 0.03, "tum_rgbd": 0.01}
EXACT_PERCENT = 0.005
SIGMA_PERCENT = 0.05
MASKS = {
    "nerfstudio": "mask",
    "webdataset": "layers",
    "huggingface": "layers",
    "realestate10k_frames": "none",
    "pixelsplat": "none",
}
WITHOUT_SPLITS = ("colmap", "nerfstudio", "tum_rgbd", "kitti", "moge")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return relief.write_relief(tmp_path_factory.mktemp("relief"))


@pytest.mark.parametrize("name", sorted(readers.READERS))
def test_a_consumer_sees_the_scene_where_it_is(name: str, out: Path, tmp_path: Path) -> None:
    library = readers.LIBRARIES.get(name)
    if library and importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed: {name} not read by its own library")
    row = table.consumed(out, name, tmp_path / name)
    assert row["frames"] == row["frames_exported"]
    assert row["picture_offset_px"] == [0, 0]
    assert row["depth_offset_px"] in ([0, 0], None)
    if row["depth_error_percent"] is not None:
        assert row["depth_error_percent"] <= LARGEST_ERROR_PERCENT.get(name, EXACT_PERCENT)
    assert (row["sigma_error_percent"] or 0) <= SIGMA_PERCENT
    assert row["masks"] == MASKS.get(name, "invalid depth")
    assert row["splits"] == ("none" if name in WITHOUT_SPLITS else "right")
