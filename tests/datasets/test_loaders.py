"""What training code imports: items, batches, sequences and pairs."""

from __future__ import annotations

import gc
import subprocess
import sys
import warnings
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from sfm_gt.datasets import SequenceDataset, ShardDataset, TorchDataset
from sfm_gt.datasets.hub_rows import items_of_rows
from sfm_gt.datasets.splits import split_of
from sfm_gt.errors import InputError
from sfm_gt.formats.dataset_layout import layer_path
from tests.datasets.small_tree import DEPTH_M, FOCAL, HEIGHT, STEP_M, WIDTH, write_shards, write_tree

FLOAT32 = 1e-6  # depth is stored in steps and multiplied in single precision


def batches(dataset: torch.utils.data.Dataset, workers: int) -> list[dict]:
    return list(torch.utils.data.DataLoader(dataset, batch_size=4, num_workers=workers))


def test_an_item_holds_everything_beside_the_depth(tree: Path) -> None:
    item = TorchDataset(tree, "all")[9]
    assert item["image"].shape == (3, HEIGHT, WIDTH)
    assert item["image"].dtype == torch.float32
    assert 0 <= item["image"].min() < item["image"].max() <= 1
    assert not item["valid"][0, 0].any()
    assert item["valid"][0, 1:].all()
    assert item["z_depth_m"][0, 1:].numpy() == pytest.approx(DEPTH_M, rel=FLOAT32)
    assert item["sigma_m"][0, 1:].numpy() == pytest.approx(0.02, rel=FLOAT32)
    assert item["outlier"].dtype == torch.float32
    assert item["outlier"][0, 2].numpy() == pytest.approx(0.2), "steps of 1/255"
    assert not item["outlier"][0, 3:].any()
    assert (item["z_depth_m"][0, 0] == 0).all(), "invalid is 0 in batches"
    assert item["moving"][0, 1].all()
    assert item["person"][0, :, -4:].all()
    assert item["person_known"]
    assert item["intrinsics"][0].tolist() == [FOCAL, 0, WIDTH / 2]
    assert item["cam_from_world"][0, 3] == pytest.approx(-STEP_M)
    assert (item["clip_id"], item["video_id"], item["frame_index"], item["license"]) == (
        "bert-000",
        "bert",
        1,
        "CC-BY-4.0",
    )


@pytest.mark.parametrize("source", ["files", "shards"])
def test_batches_from_workers_are_those_without_and_stay_what_they_are(tree: Path, tmp_path: Path, source: str) -> None:
    dataset = TorchDataset(tree, "all") if source == "files" else ShardDataset(write_shards(tree, tmp_path))

    def keyed(batch: dict) -> tuple:
        return tuple(zip(batch["clip_id"], batch["frame_index"].tolist(), strict=True))

    def loader(workers: int) -> torch.utils.data.DataLoader:
        return torch.utils.data.DataLoader(dataset, batch_size=2, num_workers=workers, persistent_workers=workers > 0)

    item_of = {
        (one["clip_id"], one["frame_index"]): one for one in map(TorchDataset(tree, "all").__getitem__, range(16))
    }
    worked = loader(2)
    # One layer of each batch of two epochs is kept while the workers go on: their blocks must not be written again.
    kept = [(keyed(batch), batch["image"]) for _ in range(2) for batch in worked]
    assert len(kept) == 2 * 8 or source == "shards"
    for keys, image in kept:
        assert torch.equal(image, torch.stack([item_of[key]["image"] for key in keys]))
    for batch in loader(2):
        expected = torch.utils.data.default_collate([item_of[key] for key in keyed(batch)])
        assert type(batch) is dict
        assert list(batch) == list(expected)
        for key, value in expected.items():
            assert torch.equal(batch[key], value) if isinstance(value, torch.Tensor) else batch[key] == value
            if isinstance(value, torch.Tensor):
                assert (batch[key].dtype, batch[key].stride()) == (value.dtype, value.stride())


