"""Samples a second of the loaders beside bare decoding of the same files, and memory over an epoch.

    python benchmarks/speed/loader.py [--frames 240] [--repeats 5] [--save]

Makes a data set of 640 x 480 frames with all layers from the embedded clip, resized. Bare decoding is what cannot be avoided:
two processes that read and decode the same files with OpenCV and throw the pixels away. Every repeat takes each reader in
turn, so that other work on the machine meets all of them; the ratio of a repeat is taken within it, and their median is
reported. Processor time, of the loader with its workers, is given beside clock time, since it does not hang on who else is
computing.
--save writes benchmarks/results/loader_speed.json.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import platform
import resource
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pandas as pd
import torch

from sfm_gt.datasets.items import FLAGS
from sfm_gt.datasets.shard_dataset import SUFFIXES, ShardDataset
from sfm_gt.datasets.torch_dataset import TorchDataset
from sfm_gt.formats.clip_paths import clip_folder
from sfm_gt.formats.dataset_layout import INDEX_COLUMNS, INDEX_NAME, LAYERS, layer_path
from sfm_gt.formats.manifest import write_json
from sfm_gt.formats.shards import SHARDS_JSON, write_shard

REPOSITORY = Path(__file__).resolve().parents[2]
RESULT = REPOSITORY / "benchmarks" / "results" / "loader_speed.json"
VIDEO = REPOSITORY / "examples" / "demo" / "videos" / "mannequin.mp4"
TRUTH = REPOSITORY / "examples" / "demo" / "truth" / "depth"
WIDTH, HEIGHT, WORKERS, BATCH = 640, 480, 2, 4
CLIPS, FRAMES_A_SHARD = 4, 30
EPOCHS, WARM_BATCHES = 8, 10  # of the measurement of memory
TRUTH_UNIT_M = 1e-3


def make_dataset(folder: Path, n_frames: int) -> None:
    """A published tree of CLIPS clips with real pictures, dense depth, noise as sigma, and masks with a figure in them."""
    with av.open(str(VIDEO)) as container:
        pictures = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    depths = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in sorted(TRUTH.glob("*.png"))]
    rng, rows = np.random.default_rng(0), []
    for number in range(n_frames):
        clip_id, frame_index = f"video{number % CLIPS}-000", number // CLIPS
        depth = cv2.resize(depths[number % len(depths)], (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
        depth = (depth + rng.normal(0, 4, depth.shape)).clip(1, 60000)  # estimates are never as smooth as a rendering
        blob = cv2.circle(np.zeros((HEIGHT, WIDTH), np.uint8), (300, 200), 90, 255, -1)
        layers = {
            "image": cv2.resize(pictures[number % len(pictures)], (WIDTH, HEIGHT)), "depth": depth.astype(np.uint16),
            "sigma": (0.05 * depth + rng.normal(0, 4, depth.shape)).clip(1, 60000).astype(np.uint16),
            "outlier": np.where(depth > np.median(depth), 3, 1).astype(np.uint8),
            "moving": blob, "overlay": np.zeros_like(blob), "person": blob,
        }  # fmt: skip
        for layer, pixels in layers.items():
            path = layer_path(folder, clip_id, layer, frame_index)
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), pixels, [cv2.IMWRITE_JPEG_QUALITY, 95] if layer == "image" else [])
        rows.append(_row(clip_id, frame_index))
    for clip_id in {row["clip_id"] for row in rows}:
        write_json(clip_folder(folder, clip_id) / "clip.json", {"clip_id": clip_id, "source": {"license": "CC0-1.0"}})
    rows.sort(key=lambda row: (row["clip_id"], row["frame_index"]))
    pd.DataFrame(rows).to_parquet(folder / INDEX_NAME, index=False)


def _make(what: tuple[Path, Path, int]) -> None:
    dataset, shards, n_frames = what
    make_dataset(dataset, n_frames)
    make_shards(dataset, shards)


def _row(clip_id: str, frame_index: int) -> dict[str, Any]:
    values = {
        "clip_id": clip_id, "video_id": clip_id[:-4], "frame_index": frame_index, "timestamp_s": frame_index / 30,
        "metric": True, "width": WIDTH, "height": HEIGHT, "fx": 540.0, "fy": 540.0, "cx": 320.0, "cy": 240.0,
        "cam_from_world": np.eye(4).ravel().tolist(), "depth_unit": TRUTH_UNIT_M, "sigma_unit": TRUTH_UNIT_M / 5,
        "metric_from_sfm": 1.0, "sigma_log_scale": 0.01, "focal_sigma_rel": 0.004,
        "valid_fraction": 1.0, "moving_fraction": 0.1, "has_person": True,
    }  # fmt: skip
    return {column: values[column] for column in INDEX_COLUMNS}


def make_shards(dataset: Path, folder: Path) -> None:
    """The same files in shards of FRAMES_A_SHARD frames of one clip."""
    table = pd.read_parquet(dataset / INDEX_NAME)
    entries = []
    for clip_id, rows in table.groupby("clip_id"):
        for number, first in enumerate(range(0, len(rows), FRAMES_A_SHARD)):
            name, part = f"{clip_id}-{number:03d}.tar", rows.iloc[first : first + FRAMES_A_SHARD].to_dict("records")
            entry = write_shard(folder / name, (_sample(dataset, row) for row in part))
            entries.append({"shard": name, "clip_id": clip_id, "split": "train", **entry})
    write_json(folder / SHARDS_JSON, {"shards": entries})


def _sample(dataset: Path, row: dict[str, Any]) -> tuple[str, dict[str, bytes]]:
    facts = row | {"cam_from_world": row["cam_from_world"].tolist(), "license": "CC0-1.0"}
    files = {
        SUFFIXES[layer]: layer_path(dataset, row["clip_id"], layer, row["frame_index"]).read_bytes() for layer in LAYERS
    }
    return f"{row['clip_id']}_{row['frame_index']:06d}", files | {"json": json.dumps(facts).encode()}


def cpu_s() -> float:
    """Processor time of this process, of its children that have ended, and of the loaders' workers that go on."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    ticks = [Path(f"/proc/{child.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13] for child in _children()]
    running = sum(int(user) + int(system) for user, system in ticks) / os.sysconf("SC_CLK_TCK")
    return sum(one.ru_utime + one.ru_stime for one in used) + running


