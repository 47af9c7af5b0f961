"""CPU time of dense depth by frame size and by number of threads, on the kitchen clip resized."""

from __future__ import annotations

import argparse
import json
import platform
import resource
import sys
import time
from pathlib import Path

import cv2
import numba
import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from benchmarks.accuracy.dense import Kitchen  # noqa: E402 - a script beside the package, not in it
from sfm_gt.dense.clip import densify  # noqa: E402
from sfm_gt.dense.patchmatch import PatchMatch  # noqa: E402
from sfm_gt.geometry.types import SparseModel, View  # noqa: E402

FRAMES = range(200, 280, 10)
N_NEIGHBOURS = 6


class Resized:
    """The kitchen clip at another size."""

    def __init__(self, kitchen: Kitchen, width: int, height: int):
        model = kitchen.model
        self._kitchen, self.camera = kitchen, model.camera.resized(width, height)
        self.model = SparseModel(
            self.camera, model.frame_indices, model.cam_from_world, model.points_sfm, model.observations,
            model.observation_px,
        )  # fmt: skip
        self._views: dict[int, View] = {}

    def view(self, frame_index: int) -> View:
        """Kept after the first call: decoding is not what is measured."""
        if frame_index not in self._views:
            view = self._kitchen.view(frame_index)
            size = (self.camera.width, self.camera.height)
            usable = cv2.resize(view.usable.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
            image = cv2.resize(view.image, size, interpolation=cv2.INTER_AREA)
            self._views[frame_index] = View(frame_index, image, usable, self.camera, view.cam_from_world)
        return self._views[frame_index]


def measure(clip: Resized, n_workers: int, repeats: int) -> dict[str, float]:
    """CPU and wall seconds a frame: median over repeats, and the CPU time's spread."""
    cpu, wall = [], []
    for _ in range(repeats):
        start = (time.process_time(), time.perf_counter())
        list(densify(clip.model, clip.view, FRAMES, PatchMatch(), N_NEIGHBOURS, n_workers, lambda done, total: None))
        cpu.append((time.process_time() - start[0]) / len(FRAMES))
        wall.append((time.perf_counter() - start[1]) / len(FRAMES))
    pixels = clip.camera.width * clip.camera.height
    return {
        "width": clip.camera.width,
        "height": clip.camera.height,
        "threads": n_workers,
        "cpu_seconds_a_frame": float(np.median(cpu)),
        "cpu_seconds_spread": float(max(cpu) - min(cpu)),
        "wall_seconds_a_frame": float(np.median(wall)),
        "cpu_microseconds_a_pixel": float(np.median(cpu) / pixels * 1e6),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kitchen", type=Path, default=REPOSITORY.parent / "shared/data/kitchen")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "benchmarks/results/dense_speed.json")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    kitchen = Kitchen(arguments.kitchen)
    start = time.process_time()
    list(
        densify(
            kitchen.model, Resized(kitchen, 160, 120).view, FRAMES[:2], PatchMatch(), 2, 1, lambda done, total: None
        )
    )
    rows = [{"first_call_cpu_seconds": time.process_time() - start}]
    for width, height, threads in ((320, 240, 1), (640, 480, 1), (640, 480, 2), (1280, 960, 2)):
        rows.append(measure(Resized(kitchen, width, height), threads, arguments.repeats))
        print({key: round(value, 3) for key, value in rows[-1].items()}, flush=True)
    machine = {"processor": platform.processor() or platform.machine(), "numba": numba.__version__}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