def brighter(items: list) -> dict:
    """A collate_fn of somebody who knows the keys of an item, and no more."""
    for item in items:
        item["image"] = item["image"] + 1
    batch = torch.utils.data.default_collate(items)
    batch["z_depth_m"] = batch["z_depth_m"] * 2
    return {**batch, "first": items[0]["image"]}


def untouched(items: list) -> dict:
    """Stacks first, looks afterwards."""
    batch = torch.utils.data.default_collate(items)
    batch["image"] = batch["image"] + 1
    batch["z_depth_m"] *= 2
    return batch


@pytest.mark.parametrize("collate", [brighter, untouched])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_collate_function_of_ones_own_finds_the_keys_of_an_item(tree: Path, collate, workers: int) -> None:
    dataset = TorchDataset(tree, "all")
    loader = torch.utils.data.DataLoader(dataset, batch_size=4, num_workers=workers, collate_fn=collate)
    for number, batch in enumerate(list(loader)):
        for k in range(4):
            item = dataset[4 * number + k]
            assert torch.equal(batch["image"][k], item["image"] + 1)
            assert torch.equal(batch["z_depth_m"][k], item["z_depth_m"] * 2)
            assert torch.equal(batch["sigma_m"][k], item["sigma_m"])


class Dimmed(TorchDataset):
    """A data set of somebody who changes items where they are made."""

    def __getitem__(self, number: int) -> dict:
        item = super().__getitem__(number)
        return item | {"image": item["image"] / 2}


def test_a_subclass_with_items_of_its_own_is_asked_for_them(tree: Path) -> None:
    batch = batches(Dimmed(tree, "all"), 1)[0]
    assert torch.equal(batch["image"][1], TorchDataset(tree, "all")[1]["image"] / 2)


