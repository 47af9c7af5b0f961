"""The reference trainer on three videos of two sizes, from each of the ways that frames come to a training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.consumers import readers, relief
from benchmarks.training.train import Options, gathered, train
from sfm_gt.commands import export
from sfm_gt.datasets import ShardDataset, TorchDataset
from sfm_gt.datasets.hub_rows import items_of_rows
from sfm_gt.datasets.items import Item
from sfm_gt.errors import NotMetricError

SIZE = (72, 96)
N_FRAMES = len(relief.FRAMES) * len(relief.CAMERAS)
OPTIONS = Options(steps=12, batch=4, teacher_from=4, measure_every=12)
FLOAT32 = 1e-6


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return relief.write_relief(tmp_path_factory.mktemp("relief"))


def from_files(out: Path, folder: Path) -> Iterator[Item]:
    dataset = TorchDataset(out, "all", SIZE)
    return (dataset[number] for number in range(len(dataset)))


def from_shards(out: Path, folder: Path) -> Iterator[Item]:
    export.run(out, "webdataset", folder / "shards")
    return iter(ShardDataset(folder / "shards", "all", size=SIZE))


def from_the_hub(out: Path, folder: Path, size: tuple[int, int] | None = SIZE) -> Iterator[Item]:
    datasets = pytest.importorskip("datasets", reason="extra `export` is not installed: rows of the hub not tried")
    export.run(out, "huggingface", folder / "rows")
    loaded = datasets.load_dataset(str(folder / "rows"), cache_dir=str(folder / "cache"))
    for split in loaded.values():
        yield from split.with_transform(partial(items_of_rows, size=size))


def from_dust3r(out: Path, folder: Path) -> Iterator[Item]:
    """Views as the MegaDepth loader has them: no sigma, no masks, frames of their own sizes."""
    export.run(out, "dust3r", folder / "pairs")
    for view in readers.dust3r(folder / "pairs"):
        depth = torch.from_numpy(np.nan_to_num(view.depth).astype(np.float32))[None]
        camera = relief.CAMERAS[view.clip_id[:-4]]
        yield {
            "image": torch.from_numpy(view.image.transpose(2, 0, 1) / np.float32(255)), "z_depth_m": depth,
            "sigma_m": torch.zeros_like(depth), "valid": depth > 0, "intrinsics": torch.from_numpy(camera.matrix),
            "cam_from_world": torch.from_numpy(view.cam_from_world),
        }  # fmt: skip


@pytest.mark.parametrize("source", [from_files, from_shards, from_the_hub, from_dust3r])
def test_the_trainer_learns_from(source: Callable[[Path, Path], Iterator[Item]], out: Path, tmp_path: Path) -> None:
    frames = gathered(source(out, tmp_path))
    assert len(frames["image"]) == N_FRAMES
    valid = frames["valid"].float().mean()
    assert 0.95 < valid < 0.98, "without the rows that are invalid, move or are overlay, where no crop took them"
    (_, before), (_, after) = train(frames, frames, 0, OPTIONS)["curve"]
    assert np.isfinite(after)
    assert after < before


def test_rows_of_the_hub_are_the_items_of_the_data_set(out: Path, tmp_path: Path) -> None:
    for size in (None, SIZE):
        dataset = TorchDataset(out, "all", size)
        expected = {
            (item["clip_id"], item["frame_index"]): item for item in map(dataset.__getitem__, range(len(dataset)))
        }
        rows = list(from_the_hub(out, tmp_path, size))
        assert {(row["clip_id"], row["frame_index"]) for row in rows} == set(expected)
        for row in rows:
            item = expected[row["clip_id"], row["frame_index"]]
            assert row.keys() == item.keys()
            for key, value in item.items():
                if isinstance(value, torch.Tensor):
                    # Pillow and OpenCV round a few values of a JPEG differently.
                    tolerance = 0.02 if key == "image" else FLOAT32
                    assert row[key].numpy() == pytest.approx(value.numpy(), abs=tolerance), key
                else:
                    assert row[key] == value, key


def test_a_row_without_metres_is_refused_by_name() -> None:
    with pytest.raises(NotMetricError, match="far-000, frame 3: no metric scale; filter the rows"):
        items_of_rows({"clip_id": ["far-000"], "frame_index": [3], "metric": [False]})