def _children() -> list[Any]:
    """Processes of this one that are alive: workers of loaders."""
    return multiprocessing.active_children()


def bare_files(dataset: Path) -> Callable[[], float]:
    """Seconds that two processes take to read and decode all files."""
    frames = list(pd.read_parquet(dataset / INDEX_NAME)[["clip_id", "frame_index"]].itertuples(index=False, name=None))
    paths = [
        [(str(layer_path(dataset, clip, layer, index)), FLAGS[layer]) for layer in LAYERS] for clip, index in frames
    ]
    parts = [[file for frame in paths[worker::WORKERS] for file in frame] for worker in range(WORKERS)]
    return lambda: _in_processes(_decode_files, parts)


def bare_shards(folder: Path) -> Callable[[], float]:
    """Seconds that two processes take to read all shards and decode what is in them."""
    shards = sorted(folder.glob("*.tar"))
    return lambda: _in_processes(_decode_shards, [shards[worker::WORKERS] for worker in range(WORKERS)])


def _in_processes(work: Callable[[Any], None], parts: list[Any]) -> float:
    start = time.perf_counter()
    processes = [multiprocessing.Process(target=work, args=(part,)) for part in parts]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return time.perf_counter() - start


def _decode_files(files: list[tuple[str, int]]) -> None:
    for path, flags in files:
        assert cv2.imread(path, flags) is not None


def _decode_shards(shards: list[Path]) -> None:
    flags_of = {suffix: FLAGS[layer] for layer, suffix in SUFFIXES.items()}
    for shard in shards:
        with tarfile.open(shard) as archive:
            for member in archive:
                suffix = member.name.partition(".")[2]
                content = archive.extractfile(member).read()
                if suffix in flags_of:
                    assert cv2.imdecode(np.frombuffer(content, np.uint8), flags_of[suffix]) is not None
                else:
                    json.load(io.BytesIO(content))


def loading(dataset: torch.utils.data.Dataset) -> Callable[[], float]:
    """Seconds that an epoch of batches takes; workers are started once a training, not once an epoch."""
    loader = torch.utils.data.DataLoader(dataset, BATCH, num_workers=WORKERS, persistent_workers=True)

    def epoch() -> float:
        start = time.perf_counter()
        for batch in loader:
            assert batch["image"].shape[1:] == (3, HEIGHT, WIDTH)
        return time.perf_counter() - start

    return epoch