def test_blocks_of_a_worker_are_used_again(tree: Path) -> None:
    loader = torch.utils.data.DataLoader(TorchDataset(tree, "all"), batch_size=1, num_workers=1)
    inodes = set()
    for batch in loader:
        with Path("/proc/self/maps").open() as maps:
            inodes |= {line.split()[4] for line in maps if "torch_" in line}
        del batch
    # prefetch_factor 2 on the way, one in use, one more being written: 16 batches without reuse.
    assert 1 <= len(inodes) <= 6


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos of four frames; those of ``bert`` are upright, and see a ramp of depth along x and y."""
    folder = write_tree(tmp_path_factory.mktemp("mixed"), {"anna": 4, "bert": 4})
    index = pd.read_parquet(folder / "index.parquet")
    upright = index["video_id"] == "bert"
    index.loc[upright, ["width", "height"]] = [36, 64]
    index.loc[upright, ["cx", "cy"]] = [17.0, 33.5]
    index.to_parquet(folder / "index.parquet", index=False)
    rows, columns = np.mgrid[:64, :36]
    for frame_index in range(4):
        for layer in ("image", "depth", "sigma", "outlier", "moving", "overlay", "person"):
            pixels = np.zeros((64, 36), np.uint8)
            if layer in ("depth", "sigma"):
                pixels = (1000 + 10 * rows + 3 * columns).astype(np.uint16)
            if layer == "image":
                pixels = np.dstack([pixels, 2 * rows, 4 * columns]).astype(np.uint8)
            cv2.imwrite(str(layer_path(folder, "bert-000", layer, frame_index)), pixels)
    return folder


@pytest.mark.parametrize("workers", [0, 2])
def test_a_folder_of_videos_of_two_sizes_trains_in_one_batch(mixed: Path, tmp_path: Path, workers: int) -> None:
    size = (24, 30)
    for dataset in (
        TorchDataset(mixed, "all", size),
        ShardDataset(write_shards(mixed, tmp_path), size=size),
        SequenceDataset(mixed, "all", min_covisibility=0.1, size=size),
    ):
        loader = torch.utils.data.DataLoader(dataset, batch_size=8, num_workers=workers)
        assert all(batch["image"].shape[-2:] == size for batch in loader)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_batch_of_two_sizes_is_refused_by_name_by_every_loader(mixed: Path, tmp_path: Path, workers: int) -> None:
    whole = TorchDataset(mixed, "all")
    for dataset in (
        whole,
        torch.utils.data.ConcatDataset([whole]),  # asks for one item after another
        ShardDataset(write_shards(mixed, tmp_path)),
        SequenceDataset(mixed, "all", min_covisibility=0.1),
    ):
        one_worker_sees_both = min(workers, 1) if isinstance(dataset, ShardDataset) else workers
        loader = torch.utils.data.DataLoader(dataset, 8, num_workers=one_worker_sees_both)
        with pytest.raises(InputError, match=r"64 x 48, 36 x 64 pixels; give the data set a size"):
            list(loader)
        del loader
        # The error's traceback holds the loader, whose workers end when it is collected. Left for later, the workers of
        # another loader are forked with it, collect it too, and close descriptors that are theirs by then.
        gc.collect()


@pytest.mark.parametrize("size", [256, 64.0, (64.0, 64.0), (0, 30), (24,), (24, 30, 3), "ab", (True, True), {24, 30}])
def test_what_is_no_size_is_refused_in_one_line(tree: Path, tmp_path: Path, size: object) -> None:
    for opened in (
        lambda: TorchDataset(tree, "all", size),
        lambda: SequenceDataset(tree, "all", size=size),
        lambda: ShardDataset(write_shards(tree, tmp_path), size=size),
        lambda: items_of_rows({"metric": []}, size),
    ):
        with pytest.raises(InputError, match=r"^size .*: needed \(height, width\) in whole pixels"):
            opened()


def test_a_size_may_be_a_list_or_of_numpy_s_numbers(mixed: Path) -> None:
    for size in ([24, 30], tuple(np.array([24, 30]))):
        assert TorchDataset(mixed, "all", size)[0]["image"].shape == (3, 24, 30)


def test_intrinsics_follow_a_frame_to_its_new_size(mixed: Path) -> None:
    whole, small = TorchDataset(mixed, "all")[5], TorchDataset(mixed, "all", (24, 27))[5]
    # Where the pixels of the small frame look in the whole one: the same rays.
    rows, columns = np.mgrid[:24, :27]
    pixels = np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5, np.ones(columns.size)])
    x, y, _ = (whole["intrinsics"] @ torch.linalg.inv(small["intrinsics"])).numpy() @ pixels
    # Depth and picture are ramps, which say where they were read; the JPEG adds noise of a grey level or two.
    off_mm = 1000 * small["z_depth_m"].numpy().ravel() - (1000 + 10 * (y - 0.5) + 3 * (x - 0.5))
    assert abs(off_mm).max() < 0.5 * (10 + 3) + 0.01, "the nearest pixel's"
    assert abs(off_mm.mean()) < 0.1 * (10 + 3)
    red, green = (small["image"][channel].numpy().ravel() * 255 for channel in (0, 1))
    assert [(red / 4 + 0.5 - x).mean(), (green / 2 + 0.5 - y).mean()] == pytest.approx([0, 0], abs=0.1)
    larger = TorchDataset(mixed, "all", (128, 72))[5]
    assert larger["intrinsics"][:2].tolist() == (2 * whole["intrinsics"][:2]).tolist()


def test_any_number_of_workers_gives_the_same_pairs_and_an_epoch_others(tree: Path) -> None:
    pairs = SequenceDataset(tree, "all", min_covisibility=0.3, max_covisibility=0.95, seed=5)
    one, two = batches(pairs, 0), batches(pairs, 2)
    assert all(torch.equal(a["frame_index"], b["frame_index"]) for a, b in zip(one, two, strict=True))
    pairs.set_epoch(1)
    assert not all(torch.equal(a["frame_index"], b["frame_index"]) for a, b in zip(one, batches(pairs, 2), strict=True))


def test_texts_of_a_batch_of_sequences_stand_in_the_order_of_its_tensors(tree: Path) -> None:
    table = TorchDataset(tree, "all")
    first = {item["clip_id"]: item["image"][:, 0, 0] for item in table if item["frame_index"] == 2}
    loader = torch.utils.data.DataLoader(SequenceDataset(tree, "all", length=3), batch_size=5, shuffle=True)
    for batch in loader:
        assert len(batch["clip_id"]) == len(batch["video_id"]) == len(batch["image"])
        for clip_id, frames, pictures in zip(batch["clip_id"], batch["frame_index"], batch["image"], strict=True):
            for frame_index, picture in zip(frames.tolist(), pictures, strict=True):
                if frame_index == 2:
                    assert torch.equal(picture[:, 0, 0], first[clip_id])


def test_pairs_share_the_stated_surface(tree: Path) -> None:
    pairs = SequenceDataset(tree, "all", min_covisibility=0.6, max_covisibility=0.95)
    for number in range(len(pairs)):
        item = pairs[number]
        first, second = item["frame_index"].tolist()
        assert first < second
        assert item["clip_id"] in ("anna-000", "bert-000")
        # The wall shifts by focal x step / depth pixels a frame, of WIDTH.
        expected = 1 - (second - first) * FOCAL * STEP_M / DEPTH_M / WIDTH
        assert item["covisibility"].min() == pytest.approx(expected, abs=0.3), (
            "a grid of 4 points across sees in quarters"
        )
        assert item["image"].shape == (2, 3, HEIGHT, WIDTH)
    with pytest.raises(InputError, match="2 frames at least"):
        SequenceDataset(tree, "all", length=1)


@pytest.mark.parametrize("n_metric", [0, 1])
def test_frames_without_metres_are_counted_by_every_loader(tmp_path: Path, n_metric: int) -> None:
    tree = write_tree(tmp_path / "tree", {"anna": 4, "bert": 4})
    index = pd.read_parquet(tree / "index.parquet")
    index["metric"] = index["video_id"].isin(["anna"][:n_metric])
    index.to_parquet(tree / "index.parquet", index=False)
    shards, left_out = write_shards(tree, tmp_path / "shards"), 8 - 4 * n_metric
    for make in (
        lambda: TorchDataset(tree, "all"),
        lambda: SequenceDataset(tree, "all"),
        lambda: ShardDataset(shards, "all"),
    ):
        with warnings.catch_warnings(record=True) as said:
            dataset = make()
        lines = "\n".join(str(one.message) for one in said)
        assert f": {left_out} of 8 frames of split 'all' have no metric scale" in lines
        assert ("holds no frame with a metric scale" in lines) == (n_metric == 0)
        assert {one.filename for one in said} == {__file__}, "of the line that opens the data set"
        assert {item["video_id"] for item in list(dataset)} == {"anna"} if n_metric else not list(dataset)


def test_pairs_that_nothing_is_near_enough_for_are_said_to_be_none(tree: Path) -> None:
    with pytest.warns(
        UserWarning, match=r"none of 16 frames of split 'all' has 1 others .* from 0\.99 to 0\.995; widen"
    ):
        assert len(SequenceDataset(tree, "all", min_covisibility=0.99, max_covisibility=0.995)) == 0


def test_reading_needs_no_torch() -> None:
    code = (
        "import sys; from sfm_gt.datasets import open_dataset; "
        "print([name for name in ('torch', 'kornia', 'pycolmap', 'pandas') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"


def test_a_mask_of_another_size_is_named(tmp_path: Path) -> None:
    tree = write_tree(tmp_path, {"anna": 1})
    cv2.imwrite(str(layer_path(tree, "anna-000", "moving", 0)), np.zeros((5, 5), np.uint8))
    with pytest.raises(InputError, match="layer 'moving' has 5 x 5 pixels, needed 64 x 48"):
        TorchDataset(tree, "all")[0]


def test_lightning_gets_the_same_batches(tree: Path) -> None:
    pytest.importorskip("lightning", reason="extra `lightning` is not installed: its data module not tried")
    from sfm_gt.datasets import DepthDataModule

    module = DepthDataModule(tree, batch_size=4, num_workers=0)
    split = split_of("anna")
    loader = getattr(module, f"{split}_dataloader")()
    assert len(loader.dataset) >= 8
    assert next(iter(loader))["image"].shape == (4, 3, HEIGHT, WIDTH)
