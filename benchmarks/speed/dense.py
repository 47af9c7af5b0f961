"""CPU time and memory of dense depth by frame size and by number of threads, on the embedded clip resized.

    python benchmarks/speed/dense.py

Every row is a process of its own, so that its peak memory is that of its size. Cost should be proportional to pixels: the
result states by how much the dearest and the cheapest pixel differ from the mean over sizes.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

import numba
import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from benchmarks.accuracy.rendered import RenderedScene  # noqa: E402 - a script beside the package, not in it
from benchmarks.accuracy.resized import Resized  # noqa: E402
from sfm_gt.dense.patchmatch import PatchMatch  # noqa: E402
from sfm_gt.dense.shared.clip import densify  # noqa: E402

SIZES = ((320, 240), (640, 360), (960, 540), (1280, 720), (1920, 1080))
THREADS_SIZE = (640, 360)
# Consecutive stored frames, few enough for all of them to be keyframes: each is searched from scratch.
N_FRAMES, N_NEIGHBOURS = 6, 5


def measure(width: int, height: int, n_workers: int, repeats: int) -> dict[str, float]:
    """CPU and wall seconds a frame in this process: median over repeats, the CPU time's spread, and peak memory."""
    clip = RenderedScene(REPOSITORY / "examples" / "demo")
    small, resized = Resized(clip, 160, 120), Resized(clip, width, height)
    frames = clip.frame_indices[:N_FRAMES]
    _densify(small, frames, n_workers)
    for frame_index in frames:
        resized.view(frame_index)
    cpu, wall = [], []
    for _ in range(repeats):
        start = (time.process_time(), time.perf_counter())
        _densify(resized, frames, n_workers)
        cpu.append((time.process_time() - start[0]) / len(frames))
        wall.append((time.perf_counter() - start[1]) / len(frames))
    return {
        "width": width,
        "height": height,
        "threads": n_workers,
        "cpu_seconds_a_frame": float(np.median(cpu)),
        "cpu_seconds_spread": float(max(cpu) - min(cpu)),
        "wall_seconds_a_frame": float(np.median(wall)),
        "cpu_microseconds_a_pixel": float(np.median(cpu) / (width * height) * 1e6),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _densify(clip: Resized, frames: list[int], n_workers: int) -> None:
    list(densify(clip.model, clip.view, frames, PatchMatch(), N_NEIGHBOURS, n_workers, lambda done, total: None))


def in_own_process(width: int, height: int, n_workers: int, repeats: int) -> dict[str, float]:
    """:func:`measure` in a fresh process."""
    command = [sys.executable, __file__, "--one", *(str(each) for each in (width, height, n_workers, repeats))]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def proportionality(rows: list[dict[str, float]]) -> dict[str, float]:
    """Cost of a pixel relative to the mean over sizes; 1 everywhere is exactly proportional."""
    costs = np.array([row["cpu_microseconds_a_pixel"] for row in rows])
    relative = costs / costs.mean()
    return {"cheapest_pixel_by_mean": float(relative.min()), "dearest_pixel_by_mean": float(relative.max())}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "benchmarks/results/dense_speed.json")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", type=int, nargs=4, metavar=("WIDTH", "HEIGHT", "THREADS", "REPEATS"))
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(*arguments.one)))
        return
    rows = []
    for size, threads in [(size, 1) for size in SIZES] + [(THREADS_SIZE, 2)]:
        rows.append(in_own_process(*size, threads, arguments.repeats))
        print({key: round(value, 3) for key, value in rows[-1].items()}, flush=True)
    result = {
        "machine": {"processor": platform.processor() or platform.machine(), "numba": numba.__version__},
        "clip": {"scene": "demo", "frames": N_FRAMES, "neighbours": N_NEIGHBOURS, "repeats": arguments.repeats},
        "rows": rows,
        "proportional_to_pixels": proportionality(rows[: len(SIZES)]),
    }
    print(result["proportional_to_pixels"])
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