def memory_over_epochs(dataset: torch.utils.data.Dataset, epochs: int) -> dict[str, Any]:
    """MB at the start and the end of each epoch of one loader.

    Resident (RSS) of this process and of its workers, which counts what they share in each of them, and what the workers
    hold alone. The start of an epoch is taken when its first WARM_BATCHES have come and every worker is at work.
    """
    others = {child.pid for child in _children()}
    loader = torch.utils.data.DataLoader(dataset, BATCH, num_workers=WORKERS, persistent_workers=True)
    found: dict[str, list[list[float]]] = {"process_rss": [], "workers_rss": [], "workers_private": []}
    for _ in range(epochs):
        marks = []
        for number, _batch in enumerate(loader):
            if number == WARM_BATCHES:
                marks.append(_memory_mb(others))
        marks.append(_memory_mb(others))
        for name, values in found.items():
            values.append([round(mark[name], 1) for mark in marks])
    return found


def _memory_mb(others: set[int | None]) -> dict[str, float]:
    workers = [_rollup_mb(child.pid) for child in _children() if child.pid not in others]
    return {
        "process_rss": _rollup_mb(os.getpid())["Rss"],
        "workers_rss": sum(worker["Rss"] for worker in workers),
        "workers_private": sum(worker["Private_Dirty"] + worker["Private_Clean"] for worker in workers),
    }


def _rollup_mb(pid: int | None) -> dict[str, float]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {line.split(":")[0]: int(line.split()[1]) / 1e3 for line in lines}


def measure(folder: Path, n_frames: int, repeats: int) -> dict[str, Any]:
    """All figures of the benchmark."""
    dataset, shards = folder / "dataset", folder / "shards"
    shards.mkdir()
    # In a process of their own: OpenCV's threads, once started, do not survive the forks that are measured.
    _in_processes(_make, [(dataset, shards, n_frames)])
    mapped, iterable = TorchDataset(dataset, "all"), ShardDataset(shards, "all")
    readers = {"bare_files": bare_files(dataset), "map": loading(mapped), "bare_shards": bare_shards(shards),
               "shards": loading(iterable)}  # fmt: skip
    for read in readers.values():
        read()  # the files into the page cache
    seconds, cpu = ({name: [] for name in readers} for _ in range(2))
    for _ in range(repeats):
        for name, read in readers.items():
            before = cpu_s()
            seconds[name].append(read())
            cpu[name].append(cpu_s() - before)
    taken, used = ({name: np.array(values) for name, values in one.items()} for one in (seconds, cpu))
    return {
        "frames": n_frames, "repeats": repeats, "width": WIDTH, "height": HEIGHT, "workers": WORKERS, "layers": list(LAYERS),
        "samples_a_second": {name: round(n_frames / float(np.median(values)), 1) for name, values in taken.items()},
        "map_over_bare_files": round(float(np.median(taken["bare_files"] / taken["map"])), 3),
        "shards_over_bare_files": round(float(np.median(taken["bare_files"] / taken["shards"])), 3),
        "shards_over_bare_shards": round(float(np.median(taken["bare_shards"] / taken["shards"])), 3),
        "cpu_ms_a_sample": {name: round(1e3 * float(np.median(values)) / n_frames, 2) for name, values in used.items()},
        "cpu_map_over_bare_files": round(float(np.median(used["bare_files"] / used["map"])), 3),
        "cpu_shards_over_bare_files": round(float(np.median(used["bare_files"] / used["shards"])), 3),
        "memory_mb_at_start_and_end_of_epochs": {
            "map": memory_over_epochs(mapped, EPOCHS), "shards": memory_over_epochs(iterable, EPOCHS),
        },
        "load_average": [round(value, 2) for value in os.getloadavg()],
        "machine": platform.processor() or platform.machine(),
    }  # fmt: skip


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=240)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/loader_speed.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), arguments.frames, arguments.repeats)
    text = json.dumps(found, indent=1) + "\n"
    print(text, end="")
    if arguments.save:
        RESULT.write_text(text)


if __name__ == "__main__":
    main()
