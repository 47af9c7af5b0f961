"""Frames a second of grading, beside euler-eval on the same files in the same run.

    python benchmarks/speed/evaluation.py --peer-python PATH [--frames 200] [--save]

PATH is the interpreter of an environment that has euler-eval (MIT; no dependency of this package, since it brings torch and
lpips). Frames are 640 x 480, made here: a slanted room with boxes, a tenth without ground truth, a smooth error on top. Both
sides take turns on each frame, and ratios are medians over frames, since other programs may be running. --save writes
benchmarks/results/evaluation_speed.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import tempfile
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.metrics.alignment import ALIGNMENTS, fit
from sfm_gt.metrics.depth import scores
from sfm_gt.metrics.grading import FrameGrader, FramePrediction, GtFrame
from sfm_gt.metrics.protocol import Alignments, load_protocol
from sfm_gt.metrics.regions import REGIONS
from sfm_gt.metrics.tally import FIGURES, Tally, figures_of
from sfm_gt.workflow.memory import keep_freed_memory

RESULT = Path(__file__).resolve().parents[1] / "results" / "evaluation_speed.json"
WORKER = Path(__file__).with_name("euler_worker.py")
HEIGHT, WIDTH = 480, 640
CAMERA = PinholeCamera(WIDTH, HEIGHT, 500.0, 500.0, WIDTH / 2, HEIGHT / 2)
CORES = 2
EULER_NAMES = {
    "absrel": "abs_rel", "sqrel": "sq_rel_eigen", "mae": "mae", "rmse": "rmse", "rmse_log": "rmse_log", "log10": "log10",
    "silog": "silog", "delta1": "delta1", "delta2": "delta2", "delta3": "delta3",
}  # fmt: skip
EVERYTHING = load_protocol("sfm_gt").completed(1e-3, 80.0, 100).model_copy(
    update={
        "name": "everything",
        "fit_pixels": 4096,  # robust fits as MoGe does them
        "moving": "score",
        "alignment": Alignments(
            metric_depth=ALIGNMENTS, scale_invariant_depth=(), affine_invariant_depth=(), affine_invariant_disparity=()
        ),
    }
)  # fmt: skip


def make_frames(folder: Path, n_frames: int) -> None:
    """Writes gt_NNNN.npy and prediction_NNNN.npy, float32."""
    rng = np.random.default_rng(0)
    slope = np.linspace(0, 2, HEIGHT, dtype=np.float32)[:, None] + np.linspace(3, 4, WIDTH, dtype=np.float32)
    for number in range(n_frames):
        depth = slope.copy()
        for _ in range(8):
            row, column, size = rng.integers(0, HEIGHT - 100), rng.integers(0, WIDTH - 120), rng.integers(40, 120)
            depth[row : row + size, column : column + size] = rng.uniform(1.0, 3.0)
        coarse = rng.normal(0, 0.1, (12, 16)).astype(np.float32)
        error = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        np.save(folder / f"prediction_{number:04d}.npy", (0.7 * depth * np.exp(error) + 0.2).astype(np.float32))
        depth[rng.random((HEIGHT // 8, WIDTH // 8)).repeat(8, 0).repeat(8, 1) < 0.1] = np.nan
        np.save(folder / f"gt_{number:04d}.npy", depth)


def ten_metrics(gt_path: Path) -> tuple[dict[str, float], tuple[float, float, float]]:
    """The ten standard metrics after least squares, and the seconds for reading, alignment, metrics."""
    start = time.perf_counter()
    gt, prediction = np.load(gt_path), np.load(gt_path.with_name(gt_path.name.replace("gt_", "prediction_")))
    read = time.perf_counter()
    valid = np.isfinite(gt) & np.isfinite(prediction)
    affine = fit("ls_affine_depth", prediction, gt, valid)
    aligned = time.perf_counter()
    found = scores(prediction, gt, valid, affine)
    return found, (read - start, aligned - read, time.perf_counter() - aligned)


def everything(gt_path: Path) -> list[Any]:
    """All metrics under all alignments in all regions."""
    gt, prediction = np.load(gt_path), np.load(gt_path.with_name(gt_path.name.replace("gt_", "prediction_")))
    moving, person = np.zeros((2, HEIGHT, WIDTH), bool)
    moving[:40, :200], person[100:400, 200:320] = True, True
    frame = GtFrame(gt, moving, np.zeros_like(moving), person, metric=True, camera=CAMERA)
    grader = FrameGrader(frame, [EVERYTHING])
    graded = list(grader.grade(FramePrediction("metric_depth", prediction), None, [EVERYTHING]))
    return [figures_of(one, metric=True) for one in graded]


def frames_a_second(paths: list[Path], cores: int) -> float:
    """Of :func:`everything`, with frames side by side; sums are kept, as an evaluation does."""
    tallies = {name: Tally(EVERYTHING, name, "metric_depth") for name in ALIGNMENTS}
    cv2.setNumThreads(1)
    start = time.perf_counter()
    with ThreadPoolExecutor(cores) as threads:
        waiting: deque[Any] = deque()
        for path in [*paths, *[None] * 2 * cores]:
            if path is not None:
                waiting.append(threads.submit(everything, path))
            if waiting and (path is None or len(waiting) > 2 * cores):
                for figures in waiting.popleft().result():
                    tallies[figures.graded.alignment].add(figures, "video", "clip", True)
    assert all(tally.frames == len(paths) for tally in tallies.values())
    return len(paths) / (time.perf_counter() - start)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


@dataclass(frozen=True)
class Turn:
    """One frame by both sides, one right after the other, so that other load on the machine meets both alike.

    Attributes:
        peer, mine: figures, and seconds for reading, alignment, metrics, of the ten standard metrics.
        peer_cpu_ms: processor time of its alignment, and of its metrics.
        everything_cpu_ms: processor time of :func:`everything` here, reading included.
    """

    peer: tuple[dict[str, float], tuple[float, float, float]]
    mine: tuple[dict[str, float], tuple[float, float, float]]
    peer_cpu_ms: tuple[float, float]
    everything_cpu_ms: float


def take_turns(paths: list[Path], peer_python: str) -> list[Turn]:
    """Every frame by euler-eval, then here."""
    turns = []
    worker = subprocess.Popen([peer_python, str(WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with worker as peer:
        assert peer.stdin, "a pipe"
        assert peer.stdout, "a pipe"
        for path in [paths[0], *paths]:  # the first frame twice: it loads and compiles
            print(path, file=peer.stdin, flush=True)
            theirs = json.loads(peer.stdout.readline())
            mine = ten_metrics(path)
            start = time.process_time()
            everything(path)
            cpu_ms = 1e3 * (time.process_time() - start)
            peer_cpu_ms = tuple(1e3 * seconds for seconds in theirs["cpu_seconds"])
            turns.append(Turn((theirs["figures"], theirs["seconds"]), mine, peer_cpu_ms, cpu_ms))
        peer.stdin.close()
    return turns[1:]


def _largest_difference(turns: list[Turn]) -> float:
    return max(
        abs(turn.mine[0][ours] * (0.01 if ours == "silog" else 1.0) - turn.peer[0][theirs])
        for turn in turns
        for theirs, ours in EULER_NAMES.items()
    )


def measure(folder: Path, peer_python: str, n_frames: int) -> dict[str, Any]:
    """All figures of the benchmark; medians over frames."""
    make_frames(folder, n_frames)
    keep_freed_memory()  # as the evaluation does
    cv2.setNumThreads(1)
    paths = sorted(folder.glob("gt_*.npy"))
    turns = take_turns(paths, peer_python)
    seconds, peer_seconds = (np.median([getattr(turn, side)[1] for turn in turns], axis=0) for side in ("mine", "peer"))
    cpu_ms = np.array([turn.everything_cpu_ms for turn in turns])
    peer_cpu_ms = np.array([turn.peer_cpu_ms for turn in turns])
    rates = {f"everything_{cores}_threads": frames_a_second(paths, cores) for cores in (1, CORES)}
    early = _peak_mb()
    again = frames_a_second(paths + paths, CORES)
    return {
        "frames": n_frames,
        "parts": ["read", "align", "metrics"],
        "euler_eval_ms": (1e3 * peer_seconds).round(2).tolist(),
        "sfm_gt_ms": (1e3 * seconds).round(2).tolist(),
        "ten_metrics_speedup": round(float(peer_seconds.sum() / seconds.sum()), 1),
        "ten_metrics_speedup_without_reading": round(float(peer_seconds[1:].sum() / seconds[1:].sum()), 1),
        "largest_difference": _largest_difference(turns),
        "euler_eval_frames_a_second": round(float(1 / peer_seconds.sum()), 1),
        "euler_eval_cpu_ms": dict(
            zip(("align", "metrics"), np.median(peer_cpu_ms, axis=0).round(1).tolist(), strict=True)
        ),
        "everything_cpu_ms": round(float(np.median(cpu_ms)), 1),
        "everything_over_euler_eval": round(float(np.median(cpu_ms / peer_cpu_ms.sum(axis=1))), 2),
        "everything_over_its_metrics_alone": round(float(np.median(cpu_ms / peer_cpu_ms[:, 1])), 2),
        **{f"{name}_frames_a_second": round(rate, 1) for name, rate in rates.items()},
        "everything": {"metrics": len(FIGURES), "alignments": len(ALIGNMENTS), "regions": len(REGIONS)},
        "peak_memory_mb": {str(n_frames): round(early), str(2 * n_frames) + " more": round(_peak_mb())},
        "frames_a_second_again": round(again, 1),
        "load_average": [round(value, 2) for value in os.getloadavg()],
        "machine": platform.processor() or platform.machine(),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", required=True, help="interpreter of an environment with euler-eval")
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/evaluation_speed.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), arguments.peer_python, arguments.frames)
    print(json.dumps(figures, indent=1))
    if arguments.save:
        RESULT.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
